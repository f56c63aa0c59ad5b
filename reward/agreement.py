"""What several programs agree on, without a look at any annotation: a way to choose among their values at test time.

The value chosen is the one that is most like all the others: the majority for texts, numbers, verdicts and options, the
box that overlaps the others most, the set of boxes that has the highest F1 with the others.
"""

from collections.abc import Sequence
from typing import Any

from visrep.env.boxes import iou
from visrep.env.types import Question
from visrep.reward.choice import chosen
from visrep.reward.detect import f1
from visrep.reward.normalise import is_plain, normalise
from visrep.reward.patches import box, is_patch

_SAME = 0.5
"""IoU from which two boxes of a set are the same."""


def agreed(question: Question, images: int, values: Sequence[Any], counts: Sequence[int]) -> int | None:
    """Index of the value that the others are most like, the first of equals; `counts` says how many programs returned
    each, `images` of how many images the question was asked. None where no value is of a type that can be right."""
    said = [_said(question, images, value) for value in values]
    candidates = [index for index, each in enumerate(said) if each is not None]
    if not candidates:
        return None
    support = {
        index: sum(counts[other] * _alike(question, said[index], said[other]) for other in candidates)
        for index in candidates
    }
    return max(candidates, key=lambda index: (support[index], -index))


def _said(question: Question, images: int, value: Any) -> Any:
    """What a value says, in a form in which values can be compared; None for one that cannot be right."""
    match question.kind:
        case "ground":
            return value if is_patch(value) else None
        case "detect":
            return [box(each) for each in value] if type(value) is list and all(map(is_patch, value)) else None
        case "choice" | "match":
            return chosen(question.options, images, value)
        case "verify":
            return normalise(value) if type(value) in (bool, str) else None
        case "answer":
            return normalise(value) if is_plain(value) else None


def _alike(question: Question, one: Any, other: Any) -> float:
    """How alike two of them are, in [0, 1]."""
    match question.kind:
        case "ground":
            return iou(box(one), box(other)) if one["image"] == other["image"] else 0.0
        case "detect":
            return f1(one, other, _SAME)
        case _:
            return float(one == other)
