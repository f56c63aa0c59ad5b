"""Phrases that name objects of drawn scenes by what they look like, where they are, or how they compare.

A phrase is made without a scene: its text, and the objects it means in any scene, which is None where it does not apply
("left of the red square" where there are two of them), where what it means would be hard to see, or where a part of it
would do as well ("circles that are not red" where no circle is red). Each is answerable by a short program over the
visual API.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import Random

from visrep.env.drawn.description import (
    WORDS,
    Attribute,
    Description,
    attribute,
    draw_lots,
    fitting,
    is_above,
    is_larger,
    is_left,
    only,
    plural,
    singular,
    two,
)
from visrep.env.drawn.scene import HEIGHT, WIDTH
from visrep.env.types import Scene, SceneObject


@dataclass(frozen=True, slots=True)
class Phrase:
    """The text for one object and for several, which is the same where it can only mean one, and what it means."""

    one: str
    several: str
    meant: Callable[[Scene], list[SceneObject] | None]


def phrase(form: str, random: Random) -> Phrase:
    """A phrase of this form by chance. Any of `FORMS` will do."""
    return _MAKE[form](random)


def _attribute(random: Random) -> Phrase:
    what = draw_lots(random)
    return Phrase(singular(what), plural(what), lambda scene: fitting(what, scene))


def _negation(random: Random) -> Phrase:
    denied: Attribute = random.choice(("color", "size"))
    word = random.choice(WORDS[denied])
    what = draw_lots(random, without=denied)
    return Phrase(
        f"{singular(what)} that is not {word}",
        f"{plural(what)} that are not {word}",
        lambda scene: _holding(fitting(what, scene), lambda thing: attribute(thing, denied) != word),
    )


def _half(random: Random) -> Phrase:
    what, side = draw_lots(random), random.choice(list(_HALVES))
    return Phrase(
        f"{singular(what)} in the {side} half",
        f"{plural(what)} in the {side} half",
        lambda scene: _holding(fitting(what, scene), _HALVES[side]),
    )


def _relation(sides: "Sides", without: Attribute | None, random: Random) -> Phrase:
    (what, other), side = two(random, without=without), random.choice(list(sides))
    if random.random() < 1 / 2:
        what = Description()
    said = f"{side} the {singular(other)}"

    def meant(scene: Scene) -> list[SceneObject] | None:
        anchor = only(other, scene)
        if anchor is None:
            return None
        things = [thing for thing in fitting(what, scene) if thing is not anchor]
        return _holding(things, lambda thing: sides[side](thing, anchor))

    return Phrase(f"{singular(what)} {said}", f"{plural(what)} {said}", meant)


def _extreme(random: Random) -> Phrase:
    superlative = random.choice(list(_SUPERLATIVES))
    what = draw_lots(random, without="size" if superlative in _SIZES else None, least=0)
    text = f"{superlative} {singular(what)}"

    def meant(scene: Scene) -> list[SceneObject] | None:
        ranked = _ranked(fitting(what, scene), _SUPERLATIVES[superlative], 1)
        return None if ranked is None or len(ranked) == 1 else ranked[:1]

    return Phrase(text, text, meant)


def _order(random: Random) -> Phrase:
    place, side = random.choice(list(_ORDINALS)), random.choice(list(_STARTS))
    what = draw_lots(random, least=0)
    text = f"{place} {singular(what)} from the {side}"

    def meant(scene: Scene) -> list[SceneObject] | None:
        ranked = _ranked(fitting(what, scene), _STARTS[side], _ORDINALS[place])
        return None if ranked is None else ranked[_ORDINALS[place] - 1 : _ORDINALS[place]]

    return Phrase(text, text, meant)


Holds = Callable[[SceneObject], bool | None]
Sides = dict[str, Callable[[SceneObject, SceneObject], bool | None]]


def _holding(things: list[SceneObject], holds: Holds) -> list[SceneObject] | None:
    """The things of which it holds; None where that is unclear of one of them, or it holds of all."""
    held = [holds(thing) for thing in things]
    if None in held or False not in held:
        return None
    return [thing for thing, true in zip(things, held, strict=True) if true]


def _ranked(things: list[SceneObject], beats: Callable[..., bool | None], places: int) -> list[SceneObject] | None:
    """The things in order, each of the first `places` clearly before all that follow it; None where one is not."""
    left = list(things)
    ranked: list[SceneObject] = []
    while left and len(ranked) < places:
        first = next((one for one in left if all(beats(one, other) for other in left if other is not one)), None)
        if first is None:
            return None
        left.remove(first)
        ranked.append(first)
    return ranked + left


def _is_right(one: SceneObject, other: SceneObject) -> bool | None:
    return is_left(other, one)


def _is_below(one: SceneObject, other: SceneObject) -> bool | None:
    return is_above(other, one)


def _is_smaller(one: SceneObject, other: SceneObject) -> bool | None:
    return is_larger(other, one)


def _within(low: float, high: float, middle: float) -> bool | None:
    """Whether an extent lies above the middle; None where it lies across."""
    return True if low >= middle else False if high <= middle else None


def _not(true: bool | None) -> bool | None:
    return None if true is None else not true


_SIDES: Sides = {"left of": is_left, "right of": _is_right, "above": is_above, "below": _is_below}
_COMPARED: Sides = {"larger than": is_larger, "smaller than": _is_smaller}
_SIZES: Sides = {"largest": is_larger, "smallest": _is_smaller}
_SUPERLATIVES: Sides = {
    "leftmost": is_left, "rightmost": _is_right, "topmost": is_above, "bottommost": _is_below, **_SIZES
}  # fmt: skip
_STARTS: Sides = {"left": is_left, "right": _is_right, "top": is_above, "bottom": _is_below}
_ORDINALS = {"second": 2, "third": 3}
_HALVES: dict[str, Holds] = {
    "right": lambda thing: _within(thing.box.left, thing.box.right, WIDTH / 2),
    "left": lambda thing: _not(_within(thing.box.left, thing.box.right, WIDTH / 2)),
    "upper": lambda thing: _within(thing.box.lower, thing.box.upper, HEIGHT / 2),
    "lower": lambda thing: _not(_within(thing.box.lower, thing.box.upper, HEIGHT / 2)),
}

_MAKE: dict[str, Callable[[Random], Phrase]] = {
    "attribute": _attribute,
    "negation": _negation,
    "half": _half,
    "relation": partial(_relation, _SIDES, None),
    "comparison": partial(_relation, _COMPARED, "size"),
    "extreme": _extreme,
    "order": _order,
}

FORMS: tuple[str, ...] = tuple(_MAKE)
