"""Cornell NLVR (Suhr et al., ACL 2017) in its official layout: sentences that are true or false of drawn images.

    ROOT/{split}/{split}.json                                               a JSON object a line
    ROOT/{split}/images/{directory}/{split}-{identifier}-{permutation}.png  400 x 100 pixels, three grey boxes

From https://github.com/lil-lab/nlvr. `identifier` is "sentence-image": rows of one sentence become one task, on all of
whose images a program has to be right, which is the corpus's own "consistency". Permutations of an image show its boxes
in another order and share one annotation; only permutation 0, whose order `structured_rep` has, is used.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from visrep.env.faults import UserFault
from visrep.env.types import Box, Instance, Question, Scene, SceneObject, Task

WIDTH, HEIGHT = 400, 100
"""Of every image, pixels."""

BOX_LEFT = (0, 150, 300)
"""Where each grey box, 100 pixels wide, begins; objects are placed from their box's top-left corner."""

_COLOURS = {"yellow": "yellow", "black": "black", "#0099ff": "blue"}

_SIZES = {10: "small", 20: "medium", 30: "large"}
"""Extent in pixels -> word."""

_CATEGORIES = (
    ("touch", r"touch|toch|tocuh|attach|\bedge|\bwall|\bcorner|\bside\b"),
    ("order", r"\b(above|below|bellow|over|under|between|stacked)\b|\bon (a|an|\w+ block)\b|\bon top of\b"),
    ("place", r"\b(top|base|bases|bottom|second|third|middle)\b"),
    ("color", r"\bcolou?r|\bonly (black|blue|yellow)\b"),
    ("tower", r"\btowers?\b"),
    ("box", r"\b(box|boxes|grey squares?)\b"),
)
"""A sentence's category is the first whose pattern it holds, else "count": what a program has to look at. In turn:
edges and corners, one block over another, ends of towers, sameness of color, heights of towers, contents of boxes."""


def load(root: Path, split: str) -> Iterator[Task]:
    """One task per sentence of a split ("dev", "test", ...), in the file's order; kind `verify`.

    Raises UserFault, naming file and line: at once when the file or the first image is missing or a row is damaged.
    """
    path = root / split / f"{split}.json"
    if not path.is_file():
        there = ", ".join(sorted(folder.parent.name for folder in root.glob("*/*.json"))) or "none"
        raise UserFault(f"{path} is missing; splits of {root}: {there}")
    sentences: dict[str, list[tuple[str, Instance]]] = {}
    for number, line in enumerate(path.open(encoding="utf-8"), 1):
        try:
            row = json.loads(line)
            sentence = row["identifier"].split("-")[0]
            instance = _instance(path.parent, split, row)
            sentences.setdefault(sentence, []).append((row["sentence"].strip(), instance))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserFault(f"{path}:{number}: not a row of NLVR ({error!r}); fetch the file again") from None
    _check(path, sentences)
    return (_task(split, sentence, rows) for sentence, rows in sentences.items())


def category(sentence: str) -> str:
    """What kind of thing a program has to look at, by the sentence's words."""
    return next((name for name, pattern in _CATEGORIES if re.search(pattern, sentence.lower())), "count")


def _check(path: Path, sentences: dict[str, list[tuple[str, Instance]]]) -> None:
    for sentence, rows in sentences.items():
        if len({text for text, _ in rows}) > 1:
            raise UserFault(f"{path}: rows of identifier {sentence!r} differ in their sentence; fetch the file again")
    first = next((rows[0][1].images[0] for rows in sentences.values()), None)
    if first is not None and not first.is_file():
        raise UserFault(f"image {first} is missing; put the split's images into {path.parent / 'images'}")


def _task(split: str, sentence: str, rows: list[tuple[str, Instance]]) -> Task:
    text = rows[0][0]
    question = Question(f"{split}-{sentence}", text, "verify", category(text))
    return Task(question, tuple(instance for _, instance in rows), dataset="nlvr", split=split)


def _instance(folder: Path, split: str, row: dict[str, Any]) -> Instance:
    name = f"{split}-{row['identifier']}"
    return Instance(
        name,
        images=(folder / "images" / row["directory"] / f"{name}-0.png",),
        answers=({"true": True, "false": False}[row["label"]],),
        scenes=(_scene(row["structured_rep"]),),
    )


def _scene(boxes: list[list[dict[str, Any]]]) -> Scene:
    """The annotated objects of the three boxes, turned to the bottom-left frame of the image."""
    if len(boxes) != len(BOX_LEFT):
        raise ValueError(f"{len(boxes)} boxes")
    return Scene(
        WIDTH,
        HEIGHT,
        tuple(
            _object(f"{number}-{place}", left, thing)
            for number, (left, things) in enumerate(zip(BOX_LEFT, boxes, strict=True))
            for place, thing in enumerate(things)
        ),
    )


def _object(key: str, left: int, thing: dict[str, Any]) -> SceneObject:
    x, upper, size = left + thing["x_loc"], HEIGHT - thing["y_loc"], thing["size"]
    box = Box(x, upper - size, x + size, upper)
    return SceneObject(key, thing["type"], box, (_COLOURS[thing["color"].lower()], _SIZES[size]))
