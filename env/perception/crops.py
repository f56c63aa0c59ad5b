"""What a model gets to see of a view, and what becomes of the boxes that it finds there.

A detector counts pixels from the top-left corner of what it sees, the visual API from the bottom-left corner of the
whole picture: boxes are turned here, once.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from visrep.env.boxes import from_top_left, iou
from visrep.env.perception import Detection, View
from visrep.env.types import Box

MOST = 100
"""Detections of one name in one view, the most confident ones."""

_MOST_ASPECT, _LEAST_SIDE = 20, 4
"""A sliver is widened by repeating its edge until it is neither thinner, in pixels and beside its length: the resizing
of some models' processors rounds thin sides to nothing (GroundingDINO), that of others refuses them (Qwen-VL)."""

Array = NDArray[np.floating[Any]]


def edges(view: View) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of the pixels that lie in the view, wholly or in part, from the picture's top-left."""
    height, box = view.picture.size[1], view.box
    return math.floor(box.left), math.floor(height - box.upper), math.ceil(box.right), math.ceil(height - box.lower)


def crop(view: View) -> Image.Image:
    """The view as an image of its own, in RGB. What is added to a sliver is right of it and below."""
    left, top, right, bottom = edges(view)
    pixels = view.picture.pixels[top:bottom, left:right]
    least = max(_LEAST_SIDE, math.ceil(max(pixels.shape[:2]) / _MOST_ASPECT))
    down, across = (max(0, least - side) for side in pixels.shape[:2])
    return Image.fromarray(np.pad(pixels, ((0, down), (0, across), (0, 0)), mode="edge"))


def corners(centred: Array) -> Array:
    """Boxes as (left, top, right, bottom) of boxes as (centre x, centre y, width, height), the way DETR and its
    descendants give them; rows × 4, in any unit."""
    middle, half = centred[:, :2], centred[:, 2:] / 2
    return np.concatenate([middle - half, middle + half], axis=1)


def detections(view: View, boxes: Array, scores: Array, threshold: float, nms: float) -> tuple[Detection, ...]:
    """What was found in a view, most confident first: at most MOST boxes, clipped to the view.

    `boxes` is rows × (left, top, right, bottom) in pixels from the top-left corner of `crop(view)`, `scores` one number
    in [0, 1] a row. Left out is what does not score above `threshold`, what overlaps a more confident box by an IoU
    above `nms` (greedy non-maximum suppression), and what is less than a pixel wide or high in the view.
    """
    left, top, *_ = edges(view)
    height = view.picture.size[1]
    found: list[Detection] = []
    for row in np.argsort(-scores, kind="stable"):
        if not scores[row] > threshold or len(found) == MOST:
            break
        x, y, right, bottom = (float(side) for side in boxes[row])
        box = _within(from_top_left(left + x, top + y, right - x, bottom - y, height), view.box)
        if box is not None and all(iou(box, other.box) <= nms for other in found):
            found.append(Detection(box, float(scores[row])))
    return tuple(found)


def _within(box: Box, view: Box) -> Box | None:
    left, right = max(box.left, view.left), min(box.right, view.right)
    lower, upper = max(box.lower, view.lower), min(box.upper, view.upper)
    return Box(left, lower, right, upper) if right - left >= 1 and upper - lower >= 1 else None
