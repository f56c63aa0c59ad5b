"""How well a perception backend sees what is annotated: precision and recall of `find`, word by word.

    python -m visrep.scripts.perception_report gqa:data/drawn:testdev nlvr:data/nlvr:dev

A dataset is MODULE:ROOT:SPLIT, with a data set, named as in a recipe, that gives scenes. Each word that the scenes'
annotation uses is asked of every picture; a detection is right if it overlaps an object that has the word by an IoU of
one half or more, each object counting once.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from visrep.env.boxes import iou
from visrep.env.faults import Fault, UserFault
from visrep.env.perception import Detection, Perception, View
from visrep.env.perception.picture import Picture
from visrep.env.types import Box, Scene, Task
from visrep.train.config import DataSettings, PerceptionSettings
from visrep.train.parts import build_perception, reader

ANY = "object"
"""The word for any object."""

_RIGHT = 0.5
"""IoU from which a detection is right (as in Pascal VOC)."""


@dataclass(slots=True)
class Tally:
    """Of one word: detections that are right, detections, annotated objects, and the sum of the right ones' IoU."""

    right: int = 0
    found: int = 0
    annotated: int = 0
    overlap: float = 0.0

    @property
    def precision(self) -> float:
        return self.right / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        return self.right / self.annotated if self.annotated else 1.0


def measure(backend: Perception, images: Mapping[Path, Scene]) -> dict[str, Tally]:
    """A tally for each word of the annotation and for `ANY`, over all images."""
    words = {word for scene in images.values() for thing in scene.objects for word in (thing.name, *thing.attributes)}
    tallies: dict[str, Tally] = defaultdict(Tally)
    for path, scene in images.items():
        picture = Picture(path, scene)
        view = View(picture, Box(0, 0, *picture.size))
        asked = [ANY, *sorted(words)]
        for word, found in zip(asked, backend.find([view] * len(asked), asked), strict=True):
            _count(tallies[word], found, _boxes(scene, word))
    return tallies


def annotated(tasks: Iterable[Task]) -> dict[Path, Scene]:
    """Every annotated image of the tasks. Raises UserFault where there is none."""
    images = {
        path: scene
        for task in tasks
        for instance in task.instances
        for path, scene in zip(instance.images, instance.scenes, strict=False)
    }
    if not images:
        raise UserFault("no image of the data set has an annotated scene; choose a split that has")
    return images


def report(
    datasets: Annotated[list[str], typer.Argument(help="MODULE:ROOT:SPLIT, e.g. nlvr:data/nlvr:dev")],
    backend: Annotated[str, typer.Option(help="A perception backend, named as in a recipe.")] = "shapes",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
) -> None:
    """Precision and recall of a perception backend on annotated data sets."""
    seeing = build_perception(PerceptionSettings(backend=backend))
    results = {name: measure(seeing, annotated(_tasks(name))) for name in datasets}
    if as_json:
        print(json.dumps({name: {word: asdict(tally) for word, tally in of.items()} for name, of in results.items()}))
        return
    for name, tallies in results.items():
        Console().print(_table(f"{backend} on {name}", tallies))


def _tasks(dataset: str) -> Iterable[Task]:
    parts = dataset.split(":")
    if len(parts) != 3:
        raise UserFault(f"{dataset!r} is no data set; expected MODULE:ROOT:SPLIT, e.g. nlvr:data/nlvr:dev")
    module, root, split = parts
    tasks: Iterable[Task] = reader(DataSettings(dataset=module, root=root), split)()
    return tasks


def _boxes(scene: Scene, word: str) -> list[Box]:
    return [thing.box for thing in scene.objects if word in (ANY, thing.name, *thing.attributes)]


def _count(tally: Tally, found: tuple[Detection, ...], annotated: list[Box]) -> None:
    """Pair detections with objects, best overlap first."""
    tally.found += len(found)
    tally.annotated += len(annotated)
    pairs = [(iou(detection.box, box), i, j) for i, detection in enumerate(found) for j, box in enumerate(annotated)]
    used_found: set[int] = set()
    used_annotated: set[int] = set()
    for overlap, i, j in sorted(pairs, reverse=True):
        if overlap >= _RIGHT and i not in used_found and j not in used_annotated:
            used_found.add(i)
            used_annotated.add(j)
            tally.right += 1
            tally.overlap += overlap


def _table(title: str, tallies: dict[str, Tally]) -> Table:
    table = Table("word", title=title)
    for column in ("annotated", "found", "precision", "recall", "mean IoU"):
        table.add_column(column, justify="right")
    for word, tally in sorted(tallies.items(), key=lambda item: (item[0] != ANY, item[0])):
        overlap = tally.overlap / tally.right if tally.right else 0.0
        shares = (f"{share:.4f}" for share in (tally.precision, tally.recall, overlap))
        table.add_row(word, str(tally.annotated), str(tally.found), *shares)
    return table


if __name__ == "__main__":
    try:
        typer.run(report)
    except Fault as fault:
        sys.exit(f"perception_report: {fault}")
