"""VQA v2 (Goyal et al., CVPR 2017) in its official layout.

    ROOT/v2_OpenEnded_mscoco_{split}_questions.json
    ROOT/v2_mscoco_{split}_annotations.json
    ROOT/{split}/COCO_{split}_{image id, 12 digits}.jpg

From https://visualqa.org/download.html. A task's category is the type of its answer, by which the official evaluation
reports: yes_no, number or other. Answers are scored as in `env/vqa.py`.
"""

from collections.abc import Iterator
from pathlib import Path

from visrep.env.formats.entries import Item
from visrep.env.formats.open_ended import metrics as metrics
from visrep.env.formats.open_ended import tasks
from visrep.env.types import Task

FILES = ("v2_OpenEnded_mscoco_{}_questions.json", "v2_mscoco_{}_annotations.json")
"""Questions and annotations; {} is the split."""

_CATEGORIES = {"yes/no": "yes_no", "number": "number", "other": "other"}


def load(root: Path, split: str) -> Iterator[Task]:
    """The tasks of a split ("train2014", "val2014"), in the file's order, in constant memory; kind `answer`.

    Raises UserFault, naming file and row: at once when a file or the first image is missing, as the annotations of test
    splits are for all, while reading when a row is damaged.
    """
    return tasks(root, split, "vqav2", FILES, _category)


def _category(annotation: Item) -> str:
    kind = annotation.get("answer_type", str)
    if kind not in _CATEGORIES:
        raise annotation.fault("answer_type", f"one of {', '.join(_CATEGORIES)}")
    return _CATEGORIES[kind]
