"""VQA v2's loader on files in the official layout: whole, in another order, broken and huge."""

import json
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from visrep.env.faults import UserFault
from visrep.env.tasks import vqav2
from visrep.env.types import Execution, Rollout, Score

TEN = ["net"] * 4 + ["Nets."] * 3 + ["a net", "mesh", "wire"]


def question(number: int = 1, image: int = 458752, **more: Any) -> dict[str, Any]:
    return {"image_id": image, "question": "What is this photo taken looking through?", "question_id": number, **more}


def annotation(number: int = 1, answers: Sequence[str] = TEN, **more: Any) -> dict[str, Any]:
    return {
        "question_type": "what is this",
        "multiple_choice_answer": "net",
        "answers": [
            {"answer": answer, "answer_confidence": "maybe", "answer_id": place}
            for place, answer in enumerate(answers, 1)
        ],
        "image_id": 458752,
        "answer_type": "other",
        "question_id": number,
        **more,
    }


def written(root: Path, questions: Any, annotations: Any, split: str = "val2014") -> Path:
    head = {"info": {"year": 2017, "version": "2.0"}, "license": {"name": "CC"}, "data_subtype": split}
    questions = {**head, "task_type": "Open-Ended", "data_type": "mscoco", "questions": questions}
    (root / f"v2_OpenEnded_mscoco_{split}_questions.json").write_text(json.dumps(questions))
    annotations = {**head, "annotations": annotations, "data_type": "mscoco"}
    (root / f"v2_mscoco_{split}_annotations.json").write_text(json.dumps(annotations))
    (root / split).mkdir(exist_ok=True)
    Image.new("RGB", (100, 80)).save(root / split / f"COCO_{split}_000000458752.jpg")
    return root


def test_a_question_becomes_a_task_with_the_scores_of_its_answers(tmp_path: Path) -> None:
    (task,) = vqav2.load(written(tmp_path, [question(458752000)], [annotation(458752000)]), "val2014")
    assert (task.question.id, task.question.text) == ("458752000", "What is this photo taken looking through?")
    assert (task.question.kind, task.question.category, task.question.options) == ("answer", "other", ())
    assert (task.dataset, task.split, task.group) == ("vqav2", "val2014", None)
    (instance,) = task.instances
    assert instance.images == (tmp_path / "val2014" / "COCO_val2014_000000458752.jpg",)
    assert dict(zip(instance.answers, instance.soft, strict=True)) == {
        "net": 1.0,
        "nets": 0.9,
        "mesh": 0.3,
        "wire": 0.3,
    }
    assert instance.answers[:2] == ("net", "nets"), "the best first"


@pytest.mark.parametrize(("kind", "category"), [("yes/no", "yes_no"), ("number", "number"), ("other", "other")])
def test_categories_are_the_types_of_answers(tmp_path: Path, kind: str, category: str) -> None:
    (task,) = vqav2.load(written(tmp_path, [question()], [annotation(answer_type=kind)]), "val2014")
    assert task.question.category == category


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4], [0, 1, 3, 2, 4], [4, 3, 2, 1, 0], [1, 2, 3, 4, 0]])
def test_annotations_in_another_order_are_found(tmp_path: Path, order: list[int]) -> None:
    words = ["red", "blåbär", "犬", "black", "blue"]
    annotations = [annotation(number, [words[number]] * 10) for number in order]
    tasks = vqav2.load(written(tmp_path, [question(number) for number in range(5)], annotations), "val2014")
    assert [(task.question.id, task.instances[0].answers[0]) for task in tasks] == list(
        zip("01234", words, strict=True)
    )


def test_an_empty_split_has_no_tasks(tmp_path: Path) -> None:
    assert list(vqav2.load(written(tmp_path, [], []), "val2014")) == []


def test_a_missing_split_is_named_with_the_nearest_there_is(tmp_path: Path) -> None:
    written(tmp_path, [question()], [annotation()])
    with pytest.raises(UserFault, match=r"mscoco_val2104_questions\.json is missing; .* did you mean .*val2014"):
        vqav2.load(tmp_path, "val2104")
    with pytest.raises(UserFault, match="is missing"):
        vqav2.load(tmp_path, "")


def test_a_split_without_annotations_is_told_in_one_line(tmp_path: Path) -> None:
    written(tmp_path, [question()], [annotation()], "test2015")
    (tmp_path / "v2_mscoco_test2015_annotations.json").unlink()
    with pytest.raises(UserFault, match=r"v2_mscoco_test2015_annotations\.json is missing; .* not published") as fault:
        vqav2.load(tmp_path, "test2015")
    assert "\n" not in str(fault.value)


def test_missing_images_are_told_at_once(tmp_path: Path) -> None:
    written(tmp_path, [question(image=7)], [annotation()])
    with pytest.raises(UserFault, match=r"COCO_val2014_000000000007\.jpg is missing; put the split's images into"):
        vqav2.load(tmp_path, "val2014")


@pytest.mark.parametrize(
    ("questions", "annotations", "message"),
    [
        ([question(question=None)], [annotation()], r"questions\.json: entry 1 has question None, expected a text"),
        ([question("1")], [annotation()], r"questions\.json: entry 1 has question_id '1', expected a whole number"),
        ([question(image=None)], [annotation()], r"questions\.json: entry 1 has image_id None"),
        ([question()], [annotation(answer_type="maybe")], r"annotations\.json: entry 1 has answer_type 'maybe'"),
        ([question()], [annotation(answers=[])], r"annotations\.json: entry 1 has answers \[\], expected a list"),
        ([question()], [annotation(answers=[None])], r"annotations\.json: entry 1 has answers .*expected a list of"),
        ([question(), question(2)], [annotation(), annotation(3)], r"entry 2 is question 2, which .*annotations\.json"),
        ([question(), question(2)], [annotation()], r"questions\.json: entry 2 is question 2, which .* lacks"),
        ([question()], [annotation(), annotation(2)], r"annotations\.json is of 2 questions, .* has 1"),
        ([], [annotation()], r"annotations\.json is of 1 questions, .* has 0"),
        ([question(2), question(1)], [annotation(n) for n in (1, 2, 3)], r"is of 3 questions, .* has 2"),
        ([question(2), question(1)], [annotation(n) for n in (1, 1)], r"entry 2 is the second of question 1"),
    ],
)
def test_a_row_that_does_not_fit_is_one_fault_with_file_and_row(
    tmp_path: Path, questions: Any, annotations: Any, message: str
) -> None:
    written(tmp_path, questions, annotations)
    with pytest.raises(UserFault, match=message) as fault:
        list(vqav2.load(tmp_path, "val2014"))
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize("file", vqav2.FILES)
def test_a_truncated_file_gives_its_whole_rows_and_then_one_fault_with_file_and_row(tmp_path: Path, file: str) -> None:
    written(tmp_path, [question(number) for number in range(50)], [annotation(number) for number in range(50)])
    path = tmp_path / file.format("val2014")
    text = path.read_text()
    path.write_text(text[: text.rindex("question_id") - 3])
    tasks = vqav2.load(tmp_path, "val2014")
    assert [next(tasks).question.id for _ in range(49)] == [str(number) for number in range(49)]
    with pytest.raises(UserFault, match=rf"{path.name}: entry 50 of '\w+' is cut off"):
        list(tasks)


def test_soft_accuracy_is_given_by_type_of_answer(tmp_path: Path) -> None:
    types = ["number", "yes/no", "number", "other"]
    annotations = [annotation(number, answer_type=kind) for number, kind in enumerate(types)]
    tasks = list(vqav2.load(written(tmp_path, [question(number) for number in range(4)], annotations), "val2014"))

    def rollout(measure: float) -> Rollout:
        return Rollout("t", "c", "", (Execution("ok"),), (Score(int(measure >= 0.6), measure, "ok"),), 0)

    ran = [rollout(0.9), rollout(1.0), rollout(0.3), None]
    assert vqav2.metrics(zip(tasks, ran, strict=True)) == {
        "soft_accuracy_number": 0.6,
        "soft_accuracy_other": 0.0,
        "soft_accuracy_yes_no": 1.0,
    }


def test_fifty_thousand_questions_stream_in_constant_memory(tmp_path: Path) -> None:
    rows = 50_000
    written(tmp_path, [], [])
    for file, of, row in zip(
        vqav2.FILES, ("questions", "annotations"), (question(0), annotation(0, ["net"] * 3)), strict=True
    ):
        before, after = json.dumps(row).split('"question_id": 0')
        with (tmp_path / file.format("val2014")).open("w") as out:
            numbered = (f'{before}"question_id": {number}{after}' for number in range(rows))
            out.write(f'{{"info": {{}}, "{of}": [{next(numbered)}')
            out.writelines(f",{text}" for text in numbered)
            out.write("]}")
    tracemalloc.start()
    assert sum(1 for _ in vqav2.load(tmp_path, "val2014")) == rows
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(path.stat().st_size for path in tmp_path.glob("*.json")) > 20e6 > 2 * peak
