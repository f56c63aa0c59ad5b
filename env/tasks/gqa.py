"""GQA (Hudson and Manning, CVPR 2019) in its official layout; the drawn scenes are written in the same.

    ROOT/{split}_{variant}_questions.json       or a folder of that name without .json, with parts in it
    ROOT/{split}_sceneGraphs.json               where there is one: testdev has none
    ROOT/images/{image id}.jpg                  or .png

From https://cs.stanford.edu/people/dorarad/gqa/download.html; `load` also reads lmms-lab/GQA of the Hugging Face hub,
which has no scene graphs. A task's category is GQA's detailed type of question.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from visrep.env.faults import UserFault, suggestion
from visrep.env.formats import hub as hugging_face
from visrep.env.formats.entries import entries
from visrep.env.formats.graphs import Graphs
from visrep.env.formats.grouping import grouped
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


def load(
    root: Path, split: str, *, variant: str = "balanced", instances: int = 1, hub: str | None = None
) -> Iterator[Task]:
    """The tasks of a split ("train", "val", "testdev"), in the file's order.

    With `instances` above 1, questions of equal text and category become tasks of up to that many images, those of
    different answers together where there are such: a program has to be right on all of them. This holds the split's
    texts in memory; with 1, tasks stream in constant memory. Scene graphs are looked up by image on disk. `hub` is the
    set's name on the Hugging Face hub, or a folder like it; its rows and images are kept under `root` then, and the
    images' places in memory.

    Raises UserFault: at once when a file or the first image is missing, while reading when a row is damaged, has no
    answer or names an image without a scene graph.
    """
    rows = _asked(_from_hub(root, split, variant, hub) if hub else _from_files(_question_files(root, split, variant)))
    first = next(rows, None)
    if first is None:
        return iter(())
    place = _copied(root, split, variant, hub, first) if hub else _named(root, first)
    graphs = Graphs(root / f"{split}_sceneGraphs.json")
    groups = grouped(chain([first], rows), instances, question=lambda asked: (asked.category, asked.text))
    return (_task(split, place, graphs, group) for group in groups)


def _task(split: str, place: Callable[[_Asked], Path], graphs: Graphs, group: list[_Asked]) -> Task:
    question = Question(group[0].id, group[0].text, "answer", group[0].category)
    return Task(
        question,
        tuple(
            Instance(
                asked.id,
                images=(place(asked),),
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


def _named(root: Path, first: _Asked) -> Callable[[_Asked], Path]:
    """Where a row's image is in GQA's own folder, as the first one is there."""
    for suffix in (".jpg", ".png"):
        if (root / "images" / f"{first.image}{suffix}").is_file():
            return lambda asked: root / "images" / f"{asked.image}{suffix}"
    raise UserFault(f"{root / 'images' / first.image} is missing as .jpg and .png; put GQA's images into {root}/images")


def _copied(root: Path, split: str, variant: str, hub: str, first: _Asked) -> Callable[[_Asked], Path]:
    """Where a row's image is that came from the hub."""
    config, columns = f"{split}_{variant}_images", ("id", "image")
    images = hugging_face.rows(hub, split, root / "images", config=config, columns=columns)
    places = {str(row["id"]): Path(row["image"]) for row in images}

    def place(asked: _Asked) -> Path:
        if asked.image not in places:
            raise UserFault(f"{asked.where} asks of image {asked.image!r}, which {hub} lacks; fetch it again")
        return places[asked.image]

    if not place(first).is_file():
        raise UserFault(f"image {place(first)} is missing; remove {root / 'images'} to have it fetched again")
    return place


_Row = tuple[str, dict[str, Any], str]
"""A question's id, the rest of its row, and its place for messages."""


def _from_files(files: Iterable[Path]) -> Iterator[_Row]:
    for path in files:
        for entry in entries(path):
            yield entry.key, entry.value, f"{path}: entry {entry.row} ({entry.key})"


def _from_hub(root: Path, split: str, variant: str, hub: str) -> Iterator[_Row]:
    columns = ("id", "imageId", "question", "answer", "types")  # of ten, most of which are long
    config = f"{split}_{variant}_instructions"
    for number, row in enumerate(hugging_face.rows(hub, split, root / "images", config=config, columns=columns), 1):
        yield str(row["id"]), row, f"{hub}, {config}: row {number} ({row['id']})"


def _asked(rows: Iterable[_Row]) -> Iterator[_Asked]:
    for name, row, where in rows:
        yield _Asked(
            name,
            _text(row, "question", where),
            _text(row.get("types"), "detailed", where),
            _text(row, "imageId", where),
            _text(row, "answer", where),
            where,
        )


def _text(value: Any, key: str, where: str) -> str:
    text = value.get(key) if isinstance(value, dict) else None
    if not isinstance(text, str) or not text:
        raise UserFault(
            f"{where} has {key} {text!r}, expected a text; take a split with annotations, or fetch it again"
        )
    return text
