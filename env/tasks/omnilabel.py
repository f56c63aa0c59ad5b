"""OmniLabel (Schulter et al., ICCV 2023): find all objects that a category or a free description fits, or see that
there is none.

    ROOT/dataset_all_{split}_v0.1.3.json
    ROOT/images/{image's file_name}

From https://www.omnilabel.org; the format and the measures are those of https://github.com/samschulter/omnilabeltools.
Only the split "val" is published with its annotations; `load` can make a split to learn from of a part of its images.
Each phrase lists the images of whose label space it is part, and is asked of all of them: where no annotation names it,
nothing is to be found.
"""

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

from visrep.env import average_precision
from visrep.env.average_precision import Search
from visrep.env.boxes import from_top_left
from visrep.env.faults import UserFault
from visrep.env.formats import coco_file
from visrep.env.formats.coco_file import whole, words
from visrep.env.formats.division import check_share, lot
from visrep.env.types import Instance, Question, Rollout, Scene, Task

CATEGORY, DESCRIPTION = "object_category", "object_description"
"""The two types of phrases in the files' words, which are the tasks' categories."""

_SHORT, _MEDIUM = 3, 8
"""Most words of a short and of a medium description; what has more is long."""


@dataclass(frozen=True, slots=True)
class _Phrase:
    """A category or a description, with the numbers of the images that it is asked of."""

    id: int
    text: str
    type: str
    images: "array[int]"


@dataclass(frozen=True, slots=True)
class _Thing:
    """An annotated object: `edges` are its left, top, width and height, `phrases` the ids of those that it fits."""

    id: int
    edges: tuple[float, float, float, float]
    single: bool
    phrases: tuple[int, ...]
    attributes: tuple[str, ...]


def load(
    root: Path,
    split: str,
    *,
    annotations: str = "dataset_all_{split}_v0.1.3.json",
    images: str = "images",
    instances: int = 1,
    train_share: float = 0.0,
) -> Iterator[Task]:
    """The tasks of a split ("val"), each a phrase and images to find its objects in; kind `detect`.

    With 1 instance, every phrase in an image's label space is a task, image by image. With more, tasks are the phrases,
    each with up to that many of its images, those that have an object of it taken in turn with those that have none: a
    program has to be right on all. A phrase is not asked of an image where a crowd region fits it. `annotations` and
    `images` are the file and the folder of the images within ROOT. The boxes and the pairs of phrase and image are held
    in memory (290 MB while a file of 4 million pairs is read); sizes of images, which the file lacks, are read from the
    images as their tasks come. With `train_share`, where there is no file of a split "train", it is that part of the
    images of "val", by lots as `visrep.env.formats.division` draws them, and "val" is the rest.

    Raises UserFault: at once when the file or the first image is missing, or the file is damaged or inconsistent; while
    reading when another image is missing or none.
    """
    if instances < 1:
        raise UserFault(f"instances is {instances}; a task needs at least 1")
    path, belongs = _file(root, annotations, split, train_share)
    data = _Data(path, root / images, belongs)
    pairs = data.by_image() if instances == 1 else data.by_phrase(instances)
    return (_task(data, split, phrase, group) for phrase, group in pairs)


def _file(root: Path, annotations: str, split: str, train_share: float) -> tuple[Path, Callable[[str], bool]]:
    """The file that a split is in, and which of its images, by their file's name, are the split's."""
    check_share(train_share)
    divided = train_share and not (root / annotations.replace("{split}", "train")).is_file()
    path = root / annotations.replace("{split}", "val" if divided and split == "train" else split)
    if not path.is_file():
        there = ", ".join(sorted(file.name for file in root.glob("*.json"))) or "none"
        raise UserFault(f"{path} is missing; files in {root}: {there}")
    if divided and split in ("train", "val"):
        return path, lambda name: (lot(name) < train_share) == (split == "train")
    return path, lambda name: True


def metrics(pairs: Iterable[tuple[Task, Rollout | None]]) -> dict[str, float]:
    """OmniLabel's measures: AP over IoUs from 0.5 to 0.95, ranked over all phrases together, for categories and for
    descriptions, and `ap`, the harmonic mean of the two; AP50, AP75 and recall of both; AP of descriptions of which the
    image has an object, and of short, medium and long ones. What is measured on nothing is left out."""
    sought: defaultdict[str, list[Search]] = defaultdict(list)
    for task, rollout in pairs:
        for search in average_precision.searches(task, rollout):
            for name in _groups(task.question, search):
                sought[name].append(search)
    found = {name: average_precision.pooled(each) for name, each in sought.items()}
    measures: dict[str, float] = {}
    for name, precision in found.items():
        if precision is not None:
            measures[f"ap_{name}"] = precision.mean
            if name in ("categories", "descriptions"):
                measures |= {f"ap_50_{name}": precision.at_50, f"ap_75_{name}": precision.at_75}
                measures[f"recall_{name}"] = precision.recall
    if "ap_categories" in measures and "ap_descriptions" in measures:
        one, other = measures["ap_categories"], measures["ap_descriptions"]
        measures["ap"] = 2 * one * other / (one + other + 1e-5)  # the official tool's way round 0 / 0
    return {name: round(value, 6) for name, value in sorted(measures.items())}


def _groups(question: Question, search: Search) -> Iterator[str]:
    """What a search counts for. One with no box on either side counts for nothing, and most are of this sort."""
    if not search.annotated and not search.found:
        return
    if question.category.endswith(CATEGORY):  # several data sets in a recipe put their names before it
        yield "categories"
        return
    yield "descriptions"
    if search.annotated:
        yield "descriptions_positive"
    length = len(question.text.split())
    yield "descriptions_" + ("short" if length <= _SHORT else "medium" if length <= _MEDIUM else "long")


def _task(data: "_Data", split: str, phrase: _Phrase, images: Sequence[int]) -> Task:
    question = Question(f"{split}-{images[0]}-{phrase.id}", phrase.text, "detect", phrase.type)
    instances = tuple(data.instance(phrase, image) for image in images)
    return Task(question, instances, dataset="omnilabel", split=split)


class _Data:
    """A file's phrases, images and things, and the sizes of images that were needed so far."""

    def __init__(self, path: Path, folder: Path, belongs: Callable[[str], bool]) -> None:
        images, descriptions, annotations = coco_file.lists(path, "images", "descriptions", "annotations")
        files = coco_file.each(path, "images", images, lambda row: (whole(row["id"]), words(row["file_name"])))
        self._files, self._asked = dict[int, Path](), set[int]()
        for id, name in files:
            self._files[id] = folder / name
            if belongs(name):
                self._asked.add(id)
        self._phrases = list(coco_file.each(path, "descriptions", descriptions, self._phrase))
        self._names = {phrase.id: phrase.text for phrase in self._phrases if phrase.type == CATEGORY}
        self._things: dict[int, list[_Thing]] = defaultdict(list)
        for image, thing in coco_file.each(path, "annotations", annotations, self._thing):
            self._things[image].append(thing)
        for file in self._files.values():
            coco_file.check_image(file, folder)
            break
        self._scene = lru_cache(64)(self._scene_of)

    def by_image(self) -> Iterator[tuple[_Phrase, list[int]]]:
        """Each image with each of its phrases, in the file's order."""
        asked: dict[int, array[int]] = {image: array("I") for image in self._files}
        for number, phrase in enumerate(self._phrases):
            for image in phrase.images:
                asked[image].append(number)
        for image, numbers in asked.items():
            for phrase in map(self._phrases.__getitem__, numbers):
                if self._is_asked(phrase, image):
                    yield phrase, [image]

    def by_phrase(self, instances: int) -> Iterator[tuple[_Phrase, list[int]]]:
        """Each phrase with up to so many of its images, as often as there are any left."""
        for phrase in self._phrases:
            images = [image for image in phrase.images if self._is_asked(phrase, image)]
            having = [image for image in images if self._fitting(phrase, image)]
            lacking = [image for image in images if not self._fitting(phrase, image)]
            turns = [image for pair in zip_longest(having, lacking) for image in pair if image is not None]
            for start in range(0, len(turns), instances):
                yield phrase, turns[start : start + instances]

    def instance(self, phrase: _Phrase, image: int) -> Instance:
        """A phrase's objects in an image."""
        scene = self._scene(image)
        boxes = tuple(from_top_left(*thing.edges, scene.height) for thing in self._fitting(phrase, image))
        return Instance(str(image), images=(self._files[image],), boxes=boxes, scenes=(scene,))

    def _fitting(self, phrase: _Phrase, image: int) -> list[_Thing]:
        return [thing for thing in self._things.get(image, ()) if phrase.id in thing.phrases]

    def _is_asked(self, phrase: _Phrase, image: int) -> bool:
        return image in self._asked and all(thing.single for thing in self._fitting(phrase, image))

    def _scene_of(self, image: int) -> Scene:
        """All things of an image, with the category that each fits for its name."""
        width, height = _size(self._files[image])
        return coco_file.scene(
            width,
            height,
            (
                (thing.id, self._name(thing), from_top_left(*thing.edges, height), thing.attributes)
                for thing in self._things.get(image, ())
                if thing.single
            ),
        )

    def _name(self, thing: _Thing) -> str:
        return next((self._names[id] for id in thing.phrases if id in self._names), "object")

    def _phrase(self, row: Any) -> _Phrase:
        images = array("q", row["image_ids"])
        if not set(images) <= self._files.keys():
            raise ValueError("image_ids has one that is none of the images")
        type = DESCRIPTION if row["anno_info"]["type"] == DESCRIPTION else CATEGORY
        return _Phrase(whole(row["id"]), words(row["text"]).strip(), type, images)

    def _thing(self, row: Any) -> tuple[int, _Thing]:
        if whole(row["image_id"]) not in self._files:
            raise ValueError(f"image_id {row['image_id']} is none of the images")
        edges, phrases = coco_file.edges(row["bbox"]), tuple(map(whole, row["description_ids"]))
        single = coco_file.is_single(row, edges[2], edges[3])
        return row["image_id"], _Thing(whole(row["id"]), edges, single, phrases, tuple(row.get("attributes", ())))


def _size(path: Path) -> tuple[int, int]:
    """Width and height in pixels, from the file's header."""
    try:
        with Image.open(path) as image:
            return image.size
    except FileNotFoundError:
        raise UserFault(f"image {path} is missing; put the data set's images into their folder") from None
    except (OSError, UnidentifiedImageError) as error:
        raise UserFault(f"image {path} cannot be read ({error}); replace the file") from None
