"""COCO's loader on files in the official layout, and its measures against COCO's own evaluation."""

import contextlib
import io
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from visrep.env.faults import UserFault
from visrep.env.tasks import coco
from visrep.env.types import Box, Execution, Rollout, Score, Task

NAMES = {1: "dog", 3: "traffic light", 4: "wine_glass (full)"}


def annotation(image: int, category: int, box: Sequence[float] = (10, 20, 30, 40), crowd: int = 0) -> dict[str, Any]:
    return {"image_id": image, "category_id": category, "bbox": list(box), "iscrowd": crowd}


def written(root: Path, images: Sequence[int], rows: Sequence[dict[str, Any]], split: str = "val2017") -> Path:
    """The data set; an annotation's id is its place in `rows`, from 1."""
    (root / "annotations").mkdir(exist_ok=True)
    (root / split).mkdir(exist_ok=True)
    data = {
        "images": [{"id": each, "file_name": f"{each:012d}.jpg", "width": 100, "height": 80} for each in images],
        "annotations": [row | {"id": id, "area": row["bbox"][2] * row["bbox"][3]} for id, row in enumerate(rows, 1)],
        "categories": [{"id": id, "name": name} for id, name in NAMES.items()],
    }
    (root / "annotations" / f"instances_{split}.json").write_text(json.dumps(data))
    for each in images:
        Image.new("RGB", (100, 80)).save(root / split / f"{each:012d}.jpg")
    return root


def asked(tasks: Sequence[Task]) -> list[tuple[str, str, int]]:
    return [(task.instances[0].id, task.question.text, len(task.instances[0].boxes)) for task in tasks]


def test_each_category_of_an_image_is_a_task(tmp_path: Path) -> None:
    rows = [annotation(9, 3), annotation(9, 1, (0, 0, 5, 5)), annotation(2, 4), annotation(9, 3, (50, 0, 10, 10))]
    tasks = list(coco.load(written(tmp_path, [9, 2, 5], rows), "val2017"))
    assert asked(tasks) == [("9", "dog", 1), ("9", "traffic light", 2), ("2", "wine glass (full)", 1)]
    assert [task.question.category for task in tasks] == ["dog", "traffic_light", "wine_glass_full_"]
    assert [task.question.id for task in tasks] == ["val2017-9-1", "val2017-9-3", "val2017-2-4"]
    assert (tasks[1].question.kind, tasks[1].dataset, tasks[1].split) == ("detect", "coco", "val2017")
    (instance,) = tasks[1].instances
    assert instance.images == (tmp_path / "val2017" / "000000000009.jpg",)
    assert instance.boxes == (Box(10, 20, 40, 60), Box(50, 70, 60, 80))
    assert [thing.name for thing in instance.scenes[0].objects] == ["traffic light", "dog", "traffic light"]


def test_a_category_with_a_crowd_or_a_box_without_area_is_not_asked_of_that_image(tmp_path: Path) -> None:
    rows = [
        annotation(1, 1),
        annotation(1, 1, crowd=1),
        annotation(1, 3),
        annotation(2, 1),
        annotation(2, 3, (1, 1, 0, 4)),
    ]
    tasks = list(coco.load(written(tmp_path, [1, 2], rows), "val2017", absent=3))
    assert asked(tasks) == [
        ("1", "traffic light", 1),
        ("1", "wine glass (full)", 0),
        ("2", "dog", 1),
        ("2", "wine glass (full)", 0),
    ]


def test_absent_categories_are_drawn_by_lot_and_always_the_same(tmp_path: Path) -> None:
    written(tmp_path, range(1, 41), [annotation(image, 1) for image in range(1, 31)])
    tasks = list(coco.load(tmp_path, "val2017", absent=1))
    assert tasks == list(coco.load(tmp_path, "val2017", absent=1))
    empty = [task.question.text for task in tasks if not task.instances[0].boxes]
    assert len(empty) == 40
    assert {"traffic light", "wine glass (full)"} < set(empty)  # and dog, of the images without anything
    assert len(list(coco.load(tmp_path, "val2017", absent=2))) == 30 + 80
    with pytest.raises(UserFault, match="absent is -1"):
        coco.load(tmp_path, "val2017", absent=-1)


def test_files_may_have_other_names(tmp_path: Path) -> None:
    written(tmp_path, [1], [annotation(1, 1)], split="valid")
    (tmp_path / "valid" / "_annotations.coco.json").write_bytes(
        (tmp_path / "annotations" / "instances_valid.json").read_bytes()
    )
    (task,) = coco.load(tmp_path, "valid", annotations="{split}/_annotations.coco.json", images="{split}")
    assert task.instances[0].images[0].is_file()


def test_what_is_missing_is_told_at_once(tmp_path: Path) -> None:
    written(tmp_path, [1], [annotation(1, 1)])
    with pytest.raises(UserFault, match=r"instances_val\.json is missing; files in .*: instances_val2017\.json"):
        coco.load(tmp_path, "val")
    (tmp_path / "val2017" / "000000000001.jpg").unlink()
    with pytest.raises(
        UserFault, match=r"image .*000000000001\.jpg is missing; put the data set's images into .*val2017"
    ):
        coco.load(tmp_path, "val2017")


def rollout(task: Task, value: Any) -> Rollout:
    execution, score = Execution("ok", value), Score(0, 0.0, "wrong_answer")
    return Rollout(task.question.id, task.question.category, "", (execution,), (score,), 0)


def patches(boxes: Sequence[Box], scores: Sequence[float | None]) -> list[dict[str, Any]]:
    found = [{"image": 0, "box": [box.left, box.lower, box.right, box.upper]} for box in boxes]
    return [patch if score is None else patch | {"score": score} for patch, score in zip(found, scores, strict=True)]


def official(path: Path, results: list[dict[str, Any]]) -> list[float]:
    """AP, AP50 and AP75 by COCO's own tool alone."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(path))
        evaluation = COCOeval(truth, truth.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return [float(value) for value in evaluation.stats[:3]]


@pytest.mark.parametrize("scored", [True, False], ids=["with scores", "without"])
def test_measures_are_those_of_cocos_own_tool(tmp_path: Path, capsys: pytest.CaptureFixture[str], scored: bool) -> None:
    lots = random.Random(3)
    images = lots.sample(range(1, 1000), 40)

    def box() -> tuple[float, float, float, float]:
        width, height = lots.uniform(5, 40), lots.uniform(5, 40)
        return lots.uniform(0, 100 - width), lots.uniform(0, 80 - height), width, height

    rows = [
        annotation(image, category, box()) for image in images for category in NAMES for _ in range(lots.randint(0, 4))
    ]
    written(tmp_path, images, rows)
    pairs: list[tuple[Task, Rollout | None]] = []
    results = []
    for task in coco.load(tmp_path, "val2017", absent=1):
        found = []
        for annotated in (*task.instances[0].boxes, *task.instances[0].boxes):
            if lots.random() < 0.7:
                shift = [lots.gauss(0, 3) for _ in range(4)]
                left, lower = annotated.left + shift[0], annotated.lower + shift[1]
                found.append(
                    Box(left, lower, max(left, annotated.right + shift[2]), max(lower, annotated.upper + shift[3]))
                )
        if lots.random() < 0.3:
            left, top, width, height = box()
            found.append(Box(left, 80 - top - height, left + width, 80 - top))
        scores = [round(lots.random(), 2) if scored else None for _ in found]
        pairs.append((task, rollout(task, patches(found, scores)) if found or lots.random() < 0.5 else None))
        _, image, category = task.question.id.split("-")
        results += [
            {
                "image_id": int(image),
                "category_id": int(category),
                "bbox": [each.left, 80 - each.upper, each.right - each.left, each.upper - each.lower],
                "score": 1.0 if score is None else score,
            }
            for each, score in zip(found, scores, strict=True)
        ]
    measured = coco.metrics(iter(pairs))
    assert capsys.readouterr() == ("", "")
    expected = official(tmp_path / "annotations" / "instances_val2017.json", results)
    assert [measured["ap"], measured["ap_50"], measured["ap_75"]] == pytest.approx(expected, abs=1e-6)
    assert 0.1 < measured["ap"] < measured["ap_50"] < 0.9


def test_the_annotation_itself_has_a_precision_of_one_and_nothing_at_all_of_zero(tmp_path: Path) -> None:
    written(tmp_path, [1, 2], [annotation(1, 1), annotation(1, 3, (1, 1, 9, 9)), annotation(2, 3)])
    tasks = list(coco.load(tmp_path, "val2017"))
    right = [(task, rollout(task, patches(task.instances[0].boxes, [None]))) for task in tasks]
    assert coco.metrics(right) == {"ap": 1.0, "ap_50": 1.0, "ap_75": 1.0}
    nothing = {"ap": 0.0, "ap_50": 0.0, "ap_75": 0.0}
    assert coco.metrics((task, None) for task in tasks) == nothing
    for value in (
        None,
        "dog",
        [],
        [1],
        [patches([Box(10, 20, 40, 60)], [None])],
        {"image": 0, "box": [10, 20, 40, 60]},
    ):
        assert coco.metrics((task, rollout(task, value)) for task in tasks) == nothing
    other = [
        (task, rollout(task, [patch | {"image": 1} for patch in patches(task.instances[0].boxes, [None])]))
        for task in tasks
    ]
    assert coco.metrics(other) == nothing
    assert coco.metrics([]) == {}
