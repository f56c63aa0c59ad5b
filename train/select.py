"""Which of the programs that earned 1 the next policy is cloned from, and with what weight.

A small policy learns from a few hundred examples, so they have to agree with each other, and the easy categories must
not drown the rest. Five decisions:

* Where being right is a matter of degree, as it is for `detect`, a percentile of the right programs' measures may raise
  the bar (VisReP, CVPR 2024): it rises with the policy, which a threshold of the reward does not. A program below it is
  like a wrong one in all that follows.
* A task gives at most `per_task` programs, each of another shape (the canonical form with its literals left out), so
  that a second program is another way and not another word.
* Which ways come first is decided by the shape's record: on how many of its category's tasks it was tried, and on how
  many of these it was right. A program that is right by luck has a shape that fails elsewhere; length, the obvious
  criterion, prefers exactly the programs that look away. The shorter one wins between equal records. A way whose
  record is worse than the task's best beyond doubt (the 95 % intervals lie apart) is left out. The record also scales
  the weight, for tasks where only the lucky program was found.
* At most `limit` examples, shared out over the kinds of tasks, and each kind's over its categories, by filling up:
  each gets what it has up to a common level. A cap at a multiple of the median would empty the pool as long as most
  categories are still hard. What imbalance is left is halved (in logarithms) by weights; to cancel it would repeat a
  handful of programs all the time.
* A task with one and the same answer on all its instances is won by a constant half of the time: half the weight.

Corrections are outside limit and balance. Their weight (1 is that of the mean policy example), how often each comes in
an epoch and how many a category may have are settings: a few programs that go against what hundreds of others say need
some stress, and yet a category must not become what one person wrote for it.
Every rollout is either an example or counted under the reason it was dropped for.

Memory holds the examples and the corrections; all else that is known of tasks, programs and shapes is grouped on disk.
"""

import hashlib
import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from visrep.env import canonical
from visrep.env.rollouts import BY_POLICY
from visrep.env.types import Kind, Rollout, Task
from visrep.reward.normalise import normalise
from visrep.train.evaluate import wilson
from visrep.train.grouped import Grouped

_DIGITS = 3  # of a measure
_STEEPEST = 3.0  # a category's examples weigh at most this many times those of the mean category, and at least 1/3


@dataclass(frozen=True, slots=True)
class Chosen:
    """One example to be cloned; `weight` multiplies its loss, and it comes `repeat` times in an epoch."""

    task_id: str
    category: str
    program: str
    weight: float
    author: str
    repeat: int = 1


@dataclass(frozen=True, slots=True)
class Selection:
    """The examples, and how many rollouts were dropped for which reason."""

    examples: tuple[Chosen, ...]
    dropped: Mapping[str, int]

    @property
    def right(self) -> int:
        """How many of the rollouts had earned their reward."""
        return len(self.examples) + sum(self.dropped.values()) - self.dropped.get("wrong", 0)

    def counts(self) -> dict[str, Any]:
        """For the log: examples in all, by category and by author, and the dropped ones."""
        return {
            "examples": len(self.examples),
            "categories": dict(sorted(Counter(example.category for example in self.examples).items())),
            "authors": dict(sorted(Counter(example.author for example in self.examples).items())),
            "dropped": dict(sorted(self.dropped.items())),
        }


@dataclass(frozen=True, slots=True)
class _Candidate:
    task_id: str
    category: str
    program: str
    form: str
    author: str
    measure: float

    @property
    def shape(self) -> str:
        """A digest of the category and of the form without its literals."""
        return _digest(self.category, canonical.shape(self.form)).hex()


@dataclass(frozen=True, slots=True)
class _Record:
    """Number of tasks of a category on which a shape was tried, and of those of them on which it was right."""

    tried: int
    right: int

    def interval(self) -> tuple[float, float]:
        return wilson(self.right, self.tried)

    def expected(self) -> float:
        return (self.right + 1) / (self.tried + 2)  # Laplace's rule


_Judged = tuple[_Candidate, str | None]
"""A program, and why it is unfit to be an example, if it is."""


def select(
    rollouts: Iterable[Rollout],
    tasks: Iterable[Task],
    *,
    per_task: int,
    refused: Iterable[tuple[tuple[str, str], str]],
    seed: int,
    limit: int = 400,
    percentile: float | None = None,
    correction_weight: float = 1.0,
    correction_repeat: int = 1,
    corrections_per_category: int | None = None,
) -> Selection:
    """Choose the examples from the rollouts of all iterations, the wrong ones included (they make the records).
    `refused` is the guard's verdict: reasons by task id and canonical form. `percentile`, from 0 to 100, is that of
    the measures of all `detect` programs by the policy that were fit until then; only those at or above it stay. Of
    corrections, a category gives at most `corrections_per_category`. The result depends on the seed and on the set of
    rollouts, not on their order. Raises MachineFault when there is no room for temporary files."""
    kinds: dict[str, Kind] = {}
    telling = Grouped(_told(tasks, kinds))
    judged = Grouped(_judge(rollouts, telling, Grouped((id, (form, why)) for (id, form), why in refused)))
    if percentile is not None:
        judged = Grouped(_barred(judged, kinds, percentile))
    tried = Grouped(_tried(judged))
    records = Grouped((shape, _record(each)) for shape, each in tried.groups())
    dropped: Counter[str] = Counter()
    people = list(_few(list(_by_people(judged, dropped)), corrections_per_category, seed, dropped))
    ranked = Grouped(_rank(judged, records, per_task, {(each.task_id, each.form) for each in people}, dropped))
    shared = _share_out(ranked, kinds, limit, seed, dropped)
    chosen = _weigh(shared, records, telling)
    chosen += [Chosen(c.task_id, c.category, c.program, correction_weight, c.author, correction_repeat) for c in people]
    chosen.sort(key=lambda example: _digest(seed, example.task_id, example.program))
    return Selection(tuple(chosen), dict(+dropped))


def _told(tasks: Iterable[Task], kinds: dict[str, Kind]) -> Iterator[tuple[str, bool]]:
    """For each task, whether no constant is right on all its instances; `kinds` comes to know its category's."""
    for task in tasks:
        kinds[task.question.category] = task.question.kind
        yield task.question.id, _is_telling(task)


def _judge(
    rollouts: Iterable[Rollout], telling: Grouped[bool], refused: Grouped[tuple[str, str]]
) -> Iterator[tuple[str, _Judged]]:
    reason: str | None
    for rollout in rollouts:
        measure = sum(score.measure for score in rollout.scores) / max(1, len(rollout.scores))
        candidate = _Candidate(
            rollout.task_id,
            rollout.category,
            rollout.program,
            canonical.form(rollout.program),
            rollout.author,
            round(measure, _DIGITS),
        )
        if rollout.reward != 1:
            reason = "wrong"
        elif next(telling.of(rollout.task_id), None) is None:
            reason = "unknown_task"
        else:
            reason = dict(refused.of(rollout.task_id)).get(candidate.form)
        yield rollout.task_id, (candidate, reason)


def _barred(judged: Grouped[_Judged], kinds: Mapping[str, Kind], percentile: float) -> Iterator[tuple[str, _Judged]]:
    """The same programs, those below the percentile unfit. It is the least measure that so many per cent of the
    programs do not exceed; all that is held of them is how many have each measure, and there are few of these."""

    def is_meant(candidate: _Candidate, reason: str | None) -> bool:
        return reason is None and candidate.author in BY_POLICY and kinds[candidate.category] == "detect"

    counts = Counter(
        candidate.measure for _, group in judged.groups() for candidate, reason in group if is_meant(candidate, reason)
    )
    bar, passed = 0.0, 0
    for measure, count in sorted(counts.items()):
        bar, passed = measure, passed + count
        if passed * 100 >= counts.total() * percentile:
            break
    for task, group in judged.groups():
        for candidate, reason in group:
            below = is_meant(candidate, reason) and candidate.measure < bar
            yield task, (candidate, "below_percentile" if below else reason)


def _is_telling(task: Task) -> bool:
    """Whether no constant is right on all instances: no answer is accepted by every one of them. Boxes are none."""
    if task.question.kind in ("ground", "detect"):
        return True
    accepted = [{normalise(answer) for answer in instance.answers} for instance in task.instances]
    return not set.intersection(*accepted)


def _tried(judged: Grouped[_Judged]) -> Iterator[tuple[str, bool]]:
    """For each task, the shapes that the policy tried on it, and whether one of that shape was right."""
    for _, group in judged.groups():
        right: dict[str, bool] = {}
        for candidate, reason in group:
            if candidate.author in BY_POLICY:
                right[candidate.shape] = right.get(candidate.shape, False) or reason is None
        yield from right.items()


def _record(outcomes: Iterable[bool]) -> _Record:
    counts = Counter(outcomes)
    return _Record(counts.total(), counts[True])


def _rank(
    judged: Grouped[_Judged],
    records: Grouped[_Record],
    per_task: int,
    corrected: set[tuple[str, str]],
    dropped: Counter[str],
) -> Iterator[tuple[str, tuple[int, _Candidate]]]:
    """By category, (rank within its task from 0, program) of the policy's programs that a task may give: none that is
    among the corrections, by task and form. Unfit ones are counted here, whoever wrote them."""
    for _, group in judged.groups():
        kept: dict[str, _Candidate] = {}
        for candidate, reason in group:
            if reason:
                dropped[reason] += 1
            elif candidate.author in BY_POLICY:
                is_corrected = (candidate.task_id, candidate.form) in corrected
                dropped["duplicate"] += is_corrected or _keep_shorter(kept, candidate)
        for rank, candidate in enumerate(_best(list(kept.values()), records, per_task, dropped)):
            yield candidate.category, (rank, candidate)


def _by_people(judged: Grouped[_Judged], dropped: Counter[str]) -> Iterator[_Candidate]:
    """The corrections that are fit."""
    for _, group in judged.groups():
        kept: dict[str, _Candidate] = {}
        for candidate, reason in group:
            if reason is None and candidate.author not in BY_POLICY:
                dropped["duplicate"] += _keep_shorter(kept, candidate)
        yield from kept.values()


def _keep_shorter(kept: dict[str, _Candidate], candidate: _Candidate) -> int:
    """Keep the shorter text of each form (comments are the difference); the number of duplicates met, 0 or 1."""
    other = kept.setdefault(candidate.form, candidate)
    kept[candidate.form] = min(candidate, other, key=lambda each: (len(each.program), each.program, each.author))
    return int(other is not candidate)


def _best(
    found: list[_Candidate], records: Grouped[_Record], per_task: int, dropped: Counter[str]
) -> Iterator[_Candidate]:
    """A task's programs, the best first, as many as it may give."""
    intervals = {each.shape: next(records.of(each.shape)).interval() for each in found}
    found.sort(key=lambda each: (-intervals[each.shape][0], len(each.form), each.form))
    shapes: set[str] = set()
    for candidate in found:
        if candidate.shape in shapes:
            dropped["same_shape"] += 1
        elif intervals[candidate.shape][1] < intervals[found[0].shape][0]:
            dropped["outclassed"] += 1
        elif len(shapes) == per_task:
            dropped["per_task"] += 1
        else:
            shapes.add(candidate.shape)
            yield candidate


def _few(people: list[_Candidate], most: int | None, seed: int, dropped: Counter[str]) -> Iterator[_Candidate]:
    """Programs by people, at most so many of a category: those of different tasks first, between equals by lot."""
    places: Counter[str] = Counter()
    ranked: list[tuple[int, _Candidate]] = []
    for each in sorted(people, key=lambda each: _digest(seed, each.task_id, each.form)):
        ranked.append((places[each.task_id], each))
        places[each.task_id] += 1
    taken: Counter[str] = Counter()
    for _, each in sorted(ranked, key=lambda placed: placed[0]):
        if taken[each.category] == most:
            dropped["per_category"] += 1
        else:
            taken[each.category] += 1
            yield each


def _share_out(
    ranked: Grouped[tuple[int, _Candidate]], kinds: Mapping[str, Kind], limit: int, seed: int, dropped: Counter[str]
) -> dict[str, list[_Candidate]]:
    """At most `limit` programs by category; first those of first rank, between equals by lot."""
    sizes: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for category, group in ranked.groups():
        sizes[kinds[category]][category] = sum(1 for _ in group)
    shared: dict[str, list[_Candidate]] = {}
    for kind, part in _parts({kind: sum(own.values()) for kind, own in sizes.items()}, limit).items():
        for category, count in _parts(sizes[kind], part).items():
            dropped["balance"] += sizes[kind][category] - count
            first = heapq.nsmallest(
                count, ranked.of(category), key=lambda each: (each[0], _digest(seed, each[1].task_id, each[1].form))
            )
            shared[category] = [candidate for _, candidate in first]
    return shared


def _parts(sizes: Mapping[str, int], limit: int) -> dict[str, int]:
    """How much of `limit` each may have of its size: from the smallest on, an equal part of what is left; what it
    leaves goes to the rest."""
    parts, left = {}, limit
    for place, name in enumerate(sorted(sizes, key=lambda name: (sizes[name], name))):
        parts[name] = min(sizes[name], left // (len(sizes) - place))
        left -= parts[name]
    return parts


def _weigh(shared: Mapping[str, list[_Candidate]], records: Grouped[_Record], telling: Grouped[bool]) -> list[Chosen]:
    """The examples with weights of mean 1, so that a learning rate keeps its meaning."""
    sizes = [len(candidates) for candidates in shared.values() if candidates]
    chosen: list[Chosen] = []
    for category, candidates in shared.items():
        ratio = sum(sizes) / len(sizes) / len(candidates) if candidates else 1.0
        rarity = min(_STEEPEST, max(1 / _STEEPEST, ratio**0.5))
        for each in candidates:
            fair = 1.0 if next(telling.of(each.task_id)) else 0.5
            weight = rarity * next(records.of(each.shape)).expected() * fair
            chosen.append(Chosen(each.task_id, category, each.program, weight, each.author))
    mean = sum(example.weight for example in chosen) / len(chosen) if chosen else 1.0
    return [replace(example, weight=round(example.weight / mean, 6)) for example in chosen]


def _digest(*words: str | int) -> bytes:
    """A lot that depends on these alone, and a short name for them."""
    return hashlib.sha256(repr(words).encode(errors="backslashreplace")).digest()
