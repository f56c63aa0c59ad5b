"""Reward of an open question: the value, made comparable, is one of the accepted answers."""

from typing import Any

from visrep.env.faults import UserFault
from visrep.env.types import Instance, Score, Task
from visrep.env.vqa import normal
from visrep.reward.normalise import Plain, is_plain, normalise
from visrep.reward.rules import Rules


def score(task: Task, instance: Instance, value: Any, rules: Rules) -> Score:
    """1 for a text, bool or finite number equal to an accepted answer; a value of any other type is `wrong_type`. Where
    the answers have soft scores, the measure is that of the value, and 1 is earned from `rules.soft` on. Raises
    UserFault when the instance has no accepted answer, or not one soft score for each."""
    _check(task, instance)
    if not is_plain(value):
        return Score(0, 0.0, "wrong_type")
    if instance.soft:
        measure, least = _soft(instance, value), rules.soft
    else:
        measure, least = float(normalise(value) in {normalise(answer) for answer in instance.answers}), 1.0
    return Score(1, measure, "ok") if measure >= least else Score(0, measure, "wrong_answer")


def _soft(instance: Instance, value: Plain) -> float:
    """VQA's normal form is one of texts: it takes the sign from "-3", and a number keeps it."""
    said = normal(value) if isinstance(value, str) else normalise(value)
    return dict(zip(instance.answers, instance.soft, strict=True)).get(said, 0.0)


def _check(task: Task, instance: Instance) -> None:
    where = f"task {task.question.id}, instance {instance.id}"
    if not instance.answers:
        raise UserFault(
            f"{where}: found no accepted answer, expected one or more; leave the instance out of the data set"
        )
    if instance.soft and len(instance.soft) != len(instance.answers):
        found = f"{len(instance.soft)} soft scores of {len(instance.answers)} answers"
        raise UserFault(f"{where}: found {found}, expected one of each; check the data set's loader")
