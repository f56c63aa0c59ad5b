"""SugarCrepe's loader on its own files, where they are at hand, and on broken ones."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from visrep.env.faults import UserFault
from visrep.env.tasks import sugarcrepe
from visrep.env.types import Task

OFFICIAL = Path(__file__).parents[2] / "shared" / "data" / "formats" / "sugarcrepe"


def row(**more: Any) -> dict[str, Any]:
    return {
        "filename": "000000000001.jpg",
        "caption": "A cat on a mat. ",
        "negative_caption": "A mat on a cat.",
        **more,
    }


def written(root: Path, rows: dict[str, dict[str, Any]], category: str = "swap_obj") -> Path:
    (root / "val2017").mkdir(exist_ok=True)
    (root / f"{category}.json").write_text(json.dumps(rows))
    for one in rows.values():
        if isinstance(one.get("filename"), str):
            Image.new("RGB", (30, 20)).save(root / "val2017" / one["filename"])
    return root


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The official rows, with blank images in place of COCO's."""
    if not OFFICIAL.is_dir():
        pytest.skip(f"{OFFICIAL} is absent")
    root = tmp_path_factory.mktemp("sugarcrepe")
    (root / "val2017").mkdir()
    for path in OFFICIAL.glob("*.json"):
        shutil.copyfile(path, root / path.name)
        for one in json.loads(path.read_text()).values():
            Image.new("RGB", (8, 8)).save(root / "val2017" / one["filename"])
    return root


def test_the_official_files_become_tasks_of_their_types(official: Path) -> None:
    tasks = list(sugarcrepe.load(official, "test"))
    assert {task.question.category for task in tasks} == {"replace_att", "swap_obj"}
    assert [task.question.category for task in tasks].count("swap_obj") == 60
    first = next(task for task in tasks if task.question.id == "swap_obj-0")
    assert first.instances[0].answers == ("A cat sits on its hind legs, and swats at the plant.",)
    assert first.instances[0].images == (official / "val2017" / "000000222235.jpg",)
    assert set(first.question.options) == {
        "A cat sits on its hind legs, and swats at the plant.",
        "A cat sits on the plant, and swats at its hind legs.",
    }
    places = [task.question.options.index(str(task.instances[0].answers[0])) for task in tasks]
    assert 0.35 < sum(places) / len(places) < 0.65, "the right caption comes first by lot"


def test_verifying_asks_of_both_captions(official: Path) -> None:
    asked = list(sugarcrepe.load(official, "test", kind="verify"))
    groups: dict[str, list[Task]] = {}
    for task in asked:
        groups.setdefault(str(task.group), []).append(task)
    assert len(groups) == 120
    for tasks in groups.values():
        assert sorted(task.instances[0].answers[0] for task in tasks) == [False, True]
        true = next(task.question.text for task in tasks if task.instances[0].answers[0])
        category, _, key = str(tasks[0].group).partition("-")
        assert true.endswith(json.loads((official / f"{category}.json").read_text())[key]["caption"].strip())
        assert tasks[0].instances[0].images == tasks[1].instances[0].images


def test_training_takes_whole_images(official: Path) -> None:
    images = []
    for split in ("train", "test"):
        tasks = sugarcrepe.load(official, split, train_share=0.4)
        images.append({task.instances[0].images for task in tasks})
    assert images[0]
    assert images[1]
    assert not images[0] & images[1]


def test_an_item_is_one_image_and_two_captions(tmp_path: Path) -> None:
    (task,) = sugarcrepe.load(written(tmp_path, {"12": row()}), "test")
    assert (task.question.id, task.question.kind) == ("swap_obj-12", "match")
    assert task.question.signature == "execute_command(image, options)"
    assert sorted(task.question.options) == ["A cat on a mat.", "A mat on a cat."]
    assert task.instances[0].answers == ("A cat on a mat.",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"negative_caption": None}, r"swap_obj\.json: entry 2 \(b\): found negative_caption None, expected a text"),
        ({"negative_caption": "A cat on a mat."}, r"entry 2 \(b\): both captions are 'A cat on a mat\.'"),
        ({"filename": 3}, r"entry 2 \(b\): found filename 3"),
    ],
)
def test_a_damaged_row_is_a_fault_with_file_and_row(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    tasks = sugarcrepe.load(written(tmp_path, {"a": row(), "b": row(**change)}), "test")
    assert next(tasks).question.id == "swap_obj-a"
    with pytest.raises(UserFault, match=message):
        next(tasks)


def test_a_torn_file_gives_its_whole_rows_and_then_a_fault(tmp_path: Path) -> None:
    path = written(tmp_path, {"a": row(), "b": row()}) / "swap_obj.json"
    path.write_text(path.read_text()[:-30])
    tasks = sugarcrepe.load(tmp_path, "test")
    assert next(tasks).question.id == "swap_obj-a"
    with pytest.raises(UserFault, match=r"swap_obj\.json: entry 2 is cut off"):
        next(tasks)


def test_what_is_missing_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(UserFault, match=r"has none of add_att, add_obj, .* as \.json"):
        sugarcrepe.load(tmp_path, "test")
    written(tmp_path, {"a": row()})
    with pytest.raises(UserFault, match="kind is 'choose'"):
        sugarcrepe.load(tmp_path, "test", kind="choose")
    with pytest.raises(UserFault, match="expected a \\* where the type stands"):
        sugarcrepe.load(tmp_path, "test", hub="HuggingFaceM4/SugarCrepe")
    (tmp_path / "val2017" / "000000000001.jpg").unlink()
    with pytest.raises(UserFault, match=r"000000000001\.jpg is missing"):
        sugarcrepe.load(tmp_path, "test")
