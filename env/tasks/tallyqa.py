"""TallyQA (Acharya et al., AAAI 2019) in its official layout: counting questions.

    ROOT/{split}.json
    ROOT/VG_100K/…, ROOT/VG_100K_2/…, ROOT/train2014/…, ROOT/val2014/…      images of Visual Genome and COCO

From https://github.com/manoja328/TallyQA_dataset. A task's category is "simple" or "complex", by which results are
reported, and where that is not said, as in "train", where the question comes from.
"""

from collections.abc import Iterator
from pathlib import Path

from visrep.env.formats.entries import Item, items
from visrep.env.formats.layout import check_file, check_image
from visrep.env.types import Instance, Question, Task


def load(root: Path, split: str) -> Iterator[Task]:
    """The tasks of a split ("train", "test"), in the file's order, in constant memory; kind `answer`.

    Raises UserFault, naming file and row: at once when the file or the first image is missing, while reading when a row
    is damaged.
    """
    path = root / f"{split}.json"
    check_file(path, "*.json")
    first = next(items(path), None)
    if first is not None:
        check_image(root / first.get("image", str))
    return (_task(root, split, item) for item in items(path))


def _task(root: Path, split: str, item: Item) -> Task:
    own = str(item.get("question_id", int))
    question = Question(own, item.get("question", str).strip(), "answer", _category(item))
    instance = Instance(own, images=(root / item.get("image", str),), answers=(str(item.get("answer", int)),))
    return Task(question, (instance,), dataset="tallyqa", split=split)


def _category(item: Item) -> str:
    if "issimple" in item.value:
        return "simple" if item.get("issimple", bool) else "complex"
    return item.get("data_source", str)
