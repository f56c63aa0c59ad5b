"""Writes drawn scenes as a data set in OmniLabel's official layout: categories and descriptions, and what they fit.

    ROOT/dataset_all_{split}_v0.1.3.json
    ROOT/images/drawn/{image}.png
    ROOT/drawn.json                         what it was drawn from

The format is that of https://github.com/samschulter/omnilabeltools. One member is not OmniLabel's: an annotation's
`attributes`, its color and size, without which the annotated scenes would know shapes only.
"""

from collections.abc import Mapping
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

from visrep.env.drawn.coco import annotation
from visrep.env.drawn.folder import check_counts, dump, make
from visrep.env.drawn.phrases import FORMS, Phrase, phrase
from visrep.env.drawn.scene import SHAPES, generate, render
from visrep.env.faults import UserFault
from visrep.env.types import Scene, SceneObject

SPLITS = ("train", "val", "test")

VERSION = 1
"""Of the drawings: raised when equal settings come to give other scenes or phrases."""

_FEWEST, _PER_TASK = 60, 10
"""Scenes of a split: in all, and for each description of a form. The rarer phrases have to fit some of them."""

_NEGATIVE = 3
"""Of so many pairs of a description and an image, one is of an image without an object of it."""

_LOOKED_AT = 200
"""Scenes among which a phrase's are sought: drawing time does not grow with their number."""

_FRUITLESS = 2000
"""Phrases in a row that cannot be used before a form is held to be exhausted."""


def draw(root: Path, *, seed: int, tasks_per_category: Mapping[str, int], instances: int) -> None:
    """Draw a data set into the folder `root`, which appears whole or not at all.

    A split has `tasks_per_category` descriptions of each form (see `visrep.env.drawn.phrases`), each in the label space
    of `instances` images, of which it fits nothing in every third; and the three shapes, which are the categories, in
    that of every image. Splits share no scene and no description. Does nothing where `root` already holds the data set
    of these settings. Raises UserFault where it holds anything else, or where a form runs out of descriptions.
    """
    check_counts(SPLITS, tasks_per_category, instances)
    manifest = {
        "layout": "omnilabel",
        "version": VERSION,
        "seed": seed,
        "tasks_per_category": dict(tasks_per_category),
        "instances": instances,
    }
    make(root, manifest, lambda folder: _write(folder, manifest))


def _write(root: Path, manifest: dict[str, Any]) -> None:
    (root / "images" / "drawn").mkdir(parents=True)
    taken: set[str] = set()
    counts, instances = manifest["tasks_per_category"], manifest["instances"]
    for split in sorted(counts, key=SPLITS.index, reverse=True):  # train gets what the others leave
        seed = f"{manifest['seed']}/{split}"
        scenes = [generate(f"{seed}/{number}") for number in range(max(_FEWEST, _PER_TASK * counts[split]))]
        described = _described(scenes, counts[split], instances, taken, Random(seed))
        for image, scene in enumerate(scenes, 1):
            render(scene).save(root / "images" / _file(split, image))
        dump(root / f"dataset_all_{split}_v0.1.3.json", _content(split, scenes, described))


Fitted = dict[int, set[str]]
"""The images that a description is asked of, from 1, and the ids of the objects that it fits in each."""


def _described(
    scenes: list[Scene], per_form: int, instances: int, taken: set[str], random: Random
) -> list[tuple[str, Fitted]]:
    described = []
    pairs = count(1)
    for form in FORMS:
        for done in range(per_form):
            negative = [next(pairs) % _NEGATIVE == 0 for _ in range(instances)]
            for _ in range(_FRUITLESS):
                tried = phrase(form, random)
                fitted = None if tried.several in taken else _fitted(tried, scenes, negative, random)
                if fitted:
                    break
            else:
                raise UserFault(f"form {form!r} gave {done} descriptions and no more; ask for fewer tasks per category")
            taken.add(tried.several)
            described.append((tried.several, fitted))
    return described


def _fitted(tried: Phrase, scenes: list[Scene], negative: list[bool], random: Random) -> Fitted | None:
    """Images by lot, as many with and without an object of the phrase as `negative` says; None where there are not."""
    having: list[tuple[int, set[str]]] = []
    without: list[tuple[int, set[str]]] = []
    for image in random.sample(range(len(scenes)), min(_LOOKED_AT, len(scenes))):
        meant = tried.meant(scenes[image])
        if meant is not None:
            (having if meant else without).append((image + 1, {thing.id for thing in meant}))
    if len(without) < sum(negative) or len(having) < len(negative) - sum(negative):
        return None
    return dict((without if none else having).pop() for none in negative)


def _content(split: str, scenes: list[Scene], described: list[tuple[str, Fitted]]) -> dict[str, Any]:
    numbered = list(enumerate(scenes, 1))
    everywhere = [image for image, _ in numbered]
    phrases = list(enumerate(described, len(SHAPES) + 1))

    def fitting(image: int, thing: SceneObject) -> list[int]:
        return [number for number, (_, fitted) in phrases if thing.id in fitted.get(image, ())]

    return {
        "info": {"name": "drawn scenes", "version": str(VERSION)},
        "images": [{"id": image, "file_name": _file(split, image)} for image in everywhere],
        "descriptions": [
            *(_phrase(number, shape, "object_category", everywhere) for number, shape in enumerate(SHAPES, 1)),
            *(_phrase(number, text, "object_description", list(fitted)) for number, (text, fitted) in phrases),
        ],
        "annotations": [
            annotation(image, thing, scene)
            | {"description_ids": [SHAPES.index(thing.name) + 1, *fitting(image, thing)]}
            for image, scene in numbered
            for thing in scene.objects
        ],
    }


def _phrase(number: int, text: str, type: str, images: list[int]) -> dict[str, Any]:
    return {"id": number, "text": text, "image_ids": images, "anno_info": {"orig_id": number, "type": type}}


def _file(split: str, image: int) -> str:
    return f"drawn/{split}-{image:05d}.png"
