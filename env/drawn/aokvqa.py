"""Writes drawn pictures and questions in A-OKVQA's official layout: four choices, and ten people's direct answers.

    ROOT/aokvqa_v1p0_{split}.json
    ROOT/{split}2017/{image id, 12 digits}.jpg           test2017 for "test_w_ans"
    ROOT/drawn.json                                      what it was drawn from

The format is that of https://github.com/allenai/aokvqa. Questions are those that have four answers to choose from:
about colors and numbers.
"""

import string
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

from visrep.env.drawn.annotators import agree, ten_answers, three_others
from visrep.env.drawn.asked import Asked, lay_out, save_pictures
from visrep.env.drawn.folder import dump
from visrep.env.drawn.questions import Form, ask

SPLITS = ("train", "val", "test_w_ans")

_CATEGORIES = ("count", "query_color", "leftmost", "topmost", "largest", "count_relation")


def draw(root: Path, *, seed: int, tasks_per_category: Mapping[str, int], instances: int) -> None:
    """Draw a data set into the folder `root`, which appears whole or not at all: `tasks_per_category` texts of each of
    six categories in every split, each asked of `instances` pictures with different answers. Does nothing where `root`
    holds the data set of these settings; raises UserFault where it holds anything else, or where there are not so many
    texts."""
    lay_out(
        root, "aokvqa", SPLITS, _write,
        seed=seed, tasks_per_category=tasks_per_category, instances=instances, categories=_CATEGORIES, ask=_ask,
    )  # fmt: skip


def _ask(category: str, random: Random) -> Form:
    while True:
        form = ask(category, random)
        last = form.steps[-1]
        if last.operation == "count" or (last.operation, last.argument) == ("query", "color"):
            return form


def _write(folder: Path, split: str, questions: list[Asked], random: Random) -> None:
    images = folder / f"{split.removesuffix('_w_ans')}2017"
    save_pictures(questions, lambda image: images / f"{image:012}.jpg")
    dump(folder / f"aokvqa_v1p0_{split}.json", [_row(asked, split, random) for asked in questions])


def _row(asked: Asked, split: str, random: Random) -> dict[str, Any]:
    choices = [asked.answer, *three_others(asked.answer, random)]
    random.shuffle(choices)
    agreed = agree(random)
    return {
        "split": split,
        "image_id": asked.image,
        "question_id": "".join(random.choices(string.ascii_letters + string.digits, k=22)),
        "question": asked.form.text,
        "choices": choices,
        "correct_choice_idx": choices.index(asked.answer),
        "direct_answers": ten_answers(asked.answer, agreed, random),
        "difficult_direct_answer": not agreed and random.random() < 1 / 2,
        "rationales": [asked.form.sentence(asked.answer)],
    }
