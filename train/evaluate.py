"""What a set of rollouts says of a policy: accuracies with their uncertainty, pass@k, and paired comparison.

An accuracy counts tasks: a task is right if its one program is right on all of its instances. For data sets that put
several images under one sentence this is what they call consistency; the instance accuracy is beside it. The interval
is given for tasks only: instances of one task share a program, so they are no independent draws.

Where being right is a matter of degree, the mean measure over instances is beside the accuracy: VQA's soft accuracy,
mean IoU of one box, macro-F1 of several. Where tasks are scored together, so is the share of groups that are right as a
whole. What a data set measures in its own way is in its own file.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from visrep.env.faults import UserFault
from visrep.env.types import Rollout, Task

_Z = 1.959963984540054  # 97.5 % point of the normal distribution: a two-sided 95 % interval


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Share of tasks answered right, with its 95 % Wilson interval."""

    tasks: int
    right: int
    accuracy: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Evaluation(Accuracy):
    """One program for each task: accuracy over all tasks, over instances, by category, and what became of each
    instance's run. `measures` has what else is said of tasks of their kinds. `outcomes` has `missing` for instances of
    tasks that had no program to run."""

    instances: int
    instance_accuracy: float
    measures: Mapping[str, float]
    by_category: Mapping[str, Accuracy]
    outcomes: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON data."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two policies on the same tasks: how many only one of them got right, and the two-sided p-value that such a
    difference, or a larger one, comes by chance."""

    tasks: int
    only_first: int
    only_second: int
    p_value: float


def evaluate(rollouts: Iterable[Rollout], tasks: Iterable[Task]) -> Evaluation:
    """Judge one rollout per task. A task without a rollout (its completion was cut off, say) counts as wrong. Raises
    UserFault for a second rollout of a task, for one of a task not asked for, and when there are no tasks."""
    outcomes: Counter[str] = Counter()
    rewards: dict[str, tuple[int, float]] = {}
    instances = instances_right = 0
    for rollout in _one_each(rollouts):
        rewards[rollout.task_id] = rollout.reward, sum(score.measure for score in rollout.scores)
        outcomes.update(score.outcome for score in rollout.scores)
        instances_right += sum(score.reward for score in rollout.scores)
    right: dict[str, list[bool]] = defaultdict(list)
    degrees = _Degrees()
    for task in tasks:
        found = rewards.pop(task.question.id, None)
        reward, measure = found or (0, 0.0)
        right[task.question.category].append(reward == 1)
        degrees.add(task, reward, measure)
        instances += len(task.instances)
        if found is None:
            outcomes["missing"] += len(task.instances)
    if rewards:
        raise UserFault(f"found a rollout of task {next(iter(rewards))!r}, which is not evaluated; pass its task too")
    if not right:
        raise UserFault("found no tasks to evaluate; check the data set, its split and the recipe's limit on tasks")
    return Evaluation(
        **asdict(_accuracy([each for every in right.values() for each in every])),
        instances=instances,
        instance_accuracy=instances_right / instances if instances else 0.0,
        measures=degrees.means(),
        by_category={category: _accuracy(right[category]) for category in sorted(right)},
        outcomes=dict(sorted(outcomes.items())),
    )


class _Degrees:
    """Sums of measures, and groups that are right so far."""

    def __init__(self) -> None:
        self._sums: dict[str, tuple[float, int]] = {}
        self._groups: dict[str, bool] = {}

    def add(self, task: Task, reward: int, measure: float) -> None:
        """A task with its reward, and its instances' measures together."""
        if task.group is not None:
            self._groups[task.group] = self._groups.get(task.group, True) and reward == 1
        kind = task.question.kind
        soft = any(instance.soft for instance in task.instances)
        name = "soft_accuracy" if soft else {"ground": "mean_iou", "detect": "macro_f1"}.get(kind)
        if name:
            total, count = self._sums.get(name, (0.0, 0))
            self._sums[name] = total + measure, count + len(task.instances)

    def means(self) -> dict[str, float]:
        """By name, in [0, 1]."""
        means = {name: total / count for name, (total, count) in sorted(self._sums.items())}
        if self._groups:
            means["group_accuracy"] = sum(self._groups.values()) / len(self._groups)
        return {name: round(value, 6) for name, value in means.items()}


def solved(rollouts: Iterable[Rollout], tasks: Iterable[Task]) -> dict[str, bool]:
    """Whether each task's one program is right, for `mcnemar`; a task without a rollout is not solved. Raises UserFault
    for a second rollout of a task."""
    right = {rollout.task_id for rollout in _one_each(rollouts) if rollout.reward == 1}
    return {task.question.id: task.question.id in right for task in tasks}


def wilson(right: int, total: int) -> tuple[float, float]:
    """95 % confidence interval of a share of `total` > 0 trials (Wilson 1927, without continuity correction)."""
    share = right / total
    middle = share + _Z**2 / (2 * total)
    half = _Z * math.sqrt(share * (1 - share) / total + _Z**2 / (4 * total**2))
    scale = 1 + _Z**2 / total
    # At the ends the bound is the share itself; rounding would miss it by a hair.
    return (middle - half) / scale if right else 0.0, (middle + half) / scale if right < total else 1.0


def pass_at_k(n: int, c: int, k: int) -> float:
    """Probability that one of k samples is right, estimated without bias from c right ones in n samples (Chen et al.
    2021, equation 1). n must be fixed beforehand: stopping when one is right biases it. Raises ValueError unless
    0 <= c <= n and 1 <= k <= n."""
    if not (0 <= c <= n and 1 <= k <= n):
        raise ValueError(f"pass@{k} of {c} right in {n} samples: expected 0 <= right <= samples and 1 <= k <= samples")
    return 1.0 - math.comb(n - c, k) / math.comb(n, k)


def mcnemar(first: Mapping[str, bool], second: Mapping[str, bool]) -> Comparison:
    """Compare what two policies solved of the same tasks: McNemar's test in its exact, binomial form. Tasks on which
    they agree say nothing about the difference. Raises UserFault when the tasks are not the same."""
    if first.keys() != second.keys():
        other = next(iter(first.keys() ^ second.keys()))
        raise UserFault(f"task {other!r} was evaluated only once; compare evaluations of the same tasks")
    only_first = sum(first[task] and not second[task] for task in first)
    only_second = sum(second[task] and not first[task] for task in first)
    differ = only_first + only_second
    tail = sum(math.comb(differ, wins) for wins in range(min(only_first, only_second) + 1))
    # Integers divided as integers: beyond 1,023 differing tasks 2.0**differ would overflow.
    p_value = min(1.0, 2 * tail / 2**differ)
    return Comparison(len(first), only_first, only_second, p_value)


def _one_each(rollouts: Iterable[Rollout]) -> Iterator[Rollout]:
    found: set[str] = set()
    for rollout in rollouts:
        if rollout.task_id in found:
            raise UserFault(f"found two rollouts of task {rollout.task_id!r}; an evaluation takes one program per task")
        found.add(rollout.task_id)
        yield rollout


def _accuracy(right: list[bool]) -> Accuracy:
    low, high = wilson(sum(right), len(right))
    return Accuracy(len(right), sum(right), sum(right) / len(right), low, high)
