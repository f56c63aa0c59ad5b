"""Boxes between two frames: files and models count pixels from the top-left corner, the visual API from the
bottom-left. A loader turns them as it reads, a metric that hands boxes to an official tool turns them back; nothing
between sees any but the API's.
"""

from visrep.env.types import Box


def from_top_left(left: float, top: float, width: float, height: float, image_height: float) -> Box:
    """The box for `(left, top, width, height)` in pixels from the top-left corner of an image of that height, as COCO
    and GQA write it."""
    return Box(left, image_height - top - height, left + width, image_height - top)


def to_top_left(box: Box, image_height: float) -> tuple[float, float, float, float]:
    """The box as `(left, top, width, height)` in pixels from the top-left corner."""
    return box.left, image_height - box.upper, box.right - box.left, box.upper - box.lower


def clipped(box: Box, width: float, height: float) -> Box | None:
    """The part of the box inside an image, or None where there is none: annotations reach beyond some images."""
    left, right = max(0, box.left), min(width, box.right)
    lower, upper = max(0, box.lower), min(height, box.upper)
    return Box(left, lower, right, upper) if left < right and lower < upper else None


def iou(one: Box, other: Box) -> float:
    """Intersection over union of two boxes, in [0, 1]; 0 where one of them is empty."""
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.upper, other.upper) - max(one.lower, other.lower)
    if width <= 0 or height <= 0:
        return 0.0
    area = sum((box.right - box.left) * (box.upper - box.lower) for box in (one, other))
    return width * height / (area - width * height)
