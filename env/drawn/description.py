"""Descriptions of drawn objects, such as "large red circles": their words, and the objects of a scene they fit."""

from dataclasses import dataclass
from random import Random
from typing import Literal

from visrep.env.drawn.scene import COLOURS, SHAPES, SIZES
from visrep.env.types import Scene, SceneObject

Attribute = Literal["color", "shape", "size"]
"""Named as the questions name it."""

WORDS: dict[Attribute, tuple[str, ...]] = {"color": tuple(COLOURS), "shape": SHAPES, "size": tuple(SIZES)}

_CLEARLY = 4
"""Pixels by which edges differ where one object is said to be beside, above or larger than another."""


@dataclass(frozen=True, slots=True)
class Description:
    """The attributes an object must have; None where any will do."""

    shape: str | None = None
    colour: str | None = None
    size: str | None = None


def draw_lots(random: Random, *, without: Attribute | None = None, least: int = 1) -> Description:
    """A description by chance with at least `least` words, none of them of the attribute `without`."""
    while True:
        words: dict[Attribute, str | None] = {
            attribute: random.choice(WORDS[attribute])
            if attribute != without and random.random() < (0.3 if attribute == "size" else 0.7)
            else None
            for attribute in WORDS
        }
        if sum(word is not None for word in words.values()) >= least:
            return Description(words["shape"], words["color"], words["size"])


def two(random: Random, *, without: Attribute | None = None) -> tuple[Description, Description]:
    """Two descriptions by chance that can fit no object both."""
    while True:
        one, other = draw_lots(random, without=without), draw_lots(random, without=without)
        pairs = ((one.shape, other.shape), (one.colour, other.colour), (one.size, other.size))
        if any(mine and yours and mine != yours for mine, yours in pairs):
            return one, other


def singular(of: Description) -> str:
    """ "large red circle", "red object"."""
    return " ".join(word for word in (of.size, of.colour, of.shape or "object") if word)


def plural(of: Description) -> str:
    """ "large red circles", "red objects"."""
    return singular(of) + "s"


def attribute(thing: SceneObject, name: Attribute) -> str:
    """The object's color, shape or size word."""
    return {"color": thing.attributes[0], "shape": thing.name, "size": thing.attributes[1]}[name]


def fitting(of: Description, scene: Scene) -> list[SceneObject]:
    """All objects that the description fits, in the scene's order."""
    return [
        thing
        for thing in scene.objects
        if of.shape in (None, thing.name)
        and of.colour in (None, thing.attributes[0])
        and of.size in (None, thing.attributes[1])
    ]


def only(of: Description, scene: Scene) -> SceneObject | None:
    """The object meant by "the large circle": None unless the description fits exactly one."""
    things = fitting(of, scene)
    return things[0] if len(things) == 1 else None


def is_left(one: SceneObject, other: SceneObject) -> bool | None:
    """Whether `one` is to the left of `other`, None where their edges and centres do not all agree on it."""
    return _agreed(other.box.left - one.box.left, other.box.right - one.box.right)


def is_above(one: SceneObject, other: SceneObject) -> bool | None:
    """Whether `one` is above `other`, None where their edges and centres do not all agree on it."""
    return _agreed(one.box.lower - other.box.lower, one.box.upper - other.box.upper)


def is_larger(one: SceneObject, other: SceneObject) -> bool | None:
    """Whether `one` is larger than `other`, None where that is hard to see."""
    return _agreed((one.box.right - one.box.left) - (other.box.right - other.box.left))


def _agreed(*differences: float) -> bool | None:
    if min(differences) >= _CLEARLY:
        return True
    return False if max(differences) <= -_CLEARLY else None
