"""Images for the page, with the boxes of the calls that were made on them.

Boxes count from an image's bottom-left corner, pictures on a page from the top-left one: they are turned over here.
"""

import base64
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from PIL import Image

from visrep.env.faults import UserFault
from visrep.env.perception.picture import Picture
from visrep.env.types import Box, Call

LONGEST_SIDE = 400
"""Pixels of an image on the page; what is larger is made smaller. A report is to be sent by mail."""

COLOURS = 8
"""A call's number modulo this is the number of its colour on the page."""

_MOST_OUTLINES = 60
"""On one image; more hide it."""

Kind = Literal["asked", "found", "returned", "annotated"]
"""What a box is: the patch that a call was made on, one that it gave back, the program's value, or what is
annotated."""


@dataclass(frozen=True, slots=True)
class Outline:
    """A box in the picture's frame: pixels of the original image, origin top-left. `label` has the numbers of its calls
    and stands on `base_line`: above what was found, below what was asked about."""

    x: float
    y: float
    width: float
    height: float
    kind: Kind
    label: str
    colour: int
    base_line: float


@dataclass(frozen=True, slots=True)
class Figure:
    """An image of `width` × `height` pixels as a data URI with outlines over it and numbers of `letter` pixels at them,
    or in `missing` why there is none."""

    name: str
    uri: str = ""
    width: int = 0
    height: int = 0
    letter: float = 0
    outlines: tuple[Outline, ...] = ()
    missing: str = ""


def figure(
    picture: Picture,
    index: int,
    calls: Sequence[Call],
    value: Any,
    annotated: Sequence[Box] = (),
    longest: int = LONGEST_SIDE,
) -> Figure:
    """The image or frame with this index in its instance, with what the calls, the value and the annotation say of it;
    at most `longest` pixels of it in either direction."""
    try:
        width, height = picture.size
        uri = _data_uri(picture, longest)
    except UserFault as fault:
        return Figure(picture.name, missing=str(fault))
    letter = max(width, height) / 18
    shown: dict[tuple[Box, Kind], list[int]] = {}
    boxes: list[tuple[int | None, Box, int, Kind]] = [(0, box, 0, "annotated") for box in annotated]
    boxes.extend(_boxes(calls, value))
    for image, box, number, kind in boxes:
        if image == index and box != Box(0, 0, width, height):  # whose frame would say nothing
            shown.setdefault((box, kind), []).append(number)
    outlines = tuple(_outline(box, kind, numbers, height, letter) for (box, kind), numbers in shown.items())
    return Figure(picture.name, uri, width, height, letter, outlines[:_MOST_OUTLINES])


def looked_at(calls: Sequence[Call], value: Any) -> list[int]:
    """Indices of the images or frames that the calls and the value speak of, in that order."""
    return list(dict.fromkeys(image for image, *_ in _boxes(calls, value) if image is not None))


def _outline(box: Box, kind: Kind, numbers: list[int], height: int, letter: float) -> Outline:
    top, bottom = height - box.upper, height - box.lower
    above, below = top - letter / 4, bottom + letter
    if kind == "found":
        base_line = above if above > letter else top + letter
    else:
        base_line = below if below < height else bottom - letter / 4
    label = {"returned": "value", "annotated": "annotated"}.get(kind, ", ".join(map(str, numbers)))
    return Outline(box.left, top, box.right - box.left, bottom - top, kind, label, numbers[0] % COLOURS, base_line)


def _data_uri(picture: Picture, longest: int) -> str:
    image = Image.fromarray(picture.pixels)
    image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    image.save(file, "WEBP", quality=80)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()


def _boxes(calls: Sequence[Call], value: Any) -> Iterator[tuple[int | None, Box, int, Kind]]:
    """All boxes of an execution with the image they are in and the number of their call."""
    for number, call in enumerate(calls, 1):
        if call.box is not None:
            yield call.image, call.box, number, "asked"
        if call.error is not None:
            continue
        match call.method:
            case "find":
                yield from ((call.image, Box(*edges), number, "found") for _, *edges in call.result)
            case "crop":
                yield call.image, Box(*call.result[1:]), number, "found"
            case "best_image_match":
                yield from ((image, Box(*edges), number, "asked") for image, edges in call.arguments[0])
    yield from ((image, box, 0, "returned") for image, box in _returned(value))


def _returned(value: Any) -> Iterable[tuple[int, Box]]:
    """Patches in a program's value, which the host gave as `{"image": index, "box": edges}`."""
    if isinstance(value, list):
        return [found for item in value for found in _returned(item)]
    if isinstance(value, dict) and value.keys() - {"score"} == {"image", "box"}:
        return [(value["image"], Box(*value["box"]))]
    return []
