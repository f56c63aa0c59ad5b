"""Packing: examples that begin alike share one row, so that what they share is computed once.

A row is a prefix and many tails:

    prefix | tail 1 | tail 2 | ...        positions 0..p-1 | p.. | p.. | ...

Each tail attends to the prefix and to itself, never to another tail, and its positions continue the prefix's: every
token sees exactly what it would see in a sequence of its own, so the loss and its gradient are those of separate
sequences (LoRA dropout has to be 0). The language-model head runs only where there is loss.

What goes wrong without an error, and is looked for by `disagreement`: a model whose layers ignore the mask or the
positions, or that look back over a window shorter than a sequence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from visrep.train.attention import Layout, dense_mask


@dataclass(frozen=True, slots=True)
class Tokens:
    """One training sequence: prompt, completion and end, as token ids; loss falls on `ids[start:]`, start >= 1."""

    ids: tuple[int, ...]
    start: int
    weight: float = 1.0

    @property
    def context(self) -> tuple[int, ...]:
        """What may be shared: the prompt but for its last token, from which the first target is predicted."""
        return self.ids[: self.start - 1]


@dataclass(frozen=True, slots=True)
class Row:
    """Sequences that are computed together; the first `shared` tokens are the same in all of them."""

    shared: int
    sequences: tuple[Tokens, ...]

    @property
    def tokens(self) -> int:
        """Tokens that pass through the model: the last one of a sequence is only ever a target."""
        return self.shared + sum(len(sequence.ids) - 1 - self.shared for sequence in self.sequences)


@dataclass(frozen=True, slots=True)
class Batch:
    """A row as tensors: `ids` and `positions` (1, tokens), and for each of k targets its place, its id, its weight."""

    ids: Tensor
    positions: Tensor
    places: Tensor
    targets: Tensor
    weights: Tensor
    layout: Layout | None

    def to(self, device: torch.device | str) -> "Batch":
        return Batch(
            self.ids.to(device),
            self.positions.to(device),
            self.places.to(device),
            self.targets.to(device),
            self.weights.to(device),
            self.layout,
        )


def separate(sequences: Sequence[Tokens]) -> list[Row]:
    """One row per sequence: no packing."""
    return [Row(0, (sequence,)) for sequence in sequences]


def rows(sequences: Sequence[Tokens], limit: int) -> list[Row]:
    """Rows of at most `limit` tokens (a longer sequence has a row of its own) that need few tokens in all.

    Tasks of different kinds share different prefixes, which nobody has to name: sorted, the prompts are a trie, and a
    node gets a row of its own where that costs fewer tokens than hanging its sequences on the row of the node above.
    """
    ordered = sorted(sequences, key=lambda sequence: (sequence.context, sequence.ids))
    return [piece for row in _cheapest(ordered) for piece in cut(row, limit)]


def cut(row: Row, limit: int) -> list[Row]:
    """The row in pieces of at most `limit` tokens, like lengths together: attention pads tails to the longest.

    Sequences that share nothing, and those alone longer than the limit, have rows of their own.
    """
    pieces: list[list[Tokens]] = []
    used = limit
    for sequence in sorted(row.sequences, key=lambda sequence: len(sequence.ids)):
        tail = len(sequence.ids) - 1 - row.shared
        if not row.shared or used + tail > limit:
            pieces.append([])
            used = row.shared
        pieces[-1].append(sequence)
        used += tail
    return [Row(row.shared if len(piece) > 1 else 0, tuple(piece)) for piece in pieces]


def batch(row: Row) -> Batch:
    """The row's tensors, on the CPU."""
    shared, first = row.shared, row.sequences[0].ids
    ids, positions = list(first[:shared]), list(range(shared))
    places: list[int] = []
    targets: list[int] = []
    weights: list[float] = []
    for sequence in row.sequences:
        offset = len(ids) - shared
        ids.extend(sequence.ids[shared:-1])
        positions.extend(range(shared, len(sequence.ids) - 1))
        places.extend(range(offset + sequence.start - 1, offset + len(sequence.ids) - 1))
        targets.extend(sequence.ids[sequence.start :])
        weights.extend([sequence.weight] * (len(sequence.ids) - sequence.start))
    lengths = tuple(len(sequence.ids) - 1 - shared for sequence in row.sequences)
    return Batch(
        torch.tensor([ids]),
        torch.tensor([positions]),
        torch.tensor(places),
        torch.tensor(targets),
        torch.tensor(weights),
        Layout(shared, lengths) if len(lengths) > 1 else None,
    )


def target_losses(model: Any, inputs: Batch, dense: bool = False) -> Tensor:
    """Cross-entropy in nats of each target of the row (k,), unweighted, float32.

    `dense` hands the model a full mask; otherwise the model's attention has to be `visrep.train.attention`.
    """
    arguments: dict[str, Any] = {}
    if inputs.layout is not None:
        arguments = (
            {"attention_mask": dense_mask(inputs.layout, inputs.ids.device)} if dense else {"layout": inputs.layout}
        )
    logits = model(
        input_ids=inputs.ids,
        position_ids=inputs.positions,
        logits_to_keep=inputs.places,
        use_cache=False,
        **arguments,
    ).logits[0]
    return functional.cross_entropy(logits.float(), inputs.targets, reduction="none")


def measure(model: Any, found: Sequence[Row], dense: bool = False) -> Tensor:
    """`target_losses` of several rows, end to end, on the model's device."""
    device = next(model.parameters()).device
    return torch.cat([target_losses(model, batch(row).to(device), dense) for row in found])


def probe(sequences: Sequence[Tokens]) -> Row | None:
    """A row in which a model that does not honour the packing shows it; None where nothing can be shared.

    It holds the longest sequence, on which a window would show, and another one twice: a model that saw the first copy
    would hardly be surprised by the second.
    """
    longest = max(sequences, key=lambda sequence: len(sequence.ids))
    others = [each for each in sequences if each is not longest]
    if not others:
        return None
    other = max(others, key=lambda each: _common(each.context, longest.context))
    shared = _common(longest.context, other.context)
    return Row(shared, (other, longest, other)) if shared else None


def _common(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    """How many tokens both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((index for index, (a, b) in pairs if a != b), min(len(one), len(other)))


def _cheapest(ordered: Sequence[Tokens]) -> list[Row]:
    """The rows with the fewest tokens for sequences in the order of their contexts."""
    shared = _common(ordered[0].context, ordered[-1].context) if len(ordered) > 1 else 0
    together = Row(shared, tuple(ordered))
    branches = [
        list(group) for _, group in groupby(ordered, key=lambda sequence: sequence.context[shared : shared + 1])
    ]
    if len(branches) == 1:
        return [together]
    alone = [_cheapest(branch) for branch in branches]
    gains = [
        Row(shared, tuple(branch)).tokens - shared - _total(found)
        for branch, found in zip(branches, alone, strict=True)
    ]
    kept = [branch for branch, gain in zip(branches, gains, strict=True) if gain <= 0]
    split = [row for found, gain in zip(alone, gains, strict=True) if gain > 0 for row in found]
    if kept:
        split.append(Row(shared, tuple(sequence for branch in kept for sequence in branch)))
    return min(([together], split, [row for found in alone for row in found]), key=_total)


def _total(found: Sequence[Row]) -> int:
    return sum(row.tokens for row in found)
