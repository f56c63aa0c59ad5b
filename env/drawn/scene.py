"""Drawn scenes: a few flat shapes on a light ground, as annotation and as pixels.

A scene is made so that every question about it has one answer that can be seen: shapes never overlap, the two sizes
are far apart, and no two centres share a column or a row, so that "left of" and "above" hold for every pair.
"""

from itertools import combinations
from random import Random

from PIL import Image, ImageDraw

from visrep.env.types import Box, Scene, SceneObject

WIDTH = HEIGHT = 224
"""Pixels."""

BACKGROUND = (243, 243, 238)

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (214, 39, 40),
    "green": (44, 160, 44),
    "blue": (31, 90, 220),
    "yellow": (245, 205, 30),
    "purple": (148, 40, 190),
    "black": (25, 25, 25),
}
"""RGB of each colour word. Hues lie 45 degrees or more apart; black is the only dark and the only grey one."""

SHAPES = ("circle", "square", "triangle")
"""Every shape fills its box, which is square: a circle's diameter, a square's side, a triangle's base and height.
Triangles stand on their base, their tip in the middle."""

SIZES: dict[str, tuple[int, int]] = {"small": (16, 22), "large": (36, 50)}
"""Smallest and largest extent of each size word: the side of the object's box, pixels, always even."""

SIZE_LIMIT = 29
"""An object whose extent is above this is large, else small."""

OBJECTS = (3, 9)
"""Fewest and most objects in a scene."""

GAP = 4
"""Free pixels between the boxes of any two objects, and between a box and the border."""

CENTRES_APART = 12
"""Pixels by which the centres of any two objects differ, in x and in y."""

COLOURS_PER_SCENE = (2, 4)
"""A scene uses few colours, so that objects that agree in colour are common."""

_OVERSAMPLING = 4


def generate(seed: str) -> Scene:
    """The scene of this seed: 3 to 9 objects, ids "0", "1", ... in no order of place, attributes `(colour, size)`.

    Boxes are in pixels, origin bottom-left.
    """
    random = Random(seed)
    count = random.randint(*OBJECTS)
    colours = random.sample(sorted(COLOURS), random.randint(*COLOURS_PER_SCENE))
    while True:
        sizes = [random.choice(sorted(SIZES)) for _ in range(count)]
        extents = [random.randrange(SIZES[size][0], SIZES[size][1] + 1, 2) for size in sizes]
        boxes = place(random, extents)
        if boxes is not None:
            break
    return Scene(
        WIDTH,
        HEIGHT,
        tuple(
            SceneObject(str(number), random.choice(SHAPES), box, (random.choice(colours), size))
            for number, (box, size) in enumerate(zip(boxes, sizes, strict=True))
        ),
    )


def render(scene: Scene) -> Image.Image:
    """The scene's picture, RGB, with smooth edges; boxes of the annotation bound the shapes exactly."""
    scale = _OVERSAMPLING
    image = Image.new("RGB", (scene.width * scale, scene.height * scale), BACKGROUND)
    draw = ImageDraw.Draw(image)
    for thing in scene.objects:
        left, right = thing.box.left * scale, thing.box.right * scale - 1
        top, bottom = (scene.height - thing.box.upper) * scale, (scene.height - thing.box.lower) * scale - 1
        draw_shape(draw, thing.name, (left, top, right, bottom), COLOURS[thing.attributes[0]])
    return image.reduce(scale)


def draw_shape(
    draw: ImageDraw.ImageDraw, shape: str, edges: tuple[float, float, float, float], colour: tuple[int, int, int]
) -> None:
    """Draw one of `SHAPES` that fills a box: left, top, right and bottom edge in pixels from the top-left corner, the
    last two inclusive."""
    left, top, right, bottom = edges
    match shape:
        case "circle":
            draw.ellipse(edges, fill=colour)
        case "square":
            draw.rectangle(edges, fill=colour)
        case "triangle":
            draw.polygon([(left, bottom), (right, bottom), ((left + right) / 2, top)], fill=colour)


def place(random: Random, extents: list[int]) -> list[Box] | None:
    """A box for each extent, or None where this throw of the dice makes two of them come too near."""
    columns = _spread(random, len(extents), WIDTH)
    rows = _spread(random, len(extents), HEIGHT)
    boxes = [
        Box(x - extent / 2, y - extent / 2, x + extent / 2, y + extent / 2)
        for x, y, extent in zip(columns, rows, extents, strict=True)
    ]
    return boxes if all(apart(one, other) for one, other in combinations(boxes, 2)) else None


def _spread(random: Random, count: int, length: int) -> list[int]:
    """Centres in random order, uniform among those that are far enough from each other and from the border."""
    margin = GAP + max(high for _, high in SIZES.values()) // 2
    room = length - 2 * margin - (count - 1) * CENTRES_APART
    places = sorted(random.randint(0, room) for _ in range(count))
    centres = [margin + place + number * CENTRES_APART for number, place in enumerate(places)]
    random.shuffle(centres)
    return centres


def apart(one: Box, other: Box) -> bool:
    """Whether the free space between the boxes is wide enough for two objects."""
    return (
        one.right + GAP <= other.left
        or other.right + GAP <= one.left
        or one.upper + GAP <= other.lower
        or other.upper + GAP <= one.lower
    )
