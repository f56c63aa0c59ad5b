"""How long a packed row may be: the memory that is free, over what a token of it keeps for the backward pass.

What a token keeps depends on the model, its adapter and the precision alone, so it is measured, on two rows of a few
dozen tokens; from their difference, since weights that autocast has cast are kept too, but once. To that comes what is
not kept for long: logits where there is loss, and on a GPU the dense mask, which grows with the square of the row.
"""

import math
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from visrep.train import packing

_SHARE = 0.7
"""Of the free memory; the rest is for the gradients on their way back, the optimiser and the allocator's waste."""

_LOGIT, _PAIR = 16, 3
"""Bytes of a logit (as the head makes it, in float32, its log-softmax and both gradients), and of a pair of tokens in a
dense mask (as bool, and as the bias that the kernel makes of it)."""

_SIZES = (64, 192)


def row_tokens(model: Any, sequences: Sequence[packing.Tokens], free: float, dense: bool = False) -> int:
    """Tokens of the longest row whose training step takes `free` bytes beyond what is taken now; at least 1.

    To be called as the model is trained: under autocast, in training mode.
    """
    ids = max((sequence.ids for sequence in sequences), key=len)
    (short, less), (long, more) = ((size, _kept(model, ids, size, dense)) for size in _SIZES)
    packed = packing.rows(sequences, sum(len(sequence.ids) for sequence in sequences))
    targets = max(sum(len(each.ids) - each.start for each in row.sequences) / row.tokens for row in packed)
    each = (more - less) / (long - short) + targets * model.config.get_text_config().vocab_size * _LOGIT
    pair = _PAIR if dense else 0
    budget = max(0.0, free) * _SHARE
    # pair·n² + each·n = budget, in the form that holds for pair = 0 as well
    return max(1, int(2 * budget / (each + math.sqrt(each**2 + 4 * pair * budget))))


def free(device: torch.device) -> int:
    """Bytes that this process can still take: of the GPU, or of the machine and of every control group it is in."""
    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + unused
    return min([_field(Path("/proc/meminfo"), "MemAvailable:") * 1024, *_left_in_groups()])


def _kept(model: Any, ids: Sequence[int], size: int, dense: bool) -> int:
    """Bytes that a row of `size` tokens, with one target in each of two tails, keeps for its backward pass."""
    shared = size // 2
    sequence = packing.Tokens(tuple(islice(cycle(ids), shared + size // 4 + 1)), shared + size // 4)
    kept: dict[int, Tensor] = {}  # the tensors stay referenced, or another one could come to lie at the same address

    def keep(tensor: Tensor) -> Tensor:
        kept.setdefault(tensor.untyped_storage().data_ptr(), tensor)
        return tensor

    inputs = packing.batch(packing.Row(shared, (sequence, sequence))).to(next(model.parameters()).device)
    with saved_tensors_hooks(keep, lambda tensor: tensor):
        packing.target_losses(model, inputs, dense)
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


def _left_in_groups() -> list[int]:
    """Bytes left to each control group above this process that has a limit, of either version."""
    left = []
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            root, limit, usage, cache = Path("/sys/fs/cgroup"), "memory.max", "memory.current", "inactive_file"
        elif "memory" in controllers.split(","):
            root, limit, usage = Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes", "memory.usage_in_bytes"
            cache = "total_inactive_file"
        else:
            continue
        group = Path(path.lstrip("/"))
        for folder in (root / each for each in (group, *group.parents)):
            if (folder / limit).exists() and (most := (folder / limit).read_text().strip()) != "max":
                used = int((folder / usage).read_text()) - _field(folder / "memory.stat", cache)
                left.append(int(most) - used)
    return left


def _field(file: Path, name: str) -> int:
    return next(int(line.split()[1]) for line in file.read_text().splitlines() if line.split()[0] == name)
