"""OK-VQA's loader on files in the official layout, which is VQA's with fields of knowledge."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from visrep.env.faults import UserFault
from visrep.env.tasks import okvqa


def written(root: Path, question_type: str) -> Path:
    answers: list[dict[str, Any]] = [
        {"answer_id": place, "raw_answer": f"the {word}s", "answer_confidence": "yes", "answer": word}
        for place, word in enumerate(["pony tail"] * 6 + ["braid"] * 2 + ["bun", "curl"], 1)
    ]
    row = {"image_id": 51606, "answer_type": "other", "question_type": question_type, "question_id": 516065}
    questions = [{"image_id": 51606, "question": "What is the hairstyle called? ", "question_id": 516065}]
    (root / "OpenEnded_mscoco_train2014_questions.json").write_text(json.dumps({"questions": questions}))
    annotations = {"question_types": {"four": "Sports and Recreation"}, "annotations": [row | {"answers": answers}]}
    (root / "mscoco_train2014_annotations.json").write_text(json.dumps(annotations))
    (root / "train2014").mkdir()
    Image.new("RGB", (100, 80)).save(root / "train2014" / "COCO_train2014_000000051606.jpg")
    return root


def test_a_question_becomes_a_task_of_its_field_of_knowledge(tmp_path: Path) -> None:
    (task,) = okvqa.load(written(tmp_path, "four"), "train2014")
    assert (task.question.id, task.question.text) == ("516065", "What is the hairstyle called?")
    assert (task.question.kind, task.question.category) == ("answer", "sports_and_recreation")
    assert (task.dataset, task.split) == ("okvqa", "train2014")
    (instance,) = task.instances
    assert instance.images[0].is_file()
    assert instance.answers == ("pony tail", "braid", "bun", "curl")
    assert instance.soft == (1.0, 0.6, 0.3, 0.3)


def test_a_field_that_is_none_is_one_fault_with_file_and_row(tmp_path: Path) -> None:
    with pytest.raises(
        UserFault, match=r"annotations\.json: entry 1 has question_type 'eleven', expected one of one, "
    ):
        okvqa.load(written(tmp_path, "eleven"), "train2014")


def test_a_missing_split_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserFault, match=r"OpenEnded_mscoco_test_questions\.json is missing; .*did you mean"):
        okvqa.load(written(tmp_path, "four"), "test")
