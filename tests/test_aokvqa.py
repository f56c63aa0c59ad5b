"""A-OKVQA's loader on files in the official layout: both settings, without answers, and broken."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from visrep import reward
from visrep.env.faults import UserFault
from visrep.env.tasks import aokvqa


def row(number: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "split": "val",
        "image_id": 299207,
        "question_id": f"22MexNkBPpdZGX6sxbxV{number:02}",
        "question": "What is the man by the bags awaiting?",
        "choices": ["skateboarder", "train", "delivery", "cab"],
        "correct_choice_idx": 3,
        "direct_answers": ["ride"] * 3 + ["bus", "Taxi", "taxi", "cab", "airport", "his ride", "rail"],
        "difficult_direct_answer": False,
        "rationales": ["He has luggage."],
        **more,
    }


def written(root: Path, rows: Any, split: str = "val") -> Path:
    (root / f"aokvqa_v1p0_{split}.json").write_text(json.dumps(rows))
    folder = root / f"{split.removesuffix('_w_ans')}2017"
    folder.mkdir(exist_ok=True)
    Image.new("RGB", (100, 80)).save(folder / "000000299207.jpg")
    return root


def test_a_row_is_a_question_whose_answers_score_by_how_many_gave_them(tmp_path: Path) -> None:
    (task,) = aokvqa.load(written(tmp_path, [row()]), "val")
    assert (task.question.id, task.question.kind) == ("22MexNkBPpdZGX6sxbxV00", "answer")
    assert task.question.signature == "execute_command(image)"
    (instance,) = task.instances
    assert instance.images == (tmp_path / "val2017" / "000000299207.jpg",)
    measures = {said: reward.score(task, instance, said).measure for said in ("ride", "a taxi", "bus", "his ride", "x")}
    assert measures == pytest.approx({"ride": 1, "a taxi": 2 / 3, "bus": 1 / 3, "his ride": 1 / 3, "x": 0})


def test_with_multiple_choice_a_row_is_a_choice_among_its_options(tmp_path: Path) -> None:
    (task,) = aokvqa.load(written(tmp_path, [row()]), "val", multiple_choice=True)
    assert (task.question.kind, task.question.signature) == ("choice", "execute_command(image, options)")
    assert task.question.options == ("skateboarder", "train", "delivery", "cab")
    (instance,) = task.instances
    assert (instance.answers, instance.soft) == (("cab",), ())
    scores = [reward.score(task, instance, said).reward for said in ("cab", "train", 3, 0, "ride")]
    assert scores == [1, 0, 1, 0, 0]


def test_difficult_questions_are_left_out_where_answers_are_direct(tmp_path: Path) -> None:
    written(tmp_path, [row(0, difficult_direct_answer=True), row(1), row(2, difficult_direct_answer=True)])
    assert [task.question.id[-2:] for task in aokvqa.load(tmp_path, "val")] == ["01"]
    assert [task.question.id[-2:] for task in aokvqa.load(tmp_path, "val", multiple_choice=True)] == ["00", "01", "02"]


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("What is it?", "what"),
        ("On the left, how many are where?", "how"),
        ("The sign says what?", "what"),
        ("Is it somewhat wet?", "other"),
    ],
)
def test_categories_are_the_first_question_words(tmp_path: Path, text: str, category: str) -> None:
    (task,) = aokvqa.load(written(tmp_path, [row(question=text)]), "val")
    assert task.question.category == category


def test_the_test_split_is_read_where_its_answers_are(tmp_path: Path) -> None:
    (task,) = aokvqa.load(written(tmp_path, [row()], "test_w_ans"), "test_w_ans")
    assert task.instances[0].images == (tmp_path / "test2017" / "000000299207.jpg",)
    bare = {key: value for key, value in row().items() if key not in ("direct_answers", "correct_choice_idx")}
    written(tmp_path, [bare], "test")
    for multiple_choice in (True, False):
        with pytest.raises(UserFault, match=r"aokvqa_v1p0_test\.json has no answers, .* take train or val"):
            aokvqa.load(tmp_path, "test", multiple_choice=multiple_choice)


def test_missing_files_are_told_at_once(tmp_path: Path) -> None:
    written(tmp_path, [row(image_id=7)])
    with pytest.raises(UserFault, match=r"val2017/000000000007\.jpg is missing"):
        aokvqa.load(tmp_path, "val")
    with pytest.raises(UserFault, match=r"aokvqa_v1p0_vall\.json is missing; .*did you mean 'aokvqa_v1p0_val\.json'"):
        aokvqa.load(tmp_path, "vall")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ({"question": ""}, "has question '', expected a text"),
        ({"question_id": 5}, "has question_id 5, expected a text"),
        ({"choices": []}, "has choices \\[\\], expected a list"),
        ({"choices": ["a", 2]}, "has choices \\['a', 2\\], expected texts"),
        ({"correct_choice_idx": 4}, "has correct_choice_idx 4, expected a number from 0 to 3"),
        ({"correct_choice_idx": None}, "has correct_choice_idx None, expected a whole number"),
        ({"direct_answers": [1]}, "has direct_answers \\[1\\], expected texts"),
        ({"difficult_direct_answer": "no"}, "has difficult_direct_answer 'no', expected true or false"),
    ],
)
def test_a_damaged_row_is_one_fault_with_file_and_row(tmp_path: Path, damage: dict[str, Any], message: str) -> None:
    multiple_choice = "choice" in next(iter(damage))
    tasks = aokvqa.load(written(tmp_path, [row(), row(1, **damage)]), "val", multiple_choice=multiple_choice)
    assert next(tasks).question.id.endswith("00")
    with pytest.raises(UserFault, match=rf"aokvqa_v1p0_val\.json: entry 2 {message}"):
        next(tasks)
