"""Writes drawn pictures in OK-VQA's official layout, with questions that take a little knowledge from outside them.

    ROOT/OpenEnded_mscoco_{split}_questions.json
    ROOT/mscoco_{split}_annotations.json
    ROOT/{split}/COCO_{split}_{image id, 12 digits}.jpg
    ROOT/drawn.json                                      what it was drawn from

The format is that of https://okvqa.allenai.org/download.html, which has no third split. Questions are of three fields
of knowledge: fruit of a color, traffic lights of a color, and corners of a shape.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

from visrep.env.drawn.asked import lay_out
from visrep.env.drawn.description import Attribute, Description, attribute, draw_lots, only, singular
from visrep.env.drawn.open_ended import writer
from visrep.env.drawn.questions import LARGEST, LEFTMOST, TOPMOST, Form, extreme
from visrep.env.tasks.okvqa import FIELDS, FILES
from visrep.env.types import Scene, SceneObject

SPLITS = ("train2014", "val2014", "test2015")


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of an attribute's words, and ways to ask about it."""

    of: Attribute
    facts: Mapping[str, str]
    texts: tuple[str, ...]


_KNOWN = {
    "one": _Known(
        "color",
        {"red": "stop", "green": "go", "yellow": "slow down"},
        (
            "What does a traffic light of the color of the {} tell drivers to do?",
            "What should a driver do at a traffic light as colored as the {}?",
            "If the {} were a traffic light, what should cars do?",
        ),
    ),
    "five": _Known(
        "color",
        {"red": "strawberry", "green": "lime", "blue": "blueberry", "yellow": "banana", "purple": "plum",
         "black": "blackberry"},
        ("Which fruit has the color of the {}?", "What fruit is colored like the {}?", "Which fruit matches the {}?"),
    ),
    "nine": _Known(
        "shape",
        {"circle": "0", "triangle": "3", "square": "4"},
        (
            "How many corners does the {} have?",
            "What number of corners has the {}?",
            "How many vertices does the shape of the {} have?",
        ),
    ),
}  # fmt: skip
"""By OK-VQA's name of the field of knowledge."""

_BEATS = LEFTMOST | TOPMOST | LARGEST


def draw(root: Path, *, seed: int, tasks_per_category: Mapping[str, int], instances: int) -> None:
    """Draw a data set into the folder `root`, which appears whole or not at all: `tasks_per_category` texts of each of
    the three fields in every split, each asked of `instances` pictures with different answers. Does nothing where
    `root` holds the data set of these settings; raises UserFault where it holds anything else, or where there are not
    so many texts."""
    names = {field: name.replace("_", " ").capitalize() for field, name in FIELDS.items()}
    write = writer(FILES, lambda asked: asked.form.category, {"question_types": names})
    lay_out(
        root, "okvqa", SPLITS, write,
        seed=seed, tasks_per_category=tasks_per_category, instances=instances, categories=tuple(_KNOWN), ask=_ask,
    )  # fmt: skip


def _ask(field: str, random: Random) -> Form:
    known = _KNOWN[field]
    name, meant = _thing(known.of, random)
    text = random.choice(known.texts).format(name)

    def answer(scene: Scene) -> str | None:
        thing = meant(scene)
        return known.facts.get(attribute(thing, known.of)) if thing else None

    return Form(field, "query", "attr", text, answer, lambda answer: f"{answer.capitalize()}.", ())


def _thing(unsaid: Attribute, random: Random) -> tuple[str, Callable[[Scene], SceneObject | None]]:
    """A name of one object that does not say this attribute, and the object of a scene that it is for."""
    superlative = random.choice(("", *_BEATS))
    if not superlative:
        what = draw_lots(random, without=unsaid)
        return singular(what), partial(only, what)
    what = draw_lots(random, without=unsaid, least=0)
    if superlative in LARGEST:
        what = Description(what.shape, what.colour)
    return f"{superlative} {singular(what)}", partial(extreme, what, _BEATS[superlative])
