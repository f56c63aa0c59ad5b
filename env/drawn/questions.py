"""Sixteen categories of questions about drawn scenes, each answerable by a short program over the visual API.

A form is a question without a scene: its text, and the answer to it on any scene, which is None where the question
does not apply (nothing or more than one thing is "the red circle") or where its answer would be hard to see. Spelling
is American, as in GQA, whose format the questions are written in.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
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
from visrep.env.types import Scene, SceneObject


@dataclass(frozen=True, slots=True)
class Step:
    """A step of GQA's functional program; `selects` describes the objects whose ids a `select` step lists."""

    operation: str
    argument: str
    dependencies: tuple[int, ...] = ()
    selects: Description | None = None


@dataclass(frozen=True, slots=True)
class Form:
    """A question that can be asked of any scene; `sentence` says an answer in full."""

    category: str
    structural: str
    semantic: str
    text: str
    answer: Callable[[Scene], str | None]
    sentence: Callable[[str], str]
    steps: tuple[Step, ...]


def ask(category: str, random: Random) -> Form:
    """A question of this category by chance. Any of `CATEGORIES` will do."""
    return _ASK[category](random)


def extreme(what: Description, beats: "Beats", scene: Scene) -> SceneObject | None:
    """The one that beats all others that the description fits too, if there are others and it is clear."""
    things = fitting(what, scene)
    for thing in things if len(things) > 1 else ():
        if all(beats(thing, other) for other in things if other is not thing):
            return thing
    return None


def _exist(random: Random) -> Form:
    what = draw_lots(random)
    name = singular(what)
    text = random.choice(("Is there a {}?", "Do you see a {}?", "Is there a {} in the image?")).format(name)
    return Form(
        "exist", "verify", "obj", text,
        lambda scene: _yes(bool(fitting(what, scene))),
        _verdict(f"there is a {name}", f"there is no {name}"),
        _then(_select(what), "exist", "?"),
    )  # fmt: skip


def _exist_and(random: Random) -> Form:
    one, other = two(random)
    names = f"a {singular(one)} and a {singular(other)}"
    text = random.choice(("Is there both {}?", "Are there both {}?", "Do you see both {}?")).format(names)

    def answer(scene: Scene) -> str | None:
        seen = [bool(fitting(of, scene)) for of in (one, other)]
        return _yes(all(seen)) if any(seen) else None

    return Form(
        "exist_and", "logical", "obj", text, answer,
        _verdict(f"there is both {names}", f"there is not both {names}"),
        _joined(_then(_select(one), "exist", "?"), _then(_select(other), "exist", "?"), "and", ""),
    )  # fmt: skip


def _exist_or(random: Random) -> Form:
    one, other = two(random)
    names = f"a {singular(one)} or a {singular(other)}"
    text = random.choice(("Is there {}?", "Is there either {}?", "Do you see {}?")).format(names)

    def answer(scene: Scene) -> str | None:
        seen = [bool(fitting(of, scene)) for of in (one, other)]
        return None if all(seen) else _yes(any(seen))

    return Form(
        "exist_or", "logical", "obj", text, answer,
        _verdict(f"there is {names}", f"there is neither a {singular(one)} nor a {singular(other)}"),
        _joined(_then(_select(one), "exist", "?"), _then(_select(other), "exist", "?"), "or", ""),
    )  # fmt: skip


def _exist_not(random: Random) -> Form:
    denied: Attribute = random.choice(("color", "size"))
    word = random.choice(WORDS[denied])
    what = draw_lots(random, without=denied)
    name = singular(what)
    text = random.choice(
        (
            f"Is there a {name} that is not {word}?",
            f"Do you see a {name} that is not {word}?",
            f"Are there any {plural(what)} that are not {word}?",
        )
    )

    def answer(scene: Scene) -> str | None:
        things = fitting(what, scene)
        return _yes(any(attribute(thing, denied) != word for thing in things)) if things else None

    return Form(
        "exist_not", "verify", "attr", text, answer,
        _verdict(f"there is a {name} that is not {word}", f"there is no {name} that is not {word}"),
        _then(_then(_select(what), f"filter {denied}", f"not({word})"), "exist", "?"),
    )  # fmt: skip


def _count(random: Random) -> Form:
    what = draw_lots(random)
    text = random.choice(
        (
            "How many {} are there?",
            "How many {} do you see?",
            "How many {} are in the image?",
            "What number of {} are there?",
        )
    ).format(plural(what))
    return Form(
        "count", "query", "obj", text,
        lambda scene: str(len(fitting(what, scene))),
        lambda answer: f"There are {answer} {plural(what)}." if answer != "1" else f"There is 1 {singular(what)}.",
        _then(_select(what), "count", "?"),
    )  # fmt: skip


def _query(asked: Attribute, random: Random) -> Form:
    what = draw_lots(random, without=asked)
    name = singular(what)
    words = random.sample(WORDS[asked], 2)
    choose = random.random() < 1 / 4
    article = "a " if asked == "shape" else ""
    text = f"Is the {name} {article}{words[0]} or {article}{words[1]}?" if choose else _asking(asked, name, random)
    last = ("choose " + asked, "|".join(words)) if choose else ("query", asked)

    def answer(scene: Scene) -> str | None:
        thing = only(what, scene)
        word = attribute(thing, asked) if thing else None
        return word if not choose or word in words else None

    return Form(
        f"query_{asked}", "choose" if choose else "query", "attr", text, answer,
        lambda answer: f"The {asked} of the {name} is {answer}.", _then(_select(what), *last),
    )  # fmt: skip


def _compare(category: str, sides: "Sides", random: Random) -> Form:
    one, other = two(random)
    side = random.choice(list(sides))
    said = f"{side} the {singular(other)}"

    def answer(scene: Scene) -> str | None:
        thing, anchor = only(one, scene), only(other, scene)
        holds = sides[side](thing, anchor) if thing and anchor else None
        return None if holds is None else _yes(holds)

    return Form(
        category, "verify", "rel", f"Is the {singular(one)} {said}?", answer,
        _verdict(f"the {singular(one)} is {said}", f"the {singular(one)} is not {said}"),
        _joined(_select(one), _select(other), "verify rel", side),
    )  # fmt: skip


def _compare_count(random: Random) -> Form:
    one, other = two(random)
    word = random.choice(("more", "fewer"))
    said = f"{word} {plural(one)} than {plural(other)}"

    def answer(scene: Scene) -> str | None:
        many, few = len(fitting(one, scene)), len(fitting(other, scene))
        if not many or not few:  # else asking whether there are any would do
            return None
        return _yes(many > few if word == "more" else many < few)

    return Form(
        "compare_count", "compare", "obj", random.choice(("Are there {}?", "Do you see {}?")).format(said), answer,
        _verdict(f"there are {said}", f"there are not {said}"),
        _joined(_then(_select(one), "count", "?"), _then(_select(other), "count", "?"), "compare count", word),
    )  # fmt: skip


def _extreme(category: str, beats: "Sides", attributes: tuple[Attribute, ...], random: Random) -> Form:
    asked = random.choice(attributes)
    what = draw_lots(random, without=asked, least=0)
    if category == "largest":
        what = Description(what.shape, what.colour)
    superlative = random.choice(list(beats))
    name = f"{superlative} {singular(what)}"

    def answer(scene: Scene) -> str | None:
        thing = extreme(what, beats[superlative], scene)
        return attribute(thing, asked) if thing else None

    return Form(
        category, "query", "attr", _asking(asked, name, random), answer,
        lambda answer: f"The {asked} of the {name} is {answer}.",
        _then(_then(_select(what), "filter position" if category != "largest" else "filter size", superlative),
              "query", asked),
    )  # fmt: skip


def _same_color(random: Random) -> Form:
    one, other = two(random, without="color")
    names = f"the {singular(one)} and the {singular(other)}"
    text = random.choice(
        (
            f"Are {names} the same color?",
            f"Do {names} have the same color?",
            f"Is the {singular(one)} the same color as the {singular(other)}?",
        )
    )

    def answer(scene: Scene) -> str | None:
        thing, second = only(one, scene), only(other, scene)
        return _yes(attribute(thing, "color") == attribute(second, "color")) if thing and second else None

    return Form(
        "same_color", "compare", "attr", text, answer,
        _verdict(f"{names} have the same color", f"{names} differ in color"),
        _joined(_select(one), _select(other), "same color", ""),
    )  # fmt: skip


def _count_relation(random: Random) -> Form:
    what, other = two(random)
    if random.random() < 1 / 4:
        what = Description()
    side = random.choice(list(_SIDES))
    said = f"{side} the {singular(other)}"
    text = random.choice(("How many {} are {}?", "How many {} are there {}?")).format(plural(what), said)

    def answer(scene: Scene) -> str | None:
        anchor = only(other, scene)
        things = [thing for thing in fitting(what, scene) if thing is not anchor]
        held = [_SIDES[side](thing, anchor) for thing in things] if anchor else []
        # Where all are on that side, counting them without a look at the anchor would do.
        return str(held.count(True)) if False in held and None not in held else None

    return Form(
        "count_relation", "query", "rel", text, answer,
        lambda answer: f"{answer} of the {plural(what)} {'is' if answer == '1' else 'are'} {said}.",
        _then(_then(_select(other), "relate", f"{singular(what)},{side},s"), "count", "?"),
    )  # fmt: skip


Beats = Callable[[SceneObject, SceneObject], bool | None]
"""Whether one object is, say, to the left of another; None where it is hard to see."""

Sides = dict[str, Beats]

_LEFT_RIGHT: Sides = {
    "to the left of": is_left,
    "to the right of": lambda one, other: is_left(other, one),
}
_ABOVE_BELOW: Sides = {"above": is_above, "below": lambda one, other: is_above(other, one)}
_SIDES = _LEFT_RIGHT | _ABOVE_BELOW

LEFTMOST: Sides = {"leftmost": is_left, "rightmost": lambda one, other: is_left(other, one)}
TOPMOST: Sides = {"topmost": is_above, "bottommost": lambda one, other: is_above(other, one)}
LARGEST: Sides = {"largest": is_larger, "smallest": lambda one, other: is_larger(other, one)}

_ASK: dict[str, Callable[[Random], Form]] = {
    "exist": _exist,
    "exist_and": _exist_and,
    "exist_or": _exist_or,
    "exist_not": _exist_not,
    "count": _count,
    "query_color": partial(_query, "color"),
    "query_shape": partial(_query, "shape"),
    "query_size": partial(_query, "size"),
    "left_right": partial(
        _compare,
        "left_right",
        _LEFT_RIGHT | {"on the left side of": is_left, "on the right side of": _LEFT_RIGHT["to the right of"]},
    ),
    "above_below": partial(
        _compare, "above_below", _ABOVE_BELOW | {"higher than": is_above, "lower than": _ABOVE_BELOW["below"]}
    ),
    "compare_count": _compare_count,
    "leftmost": partial(_extreme, "leftmost", LEFTMOST, ("color", "shape", "size")),
    "topmost": partial(_extreme, "topmost", TOPMOST, ("color", "shape", "size")),
    "largest": partial(_extreme, "largest", LARGEST, ("color", "shape")),
    "same_color": _same_color,
    "count_relation": _count_relation,
}

CATEGORIES: tuple[str, ...] = tuple(_ASK)


def _asking(asked: Attribute, name: str, random: Random) -> str:
    templates = ("What {} is the {}?", "What is the {} of the {}?", "Which {} is the {}?", "What {} does the {} have?")
    return random.choice(templates).format(asked, name)


def _yes(holds: bool) -> str:
    return "yes" if holds else "no"


def _verdict(yes: str, no: str) -> Callable[[str], str]:
    return lambda answer: f"Yes, {yes}." if answer == "yes" else f"No, {no}."


def _select(what: Description) -> tuple[Step, ...]:
    steps: tuple[Step, ...] = (Step("select", what.shape or "object", (), what),)
    for name, word in (("color", what.colour), ("size", what.size)):
        if word is not None:
            steps = _then(steps, f"filter {name}", word)
    return steps


def _then(steps: tuple[Step, ...], operation: str, argument: str) -> tuple[Step, ...]:
    return (*steps, Step(operation, argument, (len(steps) - 1,)))


def _joined(one: tuple[Step, ...], other: tuple[Step, ...], operation: str, argument: str) -> tuple[Step, ...]:
    """Both branches, and a step that depends on the last of each."""
    moved = [replace(step, dependencies=tuple(index + len(one) for index in step.dependencies)) for step in other]
    last = len(one) + len(other) - 1
    return (*one, *moved, Step(operation, argument, (len(one) - 1, last)))
