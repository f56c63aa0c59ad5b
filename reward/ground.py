"""Reward of a referring expression: the value is one patch that covers the annotated object."""

from typing import Any

from visrep.env.boxes import iou
from visrep.env.faults import UserFault
from visrep.env.types import Instance, Score, Task
from visrep.reward.patches import box, is_patch
from visrep.reward.rules import Rules


def score(task: Task, instance: Instance, value: Any, rules: Rules) -> Score:
    """1 for a patch whose IoU with the annotated box reaches `rules.iou`; the measure is the IoU. Any other type is
    `wrong_type`, a list of one patch too. Raises UserFault unless the annotation is one box."""
    if len(instance.boxes) != 1:
        raise UserFault(
            f"task {task.question.id}, instance {instance.id}: found {len(instance.boxes)} annotated boxes, expected "
            "one; check the data set's loader"
        )
    if not is_patch(value):
        return Score(0, 0.0, "wrong_type")
    measure = iou(box(value), instance.boxes[0]) if value["image"] == 0 else 0.0
    return Score(1, measure, "ok") if measure >= rules.iou else Score(0, measure, "wrong_answer")
