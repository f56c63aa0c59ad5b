"""From which measure on an answer is right, where being right is a matter of degree."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rules:
    """Least measures that earn 1, each in (0, 1].

    `soft`: VQA's score of an answer; 0.6 is that of one which two of ten annotators gave. `iou`: of a box with the
    annotated one, for `ground` to be right and for `detect` to count as found (0.5 in RefCOCO and OmniLabel). `f1`: of
    a set of boxes.
    """

    soft: float = 0.6
    iou: float = 0.5
    f1: float = 0.5
