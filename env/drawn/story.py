"""Drawn stories: scenes in which something happens over time.

Each of a few objects appears, disappears, turns another colour or moves straight to another place, once. A story can be
told from one frame a second: whatever happens does so between two seconds, never two things at a time, and as in all
drawn scenes no object touches another, on its way neither.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from random import Random
from typing import Literal

from visrep.env.drawn.scene import COLOURS, GAP, HEIGHT, SIZES, WIDTH, apart, place
from visrep.env.types import Box, Scene, SceneObject

SECONDS = 7
"""How long every story is."""

_FAR = (70, 140)
"""Shortest and longest way of an object that moves, pixels."""

Kind = Literal["appears", "disappears", "turns", "moves"]

Plot = Sequence[tuple[Kind, int | None]]
"""What happens, in no order, and to which of the cast: by number, each at most once, None for anyone else."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one of the cast looks like at first."""

    shape: str
    colour: str
    size: str


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of an object between the second `after` and the next; `colour` and `box` say what it is then."""

    thing: str
    kind: Kind
    after: int
    colour: str
    box: Box


@dataclass(frozen=True, slots=True)
class Story:
    """All objects as they are before anything happens, those too that are still to appear, and what happens, in order.
    The ids of the objects are their numbers in the cast."""

    scene: Scene
    changes: tuple[Change, ...]

    def at(self, seconds: Fraction) -> Scene:
        """What is seen then."""
        changes = {change.thing: change for change in self.changes}
        things = (_then(thing, changes.get(thing.id), seconds) for thing in self.scene.objects)
        return replace(self.scene, objects=tuple(thing for thing in things if thing is not None))

    def scenes(self) -> list[Scene]:
        """What is seen at every second."""
        return [self.at(Fraction(second)) for second in range(SECONDS)]


def tell(cast: Sequence[Look], plot: Plot, random: Random) -> Story | None:
    """A story of this cast, places and times left to chance; None where this chance allows none."""
    extents = [random.randrange(SIZES[look.size][0], SIZES[look.size][1] + 1, 2) for look in cast]
    boxes = place(random, extents)
    if boxes is None:
        return None
    things = tuple(
        SceneObject(str(number), look.shape, box, (look.colour, look.size))
        for number, (look, box) in enumerate(zip(cast, boxes, strict=True))
    )
    others = [number for number in range(len(cast)) if number not in {meant for _, meant in plot}]
    random.shuffle(others)
    times = random.sample(range(SECONDS - 1), len(plot))
    changes = [
        _change(things, others.pop() if number is None else number, kind, after, random)
        for (kind, number), after in zip(plot, times, strict=True)
    ]
    told = [change for change in changes if change is not None]
    if len(told) < len(plot):
        return None
    return Story(Scene(WIDTH, HEIGHT, things), tuple(sorted(told, key=lambda change: change.after)))


def _change(things: Sequence[SceneObject], number: int, kind: Kind, after: int, random: Random) -> Change | None:
    thing = things[number]
    colour: str | None = thing.attributes[0]
    box: Box | None = thing.box
    if kind == "turns":
        colour = _other_colour(thing, things, random)
    if kind == "moves":
        box = _other_place(thing, things, random)
    return Change(thing.id, kind, after, colour, box) if colour and box else None


def _other_colour(thing: SceneObject, things: Sequence[SceneObject], random: Random) -> str | None:
    """A colour that no object of this shape has at first, so that "the red circle" is always the same one."""
    taken = {other.attributes[0] for other in things if other.name == thing.name}
    free = [colour for colour in COLOURS if colour not in taken]
    return random.choice(free) if free else None


def _other_place(thing: SceneObject, things: Sequence[SceneObject], random: Random) -> Box | None:
    """A place to the left, right, above or below that nothing stands in the way of; None where this one is not free."""
    far = random.choice((-1, 1)) * random.randrange(*_FAR)
    start = thing.box
    end = _moved(start, *random.choice(((far, 0), (0, far))))
    way = Box(
        min(start.left, end.left), min(start.lower, end.lower), max(start.right, end.right), max(start.upper, end.upper)
    )
    inside = min(way.left, way.lower) >= GAP and way.right <= WIDTH - GAP and way.upper <= HEIGHT - GAP
    return end if inside and all(apart(way, other.box) for other in things if other is not thing) else None


def _then(thing: SceneObject, change: Change | None, seconds: Fraction) -> SceneObject | None:
    """The object at that time, or None where it is not to be seen."""
    if change is None:
        return thing
    done = min(max(seconds - change.after, Fraction(0)), Fraction(1))
    over = done >= Fraction(1, 2)
    match change.kind:
        case "appears":
            return thing if over else None
        case "disappears":
            return None if over else thing
        case "turns":
            return replace(thing, attributes=(change.colour, thing.attributes[1])) if over else thing
        case "moves":
            right, up = change.box.left - thing.box.left, change.box.lower - thing.box.lower
            return replace(thing, box=_moved(thing.box, right * float(done), up * float(done)))


def _moved(box: Box, right: float, up: float) -> Box:
    return Box(box.left + right, box.lower + up, box.right + right, box.upper + up)
