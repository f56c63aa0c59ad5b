"""What an iteration changed on the held-out tasks: which it solved anew, and which it forgot."""

from collections.abc import Iterable
from dataclasses import dataclass

from visrep.env.types import Rollout


@dataclass(frozen=True, slots=True)
class Change:
    """A held-out task that one policy solved and the other did not, with the programs of both."""

    before: Rollout
    after: Rollout

    @property
    def solved(self) -> bool:
        """Newly solved; else forgotten."""
        return self.after.reward == 1


def changes(before: Iterable[Rollout], after: Iterable[Rollout]) -> list[Change]:
    """Tasks whose reward differs between two evaluations, newly solved ones first, then by category and task."""
    old = {rollout.task_id: rollout for rollout in before}
    found = [
        Change(old[rollout.task_id], rollout)
        for rollout in after
        if rollout.task_id in old and old[rollout.task_id].reward != rollout.reward
    ]
    return sorted(found, key=lambda change: (not change.solved, change.after.category, change.after.task_id))
