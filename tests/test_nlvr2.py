"""NLVR2's loader on files in the official layout, whole and broken."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from visrep.env.faults import UserFault
from visrep.env.tasks import nlvr2


def row(identifier: str = "dev-189-0-0", **more: Any) -> dict[str, Any]:
    return {
        "validation": {"77": "True"},
        "sentence": "All the bottles are from the same brand.",
        "left_url": "https://example.org/1.jpg",
        "writer": "103",
        "label": "True",
        "right_url": "https://example.org/2.jpg",
        "synset": "beer bottle",
        "query": "some beer bottles2",
        "identifier": identifier,
        "extra_validations": {"56": "True"},
        **more,
    }


def written(root: Path, *rows: dict[str, Any], split: str = "dev", data: str = ".", images: str = "dev") -> Path:
    (root / data).mkdir(exist_ok=True)
    (root / data / f"{split}.json").write_text("".join(json.dumps(one) + "\n" for one in rows))
    for one in rows:
        folder = root / images / str(one.get("directory", ""))
        folder.mkdir(parents=True, exist_ok=True)
        for side in (0, 1):
            name = str(one["identifier"]).rpartition("-")[0]
            Image.new("RGB", (30, 20)).save(folder / f"{name}-img{side}.png")
    return root


def test_a_sentence_is_one_task_on_all_its_pairs(tmp_path: Path) -> None:
    other = "There are seven bottles."
    rows = [
        row("dev-189-0-0"),
        row("dev-189-0-1", sentence=other),
        row("dev-189-3-0", label="False"),  # rows of a sentence need not be next to each other
        row("dev-190-3-0", sentence=other, label="False"),
    ]
    tasks = list(nlvr2.load(written(tmp_path, *rows), "dev"))
    assert [task.question.id for task in tasks] == ["dev-189-0", "dev-189-1", "dev-190-0"]
    first = tasks[0]
    assert (first.question.kind, first.question.signature) == ("verify", "execute_command(images)")
    assert [instance.id for instance in first.instances] == ["dev-189-0-0", "dev-189-3-0"]
    assert [instance.answers for instance in first.instances] == [(True,), (False,)]
    assert first.instances[1].images == tuple(tmp_path / "dev" / f"dev-189-3-img{side}.png" for side in (0, 1))


@pytest.mark.parametrize(
    ("data", "images", "split", "more"),
    [
        (".", "dev", "dev", {}),
        ("data", "images/dev", "dev", {}),
        ("data", "images/train", "train", {"directory": 20}),
    ],
)
def test_files_are_found_where_the_official_layouts_have_them(
    tmp_path: Path, data: str, images: str, split: str, more: dict[str, Any]
) -> None:
    root = written(tmp_path, row(f"{split}-1-0-0", **more), split=split, data=data, images=images)
    (task,) = nlvr2.load(root, split)
    assert all(path.is_file() for path in task.instances[0].images)


@pytest.mark.parametrize(
    ("sentence", "category"),
    [
        ("The left image contains twice as many dogs as the right one.", "side"),
        ("There is a cake in each of the images.", "each"),
        ("One of the images features a sash.", "one"),
        ("There are exactly seven bottles not in a container.", "total"),
        ("A dog is lying on a bed.", "any"),
    ],
)
def test_a_category_is_how_the_images_are_put_together(sentence: str, category: str) -> None:
    assert nlvr2.category(sentence) == category


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": "maybe"}, r"dev\.json:2: found label 'maybe', expected True or False"),
        ({"identifier": "dev-189"}, r"dev\.json:2: found .*'dev-189'.*, expected split-set-pair-sentence"),
        ({"sentence": None}, r"dev\.json:2: found sentence None"),
        ({"sentence": "Other."}, r"dev\.json:2: 'dev-189-1-0' is there twice, or has another sentence than"),
        ({"identifier": "dev-189-0-0"}, r"dev\.json:2: 'dev-189-0-0' is there twice"),
    ],
)
def test_a_damaged_row_is_a_fault_with_file_and_line(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    tasks = nlvr2.load(written(tmp_path, row(), row("dev-189-1-0") | change), "dev")
    with pytest.raises(UserFault, match=message):
        list(tasks)


def test_a_torn_file_is_a_fault_with_file_and_line(tmp_path: Path) -> None:
    path = written(tmp_path, row(), row("dev-189-1-0")) / "dev.json"
    path.write_text(path.read_text()[:-30])
    with pytest.raises(UserFault, match=r"dev\.json:2: no JSON line"):
        list(nlvr2.load(tmp_path, "dev"))


def test_what_is_missing_is_told_at_once(tmp_path: Path) -> None:
    written(tmp_path, row())
    with pytest.raises(UserFault, match=r"has no test1\.json; found: dev"):
        nlvr2.load(tmp_path, "test1")
    (tmp_path / "dev" / "dev-189-0-img1.png").unlink()
    with pytest.raises(UserFault, match=r"dev-189-0-img1\.png is missing"):
        nlvr2.load(tmp_path, "dev")
