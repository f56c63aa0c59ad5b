"""What differs between two iterations: held-out tasks that one solves and the other does not, and a task's programs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

from visrep.env import canonical, rollouts
from visrep.env.types import Rollout
from visrep.train.browse import Wanted


@dataclass(frozen=True, slots=True)
class Turn:
    """A held-out task whose reward differs between two evaluations: newly solved, or else forgotten."""

    task_id: str
    category: str
    solved: bool


@dataclass(frozen=True, slots=True)
class Change:
    """A task with the programs of two policies."""

    before: Rollout
    after: Rollout

    @property
    def solved(self) -> bool:
        """Newly solved; else forgotten."""
        return self.after.reward == 1


@dataclass(frozen=True, slots=True)
class Difference:
    """A task's distinct programs in two iterations: those that only the first has, only the second, and both."""

    gone: list[Rollout]
    new: list[Rollout]
    kept: list[Rollout]


def turns(before: Path, after: Path, wanted: Wanted) -> list[Turn]:
    """Tasks whose reward differs between two evaluations, newly solved ones first, then by category and task."""
    rewards = {rollout.task_id: rollout.reward for rollout in rollouts.read(before)}
    found = (
        Turn(rollout.task_id, rollout.category, rollout.reward == 1)
        for rollout in rollouts.read(after)
        if wanted.lets_through(rollout) and rewards.get(rollout.task_id, rollout.reward) != rollout.reward
    )
    return sorted(found, key=lambda turn: (not turn.solved, turn.category, turn.task_id))


def changes(before: Path, after: Path, chosen: Iterable[Turn]) -> Iterator[Change]:
    """The programs behind some of the turns, in their order."""
    ids = [turn.task_id for turn in chosen]
    wanted = frozenset(ids)
    old, new = (
        {rollout.task_id: rollout for rollout in rollouts.read(file) if rollout.task_id in wanted}
        for file in (before, after)
    )
    return (Change(old[name], new[name]) for name in ids)


def difference(first: Iterable[Rollout], second: Iterable[Rollout]) -> Difference:
    """Compare a task's programs by their canonical forms; right ones come first, then as they were written."""
    old, new = ({canonical.form(rollout.program): rollout for rollout in side} for side in (first, second))
    gone = [rollout for key, rollout in old.items() if key not in new]
    added = [rollout for key, rollout in new.items() if key not in old]
    kept = [rollout for key, rollout in new.items() if key in old]
    return Difference(*(sorted(side, key=lambda rollout: -rollout.reward) for side in (gone, added, kept)))


def lines(before: str, after: str) -> Iterator[tuple[str, str]]:
    """The lines of two programs, each with its sign: `-` gone, `+` new, a space for those in both."""
    old, new = before.splitlines(), after.splitlines()
    # By whole lines: difflib's ndiff also looks for similar ones, and takes minutes for a long program of one line
    # again and again, which policies do write.
    for kind, old_from, old_to, new_from, new_to in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            yield from ((" ", line) for line in old[old_from:old_to])
        else:
            yield from (("-", line) for line in old[old_from:old_to])
            yield from (("+", line) for line in new[new_from:new_to])
