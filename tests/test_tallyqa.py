"""TallyQA's loader on files in the official layout, whole and broken."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from visrep import reward
from visrep.env.faults import UserFault
from visrep.env.tasks import tallyqa


def row(**more: Any) -> dict[str, Any]:
    return {
        "answer": 4,
        "data_source": "imported_genome",
        "image": "VG_100K_2/2410408.jpg",
        "image_id": 92410408,
        "issimple": False,
        "question": "How many headlights does the black bus have?",
        "question_id": 30095774,
        **more,
    }


def written(root: Path, rows: Any, split: str = "test") -> Path:
    (root / f"{split}.json").write_text(json.dumps(rows))
    (root / "VG_100K_2").mkdir(exist_ok=True)
    Image.new("RGB", (100, 80)).save(root / "VG_100K_2" / "2410408.jpg")
    return root


def test_a_row_becomes_a_task_whose_answer_is_a_number(tmp_path: Path) -> None:
    (task,) = tallyqa.load(written(tmp_path, [row()]), "test")
    assert (task.question.id, task.question.text) == ("30095774", "How many headlights does the black bus have?")
    assert (task.question.kind, task.question.category) == ("answer", "complex")
    (instance,) = task.instances
    assert instance.images == (tmp_path / "VG_100K_2" / "2410408.jpg",)
    scores = [reward.score(task, instance, said).reward for said in (4, "4", 4.0, 5, "44", True)]
    assert scores == [1, 1, 1, 0, 0, 0]


def test_categories_are_simple_and_complex_or_else_where_the_question_comes_from(tmp_path: Path) -> None:
    unmarked = row(question_id=3, data_source="amt")
    del unmarked["issimple"]
    written(tmp_path, [row(), row(question_id=2, issimple=True), unmarked])
    assert [task.question.category for task in tallyqa.load(tmp_path, "test")] == ["complex", "simple", "amt"]


def test_none_of_them_is_an_answer_too(tmp_path: Path) -> None:
    (task,) = tallyqa.load(written(tmp_path, [row(answer=0)]), "test")
    assert reward.score(task, task.instances[0], 0).reward == 1


def test_missing_files_are_told_at_once(tmp_path: Path) -> None:
    written(tmp_path, [row(image="VG_100K/1.jpg")])
    with pytest.raises(UserFault, match=r"VG_100K/1\.jpg is missing"):
        tallyqa.load(tmp_path, "test")
    with pytest.raises(UserFault, match=r"val\.json is missing; .*found: test\.json"):
        tallyqa.load(tmp_path, "val")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ({"answer": None}, "has answer None, expected a whole number"),
        ({"answer": True}, "has answer True, expected a whole number"),
        ({"image": 3}, "has image 3, expected a text"),
        ({"issimple": None}, "has issimple None, expected true or false"),
        ({"question": None}, "has question None, expected a text"),
    ],
)
def test_a_damaged_row_is_one_fault_with_file_and_row(tmp_path: Path, damage: dict[str, Any], message: str) -> None:
    tasks = tallyqa.load(written(tmp_path, [row(), row(**damage)]), "test")
    next(tasks)
    with pytest.raises(UserFault, match=rf"test\.json: entry 2 {message}"):
        next(tasks)
