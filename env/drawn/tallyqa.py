"""Writes drawn pictures and counting questions in TallyQA's official layout, so that one loader reads both.

    ROOT/{split}.json
    ROOT/VG_100K/{image id}.jpg
    ROOT/drawn.json                                      what it was drawn from

The format is that of https://github.com/manoja328/TallyQA_dataset, where "train" does not say which questions are
complex, and there is no "val". Complex is here what counts objects beside another one.
"""

from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

from visrep.env.drawn.asked import Asked, lay_out, save_pictures
from visrep.env.drawn.folder import dump

SPLITS = ("train", "val", "test")


def draw(root: Path, *, seed: int, tasks_per_category: Mapping[str, int], instances: int) -> None:
    """Draw a data set into the folder `root`, which appears whole or not at all: `tasks_per_category` texts, simple and
    complex ones, in every split, each asked of `instances` pictures with different answers. Does nothing where `root`
    holds the data set of these settings; raises UserFault where it holds anything else, or where there are not so many
    texts."""
    lay_out(
        root, "tallyqa", SPLITS, _write,
        seed=seed, tasks_per_category=tasks_per_category, instances=instances, categories=("count", "count_relation"),
    )  # fmt: skip


def _write(folder: Path, split: str, questions: list[Asked], random: Random) -> None:
    save_pictures(questions, lambda image: folder / _image(image))
    dump(folder / f"{split}.json", [_row(asked, split) for asked in questions])


def _row(asked: Asked, split: str) -> dict[str, Any]:
    simple = asked.form.category == "count"
    return {
        "answer": int(asked.answer),
        "data_source": "imported_genome" if simple else "amt",
        "image": _image(asked.image),
        "image_id": asked.image,
        "question": asked.form.text,
        "question_id": asked.number,
    } | ({} if split == "train" else {"issimple": simple})


def _image(image: int) -> str:
    return f"VG_100K/{image}.jpg"
