"""Which of the programs that earned 1 the next policy is cloned from, and with what weight.

A small policy learns from a few hundred examples, so they have to agree with each other, and the easy categories must
not drown the rest. Four decisions:

* A task gives at most `per_task` programs, each of another shape (the canonical form with its literals left out), so
  that a second program is another way and not another word.
* Which ways come first is decided by the shape's record: on how many of its category's tasks it was tried, and on how
  many of these it was right. A program that is right by luck has a shape that fails elsewhere; length, the obvious
  criterion, prefers exactly the programs that look away. The shorter one wins between equal records. A way whose
  record is worse than the task's best beyond doubt (the 95 % intervals lie apart) is left out. The record also scales
  the weight, for tasks where only the lucky program was found.
* At most `limit` examples, shared out over the categories by filling up: each gets what it has up to a common level.
  A cap at a multiple of the median would empty the pool as long as most categories are still hard. What imbalance is
  left is halved (in logarithms) by weights; to cancel it would repeat a handful of programs all the time.
* A task with one and the same answer on all its instances is won by a constant half of the time: half the weight.

Corrections are taken whole, outside limit and balance, with their own weight: 1 is that of the mean policy example.
Every rollout is either an example or counted under the reason it was dropped for.
"""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from visrep.env.canonical import canonical
from visrep.env.types import Rollout, Task
from visrep.reward.normalise import normalise
from visrep.train.evaluate import wilson

_LITERAL = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|\b\d+(?:\.\d+)?\b""")
_STEEPEST = 3.0  # a category's examples weigh at most this many times those of the mean category, and at least 1/3


@dataclass(frozen=True, slots=True)
class Chosen:
    """One example to be cloned; `weight` multiplies its loss."""

    task_id: str
    category: str
    program: str
    weight: float
    author: str


@dataclass(frozen=True, slots=True)
class Selection:
    """The examples, and how many rollouts were dropped for which reason."""

    examples: tuple[Chosen, ...]
    dropped: Mapping[str, int]

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

    @property
    def shape(self) -> tuple[str, str]:
        return self.category, _LITERAL.sub("_", self.form)


@dataclass
class _Record:
    """Tasks of a category on which a shape was tried, and those of them on which it was right."""

    tried: set[str]
    right: set[str]

    def interval(self) -> tuple[float, float]:
        return wilson(len(self.right), len(self.tried))

    def expected(self) -> float:
        return (len(self.right) + 1) / (len(self.tried) + 2)  # Laplace's rule


def select(
    rollouts: Iterable[Rollout],
    tasks: Iterable[Task],
    *,
    per_task: int,
    refused: Mapping[tuple[str, str], str],
    seed: int,
    limit: int = 400,
    correction_weight: float = 1.0,
) -> Selection:
    """Choose the examples from the rollouts of all iterations, the wrong ones included (they make the records).
    `refused` is the guard's verdict: reasons by task id
    and form (see `form`). The result depends on the seed and on the set of rollouts, not on their order."""
    telling = {task.question.id: _is_telling(task) for task in tasks}
    dropped: Counter[str] = Counter()
    policy: dict[tuple[str, str], _Candidate] = {}
    people: dict[tuple[str, str], _Candidate] = {}
    records: dict[tuple[str, str], _Record] = defaultdict(lambda: _Record(set(), set()))
    for rollout in rollouts:
        candidate = _Candidate(rollout.task_id, rollout.category, rollout.program, form(rollout), rollout.author)
        if rollout.author == "policy":
            records[candidate.shape].tried.add(rollout.task_id)
        reason = _unfit(rollout, telling, refused, candidate.form)
        if reason:
            dropped[reason] += 1
            continue
        if rollout.author == "policy":
            records[candidate.shape].right.add(rollout.task_id)
        kept = policy if rollout.author == "policy" else people
        dropped["duplicate"] += _keep_shorter(kept, candidate)
    for key in people.keys() & policy.keys():
        del policy[key]
        dropped["duplicate"] += 1
    ranked = _best_of_each_task(policy.values(), records, per_task, dropped)
    shared = _share_out(ranked, limit, seed, dropped)
    chosen = _weigh(shared, records, telling)
    chosen += [Chosen(c.task_id, c.category, c.program, correction_weight, c.author) for c in people.values()]
    chosen.sort(key=lambda example: _draw(seed, example.task_id, example.program))
    return Selection(tuple(chosen), dict(+dropped))


def form(rollout: Rollout) -> str:
    """What the program is known by within its task: its canonical form, or itself where it has none."""
    return canonical(rollout.program) or rollout.program


def _unfit(
    rollout: Rollout, tasks: Mapping[str, bool], refused: Mapping[tuple[str, str], str], form: str
) -> str | None:
    if rollout.reward != 1:
        return "wrong"
    if rollout.task_id not in tasks:
        return "unknown_task"
    return refused.get((rollout.task_id, form))


def _is_telling(task: Task) -> bool:
    """Whether no constant is right on all instances: no answer is accepted by every one of them."""
    accepted = [{normalise(answer) for answer in instance.answers} for instance in task.instances]
    return not set.intersection(*accepted)


def _keep_shorter(kept: dict[tuple[str, str], _Candidate], candidate: _Candidate) -> int:
    """Keep the shorter text of each form (comments are the difference); the number of duplicates met, 0 or 1."""
    key = candidate.task_id, candidate.form
    other = kept.get(key)
    if other is None:
        kept[key] = candidate
        return 0
    kept[key] = min(candidate, other, key=lambda each: (len(each.program), each.program, each.author))
    return 1


def _best_of_each_task(
    candidates: Iterable[_Candidate],
    records: Mapping[tuple[str, str], _Record],
    per_task: int,
    dropped: Counter[str],
) -> list[tuple[int, _Candidate]]:
    """(rank within its task from 0, program) of the programs that a task may give."""
    by_task: dict[str, list[_Candidate]] = defaultdict(list)
    for candidate in candidates:
        by_task[candidate.task_id].append(candidate)
    ranked: list[tuple[int, _Candidate]] = []
    for found in by_task.values():
        found.sort(key=lambda each: (-records[each.shape].interval()[0], len(each.form), each.form))
        best, _ = records[found[0].shape].interval()
        shapes: set[tuple[str, str]] = set()
        for candidate in found:
            if candidate.shape in shapes:
                dropped["same_shape"] += 1
            elif records[candidate.shape].interval()[1] < best:
                dropped["outclassed"] += 1
            elif len(shapes) == per_task:
                dropped["per_task"] += 1
            else:
                ranked.append((len(shapes), candidate))
                shapes.add(candidate.shape)
    return ranked


def _share_out(
    ranked: Iterable[tuple[int, _Candidate]], limit: int, seed: int, dropped: Counter[str]
) -> dict[str, list[_Candidate]]:
    """At most `limit` programs by category; first those of first rank, between equals by lot."""
    by_category: dict[str, list[tuple[int, _Candidate]]] = defaultdict(list)
    for rank, candidate in ranked:
        by_category[candidate.category].append((rank, candidate))
    shared: dict[str, list[_Candidate]] = {}
    left = limit
    # From the smallest category on: each may take an equal part of what is left, and what it leaves goes to the rest.
    for place, category in enumerate(sorted(by_category, key=lambda name: (len(by_category[name]), name))):
        have = by_category[category]
        have.sort(key=lambda each: (each[0], _draw(seed, each[1].task_id, each[1].form)))
        part = min(len(have), left // (len(by_category) - place))
        dropped["balance"] += len(have) - part
        left -= part
        shared[category] = [candidate for _, candidate in have[:part]]
    return shared


def _weigh(
    shared: Mapping[str, list[_Candidate]],
    records: Mapping[tuple[str, str], _Record],
    telling: Mapping[str, bool],
) -> list[Chosen]:
    """The examples with weights of mean 1, so that a learning rate keeps its meaning."""
    sizes = [len(candidates) for candidates in shared.values() if candidates]
    chosen: list[Chosen] = []
    for category, candidates in shared.items():
        ratio = sum(sizes) / len(sizes) / len(candidates) if candidates else 1.0
        rarity = min(_STEEPEST, max(1 / _STEEPEST, ratio**0.5))
        for each in candidates:
            weight = rarity * records[each.shape].expected() * (1.0 if telling[each.task_id] else 0.5)
            chosen.append(Chosen(each.task_id, category, each.program, weight, each.author))
    mean = sum(example.weight for example in chosen) / len(chosen) if chosen else 1.0
    return [replace(example, weight=round(example.weight / mean, 6)) for example in chosen]


def _draw(seed: int, *words: str) -> bytes:
    """A lot that depends on the seed and the words only."""
    return hashlib.sha256(repr((seed, *words)).encode(errors="backslashreplace")).digest()
