"""Questions about drawn stories, of seven of NExT-QA's types, each answerable by a short program over frames.

    CH  how does the red circle move                              TN  what appears after the red circle
    TC  how many squares are there when the red circle appears    TP  what disappears before the red circle
    DC  how many small objects are there at the end of the video
    DL  where is the red circle at the end of the video
    DO  what color is the large square at the beginning of the video

A form is a question with its five options, without a story: whom and what its stories need, and the answer to it on any
of them, which is None where it could be given without regard to time. Everything is said as NExT-QA says
it: in lower case, without a question mark, and in American spelling.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from random import Random

from visrep.env.drawn.description import WORDS, Attribute, Description, attribute, fitting, only, plural, singular
from visrep.env.drawn.scene import COLOURS, SHAPES, SIZES
from visrep.env.drawn.story import Kind, Look, Plot, Story
from visrep.env.types import Scene

_CAST = 6
"""Objects of a story: one that is asked about, and as many others as there are options."""

_CLEARLY = 8
"""Pixels by which a centre is off the picture's middle where an object is said to be to one side of it."""

_ENDS = {"beginning": 0, "end": -1}

_COUNTED: tuple[tuple[Attribute, ...], ...] = (("shape",), ("color",), ("size",), ("size", "shape"), ("size", "color"))
"""What is said of objects that are counted: never so much that there can be only one."""


@dataclass(frozen=True, slots=True)
class Form:
    """A question of a type; `cast` draws the objects of a story and `plot` says what has to happen to them. `told` is
    the answer that a story tells, whether it is among the options or not."""

    category: str
    text: str
    options: tuple[str, ...]
    cast: Callable[[Random], tuple[Look, ...]]
    plot: Plot
    told: Callable[[Story], str | None]

    def answer(self, story: Story) -> str | None:
        """The right option, None where the question does not go with the story."""
        told = self.told(story)
        return told if told in self.options else None


def ask(category: str, random: Random) -> Form:
    """A question of this type by chance. Any of `CATEGORIES` will do."""
    return _ASK[category](random)


def _how(random: Random) -> Form:
    look = _look(random)
    text = random.choice(("how does the {} move", "in which direction does the {} move", "which way does the {} move"))

    def answer(story: Story) -> str:
        (change,) = (change for change in story.changes if change.kind == "moves" and change.thing == "0")
        start = story.scene.objects[0].box
        if change.box.left != start.left:
            return "to the right" if change.box.left > start.left else "to the left"
        return "up" if change.box.lower > start.lower else "down"

    options = _shuffled(random, ("to the left", "to the right", "up", "down", "not at all"))
    plot: Plot = [("moves", 0), *_besides(random, "appears", "disappears", "turns")]
    return Form("CH", text.format(_named(look, random)), options, _with(look), plot, answer)


def _next(random: Random) -> Form:
    plot: Plot = [("appears", 0), ("appears", None), *_besides(random, "disappears", "turns", "moves")]
    return _order(
        "TN", random, plot, "appears", -1, "what appears after the {}", "what appears once the {} is there",
        "which object appears after the {} does", "what is the next to appear after the {}",
    )  # fmt: skip


def _before(random: Random) -> Form:
    plot: Plot = [("disappears", 0), ("disappears", None), ("moves", None)]
    return _order(
        "TP", random, plot, "disappears", 0, "what disappears before the {}", "what goes before the {} does",
        "which object disappears before the {} does", "what has disappeared before the {} does",
    )  # fmt: skip


def _order(category: str, random: Random, plot: Plot, kind: Kind, place: int, *wordings: str) -> Form:
    """Which of the others the same happens to, where the one that is named is not at this place among them."""
    looks = _cast(random, _look(random))

    def answer(story: Story) -> str | None:
        happened = [change.thing for change in story.changes if change.kind == kind]
        return None if happened[place] == "0" else _noun(looks[int(happened[place])])

    options = _shuffled(random, tuple(_noun(look) for look in looks[1:]))
    text = random.choice(wordings).format(_named(looks[0], random))
    return Form(category, text, options, lambda _: looks, plot, answer)


def _when(random: Random) -> Form:
    look, what = _look(random), _counted(random)
    asked = random.choice(("how many {} are there when the {} appears", "how many {} can be seen as the {} appears"))

    def answer(story: Story) -> str | None:
        scenes = story.scenes()
        counts = [len(fitting(what, scene)) for scene in scenes]
        count = next(counts[second] for second, scene in enumerate(scenes) if _shows(scene, "0"))
        return None if counts[0] == count == counts[-1] else str(count)

    plot: Plot = [("appears", 0), *_besides(random, "appears", "disappears", "turns", number=3)]
    return Form("TC", asked.format(plural(what), _named(look, random)), _numbers(random), _with(look), plot, answer)


def _count(random: Random) -> Form:
    what, end = _counted(random), random.choice(list(_ENDS))
    text = random.choice(
        (
            "how many {} are there at the {} of the video",
            "how many {} can be seen at the {} of the video",
            "how many {} does the video show at the {}",
        )
    )

    def answer(story: Story) -> str | None:
        first, last = (len(fitting(what, scene)) for scene in (story.scenes()[0], story.scenes()[-1]))
        return None if first == last else str((first, last)[_ENDS[end]])

    plot: Plot = _besides(random, "appears", "disappears", "turns", number=3)
    return Form("DC", text.format(plural(what), end), _numbers(random), _cast, plot, answer)


def _where(random: Random) -> Form:
    look, end = _look(random), random.choice(list(_ENDS))
    text = random.choice(
        (
            "where is the {} at the {} of the video",
            "where can the {} be seen at the {} of the video",
            "in which corner is the {} at the {} of the video",
        )
    )

    def answer(story: Story) -> str | None:
        corners = [_corner(story.scenes()[second], "0") for second in (0, -1)]
        return None if None in corners or corners[0] == corners[1] else corners[_ENDS[end]]

    options = _shuffled(random, ("top left", "top right", "bottom left", "bottom right", "in the middle"))
    plot: Plot = [("moves", 0), *_besides(random, "appears", "disappears", "turns")]
    return Form("DL", text.format(_named(look, random), end), options, _with(look), plot, answer)


def _color(random: Random) -> Form:
    what, end = Description(random.choice(SHAPES), None, random.choice((None, *SIZES))), random.choice(list(_ENDS))
    text = random.choice(
        (
            "what color is the {} at the {} of the video",
            "which color is the {} at the {} of the video",
            "what is the color of the {} at the {} of the video",
            "what color does the {} have at the {} of the video",
            "in what color is the {} shown at the {} of the video",
            "of what color is the {} at the {} of the video",
        )
    )
    options = tuple(random.sample(sorted(COLOURS), 5))

    def cast(random: Random) -> tuple[Look, ...]:
        return _cast(random, _look(random, what), alone=what)

    def answer(story: Story) -> str | None:
        thing = only(what, story.scenes()[_ENDS[end]])
        return attribute(thing, "color") if thing else None

    plot: Plot = [("turns", 0), *_besides(random, "appears", "disappears", "moves")]
    return Form("DO", text.format(singular(what), end), options, cast, plot, answer)


_ASK: dict[str, Callable[[Random], Form]] = {
    "CH": _how,
    "TN": _next,
    "TC": _when,
    "TP": _before,
    "DC": _count,
    "DL": _where,
    "DO": _color,
}

CATEGORIES: tuple[str, ...] = tuple(_ASK)


def _look(random: Random, what: Description | None = None) -> Look:
    """A look by chance that fits the description."""
    shape, colour, size = (what.shape, what.colour, what.size) if what else (None, None, None)
    return Look(
        shape or random.choice(SHAPES), colour or random.choice(sorted(COLOURS)), size or random.choice(sorted(SIZES))
    )


def _cast(random: Random, first: Look | None = None, alone: Description | None = None) -> tuple[Look, ...]:
    """A cast, `first` before the others: no two are of equal shape and color, and no other fits `alone`."""
    looks = [] if first is None else [first]
    for shape, colour in random.sample(list(product(SHAPES, sorted(COLOURS))), len(SHAPES) * len(COLOURS)):
        look = Look(shape, colour, random.choice(sorted(SIZES)))
        same = first is not None and (shape, colour) == (first.shape, first.colour)
        named = alone is not None and look.shape == alone.shape and alone.size in (None, look.size)
        if len(looks) < _CAST and not same and not named:
            looks.append(look)
    return tuple(looks)


def _with(look: Look) -> Callable[[Random], tuple[Look, ...]]:
    return lambda random: _cast(random, look)


def _noun(look: Look) -> str:
    """What only this one of its cast is called."""
    return singular(Description(look.shape, look.colour))


def _named(look: Look, random: Random) -> str:
    """The same, or with its size, which says no more but makes for more questions."""
    return singular(Description(look.shape, look.colour, random.choice((None, look.size))))


def _counted(random: Random) -> Description:
    said = random.choice(_COUNTED)
    words = {name: random.choice(WORDS[name]) if name in said else None for name in WORDS}
    return Description(words["shape"], words["color"], words["size"])


def _besides(random: Random, *kinds: Kind, number: int = 2) -> list[tuple[Kind, int | None]]:
    """What happens to others meanwhile, so that looking for any change at all would not do."""
    return [(kind, None) for kind in random.choices(kinds, k=number)]


def _shuffled(random: Random, options: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(random.sample(options, len(options)))


def _numbers(random: Random) -> tuple[str, ...]:
    return _shuffled(random, ("0", "1", "2", "3", "4"))


def _shows(scene: Scene, key: str) -> bool:
    return any(thing.id == key for thing in scene.objects)


def _corner(scene: Scene, key: str) -> str | None:
    """The corner that the object is in, None where that is not clear."""
    (box,) = (thing.box for thing in scene.objects if thing.id == key)
    right, up = (box.left + box.right - scene.width) / 2, (box.lower + box.upper - scene.height) / 2
    if min(abs(right), abs(up)) < _CLEARLY:
        return None
    return f"{'top' if up > 0 else 'bottom'} {'right' if right > 0 else 'left'}"
