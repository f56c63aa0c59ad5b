"""OmniLabel's loader and measures on one image's official annotations, and on files made up."""

import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from visrep.env.boxes import to_top_left
from visrep.env.faults import UserFault
from visrep.env.tasks import omnilabel
from visrep.env.types import Box, Execution, Rollout, Score, Task

OFFICIAL = Path(__file__).parents[2] / "shared" / "data" / "formats" / "omnilabel" / "8357.json"

WIDTH, HEIGHT = 800, 600
"""The official file has no sizes; any image that holds its boxes will do."""


def phrase(id: int, text: str, images: Sequence[int], type: str = "object_description") -> dict[str, Any]:
    return {"id": id, "text": text, "image_ids": list(images), "anno_info": {"orig_id": id, "type": type}}


def annotation(image: int, *phrases: int, box: Sequence[float] = (10, 20, 30, 40), **more: Any) -> dict[str, Any]:
    return {"image_id": image, "bbox": list(box), "description_ids": list(phrases)} | more


def written(root: Path, data: dict[str, Any]) -> Path:
    """The data set; an annotation's id is its place, from 1."""
    data["annotations"] = [{"id": id, **row} for id, row in enumerate(data["annotations"], 1)]
    (root / "dataset_all_val_v0.1.3.json").write_text(json.dumps(data))
    for image in data["images"]:
        path = root / "images" / image["file_name"]
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (WIDTH, HEIGHT)).save(path)
    return root


def small(**lists: Any) -> dict[str, Any]:
    descriptions = [
        phrase(1, "Person", [5, 3, 8], "object_category"),
        phrase(2, "Hat", [5, 3], "object_category"),
        phrase(3, " person with a hat ", [3, 5]),
    ]
    rows = [annotation(5, 1, 3), annotation(5, 1, box=(100, 0, 20, 20)), annotation(3, 2, box=(0, 0, 9, 9))]
    images = [{"id": each, "file_name": f"coco/{each}.jpg"} for each in (5, 3, 8)]
    return {"images": images, "descriptions": descriptions, "annotations": rows} | lists


def test_each_phrase_of_an_images_label_space_is_a_task(tmp_path: Path) -> None:
    tasks = list(omnilabel.load(written(tmp_path, small()), "val"))
    assert [(task.question.id, task.question.text, len(task.instances[0].boxes)) for task in tasks] == [
        ("val-5-1", "Person", 2), ("val-5-2", "Hat", 0), ("val-5-3", "person with a hat", 1),
        ("val-3-1", "Person", 0), ("val-3-2", "Hat", 1), ("val-3-3", "person with a hat", 0),
        ("val-8-1", "Person", 0),
    ]  # fmt: skip
    assert [task.question.category for task in tasks[:3]] == ["object_category"] * 2 + ["object_description"]
    assert {(task.question.kind, task.dataset, task.split) for task in tasks} == {("detect", "omnilabel", "val")}
    (instance,) = tasks[2].instances
    assert (instance.id, instance.images) == ("5", (tmp_path / "images" / "coco" / "5.jpg",))
    assert instance.boxes == (Box(10, HEIGHT - 60, 40, HEIGHT - 20),)
    assert [thing.name for thing in instance.scenes[0].objects] == ["Person", "Person"]


def test_a_phrase_may_be_asked_of_several_images_those_with_and_without_an_object_in_turn(tmp_path: Path) -> None:
    tasks = list(omnilabel.load(written(tmp_path, small()), "val", instances=2))
    found = [(task.question.id, [len(instance.boxes) for instance in task.instances]) for task in tasks]
    assert found == [("val-5-1", [2, 0]), ("val-8-1", [0]), ("val-3-2", [1, 0]), ("val-5-3", [1, 0])]
    with pytest.raises(UserFault, match="instances is 0"):
        omnilabel.load(tmp_path, "val", instances=0)


@pytest.mark.parametrize("instances", [1, 2])
def test_a_part_of_the_images_becomes_training_data_and_leaves_the_rest(tmp_path: Path, instances: int) -> None:
    images = [{"id": each, "file_name": f"coco/{each}.jpg"} for each in range(40)]
    descriptions = [phrase(1, "Person", list(range(40)), "object_category")]
    root = written(tmp_path, {"images": images, "descriptions": descriptions, "annotations": [annotation(7, 1)]})
    train, val, whole = (
        [instance.id for task in omnilabel.load(root, split, instances=instances, train_share=share)
         for instance in task.instances]
        for split, share in (("train", 0.3), ("val", 0.3), ("val", 0.0))
    )  # fmt: skip
    assert 5 < len(train) < 20
    assert set(train) | set(val) == set(whole)
    assert len(train) + len(val) == len(whole) == 40
    with pytest.raises(UserFault, match=r"dataset_all_train_v0\.1\.3\.json is missing"):
        omnilabel.load(root, "train")
    with pytest.raises(UserFault, match=r"train_share is 1\.5"):
        omnilabel.load(root, "train", train_share=1.5)


@pytest.mark.parametrize("instances", [1, 2])
def test_a_phrase_is_not_asked_of_an_image_with_a_crowd_of_it(tmp_path: Path, instances: int) -> None:
    rows = [annotation(5, 1), annotation(5, 1, iscrowd=1), annotation(3, 1)]
    tasks = list(omnilabel.load(written(tmp_path, small(annotations=rows)), "val", instances=instances))
    persons = [instance.id for task in tasks if task.question.text == "Person" for instance in task.instances]
    assert persons == ["3", "8"]


def test_sizes_are_read_when_an_image_is_come_to(tmp_path: Path) -> None:
    written(tmp_path, small())
    (tmp_path / "images/coco/8.jpg").unlink()
    (tmp_path / "images/coco/3.jpg").write_text("no image")
    tasks = omnilabel.load(tmp_path, "val")
    assert [next(tasks).question.id for _ in range(3)] == ["val-5-1", "val-5-2", "val-5-3"]
    with pytest.raises(UserFault, match=r"image .*3\.jpg cannot be read"):
        next(tasks)
    Image.new("RGB", (WIDTH, HEIGHT)).save(tmp_path / "images/coco/3.jpg")
    with pytest.raises(UserFault, match=r"image .*8\.jpg is missing"):
        list(omnilabel.load(tmp_path, "val"))
    (tmp_path / "images/coco/5.jpg").unlink()
    with pytest.raises(UserFault, match=r"image .*5\.jpg is missing"):
        omnilabel.load(tmp_path, "val")


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ({"descriptions": [phrase(1, "x", [4])]}, r"descriptions\[0\] .*image_ids has one that is none of the images"),
        ({"descriptions": [phrase(1, " ", [5])]}, r"descriptions\[0\] .*expected a text"),
        ({"descriptions": [{"id": 1, "text": "x", "image_ids": [5]}]}, r"descriptions\[0\] .*KeyError\('anno_info'\)"),
        ({"annotations": [annotation(4, 1)]}, r"annotations\[0\] .*image_id 4 is none of the images"),
        ({"annotations": [annotation(5, 1, box=(1, 2))]}, r"annotations\[0\] .*expected the left, top, width"),
        ({"annotations": [annotation(5, "1")]}, r"annotations\[0\] .*'1', expected a whole number"),  # type: ignore[arg-type]
    ],
)
def test_a_damaged_row_is_one_fault_with_file_and_row(tmp_path: Path, lists: Any, message: str) -> None:
    with pytest.raises(UserFault, match=rf"v0\.1\.3\.json: {message}"):
        omnilabel.load(written(tmp_path, small(**lists)), "val")


def test_splits_that_are_missing_or_without_annotations_are_told(tmp_path: Path) -> None:
    written(tmp_path, small())
    with pytest.raises(UserFault, match=r"dataset_all_test_v0\.1\.3\.json is missing; files in .*: dataset_all_val_v0"):
        omnilabel.load(tmp_path, "test")
    (tmp_path / "test.json").write_text(json.dumps({"images": [], "descriptions": []}))
    with pytest.raises(UserFault, match=r"test\.json has no list of annotations, .*take a split with annotations"):
        omnilabel.load(tmp_path, "test", annotations="{split}.json")


Answer = Callable[[Task], list[tuple[Box, float]]]


def rollout(task: Task, found: Sequence[Sequence[tuple[Box, float]]]) -> Rollout:
    values = [
        [{"image": 0, "box": [box.left, box.lower, box.right, box.upper], "score": score} for box, score in each]
        for each in found
    ]
    score = Score(0, 0.0, "wrong_answer")
    executions = tuple(Execution("ok", value) for value in values)
    return Rollout(task.question.id, task.question.category, "", executions, (score,) * len(values), 0)


def annotated(task: Task) -> list[tuple[Box, float]]:
    return [(box, 1.0) for box in task.instances[0].boxes]


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> list[Task]:
    """Of the official file, whose image is a blank one."""
    if not OFFICIAL.is_file():
        pytest.skip(f"{OFFICIAL} is absent: OmniLabel's annotations are not part of the project")
    data = json.loads(OFFICIAL.read_text())
    data["annotations"] = [{key: row[key] for key in row if key != "id"} for row in data["annotations"]]
    return list(omnilabel.load(written(tmp_path_factory.mktemp("omnilabel"), data), "val"))


def measured(tasks: Sequence[Task], answer: Answer = annotated) -> dict[str, float]:
    return omnilabel.metrics((task, rollout(task, [answer(task)])) for task in tasks)


def test_the_official_file_has_a_task_for_each_of_its_phrases(tasks: list[Task]) -> None:
    assert Counter(task.question.category for task in tasks) == {"object_category": 365, "object_description": 4}
    boxes = {task.question.text: len(task.instances[0].boxes) for task in tasks if task.instances[0].boxes}
    assert boxes == {"The trumpets not in the middle": 2, "Lamp": 1, "Drum": 1, "Trumpet": 3, "Moniter/TV": 1}
    official = {tuple(row["bbox"]) for row in json.loads(OFFICIAL.read_text())["annotations"]}
    ours = {box for task in tasks for box in task.instances[0].boxes}
    assert sorted(official) == [pytest.approx(edges) for edges in sorted(to_top_left(box, HEIGHT) for box in ours)]


def test_the_annotation_itself_has_a_precision_of_one(tasks: list[Task]) -> None:
    measures = measured(tasks)
    assert measures.pop("ap") >= 0.9999
    assert set(measures) == {
        "ap_categories", "ap_50_categories", "ap_75_categories", "recall_categories",
        "ap_descriptions", "ap_50_descriptions", "ap_75_descriptions", "recall_descriptions",
        "ap_descriptions_positive", "ap_descriptions_medium",
    }  # fmt: skip
    assert set(measures.values()) == {1.0}


def test_a_missing_box_lowers_recall(tasks: list[Task]) -> None:
    measures = measured(tasks, lambda task: [] if task.question.text == "Drum" else annotated(task))
    assert measures["recall_categories"] == pytest.approx(5 / 6, abs=1e-6)
    # Of 101 recalls the 84 up to 5/6 are reached, with nothing wrong before them.
    assert measures["ap_categories"] == pytest.approx(84 / 101, abs=1e-6)
    assert measures["ap_descriptions"] == measures["recall_descriptions"] == 1


def test_a_wrong_box_that_is_surer_than_all_lowers_precision(tasks: list[Task]) -> None:
    wrong = (Box(14, 18, 16, 86), 2.0)
    measures = measured(tasks, lambda task: annotated(task) + [wrong] * (task.question.text == "Sneakers"))
    assert measures["ap_categories"] == pytest.approx(6 / 7, abs=1e-6)
    assert measures["ap"] == pytest.approx(2 * 6 / 7 / (1 + 6 / 7), abs=1e-5)
    assert measures["recall_categories"] == 1


def test_what_a_phrase_without_an_object_is_answered_with_counts_among_negatives_alone(tasks: list[Task]) -> None:
    wrong = (Box(14, 18, 16, 86), 2.0)
    measures = measured(tasks, lambda task: annotated(task) + [wrong] * task.question.text.startswith("this trumpet"))
    assert measures["ap_descriptions"] == pytest.approx(2 / 3, abs=1e-6)
    assert measures["ap_descriptions_positive"] == 1


@pytest.mark.parametrize(("words", "length"), [(1, "short"), (3, "short"), (4, "medium"), (8, "medium"), (9, "long")])
def test_descriptions_are_also_measured_by_their_length(tmp_path: Path, words: int, length: str) -> None:
    data = small(descriptions=[phrase(1, " ".join(["hat"] * words), [5])], annotations=[annotation(5, 1)])
    measures = measured(list(omnilabel.load(written(tmp_path, data), "val")))
    assert {name for name in measures if name.endswith(("short", "medium", "long"))} == {f"ap_descriptions_{length}"}
    assert "ap" not in measures, "there are no categories"


def test_precision_is_over_all_phrases_together_and_all_images_of_a_task(tmp_path: Path) -> None:
    written(tmp_path, small())
    lots = random.Random(1)
    found = {
        (task.question.text, task.instances[0].id): [
            (box, lots.random()) for _, box in enumerate(task.instances[0].boxes)
        ]
        + [(Box(0, 0, 5, 5), lots.random())] * lots.randint(0, 1)
        for task in omnilabel.load(tmp_path, "val")
    }
    measures = []
    for instances in (1, 2):
        tasks = list(omnilabel.load(tmp_path, "val", instances=instances))
        pairs = [
            (task, rollout(task, [found[task.question.text, instance.id] for instance in task.instances]))
            for task in tasks
        ]
        measures.append(omnilabel.metrics(pairs))
    assert measures[0] == measures[1]
    assert 0 < measures[0]["ap_categories"] < 1


def test_programs_that_found_nothing_or_never_ran_have_no_precision(tasks: list[Task]) -> None:
    assert set(omnilabel.metrics((task, None) for task in tasks).values()) == {0.0}
    assert omnilabel.metrics([]) == {}
