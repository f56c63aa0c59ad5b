"""Captions of drawn scenes in pairs of the same or nearly the same words, of which a scene makes one true and the other
false: Winoground's and SugarCrepe's kinds.

    a red circle is left of a blue square        a blue square is left of a red circle
    a red circle and a blue square               a blue circle and a red square
    more red circles than blue squares           more blue squares than red circles
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random

from visrep.env.drawn.description import WORDS, Description, fitting, is_above, is_left, only, plural, singular
from visrep.env.types import Scene, SceneObject


@dataclass(frozen=True, slots=True)
class Caption:
    """A text, and whether it is true of a scene: None where that is hard to see, or nothing is meant."""

    text: str
    holds: Callable[[Scene], bool | None]


Pair = tuple[Caption, Caption]
"""A caption, and one that is false where the first is true."""


def shown_by(scenes: Sequence[Scene], true: Caption, false: Caption, random: Random) -> Scene | None:
    """By lot, a scene of which one caption is true and the other false; None where there is none."""
    found = [scene for scene in scenes if true.holds(scene) and false.holds(scene) is False]
    return random.choice(found) if found else None


def swapped_phrases(random: Random) -> Pair:
    """Two objects change places beside each other."""
    one, other = _two(random)
    side = random.choice(list(_OPPOSITE))
    return _beside(one, side, other), _beside(other, side, one)


def swapped_colours(random: Random) -> Pair:
    """Two objects change colours."""
    one, other = _two(random)
    return _there(one, other), _there(replace(one, colour=other.colour), replace(other, colour=one.colour))


def swapped_counts(random: Random) -> Pair:
    """Two kinds of objects change places in a comparison of their numbers."""
    one, other = _two(random)
    word = random.choice(("shape", "colour", None))
    if word:
        one, other = replace(one, **{word: None}), replace(other, **{word: None})
    return _more(one, other), _more(other, one)


def added_object(random: Random) -> Pair:
    """The second names one more object."""
    one, other = _two(random)
    return _there(one), _there(one, other)


def added_colour(random: Random) -> Pair:
    """The second says the colour of an object."""
    one, other = _two(random)
    return _there(replace(one, colour=None), other), _there(one, other)


def replaced_colour(random: Random) -> Pair:
    """The second has another colour for an object."""
    one, other = _two(random)
    return _there(one, other), _there(replace(one, colour=_another(WORDS["color"], one.colour, random)), other)


def replaced_shape(random: Random) -> Pair:
    """The second has another object in place of one."""
    one, other = _two(random)
    return _there(one, other), _there(replace(one, shape=_another(WORDS["shape"], one.shape, random)), other)


def replaced_side(random: Random) -> Pair:
    """The second has the objects on the other sides of each other."""
    one, other = _two(random)
    side = random.choice(list(_OPPOSITE))
    return _beside(one, side, other), _beside(one, _OPPOSITE[side], other)


_OPPOSITE = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}

_SIDES: dict[str, Callable[[SceneObject, SceneObject], bool | None]] = {
    "left of": is_left,
    "right of": lambda one, other: is_left(other, one),
    "above": is_above,
    "below": lambda one, other: is_above(other, one),
}


def _two(random: Random) -> tuple[Description, Description]:
    """Two descriptions by colour and shape that agree in neither."""
    colours, shapes = random.sample(WORDS["color"], 2), random.sample(WORDS["shape"], 2)
    return Description(shapes[0], colours[0]), Description(shapes[1], colours[1])


def _another(words: Sequence[str], word: str | None, random: Random) -> str:
    return random.choice([other for other in words if other != word])


def _beside(one: Description, side: str, other: Description) -> Caption:
    def holds(scene: Scene) -> bool | None:
        thing, anchor = only(one, scene), only(other, scene)
        return _SIDES[side](thing, anchor) if thing and anchor else None

    return Caption(f"a {singular(one)} is {side} a {singular(other)}", holds)


def _there(*things: Description) -> Caption:
    text = " and ".join(f"a {singular(thing)}" for thing in things)
    return Caption(text, lambda scene: all(fitting(thing, scene) for thing in things))


def _more(one: Description, other: Description) -> Caption:
    def holds(scene: Scene) -> bool | None:
        many, few = len(fitting(one, scene)), len(fitting(other, scene))
        return many > few if many and few else None  # else looking whether there are any would do

    return Caption(f"more {plural(one)} than {plural(other)}", holds)
