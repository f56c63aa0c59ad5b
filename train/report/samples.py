"""A handful of programs for the page, right and wrong ones of different categories, with what they saw and returned."""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from visrep.env.faults import UserFault
from visrep.env.perception.video import FrameRate, pictures
from visrep.env.types import Call, Execution, Instance, Rollout, Score, Task
from visrep.train.browse import outcome_of
from visrep.train.report.pictures import LONGEST_SIDE, Figure, figure, looked_at

_EACH = 4
"""Right programs at most, and wrong ones."""

_MOST_INSTANCES, _MOST_IMAGES, _MOST_CALLS = 4, 4, 20
_LONGEST_PROGRAM, _LONGEST_VALUE = 8000, 300
"""Characters. A policy that fails can write and return anything."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One call: its number among the instance's, what was asked, and the reply or the error."""

    number: int
    text: str
    reply: str
    failed: bool


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a program on one instance; `answers` is None where the task is no longer there."""

    score: Score
    told: str
    answers: str | None
    calls: tuple[Asked, ...]
    calls_left_out: int
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """A program with its runs; `faults` are the numbers of lines that a run ended in."""

    task_id: str
    category: str
    question: str | None
    outcome: str
    right: bool
    author: str
    lines: tuple[str, ...]
    faults: frozenset[int]
    runs: tuple[Ran, ...]
    runs_left_out: int


def choose(programs: Iterable[Rollout], seed: int) -> list[Rollout]:
    """Right and wrong programs, wrong ones first, of as many categories as there are places for. Which of a category's
    is decided by its task and the seed, not by the order of the file, which differs from run to run."""
    first: dict[tuple[bool, str], tuple[float, Rollout]] = {}
    for rollout in programs:
        key = (rollout.reward == 1, rollout.category)
        place = random.Random(f"{seed}/{rollout.task_id}").random()
        if key not in first or place < first[key][0]:
            first[key] = (place, rollout)
    chosen: list[Rollout] = []
    for right in (False, True):
        taken = {rollout.category for rollout in chosen}
        of_kind = (found for key, found in first.items() if key[0] == right)
        ordered = sorted(of_kind, key=lambda found: (found[1].category in taken, found[0]))
        chosen += [rollout for _, rollout in ordered[:_EACH]]
    return chosen


def samples(programs: Iterable[Rollout], tasks: Mapping[str, Task], rate: FrameRate) -> list[Sample]:
    """The programs as they are shown; `rate` is that at which they saw videos."""
    return [_sample(rollout, tasks.get(rollout.task_id), rate) for rollout in programs]


def _sample(rollout: Rollout, task: Task | None, rate: FrameRate) -> Sample:
    instances = task.instances if task else (None,) * len(rollout.executions)
    runs = list(zip(rollout.executions, rollout.scores, instances, strict=True))
    return Sample(
        rollout.task_id,
        rollout.category,
        task.question.text if task else None,
        outcome_of(rollout),
        rollout.reward == 1,
        rollout.policy or rollout.author,
        tuple(_cut(rollout.program, _LONGEST_PROGRAM).splitlines()),
        frozenset(execution.line for execution in rollout.executions if execution.line is not None),
        tuple(ran(*each, rate) for each in runs[:_MOST_INSTANCES]),
        max(0, len(rollout.executions) - _MOST_INSTANCES),
    )


def ran(
    execution: Execution, score: Score, instance: Instance | None, rate: FrameRate, longest: int = LONGEST_SIDE
) -> Ran:
    """A program's run on one instance as it is shown, with images of at most `longest` pixels in either direction."""
    if execution.outcome == "ok":
        told = f"returned {_cut(repr(execution.value), _LONGEST_VALUE)}"
    else:
        told = execution.message + (f" (line {execution.line})" if execution.line else "")
    calls = execution.calls[:_MOST_CALLS]
    return Ran(
        score,
        told,
        " or ".join(map(repr, instance.answers or instance.boxes)) if instance else None,
        tuple(_asked(number, call) for number, call in enumerate(calls, 1)),
        len(execution.calls) - len(calls),
        tuple(_figures(instance, calls, execution.value, rate, longest)) if instance else (),
    )


def _figures(instance: Instance, calls: Sequence[Call], value: Any, rate: FrameRate, longest: int) -> Iterator[Figure]:
    """The first images; of a video the first frames that were looked at, or its beginning."""
    try:
        shown = pictures(instance, rate)
    except UserFault as fault:
        yield Figure(str(instance.video), missing=str(fault))
        return
    indices = range(len(shown)) if instance.video is None else looked_at(calls, value) or [0]
    for index in indices[:_MOST_IMAGES]:
        if index < len(shown):  # else the video is another one by now
            yield figure(shown[index], index, calls, value, instance.boxes, longest)


def _asked(number: int, call: Call) -> Asked:
    text = f"{call.method}({', '.join(map(repr, call.arguments))})"
    reply = repr(call.result) if call.error is None else call.error
    return Asked(number, _cut(text, _LONGEST_VALUE), _cut(reply, _LONGEST_VALUE), call.error is not None)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[:longest] + " …"
