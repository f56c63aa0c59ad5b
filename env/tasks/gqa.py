"""GQA (Hudson and Manning, CVPR 2019) in its official layout; the drawn scenes are written in the same.

    ROOT/{split}_{variant}_questions.json       or a folder of that name without .json, with parts in it
    ROOT/{split}_sceneGraphs.json               where there is one: testdev has none
    ROOT/images/{image id}.jpg                  or .png

From https://cs.stanford.edu/people/dorarad/gqa/download.html. A task's category is GQA's detailed type of question.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visrep.env.entries import entries
from visrep.env.faults import UserFault, suggestion
from visrep.env.grouping import grouped
from visrep.env.types import Box, Instance, Question, Scene, SceneObject, Task


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is kept of a row."""

    id: str
    text: str
    category: str
    image: str
    answer: str
    where: str


def load(root: Path, split: str, *, variant: str = "balanced", instances: int = 1) -> Iterator[Task]:
    """The tasks of a split ("train", "val", "testdev"), in the file's order.

    With `instances` above 1, questions of equal text and category become tasks of up to that many images, those of
    different answers together where there are such: a program has to be right on all of them. This holds the split's
    texts in memory; with 1, tasks stream in constant memory. Scene graphs are looked up by image on disk.

    Raises UserFault: at once when a file or the first image is missing, while reading when a row is damaged, has no
    answer or names an image without a scene graph.
    """
    files = _question_files(root, split, variant)
    first = next(_asked(files), None)
    if first is None:
        return iter(())
    suffix = _suffix(root, first)
    graphs = _Graphs(root / f"{split}_sceneGraphs.json")
    groups = grouped(_asked(files), instances, question=lambda asked: (asked.category, asked.text))
    return (_task(root, split, suffix, graphs, group) for group in groups)


def _task(root: Path, split: str, suffix: str, graphs: "_Graphs", group: list[_Asked]) -> Task:
    question = Question(group[0].id, group[0].text, "answer", group[0].category)
    return Task(
        question,
        tuple(
            Instance(
                asked.id,
                images=(root / "images" / f"{asked.image}{suffix}",),
                answers=(asked.answer,),
                scenes=graphs.scenes(asked),
            )
            for asked in group
        ),
        dataset="gqa",
        split=split,
    )


def _question_files(root: Path, split: str, variant: str) -> list[Path]:
    name = f"{split}_{variant}_questions"
    if (root / f"{name}.json").is_file():
        return [root / f"{name}.json"]
    parts = sorted((root / name).glob("*.json"), key=lambda path: (len(path.name), path.name))
    if parts:
        return parts
    there = sorted(path.name.removesuffix(".json") for path in root.glob("*_questions*"))
    near = suggestion(name, there) or f"; found: {', '.join(there) or 'no question files'}"
    raise UserFault(f"{root} has no {name}.json{near}")


def _suffix(root: Path, first: _Asked) -> str:
    for suffix in (".jpg", ".png"):
        if (root / "images" / f"{first.image}{suffix}").is_file():
            return suffix
    raise UserFault(f"{root / 'images' / first.image} is missing as .jpg and .png; put GQA's images into {root}/images")


def _asked(files: Iterable[Path]) -> Iterator[_Asked]:
    for path in files:
        for entry in entries(path):
            where = f"{path}: entry {entry.row} ({entry.key})"
            yield _Asked(
                entry.key,
                _text(entry.value, "question", where),
                _text(entry.value.get("types"), "detailed", where),
                _text(entry.value, "imageId", where),
                _text(entry.value, "answer", where),
                where,
            )


def _text(value: Any, key: str, where: str) -> str:
    text = value.get(key) if isinstance(value, dict) else None
    if not isinstance(text, str) or not text:
        raise UserFault(
            f"{where} has {key} {text!r}, expected a text; take a split with annotations, or fetch it again"
        )
    return text


class _Graphs:
    """The scene graphs of a split by image id; only their places in the file are held in memory."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._places: dict[str, tuple[int, int]] | None = None

    def scenes(self, asked: _Asked) -> tuple[Scene, ...]:
        """The image's scene, or none where the split has no scene graphs."""
        if not self._path.is_file():
            return ()
        if self._places is None:
            self._places = {entry.key: (entry.start, entry.end) for entry in entries(self._path)}
        if asked.image not in self._places:
            raise UserFault(f"{asked.where} asks of image {asked.image!r}, which {self._path} lacks; fetch both again")
        start, end = self._places[asked.image]
        with self._path.open("rb") as file:
            file.seek(start)
            graph = json.loads(file.read(end - start))
        try:
            return (_scene(graph),)
        except (KeyError, TypeError, AttributeError) as error:
            raise UserFault(
                f"{self._path}: the graph of image {asked.image!r} is not as GQA's ({error!r}); fetch it again"
            ) from None


def _scene(graph: dict[str, Any]) -> Scene:
    """A scene graph with its boxes turned to the bottom-left frame.

    GQA's boxes reach beyond some images: they are clipped, and objects of which nothing is left are dropped.
    """
    width, height = graph["width"], graph["height"]
    boxes = {}
    for key, thing in graph["objects"].items():
        left, right = max(0, thing["x"]), min(width, thing["x"] + thing["w"])
        top, bottom = max(0, thing["y"]), min(height, thing["y"] + thing["h"])
        if left < right and top < bottom:
            boxes[key] = Box(left, height - bottom, right, height - top)
    return Scene(
        width,
        height,
        tuple(
            SceneObject(
                key,
                thing["name"],
                boxes[key],
                tuple(thing["attributes"]),
                tuple(
                    (relation["name"], relation["object"])
                    for relation in thing["relations"]
                    if relation["object"] in boxes
                ),
            )
            for key, thing in graph["objects"].items()
            if key in boxes
        ),
    )
