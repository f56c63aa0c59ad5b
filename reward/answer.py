"""Reward of an open question: the value, made comparable, is one of the accepted answers."""

from typing import Any

from visrep.env.faults import UserFault
from visrep.env.types import Instance, Score, Task
from visrep.reward.normalise import is_plain, normalise
from visrep.reward.rules import Rules


def score(task: Task, instance: Instance, value: Any, rules: Rules) -> Score:
    """1 for a text, bool or finite number equal to an accepted answer; a value of any other type is `wrong_type`.
    Raises UserFault when the instance has no accepted answer."""
    if not instance.answers:
        raise UserFault(
            f"task {task.question.id}, instance {instance.id}: found no accepted answer, expected one or more; "
            "leave the instance out of the data set"
        )
    if not is_plain(value):
        return Score(0, 0.0, "wrong_type")
    right = normalise(value) in {normalise(answer) for answer in instance.answers}
    return Score(1, 1.0, "ok") if right else Score(0, 0.0, "wrong_answer")
