"""Winoground (Thrush et al., CVPR 2022): two images and two captions of the same words, to be told apart.

    ROOT/data/examples.jsonl   {"id", "image_0", "image_1", "caption_0", "caption_1", "collapsed_tag", ...}, a line each
    ROOT/images/{image_0}.png  from images.zip; ROOT/data/images/, beside examples.jsonl, does as well
    ROOT/sceneGraphs.json      in GQA's form, where there is one: drawn sets have it

From https://huggingface.co/datasets/facebook/winoground, which `load` also reads itself. Caption 0 is that of image 0.
All of it is the split "test"; `visrep.env.formats.division` says how a part becomes "train". A task's category is the
kind of words that change places: Object, Relation or Both.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from visrep.env.faults import UserFault
from visrep.env.formats import hub as hugging_face
from visrep.env.formats.division import divided
from visrep.env.formats.fields import json_lines, text
from visrep.env.formats.graphs import Graphs
from visrep.env.types import Instance, Question, Rollout, Scene, Task


@dataclass(frozen=True, slots=True)
class _Item:
    """Two captions with their images, in the same order."""

    id: str
    category: str
    captions: tuple[str, str]
    images: tuple[Path, Path]
    scenes: tuple[Scene, ...]

    def instance(self, name: str, answer: str | bool | int, *places: int) -> Instance:
        """One that shows the images of these places."""
        scenes = tuple(self.scenes[place] for place in places) if self.scenes else ()
        return Instance(name, tuple(self.images[place] for place in places), answers=(answer,), scenes=scenes)


def load(
    root: Path, split: str, *, kind: str = "match", train_share: float = 0.0, hub: str | None = None
) -> Iterator[Task]:
    """The tasks of a split, item by item in the file's order; tasks of one item share its id as their group.

    With `kind` "match" an item makes three tasks: which caption describes the image (options, one instance for each
    image), and for each caption which image it describes (an index, one instance for each order of the images). With
    "verify" it makes two: whether a caption describes the image, which is so for one of its two instances. So no
    constant is right. `hub` is the set's name on the Hugging Face hub, or a folder like it; images and rows are kept
    under `root` then.

    Raises UserFault: at once when a file or the first images are missing, while reading when a row is damaged.
    """
    if kind not in _MAKE:
        raise UserFault(f"kind is {kind!r}; expected one of: {', '.join(_MAKE)}")
    folder, belongs = divided(root, split, train_share)
    items = _items(folder, hub)
    first = next(items, None)
    for image in first.images if first else ():
        if not image.is_file():
            raise UserFault(f"image {image} is missing; unpack Winoground's images.zip into {folder / 'images'}")
    every = chain([first] if first else [], items)
    return (task for item in every if belongs(item.id) for task in _MAKE[kind](item, split))


def metrics(pairs: Iterable[tuple[Task, Rollout | None]]) -> dict[str, float]:
    """Text, image and group score (section 3.2 of the paper): the shares of items of which both images are given their
    caption, both captions are given their image, and both.

    Verdicts ("verify") are scores of 0 and 1, by which the right pair has to be strictly ahead; so the three are one:
    the share of items of which both captions are judged right on both images.
    """
    right: dict[str, tuple[bool, bool]] = {}
    for task, rollout in pairs:
        reward = rollout is not None and rollout.reward == 1
        text, image = right.get(str(task.group), (True, True))
        about_both = task.question.kind == "verify"
        about_text = about_both or bool(task.question.options)
        about_image = about_both or not task.question.options
        right[str(task.group)] = text and (reward or not about_text), image and (reward or not about_image)
    scores = {
        "text_score": [text for text, _ in right.values()],
        "image_score": [image for _, image in right.values()],
        "group_score": [text and image for text, image in right.values()],
    }
    return {name: round(sum(of) / len(of), 6) for name, of in scores.items() if of}


def _matching(item: _Item, split: str) -> Iterator[Task]:
    name = f"{item.id}-text"
    signature = "execute_command(image, options)"
    question = Question(name, "Which caption describes the image?", "match", item.category, item.captions, signature)
    yield _task(question, [item.instance(f"{name}-{own}", item.captions[own], own) for own in (0, 1)], item, split)
    for right, caption in enumerate(item.captions):
        name = f"{item.id}-image-{right}"
        signature = "execute_command(images)"
        question = Question(name, f"Which image shows this: {caption}", "match", item.category, signature=signature)
        orders = ((0, 1), (1, 0))
        instances = [item.instance(f"{name}-{order[0]}{order[1]}", order.index(right), *order) for order in orders]
        yield _task(question, instances, item, split)


def _verifying(item: _Item, split: str) -> Iterator[Task]:
    for right, caption in enumerate(item.captions):
        name = f"{item.id}-caption-{right}"
        question = Question(name, f"Does this describe the image: {caption}", "verify", item.category)
        yield _task(question, [item.instance(f"{name}-{own}", own == right, own) for own in (0, 1)], item, split)


_MAKE: dict[str, Callable[[_Item, str], Iterator[Task]]] = {"match": _matching, "verify": _verifying}
"""What an item becomes, by the kind of its tasks."""


def _task(question: Question, instances: list[Instance], item: _Item, split: str) -> Task:
    return Task(question, tuple(instances), dataset="winoground", split=split, group=item.id)


def _items(folder: Path, hub: str | None) -> Iterator[_Item]:
    graphs = Graphs(folder / "sceneGraphs.json")
    for row, where in _hub_rows(hub, folder) if hub else _rows(folder):
        captions = text(row, "caption_0", where), text(row, "caption_1", where)
        if captions[0] == captions[1]:
            raise UserFault(f"{where}: both captions are {captions[0]!r}, expected two; fetch the file again")
        images = Path(text(row, "image_0", where)), Path(text(row, "image_1", where))
        scenes = graphs.scenes([image.stem for image in images], where)
        yield _Item(_id(row, where), text(row, "collapsed_tag", where), captions, images, scenes)


def _hub_rows(hub: str, folder: Path) -> Iterator[tuple[dict[str, Any], str]]:
    for number, row in enumerate(hugging_face.rows(hub, "test", folder / "images"), 1):
        yield row, f"{hub}: row {number}"


def _rows(folder: Path) -> Iterator[tuple[dict[str, Any], str]]:
    """The rows with the places of their images in place of the names."""
    path = folder / "data" / "examples.jsonl"
    if not path.is_file():
        raise UserFault(f"{path} is missing; put Winoground's data folder into {folder}, or name a set with `hub`")
    beside = path.parent / "images"
    images = beside if beside.is_dir() else folder / "images"
    for row, where in json_lines(path):
        named = {key: str(images / f"{text(row, key, where)}.png") for key in ("image_0", "image_1")}
        yield row | named, where


def _id(row: dict[str, Any], where: str) -> str:
    if type(row.get("id")) is not int:
        raise UserFault(f"{where}: found id {row.get('id')!r}, expected a whole number; fetch the file again")
    return str(row["id"])
