"""Writes questions and ten people's answers in VQA's file format, that of `env/formats/open_ended.py`."""

from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

from visrep.env.drawn.annotators import agree, ten_answers
from visrep.env.drawn.asked import Asked, Write, save_pictures
from visrep.env.drawn.folder import dump


def writer(
    files: tuple[str, str], question_type: Callable[[Asked], str], more: Mapping[str, Any] | None = None
) -> Write:
    """Writes a split into files of these names, with {} for the split, questions first; `more` are further members of
    the annotations' file."""

    def write(folder: Path, split: str, questions: list[Asked], random: Random) -> None:
        save_pictures(questions, lambda image: folder / split / f"COCO_{split}_{image:012}.jpg")
        head = {"info": {"description": "drawn scenes"}, "license": {}, "data_type": "mscoco", "data_subtype": split}
        rows = [_question(asked) for asked in questions]
        dump(folder / files[0].format(split), head | {"task_type": "Open-Ended", "questions": rows})
        rows = [_annotation(asked, question_type(asked), random) for asked in questions]
        dump(folder / files[1].format(split), head | dict(more or {}) | {"annotations": rows})

    return write


def _question(asked: Asked) -> dict[str, Any]:
    return {"image_id": asked.image, "question": asked.form.text, "question_id": asked.number}


def _annotation(asked: Asked, question_type: str, random: Random) -> dict[str, Any]:
    agreed = agree(random)
    answers = ten_answers(asked.answer, agreed, random)
    return {
        "image_id": asked.image,
        "question_id": asked.number,
        "question_type": question_type,
        "answer_type": _answer_type(asked.answer),
        "multiple_choice_answer": asked.answer if agreed else answers[0],
        "answers": [
            {"answer_id": number, "answer": answer, "raw_answer": answer, "answer_confidence": "yes"}
            for number, answer in enumerate(answers, 1)
        ],
    }


def _answer_type(answer: str) -> str:
    if answer in ("yes", "no"):
        return "yes/no"
    return "number" if answer.isdigit() else "other"
