"""Reward of a detection: the value is a list of patches, one for each annotated object and none beside them."""

from collections.abc import Sequence
from typing import Any

from visrep.env.boxes import iou
from visrep.env.types import Box, Instance, Score, Task
from visrep.reward.patches import box, is_patch
from visrep.reward.rules import Rules


def score(task: Task, instance: Instance, value: Any, rules: Rules) -> Score:
    """1 if F1 reaches `rules.f1`; the measure is F1. Anything but a list of patches is `wrong_type`. An empty list is
    right where nothing is annotated, and nothing else is there."""
    if type(value) is not list or not all(is_patch(item) and item["image"] == 0 for item in value):
        return Score(0, 0.0, "wrong_type")
    measure = f1([box(item) for item in value], instance.boxes, rules.iou)
    return Score(1, measure, "ok") if measure >= rules.f1 else Score(0, measure, "wrong_answer")


def f1(found: Sequence[Box], annotated: Sequence[Box], least: float) -> float:
    """Twice the pairs over all boxes on both sides, in [0, 1]; 1 where there are none. Boxes are paired one to one
    greedily, the largest overlap first, as long as it reaches an IoU of `least` (VisReP, CVPR 2024)."""
    if not found and not annotated:
        return 1.0
    overlaps = ((iou(one, other), i, j) for i, one in enumerate(found) for j, other in enumerate(annotated))
    taken: set[int] = set()
    matched: set[int] = set()
    for overlap, i, j in sorted(overlaps, reverse=True):
        if overlap >= least and i not in taken and j not in matched:
            taken.add(i)
            matched.add(j)
    return 2 * len(matched) / (len(found) + len(annotated))
