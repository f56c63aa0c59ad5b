"""Reward of a choice: the value is the right one of a question's options, or of an instance's images."""

import re
from typing import Any

from visrep.env.faults import UserFault
from visrep.env.types import Instance, Score, Task
from visrep.reward.normalise import is_plain, normalise
from visrep.reward.patches import is_patch
from visrep.reward.rules import Rules

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def score(task: Task, instance: Instance, value: Any, rules: Rules) -> Score:
    """1 for the right option, as its text or as its index from 0 (where all options are numbers, a number is one of
    them and no index); where the question has no options, for the right image, as its index or as a patch of it. What
    names none of them is `wrong_type`. Raises UserFault for an annotation that is none of them either."""
    right = _annotated(task, instance)
    named = chosen(task.question.options, len(instance.images), value)
    if named is None:
        return Score(0, 0.0, "wrong_type")
    return Score(1, 1.0, "ok") if named == right else Score(0, 0.0, "wrong_answer")


def chosen(options: tuple[str, ...], images: int, value: Any) -> int | None:
    """The index of the option or, without options, of the image that a value names; None where it names none. Options
    are told apart as they are before they are as normalised."""
    if not options and is_patch(value):
        return int(value["image"])
    plain = [normalise(option) for option in options]
    if type(value) is int and not (plain and all(map(_NUMBER.fullmatch, plain))):
        return value if 0 <= value < (len(options) or images) else None
    if value in options:
        return options.index(value)
    return plain.index(normalise(value)) if is_plain(value) and normalise(value) in plain else None


def _annotated(task: Task, instance: Instance) -> int:
    if len(instance.answers) == 1:
        right = chosen(task.question.options, len(instance.images), instance.answers[0])
        if right is not None:
            return right
    offered = list(task.question.options) or f"the images 0 to {len(instance.images) - 1}"
    raise UserFault(
        f"task {task.question.id}, instance {instance.id}: found the annotation {instance.answers!r}, expected one of "
        f"{offered}; check the data set's loader"
    )
