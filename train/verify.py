"""Whether an exported checkpoint holds the policy that was trained: its tensors, its log-probabilities, its programs.

Known ways to publish something else: the base saved as if it were merged, a merge into another base or into a merge, a
tensor that saving renamed, cast or dropped. All of them load without complaint. Tensors are compared one by one, and of
the two models that write programs one is in memory at a time.
"""

import json
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from safetensors import safe_open
from torch import Tensor
from transformers import AutoTokenizer

from visrep.env.faults import MachineFault
from visrep.policy.checkpoint import weights
from visrep.policy.transformers import Transformers
from visrep.train import progress
from visrep.train.probe import Probe, check

FAR = 1 / 10
"""Of what the adapter changes in a tensor: how far the tensor may be from base + adapter. Both are rounded once, so
they differ in few elements if in any; the base itself would be at 1."""
TIE = 0.2
"""Nats between two next tokens that a merge may put in another order: rounding the 135M model's weights to bfloat16
moved the log-probability of a token by up to 0.18. None of 32 programs became another by it."""

_LABEL, _REMEDY = "checking the export", "export it again, and report it if it comes again"


def verify_merged(base: Path, merged: Path, probe: Probe, max_tokens: int, console: Console) -> dict[str, Any]:
    """What is right about the whole model in `merged`, as JSON data: tensors compared, distances of the probe, programs
    written as the adapter writes them. Raises MachineFault where it is not base + adapter."""
    with ExitStack() as files:
        before, after = _tensors(files, weights(base)), _tensors(files, weights(merged))
        adapter = _tensors(files, [probe.folder / "adapter_model.safetensors"])
        with progress.bar(console, _LABEL, len(before) + 3 * len(probe.texts)) as advance:
            tensors = _compare(before, after, adapter, _settings(probe.folder), _precision(merged), advance)
            engine = Transformers(merged, max_tokens=max_tokens)
            distances = check(engine, probe, "the merged model", _REMEDY)
            advance(len(probe.texts))
            written = _programs(engine, probe, advance)
            engine.close()
            programs = _compare_programs(base, probe, written, max_tokens, advance)
    return {"tensors": tensors, "probe": distances, "programs": programs}


def verify_adapter(base: Path, copied: Path, probe: Probe, console: Console) -> dict[str, Any]:
    """What is right about the adapter in `copied`: the distances of the probe. Raises a Fault where it does not load on
    its base or writes otherwise than the one that was trained."""
    with progress.bar(console, _LABEL, len(probe.texts)) as advance:
        engine = Transformers(base)
        engine.load(copied)
        distances = check(engine, probe, "the exported adapter", _REMEDY)
        advance(len(probe.texts))
    return {"probe": distances}


def _compare(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    adapter: Mapping[str, Any],
    settings: Mapping[str, Any],
    precision: torch.dtype,
    advance: progress.Advance,
) -> dict[str, int]:
    """Every tensor of the base: base + product of its factors where the adapter has any, else the same bit for bit."""
    names = {name: _name_in(after, name) for name in before}
    for name in after.keys() - set(names.values()):
        raise _fault(name, "is not in the base")
    trained = changed = 0
    for old, file in before.items():
        original, name = file.get_tensor(old), names[old]
        if name not in after and _twin(original, after):
            continue  # tied, and saved once
        if name not in after:
            raise _fault(name, "is missing")
        made, change = after[name].get_tensor(name), _change(name, adapter, settings)
        if made.shape != original.shape or made.dtype not in (original.dtype, precision):
            raise _fault(name, f"is {made.dtype} {tuple(made.shape)}, not {original.dtype} {tuple(original.shape)}")
        if change is None and not torch.equal(made, original.to(made.dtype)):
            raise _fault(name, "is not the base's, though the adapter does not train it")
        if change is not None:
            wanted = (original.float() + change).to(made.dtype)
            if not _norm(made, wanted) <= FAR * _norm(original, wanted):
                raise _fault(name, f"is {_norm(made, wanted):.3g} from that and {_norm(made, original):.3g} from base")
            trained += 1
            changed += not torch.equal(made, original)
        advance()
    if 2 * trained != len(adapter):
        raise _fault(next(iter(adapter)), f"and others of the adapter belong to no tensor: {trained} do")
    return {"changed": changed, "unchanged": len(before) - changed}


def _compare_programs(
    base: Path, probe: Probe, written: list[str], max_tokens: int, advance: progress.Advance
) -> dict[str, int]:
    """How many programs the adapter writes too, and how many other ones come of a tie between two tokens."""
    engine, tokenizer = Transformers(base, max_tokens=max_tokens), AutoTokenizer.from_pretrained(base)
    engine.load(probe.folder)
    ties = 0
    for text, other, own in zip(probe.texts, written, _programs(engine, probe, advance), strict=True):
        if own == other:
            continue
        gap = _gap(engine, tokenizer, text.prompt, own + tokenizer.eos_token, other + tokenizer.eos_token)
        if gap > TIE:
            raise MachineFault(
                f"the merged model writes {other!r} where adapter {probe.folder} writes {own!r}, whose first other "
                f"token is {gap:.2f} nats likelier (rounding makes at most {TIE}); {_REMEDY}"
            )
        ties += 1
    engine.close()
    return {"same": len(written) - ties, "ties": ties}


def _gap(engine: Transformers, tokenizer: Any, prompt: str, one: str, other: str) -> float:
    """Nats between the first tokens in which two completions differ."""
    first, second = (tokenizer(text, add_special_tokens=False).input_ids for text in (one, other))
    at = next(index for index, (a, b) in enumerate(zip(first, second, strict=False)) if a != b)
    likely, unlikely = engine.logprobs([prompt, prompt], [one, other])
    return likely[at] - unlikely[at]


def _programs(engine: Transformers, probe: Probe, advance: progress.Advance) -> list[str]:
    """What the engine writes after each of the probe's prompts, greedily."""
    found = []
    for _, (completion,) in engine.sample([text.prompt for text in probe.texts], n=1, temperature=0.0, seed=0):
        found.append(completion.text)
        advance()
    return found


def _tensors(files: ExitStack, paths: Iterable[Path]) -> dict[str, Any]:
    """By name, the open file that each tensor is in."""
    opened = [files.enter_context(safe_open(path, framework="pt")) for path in paths]
    return {name: file for file in opened for name in file.keys()}  # noqa: SIM118 (no mapping)


def _name_in(tensors: Mapping[str, Any], name: str) -> str:
    """What a tensor of the base is called among others: published checkpoints leave out the name of the model's body
    ("h.0.attn" for "transformer.h.0.attn" in GPT-2), which transformers puts in front as it saves. Its own name where
    it is not among them."""
    longer = [other for other in tensors if other.endswith(f".{name}")]
    return longer[0] if name not in tensors and len(longer) == 1 else name


def _change(name: str, adapter: Mapping[str, Any], settings: Mapping[str, Any]) -> Tensor | None:
    """What the adapter adds to a tensor: the product of its factors A (rank, inputs) and B (outputs, rank), scaled, and
    turned over for a layer that stores its weight as (inputs, outputs)."""
    names = [f"base_model.model.{name.removesuffix('.weight')}.lora_{side}.weight" for side in "AB"]
    if names[0] not in adapter:
        return None
    a, b = (adapter[each].get_tensor(each).float() for each in names)
    product: Tensor = b @ a * (settings["lora_alpha"] / settings["r"])
    return product.T if settings.get("fan_in_fan_out") else product


def _twin(tensor: Tensor, others: Mapping[str, Any]) -> bool:
    """Whether one of the others is the same matrix. (Vectors are alike by chance: norms that nobody trained.)"""
    alike = (name for name in others if others[name].get_slice(name).get_shape() == list(tensor.shape))
    return tensor.ndim == 2 and any(torch.equal(tensor, others[name].get_tensor(name)) for name in alike)


def _norm(one: Tensor, other: Tensor) -> float:
    return float((one.float() - other.float()).norm())


def _settings(adapter: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
    return found


def _precision(model: Path) -> torch.dtype:
    """The one that transformers read the base in, and saved the merged model in."""
    found: torch.dtype = getattr(torch, json.loads((model / "config.json").read_text(encoding="utf-8"))["dtype"])
    return found


def _fault(name: str, what: str) -> MachineFault:
    return MachineFault(f"the export is not base + adapter: tensor {name} {what}; {_REMEDY}")
