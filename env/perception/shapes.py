"""Sees drawn scenes in their pixels, with OpenCV: flat shapes on a plain ground. No model, no annotation.

It knows colours by their hue, circles, squares and triangles by how well they cover a drawn one of their size, and the
pictures of NLVR by their grey boxes, where it also sees the boxes and the towers in them. Anything else is an object of
no known shape. A picture is looked at once; a call then costs microseconds.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from visrep.env.drawn.scene import HEIGHT, SIZE_LIMIT
from visrep.env.perception import Answer, Detection, View, nlvr, objects
from visrep.env.perception.picture import Picture
from visrep.env.perception.words import COLOURS
from visrep.env.types import Box, Scene, SceneObject

Pixels = NDArray[np.uint8]
Mask = NDArray[np.uint8]
Colour = NDArray[np.float64]
Cover = NDArray[np.float64]

REMEMBERED = 8192
"""Pictures whose objects are kept in memory."""

_NEAR_GROUND = 24
"""Largest difference to the ground's colour, in any channel, that is still ground."""

_CORE = np.ones((3, 3), np.uint8)
"""An object holds a square of this size; the blend of colours at an edge is thinner."""

_MOST = 256
"""A picture with more objects is none that was drawn; the rest is not looked at."""

_GROUNDS = 8
"""The commonest colours, among which the ground's are sought."""

_COVERED = 0.1
"""A pixel covered less than this is not counted into an object's box."""

_HUES = ((15, "orange"), (40, "yellow"), (70, "green"), (165, "blue"), (255, "purple"), (300, "pink"), (345, "red"))
"""Degrees from which a hue has the name; red goes round to 15."""

_FIT = 0.8
"""Least IoU with the drawn shape of equal box. A wrong one of the three reaches 0.79 at most (circle and square)."""

_SQUARE = 0.85
"""Least ratio of a square's or a circle's sides."""

_NLVR_SIZES = ((14, "small"), (24, "medium"))
"""NLVR draws extents of 10, 20 and 30 pixels in pictures 100 pixels high."""


class Shapes:
    """The backend. Flat drawings have no depth: it is 1 everywhere."""

    def __init__(self) -> None:
        self.identity = f"shapes {objects.revision(__file__, nlvr.__file__)}"
        self._seen: OrderedDict[str, Scene] = OrderedDict()

    def find(self, views: Sequence[View], names: Sequence[str]) -> list[tuple[Detection, ...]]:
        return [objects.find(self._scene(view), view.box, name) for view, name in zip(views, names, strict=True)]

    def query(
        self, views: Sequence[View], questions: Sequence[str], choices: Sequence[tuple[str, ...] | None]
    ) -> list[Answer]:
        asked = zip(views, questions, choices, strict=True)
        return [objects.query(self._scene(view), view.box, question, offered) for view, question, offered in asked]

    def match(self, views: Sequence[View], texts: Sequence[tuple[str, ...]]) -> list[tuple[float, ...]]:
        return [objects.match(self._scene(view), view.box, group) for view, group in zip(views, texts, strict=True)]

    def depth(self, views: Sequence[View]) -> list[float]:
        return [1.0 for _ in views]

    def _scene(self, view: View) -> Scene:
        digest = view.picture.digest
        if digest not in self._seen:
            self._seen[digest] = look(view.picture)
            if len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)
        return self._seen[digest]


def load() -> Shapes:
    return Shapes()


def look(picture: Picture) -> Scene:
    """All objects in a picture, their colour and size as attributes; in NLVR's pictures the boxes and towers too."""
    pixels = picture.pixels
    width, height = picture.size
    grounds = _grounds(pixels)
    boxed = (width, height) == nlvr.SIZE and len(grounds) > 1
    things: list[SceneObject] = []
    for colour, cover, left, top in _regions(pixels, grounds):
        tall, wide = cover.shape
        box = Box(left, height - top - tall, left + wide, height - top)
        size = _size(max(wide, tall), height, boxed)
        things.append(SceneObject(str(len(things)), _shape(cover), box, (colour, size)))
    return Scene(width, height, (*things, *(nlvr.groups(things) if boxed else ())))


def _grounds(pixels: Pixels) -> list[Colour]:
    """Colours of the ground, commonest first: those that reach from one side of the picture to the other unbroken."""
    height, width, _ = pixels.shape
    codes = (pixels >> 3).astype(np.int32) @ np.array([1024, 32, 1], np.int32)
    counts = np.bincount(codes.ravel(), minlength=32768)
    grounds: list[Colour] = []
    for code in np.argsort(counts)[::-1][:_GROUNDS]:
        colour = np.median(pixels[codes == code], axis=0) if counts[code] else None
        if colour is None or any(np.abs(colour - known).max() <= _NEAR_GROUND for known in grounds):
            continue
        mask = _near(pixels, colour)
        if not (mask.any(0).all() or mask.any(1).all()):
            continue  # absent from some row and some column, so it cannot reach across: saves most of the time
        _, _, found, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
        if ((found[1:, cv2.CC_STAT_WIDTH] == width) | (found[1:, cv2.CC_STAT_HEIGHT] == height)).any():
            grounds.append(colour)
    return grounds


def _near(pixels: Pixels, colour: Colour) -> Mask:
    low, high = np.clip(colour - _NEAR_GROUND, 0, 255), np.clip(colour + _NEAR_GROUND, 0, 255)
    return np.asarray(cv2.inRange(pixels, low, high))


def _regions(pixels: Pixels, grounds: list[Colour]) -> Iterator[tuple[str, Cover, int, int]]:
    """Name of the colour, cover and left top corner of each object.

    A cover is as large as the object's box and says how much of each pixel is the object's, in [0, 1].
    """
    front = np.full(pixels.shape[:2], 255, np.uint8)
    for ground in grounds:
        front &= ~_near(pixels, ground)
    owners, found = _owners(pixels, front)
    height, width, _ = pixels.shape
    for owner, (name, x, y, wide, tall) in enumerate(found, 1):
        rows = slice(max(y - 1, 0), min(y + tall + 1, height))
        columns = slice(max(x - 1, 0), min(x + wide + 1, width))
        own = (owners[rows, columns] == owner).astype(np.uint8)
        edge = (cv2.dilate(own, _CORE) > 0) & (front[rows, columns] > 0) & (owners[rows, columns] == 0)
        cover = np.where(edge, _blend(pixels[rows, columns], own, grounds), own)
        filled = cover >= _COVERED
        ys, xs = np.flatnonzero(filled.any(1)), np.flatnonzero(filled.any(0))
        inner = cover[ys[0] : ys[-1] + 1, xs[0] : xs[-1] + 1]
        yield name, inner, int(columns.start + xs[0]), int(rows.start + ys[0])


def _owners(pixels: Pixels, front: Mask) -> tuple[NDArray[np.int32], list[tuple[str, int, int, int, int]]]:
    """Which object each pixel surely belongs to, counted from 1, and the objects: colour, left, top, width, height."""
    named = np.where(front > 0, _names()[pixels[..., 0] >> 3, pixels[..., 1] >> 3, pixels[..., 2] >> 3], -1)
    owners = np.zeros(front.shape, np.int32)
    found: list[tuple[str, int, int, int, int]] = []
    for number, name in enumerate(COLOURS):
        mask = (named == number).astype(np.uint8)
        if not mask.any():
            continue
        _, parts, sizes, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
        for part in np.unique(parts[cv2.erode(mask, _CORE) > 0])[: _MOST - len(found)]:
            x, y, wide, tall, _ = (int(size) for size in sizes[part])
            found.append((name, x, y, wide, tall))
            here = owners[y : y + tall, x : x + wide]
            here[parts[y : y + tall, x : x + wide] == part] = len(found)
    return owners, found


def _blend(pixels: Pixels, own: Mask, grounds: list[Colour]) -> Cover:
    """How much of each pixel has the colour of the object's own pixels, the rest being ground."""
    colour = np.median(pixels[own > 0], axis=0)
    ground = grounds[0] if grounds else 255 - colour
    towards = colour - ground
    share: Cover = (pixels - ground) @ towards / max(towards @ towards, 1.0)
    return np.clip(share, 0, 1)


@lru_cache(1)
def _names() -> NDArray[np.int8]:
    """Index into COLOURS of every colour, by its channels' upper five bits."""
    levels = (np.arange(32, dtype=np.uint8) << 3) + 4
    cube = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1).reshape(1, -1, 3)
    hue, saturation, value = np.moveaxis(cv2.cvtColor(cube, cv2.COLOR_RGB2HSV_FULL)[0].astype(float), -1, 0)
    degrees = hue * 360 / 256
    names = np.full(degrees.shape, COLOURS.index("red"), np.int8)
    for start, name in _HUES:
        names[degrees >= start] = COLOURS.index(name)
    names[(names == COLOURS.index("orange")) & (value < 160)] = COLOURS.index("brown")
    names[saturation < 50] = COLOURS.index("gray")
    names[(saturation < 50) & (value > 225)] = COLOURS.index("white")
    names[value < 64] = COLOURS.index("black")
    return names.reshape(32, 32, 32)


def _shape(cover: Cover) -> str:
    """The shape whose drawing in the same box overlaps the cover best, "object" where none does well."""
    tall, wide = cover.shape
    if min(tall, wide) / max(tall, wide) < _SQUARE:
        return "object"
    fits = {
        name: float(np.minimum(cover, drawn).sum() / np.maximum(cover, drawn).sum())
        for name, drawn in _drawn(wide, tall)
    }
    best = max(fits, key=lambda name: fits[name])
    return best if fits[best] >= _FIT else "object"


@lru_cache(4096)
def _drawn(wide: int, tall: int) -> tuple[tuple[str, Cover], ...]:
    """The covers of a circle, a square and a triangle that stands on its base, each filling its box."""
    fine = 4
    y, x = np.mgrid[0 : tall * fine, 0 : wide * fine]
    x, y = (x + 0.5) / (wide * fine) * 2 - 1, (y + 0.5) / (tall * fine) * 2 - 1
    shapes = {"circle": x * x + y * y <= 1, "square": np.abs(x) <= 1, "triangle": 2 * np.abs(x) <= y + 1}
    return tuple((name, inside.reshape(tall, fine, wide, fine).mean((1, 3))) for name, inside in shapes.items())


def _size(extent: int, height: int, boxed: bool) -> str:
    """Small, large or, in NLVR's pictures, medium. Other pictures are judged like our own drawn scenes."""
    if boxed:
        return next((name for limit, name in _NLVR_SIZES if extent <= limit), "large")
    return "large" if extent > SIZE_LIMIT * height / HEIGHT else "small"
