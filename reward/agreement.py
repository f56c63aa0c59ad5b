"""What several programs agree on, without a look at any annotation: a way to choose among their values at test time.

The value chosen is the one that is most like all the others: the majority for texts, numbers and options, the box that
overlaps the others most, the set of boxes that has the highest F1 with the others.
"""

from collections.abc import Sequence
from typing import Any

from visrep.env.boxes import iou
from visrep.env.types import Kind
from visrep.reward.detect import f1
from visrep.reward.normalise import is_plain, normalise
from visrep.reward.patches import box, is_patch

_SAME = 0.5
"""IoU from which two boxes of a set are the same."""


def agreed(kind: Kind, values: Sequence[Any], counts: Sequence[int]) -> int | None:
    """Index of the value that the others are most like, the first of equals; `counts` says how many programs returned
    each. None where no value is of a type that can be right."""
    candidates = [index for index, value in enumerate(values) if _is_fit(kind, value)]
    if not candidates:
        return None
    support = {
        index: sum(counts[other] * _alike(kind, values[index], values[other]) for other in candidates)
        for index in candidates
    }
    return max(candidates, key=lambda index: (support[index], -index))


def _is_fit(kind: Kind, value: Any) -> bool:
    match kind:
        case "ground":
            return is_patch(value)
        case "detect":
            return type(value) is list and all(map(is_patch, value))
        case _:
            return is_plain(value) or is_patch(value)


def _alike(kind: Kind, one: Any, other: Any) -> float:
    """How alike two values are, in [0, 1]."""
    match kind:
        case "ground":
            return iou(box(one), box(other)) if one["image"] == other["image"] else 0.0
        case "detect":
            return f1([box(each) for each in one], [box(each) for each in other], _SAME)
        case _:
            return float(_plain(one) == _plain(other))


def _plain(value: Any) -> str:
    """A patch among plain values stands for its image's index."""
    return normalise(value["image"] if is_patch(value) else value)
