"""Folding a LoRA adapter into a copy of its base.

Always from the pristine base, summed in fp32, and never in place: merging into a merge, or in bfloat16, is a known way
to end up with weights that nobody trained.
"""

import shutil
import tempfile
from pathlib import Path

from safetensors import SafetensorError

from visrep.env.faults import MachineFault, UserFault
from visrep.policy.checkpoint import check, check_tensors, read_model


def merge(base: Path, adapter: Path, to: Path) -> None:
    """Write base + adapter to the new folder `to`, whole or not at all, in the base's precision, with its tokenizer.

    Raises UserFault where the two do not fit or `to` is there already, MachineFault where the disk refuses.
    """
    check(base)
    check_tensors(adapter / "adapter_model.safetensors")
    if to.exists():
        raise UserFault(f"{to} is there already; remove it or name another folder")
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{to.name}-", dir=to.parent))
        try:
            temporary.chmod(0o755)
            _write_merged(base, adapter, temporary)
            temporary.rename(to)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except (OSError, SafetensorError) as error:
        raise MachineFault(f"cannot merge into {to} ({error}); choose a place with free space") from error


def _write_merged(base: Path, adapter: Path, to: Path) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, GenerationConfig

    model = read_model(base, torch.float32)
    precision = AutoModelForCausalLM.from_pretrained(base, device_map="meta").dtype
    try:
        wrapped = PeftModel.from_pretrained(model, adapter)
        merged = wrapped.merge_and_unload(safe_merge=True)
    except (ValueError, RuntimeError, KeyError) as error:
        reason = " ".join(str(error).split())[:300]
        raise UserFault(f"adapter {adapter} does not fit base {base}: {reason}; name its own base") from None
    # Saving refuses generation settings that well-known checkpoints come with; the base's own file is copied below.
    merged.generation_config = GenerationConfig()
    merged.to(precision).save_pretrained(to)
    (to / "generation_config.json").unlink(missing_ok=True)
    for file in base.iterdir():
        # The tokenizer's files as they are: saving it anew may write them differently.
        if file.is_file() and not (to / file.name).exists() and not file.name.startswith("model"):
            shutil.copyfile(file, to / file.name)
