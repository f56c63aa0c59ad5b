"""What a policy may be cloned from: the programs of a run so far, and those that people wrote."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from visrep.env import rollouts
from visrep.env.types import Rollout


@dataclass(frozen=True, slots=True)
class Pool:
    """Programs of an iteration and of all before it, read anew each time, and those that people wrote, verified once
    more. The files of programs that were written with the answers at hand, `retried`, need not be there."""

    files: tuple[Path, ...]
    corrections: tuple[Rollout, ...]
    retried: tuple[Path, ...] = ()

    def __iter__(self) -> Iterator[Rollout]:
        for file in (*self.files, *self.retried):
            yield from rollouts.read(file)
        yield from self.corrections
