"""Refuses programs that are right for the wrong reasons: those whose answer does not come from the image.

A program earns its reward on a few instances, and a constant earns it too when it happens to fit. Two rules:

* A program that makes no perception call does not look.
* A program whose value never changes looks and does not care. Values are compared over the task's own instances,
  over other images of the data set, and with changed perception replies on both. Most honest programs differ on their
  own instances already, and cost nothing; the rest are run again only as long as they have not changed.

Only values count. A program that fails on other images has shown nothing yet: `patches[0]` followed by a constant
fails there as well.
"""

import hashlib
import heapq
import json
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from visrep.env import canonical
from visrep.env.environment import Environment
from visrep.env.types import Instance, Rollout, Task
from visrep.train.grouped import Grouped
from visrep.train.split import Tasks

NO_CALL = "no_perception_call"
NEVER_CHANGES = "value_never_changes"

_BLIND = frozenset({"crop", "llm_query", "select_answer"})  # calls that tell a program nothing about an image
_FIRST, _OTHERS = 4, 16
# Other images to try: a few, on which nearly every honest program changes, and for those that did not, more. A program
# on two objects fails on most other images: with 4 of them and changed replies 1 of 90 right ones was refused.

_BLOCK = 256  # programs that are looked at together, and so held in memory
_IMAGES = 4096  # of each kind, that others are drawn from; those of a larger data set are a sample of it

_Key = tuple[str, str]
"""Task id and form."""


@dataclass(frozen=True, slots=True)
class _Right:
    """What matters of a program that earned its reward."""

    form: str
    program: str
    looks: bool
    values: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Suspect:
    task: Task
    program: str
    values: frozenset[str]


def guard(
    environment: Environment, perturbed: Environment, tasks: Tasks, rollouts: Iterable[Rollout]
) -> Iterator[tuple[_Key, str]]:
    """The refused programs among the right ones: (task id, form) and the reason. `perturbed` is an environment like
    the first on `visrep.env.perception.perturbed`. Rollouts of other tasks are passed over. Raises MachineFault when
    an environment does."""
    right = Grouped(
        (rollout.task_id, _Right(canonical.form(rollout.program), rollout.program, looks(rollout), _values(rollout)))
        for rollout in rollouts
        if rollout.reward == 1
    )
    pools = _pools(tasks)
    programs = _distinct(tasks, right)
    while block := list(islice(programs, _BLOCK)):
        yield from ((key, NO_CALL) for key, _, program in block if not program.looks)
        suspects = {
            key: _Suspect(task, program.program, program.values)
            for key, task, program in block
            if program.looks and len(program.values) == 1
        }
        for key in _unmoved(environment, perturbed, suspects, pools):
            yield key, NEVER_CHANGES


def _distinct(tasks: Iterable[Task], right: Grouped[_Right]) -> Iterator[tuple[_Key, Task, _Right]]:
    """The programs by task; of those of one form the first."""
    for task in tasks:
        first: dict[str, _Right] = {}
        for program in right.of(task.question.id):
            first.setdefault(program.form, program)
        for program in first.values():
            yield (task.question.id, program.form), task, program


def _unmoved(
    environment: Environment,
    perturbed: Environment,
    suspects: Mapping[_Key, _Suspect],
    pools: Mapping[tuple[Any, ...], "_Pool"],
) -> Iterable[_Key]:
    """The suspects whose value never changes."""
    others = {key: _other_images(suspect.task, pools) for key, suspect in suspects.items()}
    for part in (slice(_FIRST), slice(_FIRST, None)):
        suspects = _unchanged(environment, suspects, {key: others[key][part] for key in suspects})
    everywhere = {key: suspect.task.instances + others[key] for key, suspect in suspects.items()}
    return _unchanged(perturbed, suspects, everywhere)


def looks(rollout: Rollout) -> bool:
    return any(
        call.error is None and call.method not in _BLIND for execution in rollout.executions for call in execution.calls
    )


def _values(rollout: Rollout) -> frozenset[str]:
    """The different values returned, as JSON, which tells true from 1 and 1 from 1.0."""
    return frozenset(
        json.dumps(execution.value, sort_keys=True) for execution in rollout.executions if execution.outcome == "ok"
    )


def _unchanged(
    environment: Environment,
    suspects: Mapping[_Key, _Suspect],
    instances: Mapping[_Key, Sequence[Instance]],
) -> dict[_Key, _Suspect]:
    """The suspects that return on all these instances what they returned before."""
    left = dict(suspects)
    pairs = (
        (replace(suspect.task, instances=tuple(instances[key])), suspect.program)
        for key, suspect in suspects.items()
        if instances[key]
    )
    for rollout in environment.run(pairs):
        key = (rollout.task_id, canonical.form(rollout.program))
        if _values(rollout) - left[key].values:
            del left[key]
    return left


@dataclass
class _Pool:
    """Instances with different images: all there are up to `_IMAGES`, and of more than that those whose names have the
    smallest digests: a sample that depends neither on their order nor on how often each is asked about."""

    kept: dict[Any, Instance] = field(default_factory=dict)
    largest: list[tuple[int, Any]] = field(default_factory=list)

    def offer(self, instance: Instance) -> None:
        images = instance.images, instance.video
        if images in self.kept:
            return
        names = repr([path.name for path in (*instance.images, instance.video) if path])
        digest = hashlib.sha256(names.encode(errors="backslashreplace")).digest()
        self.kept[images] = instance
        heapq.heappush(self.largest, (-int.from_bytes(digest), images))
        if len(self.kept) > _IMAGES:
            del self.kept[heapq.heappop(self.largest)[1]]


def _pools(tasks: Iterable[Task]) -> dict[tuple[Any, ...], _Pool]:
    pools: dict[tuple[Any, ...], _Pool] = defaultdict(_Pool)
    for task in tasks:
        for instance in task.instances:
            pools[_inputs(task, instance)].offer(instance)
    return pools


def _other_images(task: Task, pools: Mapping[tuple[Any, ...], _Pool]) -> tuple[Instance, ...]:
    """A few instances of the data set with other images than the task's, the same in every run. They are annotated as
    the task's own are: only values count, and what is right of another question may be none of this one's options."""
    first = task.instances[0]
    own = {(instance.images, instance.video) for instance in task.instances}
    pool = pools[_inputs(task, first)].kept
    # Own images may be among those drawn; enough are drawn that this cannot leave too few.
    drawn = random.Random(task.question.id).sample(list(pool), min(len(pool), _OTHERS + len(own)))
    others = [pool[images] for images in drawn if images not in own][:_OTHERS]
    return tuple(replace(other, answers=first.answers, soft=first.soft, boxes=first.boxes) for other in others)


def _inputs(task: Task, instance: Instance) -> tuple[Any, ...]:
    """Instances of equal inputs can stand in for each other."""
    return task.dataset, task.question.kind, task.question.signature, len(instance.images), instance.video is None
