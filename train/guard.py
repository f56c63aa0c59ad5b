"""Refuses programs that are right for the wrong reasons: those whose answer does not come from the image.

A program earns its reward on a few instances, and a constant earns it too when it happens to fit. Two rules:

* A program that makes no perception call does not look.
* A program whose value never changes looks and does not care. Values are compared over the task's own instances,
  over other images of the data set, and with changed perception replies on both. Most honest programs differ on their
  own instances already, and cost nothing; the rest are run again only as long as they have not changed.

Only values count. A program that fails on other images has shown nothing yet: `patches[0]` followed by a constant
fails there as well.
"""

import json
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from visrep.env.environment import Environment
from visrep.env.types import Instance, Rollout, Task
from visrep.train.select import form

NO_CALL = "no_perception_call"
NEVER_CHANGES = "value_never_changes"

_BLIND = frozenset({"crop", "llm_query"})  # calls that tell a program nothing about an image
_FIRST, _OTHERS = 4, 16
# Other images to try: a few, on which nearly every honest program changes, and for those that did not, more. A program
# on two objects fails on most other images: with 4 of them and changed replies 1 of 90 right ones was refused.


@dataclass(frozen=True, slots=True)
class _Suspect:
    task: Task
    program: str
    values: frozenset[str]


def guard(
    environment: Environment, perturbed: Environment, tasks: Iterable[Task], rollouts: Iterable[Rollout]
) -> dict[tuple[str, str], str]:
    """The refused programs among the right ones: reason by (task id, form). `perturbed` is an environment like the
    first on `visrep.env.perception.perturbed`. Rollouts of other tasks are passed over. Raises MachineFault when the
    environment does."""
    by_id = {task.question.id: task for task in tasks}
    refused: dict[tuple[str, str], str] = {}
    suspects: dict[tuple[str, str], _Suspect] = {}
    for rollout in rollouts:
        key = (rollout.task_id, form(rollout))
        if rollout.reward != 1 or rollout.task_id not in by_id or key in refused or key in suspects:
            continue
        if not _looks(rollout):
            refused[key] = NO_CALL
        elif len(_values(rollout)) == 1:
            suspects[key] = _Suspect(by_id[rollout.task_id], rollout.program, _values(rollout))
    others = _other_images(suspects, by_id.values())
    for part in (slice(_FIRST), slice(_FIRST, None)):
        suspects = _unchanged(environment, suspects, {key: others[key][part] for key in suspects})
    everywhere = {key: suspect.task.instances + others[key] for key, suspect in suspects.items()}
    suspects = _unchanged(perturbed, suspects, everywhere)
    return refused | dict.fromkeys(suspects, NEVER_CHANGES)


def _looks(rollout: Rollout) -> bool:
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
    suspects: Mapping[tuple[str, str], _Suspect],
    instances: Mapping[tuple[str, str], Sequence[Instance]],
) -> dict[tuple[str, str], _Suspect]:
    """The suspects that return on all these instances what they returned before."""
    left = dict(suspects)
    pairs = (
        (replace(suspect.task, instances=tuple(instances[key])), suspect.program)
        for key, suspect in suspects.items()
        if instances[key]
    )
    for rollout in environment.run(pairs):
        key = (rollout.task_id, form(rollout))
        if _values(rollout) - left[key].values:
            del left[key]
    return left


def _other_images(
    suspects: Mapping[tuple[str, str], _Suspect], tasks: Iterable[Task]
) -> dict[tuple[str, str], tuple[Instance, ...]]:
    """For each suspect a few instances of its data set with other images, the same in every run."""
    pools: dict[tuple[Any, ...], dict[Any, Instance]] = defaultdict(dict)
    for task in tasks:
        for instance in task.instances:
            pools[_inputs(task, instance)].setdefault((instance.images, instance.video), instance)
    chosen: dict[tuple[str, str], tuple[Instance, ...]] = {}
    for key, suspect in suspects.items():
        own = {(instance.images, instance.video) for instance in suspect.task.instances}
        pool = pools[_inputs(suspect.task, suspect.task.instances[0])]
        # Own images may be among those drawn; enough are drawn that this cannot leave too few.
        drawn = random.Random(key[0]).sample(list(pool), min(len(pool), _OTHERS + len(own)))
        chosen[key] = tuple(pool[images] for images in drawn if images not in own)[:_OTHERS]
    return chosen


def _inputs(task: Task, instance: Instance) -> tuple[Any, ...]:
    """Instances of equal inputs can stand in for each other."""
    return task.dataset, task.question.kind, task.question.signature, len(instance.images), instance.video is None
