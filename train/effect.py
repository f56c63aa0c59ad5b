"""What corrections did: which adapters were trained with which, and how held-out accuracy moved with them.

An iteration that learnt from corrections is compared, task by task, with the last one before it that did not, or with
the base policy. Other things change between two iterations too, more so where they are far apart; what corrections
alone do takes a run without them beside it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from visrep.env import jsonl, rollouts
from visrep.train.browse import evaluation
from visrep.train.evaluate import Comparison, mcnemar
from visrep.train.run import Run


@dataclass(frozen=True, slots=True)
class Learnt:
    """A correction that an adapter was trained with."""

    task_id: str
    category: str
    author: str


@dataclass(frozen=True, slots=True)
class Move:
    """How held-out tasks moved: all of them, or those of a category. `before` and `after` are how many were right; the
    comparison's first policy is the one before."""

    category: str
    corrections: int
    before: int
    after: int
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class Effect:
    """An iteration with its corrections, the iteration that it is compared with (0 is the base policy), and how all
    tasks and those of each category moved: the corrected ones first, by name."""

    iteration: int
    corrections: tuple[Learnt, ...]
    against: int
    overall: Move
    categories: tuple[Move, ...]


def effects(run: Run) -> Iterator[Effect]:
    """Of each finished iteration that learnt from corrections, in order."""
    against = 0
    for number in run.finished_iterations():
        learnt = tuple(_learnt(run.iteration(number) / "selection.jsonl"))
        if learnt:
            yield _effect(run, number, learnt, against)
        else:
            against = number


def _learnt(selection: Path) -> Iterator[Learnt]:
    for row in jsonl.read(selection):
        if row["author"] not in rollouts.BY_POLICY:
            yield Learnt(row["task_id"], row["category"], row["author"])


def _effect(run: Run, number: int, learnt: tuple[Learnt, ...], against: int) -> Effect:
    before, after = _rewards(evaluation(run, against)), _rewards(evaluation(run, number))
    counts = Counter(each.category for each in learnt)
    names = sorted(before.keys() | after.keys(), key=lambda name: (-counts[name], name))
    return Effect(
        iteration=number,
        corrections=learnt,
        against=against,
        overall=_move("all", len(learnt), _together(before), _together(after)),
        categories=tuple(_move(name, counts[name], before.get(name, {}), after.get(name, {})) for name in names),
    )


def _rewards(file: Path) -> dict[str, dict[str, bool]]:
    """Whether each task's program was right, by category and id."""
    found: defaultdict[str, dict[str, bool]] = defaultdict(dict)
    for rollout in rollouts.read(file):
        found[rollout.category][rollout.task_id] = rollout.reward == 1
    return found


def _together(by_category: Mapping[str, Mapping[str, bool]]) -> dict[str, bool]:
    return {task: right for own in by_category.values() for task, right in own.items()}


def _move(name: str, corrections: int, before: Mapping[str, bool], after: Mapping[str, bool]) -> Move:
    return Move(name, corrections, sum(before.values()), sum(after.values()), mcnemar(before, after))
