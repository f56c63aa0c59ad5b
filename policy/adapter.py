"""A LoRA adapter folder as the server is told of it."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from visrep.env.faults import UserFault
from visrep.policy.checkpoint import check_tensors

_SERVED_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""Those vLLM can be started for; an adapter of another rank takes the next larger."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """`name` is made of the content, so that it never means other weights; `rank` is the one to start a server for."""

    path: Path
    rank: int
    name: str


def read(path: Path) -> Adapter:
    """The adapter in a folder. Raises UserFault where it is damaged or of a rank that vLLM does not serve."""
    settings, weights = path / "adapter_config.json", path / "adapter_model.safetensors"
    check_tensors(weights)
    try:
        rank = _served_rank(json.loads(settings.read_text(encoding="utf-8"))["r"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserFault(f"{settings} is no LoRA configuration ({error}); train the adapter again") from None
    digest = hashlib.sha256(settings.read_bytes() + weights.read_bytes()).hexdigest()
    return Adapter(path.resolve(), rank, f"adapter-{digest[:16]}")


def _served_rank(rank: int) -> int:
    """The least rank a server can be started for that takes adapters of this one."""
    for known in _SERVED_RANKS:
        if known >= rank:
            return known
    raise UserFault(f"LoRA rank {rank} is more than vLLM serves ({_SERVED_RANKS[-1]}); use serve = 'merged'")
