"""Reward of a statement to be verified: the value says the same as the annotation, true or false."""

from typing import Any

from visrep.env.faults import UserFault
from visrep.env.types import Instance, Score, Task
from visrep.reward.normalise import normalise
from visrep.reward.rules import Rules


def score(task: Task, instance: Instance, value: Any, rules: Rules) -> Score:
    """1 for the annotated bool, or for yes/no as text, which programs make with `bool_to_yesno`. Any other type is
    `wrong_type`, numbers among them: a count is no verdict. Raises UserFault unless the annotation is one bool."""
    if len(instance.answers) != 1 or type(instance.answers[0]) is not bool:
        raise UserFault(
            f"task {task.question.id}, instance {instance.id}: found the annotation {instance.answers!r}, expected "
            "one of (True,) and (False,); check the data set's loader"
        )
    if type(value) not in (bool, str):
        return Score(0, 0.0, "wrong_type")
    right = normalise(value) == normalise(instance.answers[0])
    return Score(1, 1.0, "ok") if right else Score(0, 0.0, "wrong_answer")
