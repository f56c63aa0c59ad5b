"""Drawings of the kind NLVR is made of: three grey boxes, each with loose items or with one tower of blocks.

    400 x 100 pixels; boxes 100 wide from x = 0, 150 and 300, on darker ground; items yellow, black or blue, of 10, 20
    or 30 pixels; blocks of a tower are squares of 20, a pixel apart, from the floor up

Unlike some of the corpus's, loose items keep apart from each other, and touch a wall or are clearly away from it, so
that every sentence about them has one answer that can be seen.
"""

from dataclasses import dataclass
from random import Random

from PIL import Image, ImageDraw

from visrep.env.drawn.scene import SHAPES, draw_shape

BOXES = (0, 150, 300)
"""Where each box begins, pixels."""

WIDTH, HEIGHT, SIDE = 400, 100, 100
"""Of the picture, and of a box, pixels."""

COLOURS = {"yellow": (255, 255, 0), "black": (0, 0, 0), "blue": (0, 153, 255)}
SIZES = (10, 20, 30)
BLOCK = 20

_BOX, _GROUND = (211, 211, 211), (128, 128, 128)
_GAP = 4
_OVERSAMPLING = 4


@dataclass(frozen=True, slots=True)
class Item:
    """A circle, square or triangle; `left` and `top` of its box in pixels from the grey box's top-left corner."""

    shape: str
    colour: str
    size: int
    left: int
    top: int


Drawing = tuple[tuple[Item, ...], tuple[Item, ...], tuple[Item, ...]]
"""The items of each box; those of a tower from the floor up."""


def loose(seed: str) -> Drawing:
    """A drawing with 2 to 6 items in each box."""
    random = Random(seed)
    return _scattered(random), _scattered(random), _scattered(random)


def towers(seed: str) -> Drawing:
    """A drawing with a tower of 1 to 4 blocks in each box."""
    random = Random(seed)
    return _tower(random), _tower(random), _tower(random)


def render(drawing: Drawing) -> Image.Image:
    """The picture, RGB, with smooth edges."""
    scale = _OVERSAMPLING
    image = Image.new("RGB", (WIDTH * scale, HEIGHT * scale), _GROUND)
    draw = ImageDraw.Draw(image)
    for start, items in zip(BOXES, drawing, strict=True):
        draw.rectangle((start * scale, 0, (start + SIDE) * scale - 1, HEIGHT * scale - 1), fill=_BOX)
        for item in items:
            left, top = (start + item.left) * scale, item.top * scale
            right, bottom = left + item.size * scale - 1, top + item.size * scale - 1
            draw_shape(draw, item.shape, (left, top, right, bottom), COLOURS[item.colour])
    return image.reduce(scale)


def _scattered(random: Random) -> tuple[Item, ...]:
    items: list[Item] = []
    wanted = random.randint(2, 6)
    while len(items) < wanted:
        size = random.choice(SIZES)
        item = Item(
            random.choice(SHAPES), random.choice(list(COLOURS)), size, _place(random, size), _place(random, size)
        )
        if all(_apart(item, other) for other in items):
            items.append(item)
    return tuple(items)


def _place(random: Random, size: int) -> int:
    """At a wall one time in four, else clearly away from both."""
    last = SIDE - size
    return random.choice((0, last)) if random.random() < 0.25 else random.randint(_GAP, last - _GAP)


def _apart(one: Item, other: Item) -> bool:
    across = max(one.left, other.left) - min(one.left + one.size, other.left + other.size)
    along = max(one.top, other.top) - min(one.top + one.size, other.top + other.size)
    return max(across, along) >= _GAP


def _tower(random: Random) -> tuple[Item, ...]:
    tops = [SIDE - BLOCK - number * (BLOCK + 1) for number in range(random.randint(1, 4))]
    return tuple(Item("square", random.choice(list(COLOURS)), BLOCK, (SIDE - BLOCK) // 2, top) for top in tops)
