"""GQA (Hudson and Manning, CVPR 2019) in its official layout; the drawn scenes are written in the same.

    ROOT/{split}_{variant}_questions.json       or a folder of that name without .json, with parts in it
    ROOT/{split}_sceneGraphs.json               where there is one: testdev has none
    ROOT/images/{image id}.jpg                  or .png

From https://cs.stanford.edu/people/dorarad/gqa/download.html. A task's category is GQA's detailed type of question.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visrep.env.entries import entries
from visrep.env.faults import UserFault, suggestion
from visrep.env.graphs import Graphs
from visrep.env.types import Instance, Question, Task


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
    if instances < 1:
        raise UserFault(f"instances is {instances}; a task needs at least 1")
    files = _question_files(root, split, variant)
    first = next(_asked(files), None)
    if first is None:
        return iter(())
    suffix = _suffix(root, first)
    graphs = Graphs(root / f"{split}_sceneGraphs.json")
    groups = ([asked] for asked in _asked(files)) if instances == 1 else _grouped(_asked(files), instances)
    return (_task(root, split, suffix, graphs, group) for group in groups)


def _task(root: Path, split: str, suffix: str, graphs: Graphs, group: list[_Asked]) -> Task:
    question = Question(group[0].id, group[0].text, "answer", group[0].category)
    return Task(
        question,
        tuple(
            Instance(
                asked.id,
                images=(root / "images" / f"{asked.image}{suffix}",),
                answers=(asked.answer,),
                scenes=graphs.scenes([asked.image], asked.where),
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


def _grouped(rows: Iterable[_Asked], instances: int) -> Iterator[list[_Asked]]:
    """Rows of equal category and text, up to `instances` together, taken from the commonest answers left in turn."""
    alike: dict[tuple[str, str], dict[str, list[_Asked]]] = defaultdict(lambda: defaultdict(list))
    for asked in rows:
        alike[asked.category, asked.text][asked.answer].append(asked)
    for by_answer in alike.values():
        for rows_left in by_answer.values():
            rows_left.reverse()  # to pop the first row first
        while left := sorted(filter(None, by_answer.values()), key=len, reverse=True):
            group: list[_Asked] = []
            while left and len(group) < instances:
                group += [rows_left.pop() for rows_left in left[: instances - len(group)]]
                left = [rows_left for rows_left in left if rows_left]
            yield group
