"""Rewards: one file per kind of answer, chosen by the kind of the task's question."""

from typing import Any

from visrep.env.faults import UserFault
from visrep.env.types import Instance, Score, Task
from visrep.reward import answer, verify

_KINDS = {"answer": answer.score, "verify": verify.score}


def score(task: Task, instance: Instance, value: Any) -> Score:
    """Score of a value a program returned on one instance. `value` is plain data parsed by the host; it is judged by
    its exact type first. Raises UserFault for a kind that has no reward or an annotation that fits no value."""
    judge = _KINDS.get(task.question.kind)
    if judge is None:
        raise UserFault(
            f"task {task.question.id}: no reward for answers of kind {task.question.kind!r}; "
            f"use tasks of one of these kinds: {', '.join(_KINDS)}"
        )
    return judge(task, instance, value)
