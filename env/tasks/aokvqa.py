"""A-OKVQA (Schwenk et al., ECCV 2022) in its official layout: open and multiple-choice questions that take knowledge.

    ROOT/aokvqa_v1p0_{split}.json
    ROOT/{split}2017/{image id, 12 digits}.jpg         test2017 for the split "test_w_ans"

From https://github.com/allenai/aokvqa. A task's category is the question's first question word.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from visrep.env.faults import UserFault
from visrep.env.formats.entries import Item, items
from visrep.env.formats.layout import check_file, check_image
from visrep.env.types import Instance, Question, Task
from visrep.env.vqa import direct_scores

_ASKING = re.compile(r"\b(what|why|how|where|which|who|when)\b")


def load(root: Path, split: str, *, multiple_choice: bool = False) -> Iterator[Task]:
    """The tasks of a split ("train", "val"), in the file's order, in constant memory: of kind `choice` with four
    options, or of kind `answer`, each answer scored by how many of ten people gave it. As in the official evaluation,
    questions that are marked as difficult to answer directly are left out of the latter.

    Raises UserFault, naming file and row: at once when the file or the first image is missing or the split's answers
    are not published, while reading when a row is damaged.
    """
    path = root / f"aokvqa_v1p0_{split}.json"
    check_file(path, "aokvqa_v1p0_*.json")
    folder = root / f"{split.removesuffix('_w_ans')}2017"
    first = next(items(path), None)
    if first is not None:
        if "direct_answers" not in first.value:
            raise UserFault(f"{path} has no answers, which are not published for A-OKVQA's test; take train or val")
        check_image(_image(folder, first))
    make = _choice if multiple_choice else _open
    return (
        Task(*make(folder, item), dataset="aokvqa", split=split)
        for item in items(path)
        if multiple_choice or not item.get("difficult_direct_answer", bool)
    )


def _choice(folder: Path, item: Item) -> tuple[Question, tuple[Instance]]:
    own, text, category = _asked(item)
    options, right = item.get("choices", list), item.get("correct_choice_idx", int)
    if not all(isinstance(option, str) for option in options):
        raise item.fault("choices", "texts")
    if right not in range(len(options)):
        raise item.fault("correct_choice_idx", f"a number from 0 to {len(options) - 1}")
    question = Question(own, text, "choice", category, tuple(options), "execute_command(image, options)")
    return question, (Instance(own, images=(_image(folder, item),), answers=(options[right],)),)


def _open(folder: Path, item: Item) -> tuple[Question, tuple[Instance]]:
    own, text, category = _asked(item)
    answers = item.get("direct_answers", list)
    if not all(isinstance(answer, str) for answer in answers):
        raise item.fault("direct_answers", "texts")
    scores = direct_scores(answers)
    instance = Instance(own, images=(_image(folder, item),), answers=tuple(scores), soft=tuple(scores.values()))
    return Question(own, text, "answer", category), (instance,)


def _asked(item: Item) -> tuple[str, str, str]:
    """Id, text and category."""
    text = item.get("question", str).strip()
    word = _ASKING.search(text.lower())
    return item.get("question_id", str), text, word[1] if word else "other"


def _image(folder: Path, item: Item) -> Path:
    return folder / f"{item.get('image_id', int):012}.jpg"
