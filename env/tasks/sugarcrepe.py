"""SugarCrepe (Hsieh et al., NeurIPS 2023): a caption of an image, and one that is wrong by an object, attribute or
relation that was added, replaced or swapped.

    ROOT/{type}.json              {key: {"filename", "caption", "negative_caption"}}, for any of seven types
    ROOT/val2017/{filename}       COCO's images
    ROOT/sceneGraphs.json         in GQA's form, where there is one: drawn sets have it

From https://github.com/RAIVNLab/sugar-crepe and https://cocodataset.org; `load` also reads the sets
HuggingFaceM4/SugarCrepe_{type} of the Hugging Face hub. All of it is the split "test"; `visrep.env.formats.division`
says how a part, whole images, becomes "train". A task's category is its type.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from visrep.env.faults import UserFault
from visrep.env.formats import hub as hugging_face
from visrep.env.formats.division import divided, lot
from visrep.env.formats.entries import entries
from visrep.env.formats.fields import shown, text
from visrep.env.formats.graphs import Graphs
from visrep.env.types import Instance, Question, Scene, Task

TYPES = ("add_att", "add_obj", "replace_att", "replace_obj", "replace_rel", "swap_att", "swap_obj")


@dataclass(frozen=True, slots=True)
class _Item:
    """An image, its caption and a wrong one; `captions` has both in an order by lot."""

    id: str
    category: str
    caption: str
    negative: str
    image: Path
    scenes: tuple[Scene, ...]

    @property
    def captions(self) -> tuple[str, str]:
        return (self.caption, self.negative) if lot(self.id) < 0.5 else (self.negative, self.caption)

    def instance(self, name: str, answer: str | bool) -> Instance:
        return Instance(name, (self.image,), answers=(answer,), scenes=self.scenes)


def load(
    root: Path, split: str, *, kind: str = "match", train_share: float = 0.0, hub: str | None = None
) -> Iterator[Task]:
    """The tasks of a split, type by type, of those types that are there.

    With `kind` "match" an item is a task: which of two captions describes the image (options, in an order by lot). With
    "verify" it makes two, in the same order: whether a caption does; they share the item's id as their group. `hub` is
    the sets' name on the Hugging Face hub with a * for the type ("HuggingFaceM4/SugarCrepe_*"), or folders like them;
    images and rows are kept under `root` then.

    Raises UserFault: at once when there is no file or the first image is missing, while reading when a row is damaged.
    """
    if kind not in _MAKE:
        raise UserFault(f"kind is {kind!r}; expected one of: {', '.join(_MAKE)}")
    folder, belongs = divided(root, split, train_share)
    items = _from_hub(hub, folder) if hub else _from_files(folder)
    first = next(items, None)
    if first is not None and not first.image.is_file():
        raise UserFault(f"image {first.image} is missing; put COCO's val2017 into {folder}")
    every = chain([first] if first else [], items)
    return (task for item in every if belongs(item.image.name) for task in _MAKE[kind](item, split))


def _matching(item: _Item, split: str) -> Iterator[Task]:
    signature = "execute_command(image, options)"
    asked = "Which caption describes the image?"
    question = Question(item.id, asked, "match", item.category, item.captions, signature)
    yield Task(question, (item.instance(item.id, item.caption),), dataset="sugarcrepe", split=split)


def _verifying(item: _Item, split: str) -> Iterator[Task]:
    for number, caption in enumerate(item.captions):
        name = f"{item.id}-{number}"
        question = Question(name, f"Does this describe the image: {caption}", "verify", item.category)
        instance = item.instance(name, caption == item.caption)
        yield Task(question, (instance,), dataset="sugarcrepe", split=split, group=item.id)


_MAKE: dict[str, Callable[[_Item, str], Iterator[Task]]] = {"match": _matching, "verify": _verifying}
"""What an item becomes, by the kind of its tasks."""


def _from_files(folder: Path) -> Iterator[_Item]:
    files = [path for path in (folder / f"{name}.json" for name in TYPES) if path.is_file()]
    if not files:
        raise UserFault(f"{folder} has none of {', '.join(TYPES)} as .json; put SugarCrepe's data there, or name `hub`")
    graphs = Graphs(folder / "sceneGraphs.json")
    for path in files:
        for entry in entries(path):
            where = f"{path}: entry {entry.row} ({entry.key})"
            image = folder / "val2017" / text(entry.value, "filename", where)
            caption, negative = text(entry.value, "caption", where), text(entry.value, "negative_caption", where)
            scenes = graphs.scenes([image.stem], where)
            yield _item(path.stem, entry.key, (caption, negative), image, scenes, where)


def _from_hub(hub: str, folder: Path) -> Iterator[_Item]:
    if "*" not in hub:
        raise UserFault(f"hub is {hub!r}; expected a * where the type stands, as in HuggingFaceM4/SugarCrepe_*")
    there = [category for category in TYPES if Path(hub.replace("*", category)).is_dir()]
    for category in there or TYPES:
        name = hub.replace("*", category)
        for number, row in enumerate(hugging_face.rows(name, "test", folder / "images")):
            where = f"{name}: row {number + 1}"
            captions = text(row, "true_label", where), _other(row, where)
            yield _item(category, str(number), captions, Path(text(row, "image", where)), (), where)


def _other(row: dict[str, Any], where: str) -> str:
    """The one of the tested captions that is not the true one."""
    tested = row.get("tested_labels")
    others = [caption for caption in tested if caption != row["true_label"]] if isinstance(tested, list) else []
    if len(others) != 1 or not isinstance(others[0], str):
        raise UserFault(f"{where}: found tested_labels {shown(tested)}, expected two captions; fetch the set again")
    return others[0].strip()


def _item(
    category: str,
    key: str,
    captions: tuple[str, str],
    image: Path,
    scenes: tuple[Scene, ...],
    where: str,
) -> _Item:
    if captions[0] == captions[1]:
        raise UserFault(f"{where}: both captions are {captions[0]!r}, expected two; fetch the file again")
    return _Item(f"{category}-{key}", category, *captions, image, scenes)
