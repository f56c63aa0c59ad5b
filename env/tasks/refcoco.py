"""RefCOCO and RefCOCO+ (Yu et al., ECCV 2016) and RefCOCOg (Mao et al., CVPR 2016) in their official layout: phrases by
people that each name one object of a photograph.

    ROOT/{name}/refs({split_by}).p                            a pickled list of objects with their sentences
    ROOT/{name}/instances.json                                all objects of these images, as COCO writes them
    ROOT/images/mscoco/images/train2014/{image's file_name}

From https://github.com/lichengunc/refer. The `file_name` of a reference is not that of its image and is not used. Of
the real ones, refs(unc).p takes 14 MB and instances.json 40 MB.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visrep.env.faults import UserFault, suggestion
from visrep.env.formats import coco_file, plain_pickle
from visrep.env.formats.coco_file import Annotations, Thing, whole, words
from visrep.env.types import Instance, Question, Task

_SPLIT_BY = {"refcoco": "unc", "refcoco+": "unc", "refcocog": "umd"}
"""Who made the split that most report on, for each data set."""


@dataclass(frozen=True, slots=True)
class _Reference:
    """An object that sentences name: its annotation and its image, and the sentences by id."""

    id: int
    annotation: int
    image: int
    category: int
    sentences: tuple[tuple[int, str], ...]


def load(
    root: Path,
    split: str,
    *,
    name: str = "refcoco",
    split_by: str | None = None,
    images: str = "images/mscoco/images/train2014",
) -> Iterator[Task]:
    """One task per sentence of a split, in the file's order; kind `ground`, its category that of the named object.

    `name` is "refcoco", "refcoco+" (both with the splits "train", "val", "testA", "testB") or "refcocog" ("train",
    "val", "test"); `split_by` is "unc", "google" or "umd", who made the split: by default "unc", and "umd" for
    "refcocog". `images` is the folder of the images within ROOT. Sentences without a word are left out. The
    split's sentences and all boxes are held in memory.

    Raises UserFault at once when a file or the first image is missing, a row of the two files is damaged, they do not
    fit together, or the pickle is anything but plain data (see `visrep.env.formats.plain_pickle`).
    """
    if name not in _SPLIT_BY:
        raise UserFault(f"data set {name!r} is none of {', '.join(_SPLIT_BY)}{suggestion(name, _SPLIT_BY)}")
    refs, objects = root / name / f"refs({split_by or _SPLIT_BY[name]}).p", root / name / "instances.json"
    for path in (refs, objects):
        if not path.is_file():
            there = ", ".join(sorted(file.name for file in (root / name).glob("*.*"))) or "none"
            raise UserFault(f"{path} is missing; files in {root / name}: {there}")
    references, annotations = _references(refs, split), coco_file.read(objects)
    things = [_thing(reference, annotations, refs) for reference in references]
    folder = root / images
    coco_file.check_image(folder / annotations.photos[references[0].image].file, folder)
    return (
        task
        for reference, thing in zip(references, things, strict=True)
        for task in _tasks(reference, thing, annotations, folder, name, split)
    )


def _references(path: Path, split: str) -> list[_Reference]:
    rows = plain_pickle.read(path)
    if not isinstance(rows, list):
        raise UserFault(f"{path} holds a {type(rows).__name__}, expected a list of references; fetch it again")
    read = list(coco_file.each(path, "references", rows, lambda row: (words(row["split"]), _reference(row, split))))
    references = [reference for _, reference in read if reference]
    if not references:
        there = ", ".join(dict.fromkeys(own for own, _ in read)) or "none"
        raise UserFault(f"{path} has no reference of split {split!r}; its splits: {there}")
    return references


def _reference(row: Any, split: str) -> _Reference | None:
    """The reference, unless it is of another split."""
    if row["split"] != split:
        return None
    id, annotation, image, category = (whole(row[key]) for key in ("ref_id", "ann_id", "image_id", "category_id"))
    sentences = ((whole(sentence["sent_id"]), sentence["sent"].strip()) for sentence in row["sentences"])
    return _Reference(id, annotation, image, category, tuple((id, text) for id, text in sentences if text))


def _thing(reference: _Reference, annotations: Annotations, path: Path) -> Thing:
    """The named object. Raises UserFault unless it is there, as the reference says it is."""
    for thing in annotations.things.get(reference.image, ()):
        if thing.id == reference.annotation and thing.category == reference.category and thing.single:
            return thing
    raise UserFault(
        f"{path}: reference {reference.id} is to annotation {reference.annotation} of category {reference.category} in "
        f"image {reference.image}, which instances.json beside it does not have; fetch both again"
    )


def _tasks(
    reference: _Reference, thing: Thing, annotations: Annotations, folder: Path, name: str, split: str
) -> Iterator[Task]:
    photo = annotations.photos[reference.image]
    instance = Instance(
        str(photo.id), images=(folder / photo.file,), boxes=(thing.box,), scenes=(annotations.scene(photo),)
    )
    category = coco_file.identifier(annotations.categories[thing.category])
    for id, text in reference.sentences:
        yield Task(Question(str(id), text, "ground", category), (instance,), dataset=name, split=split)
