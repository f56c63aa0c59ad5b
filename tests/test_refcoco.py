"""RefCOCO's loader on files in the official layout, whole, broken, hostile and of the real size."""

import json
import pickle
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from visrep.env.faults import UserFault
from visrep.env.tasks import refcoco
from visrep.env.types import Box


def reference(id: int = 1, annotation: int = 1, split: str = "train", texts: Any = ("brown dog",), **more: Any) -> Any:
    sentences = [
        {"tokens": text.split(), "raw": text.upper(), "sent_id": 10 * id + number, "sent": text}
        for number, text in enumerate(texts)
    ]
    row = {"ref_id": id, "ann_id": annotation, "image_id": 7, "category_id": 1, "split": split, "sentences": sentences}
    file = f"COCO_train2014_000000000007_{id}.jpg"  # as in the official files, where no image is called so
    return row | {"sent_ids": [sentence["sent_id"] for sentence in sentences], "file_name": file} | more


def annotation(id: int, category: int = 1, box: Any = (10, 20, 30, 40)) -> dict[str, Any]:
    return {"id": id, "image_id": 7, "category_id": category, "bbox": list(box), "iscrowd": 0, "segmentation": [[0, 0]]}


def written(root: Path, *references: Any, name: str = "refcoco", split_by: str = "unc") -> Path:
    (root / name).mkdir()
    (root / name / f"refs({split_by}).p").write_bytes(pickle.dumps(list(references), 0))
    objects = {
        "images": [{"id": 7, "file_name": "COCO_train2014_000000000007.jpg", "width": 100, "height": 80}],
        "annotations": [annotation(1), annotation(2, 10, (50, 0, 10, 10))],
        "categories": [{"id": 1, "name": "dog"}, {"id": 10, "name": "traffic light"}],
    }
    (root / name / "instances.json").write_text(json.dumps(objects))
    image = root / "images/mscoco/images/train2014/COCO_train2014_000000000007.jpg"
    image.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (100, 80)).save(image)
    return root


def test_a_sentence_becomes_a_task_of_its_objects_category(tmp_path: Path) -> None:
    references = reference(texts=("brown dog", "Dog at left")), reference(2, 2, category_id=10, texts=["lights"])
    one, two, three = refcoco.load(written(tmp_path, *references), "train")
    assert [task.question.id for task in (one, two, three)] == ["10", "11", "20"]
    assert [task.question.text for task in (one, two, three)] == ["brown dog", "Dog at left", "lights"]
    assert [task.question.category for task in (one, two, three)] == ["dog", "dog", "traffic_light"]
    assert (one.question.kind, one.question.signature) == ("ground", "execute_command(image)")
    assert (one.dataset, one.split) == ("refcoco", "train")
    (instance,) = one.instances
    assert instance.images == (tmp_path / "images/mscoco/images/train2014/COCO_train2014_000000000007.jpg",)
    assert instance.boxes == (Box(10, 20, 40, 60),)
    assert [thing.name for thing in instance.scenes[0].objects] == ["dog", "traffic light"]
    assert three.instances[0].boxes == (Box(50, 70, 60, 80),)


def test_a_split_has_its_own_sentences_and_none_without_a_word(tmp_path: Path) -> None:
    written(tmp_path, reference(1, split="train"), reference(2, split="testA", texts=["", "a dog", "  "]))
    assert [task.question.text for task in refcoco.load(tmp_path, "testA")] == ["a dog"]


def test_each_data_set_has_the_split_that_most_use(tmp_path: Path) -> None:
    for name, split_by in (("refcoco", "unc"), ("refcoco+", "unc"), ("refcocog", "umd")):
        written(tmp_path, reference(texts=[split_by]), name=name, split_by=split_by)
    (tmp_path / "refcocog" / "refs(google).p").write_bytes(pickle.dumps([reference(texts=["google"])], 2))
    for name, options, text in (
        ("refcoco", {}, "unc"),
        ("refcoco+", {}, "unc"),
        ("refcocog", {}, "umd"),
        ("refcocog", {"split_by": "google"}, "google"),
    ):
        (task,) = refcoco.load(tmp_path, "train", name=name, **options)
        assert (task.question.text, task.dataset) == (text, name)


def test_images_may_lie_elsewhere(tmp_path: Path) -> None:
    written(tmp_path, reference())
    (tmp_path / "images/mscoco/images/train2014").rename(tmp_path / "train2014")
    (task,) = refcoco.load(tmp_path, "train", images="train2014")
    assert task.instances[0].images[0].is_file()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            reference(annotation=9),
            r"refs\(unc\)\.p: reference 1 is to annotation 9 of category 1 in image 7, which inst",
        ),
        (reference(category_id=10), "of category 10 in image 7, which instances.json beside it does not have"),
        (reference(image_id=8), "in image 8, which instances.json beside it does not have"),
        (reference(ann_id=None), r"refs\(unc\)\.p: references\[1\] is not as expected .*None, expected a whole number"),
        ({"split": "train"}, r"references\[1\] is not as expected \(KeyError"),
        (reference(sentences=[{"sent_id": 1, "sent": 5}]), r"references\[1\] is not as expected \(AttributeError"),
        (["train"], r"references\[1\] is not as expected \(TypeError"),
    ],
)
def test_a_damaged_or_inconsistent_reference_is_one_fault(tmp_path: Path, row: Any, message: str) -> None:
    with pytest.raises(UserFault, match=message) as fault:
        refcoco.load(written(tmp_path, reference(5, split="val"), row), "train")
    assert "\n" not in str(fault.value)


def test_what_is_missing_is_told_at_once_with_what_there_is(tmp_path: Path) -> None:
    written(tmp_path, reference(), reference(2, split="val"))
    with pytest.raises(UserFault, match=r"no reference of split 'testA'; its splits: train, val"):
        refcoco.load(tmp_path, "testA")
    with pytest.raises(UserFault, match=r"refs\(umd\)\.p is missing; files in .*: instances\.json, refs\(unc\)\.p"):
        refcoco.load(tmp_path, "train", split_by="umd")
    with pytest.raises(UserFault, match=r"refcocog/refs\(umd\)\.p is missing; files in .*: none"):
        refcoco.load(tmp_path, "train", name="refcocog")
    with pytest.raises(UserFault, match=r"'refcoc' is none of refcoco, refcoco\+, refcocog; did you mean 'refcoco'"):
        refcoco.load(tmp_path, "train", name="refcoc")
    next((tmp_path / "images").rglob("*.jpg")).unlink()
    with pytest.raises(UserFault, match=r"image .*COCO_train2014_000000000007\.jpg is missing; put"):
        refcoco.load(tmp_path, "train")
    (tmp_path / "refcoco" / "instances.json").unlink()
    with pytest.raises(UserFault, match=r"instances\.json is missing"):
        refcoco.load(tmp_path, "train")


def test_a_pickle_that_names_anything_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, reference()) / "refcoco" / "refs(unc).p"
    for content in (b"cos\nsystem\n(S'touch victim'\ntR.", pickle.dumps({"refs": [reference()]})):
        path.write_bytes(content)
        with pytest.raises(UserFault, match=r"refs\(unc\)\.p (is no pickle of plain data|holds a dict)"):
            refcoco.load(tmp_path, "train")


def test_memory_is_that_of_the_split_and_its_boxes(tmp_path: Path) -> None:
    texts = ["the brown dog at the left"] * 3
    written(
        tmp_path, *(reference(number, split="val" if number % 10 else "train", texts=texts) for number in range(3000))
    )
    tracemalloc.start()
    tasks = refcoco.load(tmp_path, "train")
    kept, peak = tracemalloc.get_traced_memory()
    assert sum(1 for _ in tasks) == 900
    tracemalloc.stop()
    # RefCOCO has 17 times as many references; all are in memory only while their file is read.
    assert peak < 25e6
    assert kept < 1e6
