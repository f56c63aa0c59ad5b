"""Average precision of found boxes as COCO defines it, by COCO's own evaluation, pycocotools, without what it prints.

Boxes stay in the visual API's frame: how much two of them overlap does not depend on which way y counts.
"""

import contextlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from visrep.env.types import Box, Instance, Rollout, Task

_MOST = 100
"""Boxes of a search that count, those of the highest scores; COCO's and OmniLabel's number."""


@dataclass(frozen=True, slots=True)
class Search:
    """One phrase sought in one image: the image's number in its data set, the annotated boxes, and the boxes that a
    program returned, each with its score."""

    image: int
    annotated: tuple[Box, ...]
    found: tuple[tuple[Box, float], ...]


@dataclass(frozen=True, slots=True)
class Precision:
    """Average precision in [0, 1]: the mean over IoUs of 0.5, 0.55, … 0.95 from which a box is right, and at two of
    them. `recall` is the share of annotated boxes that were found at all, as a mean over the same IoUs."""

    mean: float
    at_50: float
    at_75: float
    recall: float


def searches(task: Task, rollout: Rollout | None) -> list[Search]:
    """What a program returned for each instance of a `detect` task; their ids are the images' numbers. A patch that no
    `find` gave a score has 1. Nothing was found where there is no rollout, or its value is no list of patches."""
    values = [execution.value for execution in rollout.executions] if rollout else [None] * len(task.instances)
    return [_search(instance, value) for instance, value in zip(task.instances, values, strict=True)]


def pooled(searches: Iterable[Search]) -> Precision | None:
    """Precision over all boxes together, ranked by their scores; between equal scores by the images' numbers, then by
    the searches' order. None where nothing is annotated. Holds all boxes in memory."""
    ordered = sorted(searches, key=lambda search: search.image)
    if not any(search.annotated for search in ordered):
        return None
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(
            _coco([[(box, 1.0) for box in search.annotated] for search in ordered]),
            _coco([search.found for search in ordered]),
            "bbox",
        )
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.params.maxDets = [_MOST]
        evaluation.evaluate()
        evaluation.accumulate()
    # By IoU, recall, category, area, number of boxes; the last three have one value each.
    precision, recall = evaluation.eval["precision"], evaluation.eval["recall"]
    return Precision(*(float(each.mean()) for each in (precision, precision[0], precision[5], recall)))


def _search(instance: Instance, value: Any) -> Search:
    """Only the host makes mappings, so a mapping is a patch."""
    found = value if type(value) is list else []
    if not all(type(patch) is dict and patch["image"] == 0 for patch in found):
        found = []
    boxes = tuple((Box(*patch["box"]), patch.get("score", 1.0)) for patch in found)
    return Search(int(instance.id), instance.boxes, boxes)


def _coco(boxes: Sequence[Iterable[tuple[Box, float]]]) -> COCO:
    """Each search as an image of its own, with boxes of one category, counted from 1: COCO takes 0 for no match."""
    rows: list[dict[str, Any]] = []
    for image, each in enumerate(boxes):
        for box, score in each:
            wide, tall = box.right - box.left, box.upper - box.lower
            edges = [box.left, box.lower, wide, tall]
            row = {"id": len(rows) + 1, "image_id": image, "category_id": 1, "bbox": edges, "area": wide * tall}
            rows.append(row | {"iscrowd": 0, "score": score})
    coco = COCO()
    images = [{"id": image} for image in range(len(boxes))]
    coco.dataset = {"images": images, "annotations": rows, "categories": [{"id": 1}]}
    coco.createIndex()
    return coco
