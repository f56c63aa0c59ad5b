"""The board: where self-training stalls, ranked by what a correction there could move.

A task is stuck if none of its programs earned 1 in the last iterations, of those that the first round sampled. That one
has as many samples for every task; later ones spend more on what is not yet solved. Failures are counted by
sample, too: a wrong program that the policy wrote seven times of eight is seven failures.

Failures of one category with one signature are a group. How many stuck tasks fail so is its size. One right program
mends a task however many ways it has of failing, so a stuck task counts towards the gain of only one of its groups, the
one that is the largest; and towards none where a program of its was found right but for perception, since then the
policy knows how to go about it. So gains add up to what could be gained at most.

What a program shows for one way of failing often mends the category's others, so categories are ranked whole: the
largest group of each comes first, that of the category with most to gain at the top, and all other groups follow.

Works on what it is handed, task by task; it remembers groups, not tasks.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from visrep.corrections.signature import Signature, signature
from visrep.env.canonical import form
from visrep.env.types import Rollout, Task

LAST = 2
"""Iterations in which a task has to go unsolved, unless somebody asks for more: one can be bad luck."""

PERCEPTION = "perception"
"""The verdict on a program that is right wherever perception is."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A program that the policy wrote `times` times for a task in an iteration's first round, with what came of it.
    `blame` is whose fault it was that it failed, where that is known."""

    iteration: int
    rollout: Rollout
    times: int
    blame: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Failures of one category with one signature.

    `tasks` of the category's `stuck` tasks fail so, of `of` tasks that it has. `gain` is the tasks that a correction
    here could move at most. `failures` are samples in the last iterations, `share` is their part of all failures then;
    `trend` is by iteration, first to last, the share of the category's samples that failed so. `blame` counts the
    failures on which there is a verdict, by verdict. `typical` is the id of the stuck task that fails most purely so.
    """

    category: str
    signature: Signature
    tasks: int
    stuck: int
    of: int
    gain: int
    failures: int
    share: float
    trend: Mapping[int, float]
    blame: Mapping[str, int]
    typical: str


@dataclass(frozen=True, slots=True)
class Board:
    """The groups that have stuck tasks, as they are ranked. `samples` is how many programs a stuck task got at
    least in the `iterations` that were looked at; `failures` are of all tasks then."""

    iterations: tuple[int, ...]
    samples: int
    tasks: int
    stuck: int
    failures: int
    groups: tuple[Group, ...]


_Key = tuple[str, Signature]
"""Category and signature: a group."""


@dataclass(slots=True)
class _Tally:
    """What is known of a group so far; `typical` is (minus the task's share of such failures, its id)."""

    by_iteration: Counter[int] = field(default_factory=Counter)
    blame: Counter[str] = field(default_factory=Counter)
    tasks: int = 0
    typical: tuple[float, str] = (1.0, "")

    def failures(self, last: Collection[int]) -> int:
        return sum(self.by_iteration[number] for number in last)


def board(tried: Iterable[tuple[Task, Sequence[Attempt]]], last: Collection[int]) -> Board:
    """Rank the persistent errors among these attempts at each training task, of all iterations; those in `last` decide
    what is stuck."""
    seen = _Seen(frozenset(last))
    for task, attempts in tried:
        seen.add(task, attempts)
    return Board(
        iterations=tuple(sorted(last)),
        samples=seen.samples,
        tasks=seen.tasks.total(),
        stuck=seen.stuck.total(),
        failures=seen.failures(),
        groups=_ranked(seen.groups()),
    )


def summary(found: Board) -> str:
    """How many tasks are stuck, in which iterations: in a line."""
    numbers = ", ".join(map(str, found.iterations))
    over = f"iteration {numbers}" if len(found.iterations) == 1 else f"iterations {numbers}"
    if not found.stuck:
        return f"all {found.tasks} training tasks were solved in {over}"
    return f"{found.stuck} of {found.tasks} training tasks had no right program of {found.samples} in {over}"


def nearest(attempts: Iterable[Attempt], most: int) -> list[Rollout]:
    """The failed programs that come nearest to being right, distinct ones: right on most instances, then with the best
    measure, then the ones written last and most often."""
    failed = [attempt for attempt in attempts if attempt.rollout.reward != 1]
    failed.sort(key=_distance)
    distinct: dict[str, Rollout] = {}
    for attempt in failed:
        distinct.setdefault(form(attempt.rollout.program), attempt.rollout)
    return list(distinct.values())[:most]


def is_stuck(recent: Sequence[Attempt]) -> bool:
    """Whether a task has attempts in the last iterations, and none of them earned 1."""
    return bool(recent) and all(attempt.rollout.reward != 1 for attempt in recent)


def failing(task: Task, attempts: Iterable[Attempt], way: Signature) -> Iterator[Attempt]:
    """Those of a task's attempts that failed in this way."""
    return (each for each in attempts if each.rollout.reward != 1 and signature(each.rollout, task) == way)


class _Seen:
    """Attempts counted by group, and stuck tasks by the groups that they are in."""

    def __init__(self, last: frozenset[int]) -> None:
        self.samples = 0
        self.tasks: Counter[str] = Counter()
        self.stuck: Counter[str] = Counter()
        self._last = last
        self._samples: Counter[tuple[str, int]] = Counter()
        self._tallies: defaultdict[_Key, _Tally] = defaultdict(_Tally)
        self._ways: Counter[tuple[frozenset[_Key], bool]] = Counter()

    def add(self, task: Task, attempts: Sequence[Attempt]) -> None:
        category = task.question.category
        self.tasks[category] += 1
        ways: Counter[_Key] = Counter()
        recent = [attempt for attempt in attempts if attempt.iteration in self._last]
        for attempt in attempts:
            self._samples[category, attempt.iteration] += attempt.times
            if attempt.rollout.reward != 1:
                key = category, signature(attempt.rollout, task)
                self._count(key, attempt)
                if attempt.iteration in self._last:
                    ways[key] += attempt.times
        if is_stuck(recent):
            self._add_stuck(task, ways, blameless=any(attempt.blame == PERCEPTION for attempt in recent))

    def failures(self) -> int:
        """Of all tasks, in the last iterations."""
        return sum(tally.failures(self._last) for tally in self._tallies.values())

    def groups(self) -> Iterator[Group]:
        failures, gains = self.failures(), self._gains()
        for key, tally in self._tallies.items():
            category, way = key
            if tally.tasks:
                yield Group(
                    category=category,
                    signature=way,
                    tasks=tally.tasks,
                    stuck=self.stuck[category],
                    of=self.tasks[category],
                    gain=gains[key],
                    failures=tally.failures(self._last),
                    share=tally.failures(self._last) / failures,
                    trend=self._trend(category, tally),
                    blame=dict(sorted(tally.blame.items())),
                    typical=tally.typical[1],
                )

    def _count(self, key: _Key, attempt: Attempt) -> None:
        tally = self._tallies[key]
        tally.by_iteration[attempt.iteration] += attempt.times
        if attempt.blame and attempt.iteration in self._last:
            tally.blame[attempt.blame] += attempt.times

    def _add_stuck(self, task: Task, ways: Counter[_Key], blameless: bool) -> None:
        """A stuck task with its failures by group; `blameless` if one of its programs is only kept from its reward by
        perception."""
        samples = ways.total()
        self.samples = min(self.samples or samples, samples)
        self.stuck[task.question.category] += 1
        self._ways[frozenset(ways), blameless] += 1
        for key, times in ways.items():
            tally = self._tallies[key]
            tally.tasks += 1
            tally.typical = min(tally.typical, (-times / samples, task.question.id))

    def _gains(self) -> Counter[_Key]:
        """Stuck tasks by the largest of the groups that each is in, but for those that perception is to blame for."""
        gains: Counter[_Key] = Counter()
        for (keys, blameless), count in self._ways.items():
            largest = min(keys, key=self._size)
            gains[largest] += 0 if blameless else count
        return gains

    def _size(self, key: _Key) -> tuple[int, int, _Key]:
        """Least for the largest group."""
        return -self._tallies[key].tasks, -self._tallies[key].failures(self._last), key

    def _trend(self, category: str, tally: _Tally) -> dict[int, float]:
        numbers = sorted(number for name, number in self._samples if name == category)
        return {number: tally.by_iteration[number] / self._samples[category, number] for number in numbers}


def _ranked(groups: Iterable[Group]) -> tuple[Group, ...]:
    """The largest group of each category, the category with the largest gain in all first; then the other groups."""
    gains: Counter[str] = Counter()
    first: dict[str, Group] = {}
    others = []
    for group in sorted(groups, key=_rank):
        gains[group.category] += group.gain
        if first.setdefault(group.category, group) is not group:
            others.append(group)
    return (*sorted(first.values(), key=lambda group: -gains[group.category]), *others)


def _rank(group: Group) -> tuple[int, int, int, str, Signature]:
    return -group.gain, -group.tasks, -group.failures, group.category, group.signature


def _distance(attempt: Attempt) -> tuple[float, float, int, int, int, str]:
    scores = attempt.rollout.scores
    right, measure = sum(score.reward for score in scores), sum(score.measure for score in scores)
    program = attempt.rollout.program
    return -right, -measure, -attempt.iteration, -attempt.times, len(program), program
