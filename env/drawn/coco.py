"""Writes drawn scenes as a detection data set in COCO's official layout, whose categories are the shapes.

    ROOT/annotations/instances_{split}.json
    ROOT/{split}/{image}.png
    ROOT/drawn.json                             what it was drawn from

The format is that of https://cocodataset.org/#format-data, without outlines. One member is not COCO's: an annotation's
`attributes`, its color and size, without which the annotated scenes would know shapes only.
"""

from collections import Counter
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

from visrep.env.boxes import to_top_left
from visrep.env.drawn.folder import check_counts, dump, make
from visrep.env.drawn.scene import SHAPES, generate, render
from visrep.env.types import Scene, SceneObject

SPLITS = ("train2017", "val2017", "test2017")

VERSION = 1
"""Of the drawings: raised when equal settings come to give other scenes."""


def draw(root: Path, *, seed: int, tasks_per_category: Mapping[str, int], instances: int) -> None:
    """Draw a data set into the folder `root`, which appears whole or not at all.

    Scenes are drawn until each of the three categories is in `tasks_per_category` times `instances` images or more of
    its split. Does nothing where `root` already holds the data set of these settings. Raises UserFault where it holds
    anything else.
    """
    check_counts(SPLITS, tasks_per_category, instances)
    manifest = {
        "layout": "coco",
        "version": VERSION,
        "seed": seed,
        "tasks_per_category": dict(tasks_per_category),
        "instances": instances,
    }
    make(root, manifest, lambda folder: _write(folder, manifest))


def annotated(scenes: Mapping[str, Scene]) -> dict[str, Any]:
    """The content of an annotation file: scenes by their images' file names, numbered from 1 in this order."""
    return {
        "info": {"description": "drawn scenes", "version": str(VERSION)},
        "images": [
            {"id": image, "file_name": file, "width": scene.width, "height": scene.height}
            for image, (file, scene) in enumerate(scenes.items(), 1)
        ],
        "annotations": [
            annotation(image, thing, scene) | {"category_id": SHAPES.index(thing.name) + 1, "segmentation": []}
            for image, scene in enumerate(scenes.values(), 1)
            for thing in scene.objects
        ],
        "categories": [
            {"id": number, "name": shape, "supercategory": "shape"} for number, shape in enumerate(SHAPES, 1)
        ],
    }


def annotation(image: int, thing: SceneObject, scene: Scene) -> dict[str, Any]:
    """An object of an image as COCO and OmniLabel both write it, its id from 100 times the image's on."""
    edges = [int(edge) for edge in to_top_left(thing.box, scene.height)]
    row = {"id": 100 * image + int(thing.id), "image_id": image, "bbox": edges, "area": edges[2] * edges[3]}
    return row | {"iscrowd": 0, "attributes": list(thing.attributes)}


def _write(root: Path, manifest: dict[str, Any]) -> None:
    (root / "annotations").mkdir()
    for split, tasks in manifest["tasks_per_category"].items():
        (root / split).mkdir()
        scenes = _scenes(f"{manifest['seed']}/{split}", tasks * manifest["instances"])
        for file, scene in scenes.items():
            render(scene).save(root / split / file)
        dump(root / "annotations" / f"instances_{split}.json", annotated(scenes))


def _scenes(seed: str, images: int) -> dict[str, Scene]:
    """Scenes by file name, so many that each shape is in that many of them."""
    scenes: dict[str, Scene] = {}
    shown: Counter[str] = Counter()
    for number in count(1):
        if all(shown[shape] >= images for shape in SHAPES):
            break
        scene = generate(f"{seed}/{number}")
        shown.update({thing.name for thing in scene.objects})
        scenes[f"{number:012d}.png"] = scene
    return scenes
