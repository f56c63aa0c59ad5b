"""OK-VQA (Marino et al., CVPR 2019) in its official layout: questions that take knowledge from outside the image.

    ROOT/OpenEnded_mscoco_{split}_questions.json
    ROOT/mscoco_{split}_annotations.json
    ROOT/{split}/COCO_{split}_{image id, 12 digits}.jpg

From https://okvqa.allenai.org/download.html, in VQA's format and scored as VQA is. A task's category is the field of
knowledge. There are "train2014" and "val2014", which results are reported on.
"""

from collections.abc import Iterator
from pathlib import Path

from visrep.env.formats.entries import Item
from visrep.env.formats.open_ended import metrics as metrics
from visrep.env.formats.open_ended import tasks
from visrep.env.types import Task

FILES = ("OpenEnded_mscoco_{}_questions.json", "mscoco_{}_annotations.json")
"""Questions and annotations; {} is the split."""

FIELDS = {
    "one": "vehicles_and_transportation",
    "two": "brands_companies_and_products",
    "three": "objects_material_and_clothing",
    "four": "sports_and_recreation",
    "five": "cooking_and_food",
    "six": "geography_history_language_and_culture",
    "seven": "people_and_everyday_life",
    "eight": "plants_and_animals",
    "nine": "science_and_technology",
    "ten": "weather_and_climate",
    "other": "other",
}
"""The `question_types` that are listed in the annotations' files."""


def load(root: Path, split: str) -> Iterator[Task]:
    """The tasks of a split, in the file's order, in constant memory; kind `answer`.

    Raises UserFault, naming file and row: at once when a file or the first image is missing, while reading when a row
    is damaged.
    """
    return tasks(root, split, "okvqa", FILES, _category)


def _category(annotation: Item) -> str:
    field = annotation.get("question_type", str)
    if field not in FIELDS:
        raise annotation.fault("question_type", f"one of {', '.join(FIELDS)}")
    return FIELDS[field]
