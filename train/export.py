"""A finished iteration's policy as a checkpoint of its own: weights, tokenizer, prompt, recipe, lineage, model card.

The folder loads in plain transformers, vLLM or peft. `visrep.json` beside the weights says how the policy has to be
asked and what it came from; `visrep ask` and `visrep evaluate` read it.
"""

import hashlib
import json
import shutil
import tempfile
from collections import Counter
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from rich.console import Console

from visrep.env import jsonl
from visrep.env.faults import MachineFault, UserFault
from visrep.policy.checkpoint import check_tensors, resolve
from visrep.policy.merge import merge
from visrep.policy.prompt import STOP
from visrep.train import parts
from visrep.train.card import card
from visrep.train.probe import Probe
from visrep.train.probe import read as read_probe
from visrep.train.run import Run

Format = Literal["merged", "adapter"]

_TOKENIZER = ("tokenizer*", "special_tokens_map.json", "added_tokens.json", "vocab.*", "merges.txt", "chat_template*")


def export(
    run: Path, to: Path, form: Format = "merged", iteration: int | None = None, console: Console | None = None
) -> Path:
    """Write the policy of an iteration (the last finished one by default) to the new folder `to`, whole or not at all,
    and only if it is found to write as the one that was trained.

    "merged" is a whole model in the base's precision, "adapter" the LoRA weights alone. Raises UserFault where the run
    has no such iteration, its weights or the base's are no longer those of the training, or `to` exists; MachineFault
    where the disk refuses or what was written is another policy.
    """
    found = Run.open(run)
    number = _number(found, iteration)
    if to.exists():
        raise UserFault(f"{to} is there already; remove it or name another folder")
    adapter = found.iteration(number) / "adapter"
    base = resolve(found.recipe.policy.model, found.recipe.policy.revision)
    probe = read_probe(adapter, base)
    max_tokens = found.recipe.sampling.max_tokens
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{to.name}-", dir=to.parent) as scratch:
            made = Path(scratch) / "checkpoint"
            if form == "merged":
                merge(base, adapter, made)
            else:
                _copy_adapter(base, adapter, made, found.recipe.policy.model)
            _write_json(made / "generation_config.json", _generation(base, max_tokens))
            checked = _verify(base, made, form, probe, max_tokens, console or Console(quiet=True))
            _describe(found, number, form, probe, checked, made)
            made.rename(to)
    except OSError as error:
        raise MachineFault(f"cannot export to {to} ({error}); choose a place with free space") from error
    return to


def _number(run: Run, iteration: int | None) -> int:
    finished = run.finished_iterations()
    if not finished:
        raise UserFault(f"{run.folder} has no finished iteration yet; continue it with visrep train --resume")
    if iteration is not None and iteration not in finished:
        raise UserFault(f"{run.folder} has no finished iteration {iteration}; it has {', '.join(map(str, finished))}")
    return iteration or finished[-1]


def _copy_adapter(base: Path, adapter: Path, to: Path, model: str) -> None:
    check_tensors(adapter / "adapter_model.safetensors")
    to.mkdir()
    shutil.copyfile(adapter / "adapter_model.safetensors", to / "adapter_model.safetensors")
    config = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = model if "/" in model else str(base)
    _write_json(to / "adapter_config.json", config)
    for pattern in _TOKENIZER:
        for file in base.glob(pattern):
            shutil.copyfile(file, to / file.name)


def _verify(base: Path, made: Path, form: Format, probe: Probe, max_tokens: int, console: Console) -> dict[str, Any]:
    from visrep.train.verify import verify_adapter, verify_merged  # imports torch, which a driver need not have loaded

    if form == "merged":
        return verify_merged(base, made, probe, max_tokens, console)
    return verify_adapter(base, made, probe, console)


def _describe(run: Run, number: int, form: Format, probe: Probe, checked: dict[str, Any], to: Path) -> None:
    described = {
        "visrep": metadata.version("visrep"),
        "format": form,
        "iteration": number,
        "prompter": parts.build_prompter(run.recipe, to).to_json(),
        "stop": list(STOP),
        "recipe": run.recipe.model_dump(mode="json", exclude_none=True),
        "lineage": _lineage(run, number, probe),
        "checked": checked,
        "run": run.stamp(),
        "metrics": [record for record in run.metrics() if record["iteration"] <= number],
    }
    _write_json(to / "visrep.json", described)
    jsonl.write_whole(to / "README.md", card(described))


def _generation(base: Path, max_tokens: int) -> dict[str, Any]:
    """Greedy, long enough for a program, and stopping at the end token that training put behind every program."""
    from transformers import AutoTokenizer  # seconds to import, and nothing else here needs it

    file = base / "generation_config.json"
    config: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    tokenizer = AutoTokenizer.from_pretrained(base)
    known = config.get("eos_token_id")
    ends = known if isinstance(known, list) else [] if known is None else [known]
    pad = tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
    kept = {name: config[name] for name in ("bos_token_id", "transformers_version") if name in config}
    return kept | {
        "eos_token_id": sorted({*ends, tokenizer.eos_token_id}),
        "pad_token_id": pad,
        "do_sample": False,
        "max_new_tokens": max_tokens,
    }


def _lineage(run: Run, number: int, probe: Probe) -> dict[str, Any]:
    """From which weights, data, programs and code the policy came."""
    folder, recipe = run.iteration(number), run.recipe
    examples = list(jsonl.read(folder / "selection.jsonl"))
    return {
        "base": {"model": recipe.policy.model, "revision": recipe.policy.revision, "fingerprint": probe.base},
        "data": [{"dataset": data.dataset, "root": data.root, "split": data.train} for data in recipe.data],
        "examples": {
            "sha256": hashlib.sha256((folder / "examples.jsonl").read_bytes()).hexdigest(),
            "authors": dict(Counter(example["author"] for example in examples)),
            "categories": dict(Counter(example["category"] for example in examples)),
        },
        "training": json.loads((folder / "adapter" / "report.json").read_text(encoding="utf-8")),
    }


def _write_json(file: Path, values: dict[str, Any]) -> None:
    jsonl.write_whole(file, json.dumps(values, indent=1, ensure_ascii=False) + "\n")
