"""Sentences about drawings of boxes and towers, in the seven categories that NLVR's loader tells from their words.

A sentence is true or false of any drawing of its kind, and a short program over the visual API can tell.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random

from visrep.env.drawn.blocks import COLOURS, SIDE, SIZES, Drawing, Item
from visrep.env.drawn.scene import SHAPES


@dataclass(frozen=True, slots=True)
class Sentence:
    """What is said of a drawing, and whether it is so."""

    text: str
    holds: Callable[[Drawing], bool]

    def answer(self, drawing: Drawing) -> str:
        """ "true" or "false"."""
        return str(self.holds(drawing)).lower()


Ask = Callable[[Random], Sentence]

_Fits = Callable[[Sequence[Item]], bool]
_Judge = Callable[[int], bool]

_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six")
_SIZE_WORDS = dict(zip(("small", "medium", "large"), SIZES, strict=True))


def _count(random: Random) -> Sentence:
    named, number_of = _items(random)
    said, judge = _bound(random, 5)
    return Sentence(f"There are {said} {named}s.", lambda drawing: judge(sum(number_of(items) for items in drawing)))


def _box(random: Random) -> Sentence:
    named, number_of = _items(random)
    said, judge = _bound(random, 3)
    return _some(random, "box", f"with {said} {named}s", lambda items: judge(number_of(items)))


def _color(random: Random) -> Sentence:
    colour = random.choice(list(COLOURS))

    def number(items: Sequence[Item]) -> int:
        return sum(item.colour == colour for item in items)

    said, fits = random.choice(
        (
            (f"with no items of {colour} color", lambda items: number(items) == 0),
            (f"with at least one item of {colour} color", lambda items: number(items) > 0),
            (f"with only {colour} items", lambda items: number(items) == len(items)),
        )
    )
    return _some(random, "box", said, fits)


def _touch(random: Random) -> Sentence:
    colour, shape = random.choice(list(COLOURS)), random.choice(SHAPES)
    size, wall = random.choice((None, *_SIZE_WORDS)), random.choice(("bottom", "top"))

    def fits(item: Item) -> bool:
        alike = (item.colour, item.shape) == (colour, shape) and item.size == _SIZE_WORDS.get(size or "", item.size)
        return alike and item.top == (0 if wall == "top" else SIDE - item.size)

    named = " ".join(word for word in (size, colour, shape) if word)
    text = f"There is a {named} touching the {wall} of a box."
    return Sentence(text, lambda drawing: any(fits(item) for items in drawing for item in items))


def _tower(random: Random) -> Sentence:
    said, judge = _bound(random, 4)
    return _some(random, "tower", f"with {said} blocks", lambda items: judge(len(items)))


def _place(random: Random) -> Sentence:
    colour = random.choice(list(COLOURS))
    end, index = random.choice((("at the top", -1), ("at the bottom", 0), ("at the base", 0)))
    return _some(random, "tower", f"with a {colour} block {end}", lambda items: items[index].colour == colour)


def _order(random: Random) -> Sentence:
    over, under = random.choice(list(COLOURS)), random.choice(list(COLOURS))
    word = random.choice(("directly above", "directly over"))

    def fits(items: Sequence[Item]) -> bool:
        return any((low.colour, high.colour) == (under, over) for low, high in pairwise(items))

    return _some(random, "tower", f"with a {over} block {word} a {under} block", fits)


OF_LOOSE: dict[str, Ask] = {"count": _count, "box": _box, "color": _color, "touch": _touch}
"""By category, for drawings with loose items."""

OF_TOWERS: dict[str, Ask] = {"tower": _tower, "place": _place, "order": _order}
"""By category, for drawings with towers."""


def _some(random: Random, noun: str, said: str, fits: _Fits) -> Sentence:
    """That there are some boxes or towers of that kind."""
    many = {"box": "boxes", "tower": "towers"}[noun]
    quantities: tuple[tuple[str, _Judge], ...] = (
        (f"is a {noun}", lambda number: number >= 1),
        (f"is exactly one {noun}", lambda number: number == 1),
        (f"are exactly two {many}", lambda number: number == 2),
        (f"are at least two {many}", lambda number: number >= 2),
    )
    quantity, judge = random.choice(quantities)
    return Sentence(f"There {quantity} {said}.", lambda drawing: judge(sum(map(fits, drawing))))


def _bound(random: Random, most: int) -> tuple[str, _Judge]:
    """A number of two or more, and whether another keeps to what is said of it."""
    number = random.randint(2, most)
    bounds: tuple[tuple[str, _Judge], ...] = (
        ("exactly", lambda count: count == number),
        ("at least", lambda count: count >= number),
        ("at most", lambda count: count <= number),
    )
    bound, judge = random.choice(bounds)
    return f"{bound} {_NUMBERS[number]}", judge


def _items(random: Random) -> tuple[str, Callable[[Sequence[Item]], int]]:
    """A name for some items, and how many of a box's it fits."""
    colour, shape = random.choice((None, *COLOURS)), random.choice((None, *SHAPES))

    def number(items: Sequence[Item]) -> int:
        return sum(item.colour == (colour or item.colour) and item.shape == (shape or item.shape) for item in items)

    return " ".join(word for word in (colour, shape or "item") if word), number
