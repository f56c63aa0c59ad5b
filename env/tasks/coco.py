"""COCO (Lin et al., ECCV 2014), and any detection data set in its format: find all objects of a category.

    ROOT/annotations/instances_{split}.json
    ROOT/{split}/{image's file_name}

From https://cocodataset.org/#format-data; COCO's own splits are "train2017" and "val2017".
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random

from visrep.env import average_precision
from visrep.env.average_precision import Search
from visrep.env.faults import UserFault
from visrep.env.formats import coco_file
from visrep.env.formats.coco_file import Annotations, Photo
from visrep.env.types import Instance, Question, Rollout, Task


def load(
    root: Path,
    split: str,
    *,
    annotations: str = "annotations/instances_{split}.json",
    images: str = "{split}",
    absent: int = 0,
) -> Iterator[Task]:
    """One task for each image and each category that is in it, in the order of the file's images and categories; kind
    `detect`, the text the category's name in plain words.

    `annotations` and `images` are the file and the folder of the images within ROOT. A category of which an image has a
    crowd region is not asked of it, as nobody can say how many boxes would be right. With `absent`, so many categories
    that an image does not have are asked of it too, by lot, always the same: nothing is to be found. All boxes are held
    in memory.

    Raises UserFault at once when the file or the first image is missing, or the file is cut off or inconsistent.
    """
    if absent < 0:
        raise UserFault(f"absent is {absent}; give a number of categories of at least 0")
    path, folder = root / annotations.replace("{split}", split), root / images.replace("{split}", split)
    if not path.is_file():
        there = ", ".join(sorted(file.name for file in path.parent.glob("*.json"))) or "none"
        raise UserFault(f"{path} is missing; files in {path.parent}: {there}")
    data = coco_file.read(path)
    for photo in data.photos.values():
        coco_file.check_image(folder / photo.file, folder)
        break
    return (task for photo in data.photos.values() for task in _tasks(data, photo, folder, absent, split))


def metrics(pairs: Iterable[tuple[Task, Rollout | None]]) -> dict[str, float]:
    """COCO's AP over IoUs from 0.5 to 0.95, AP50 and AP75, as means over the categories that are in any of the images.
    Boxes are ranked by the scores that `find` gave them."""
    by_category: defaultdict[str, list[Search]] = defaultdict(list)
    for task, rollout in pairs:
        by_category[task.question.text] += average_precision.searches(task, rollout)
    found = [each for each in map(average_precision.pooled, by_category.values()) if each]
    if not found:
        return {}
    sums = {
        "ap": sum(each.mean for each in found),
        "ap_50": sum(each.at_50 for each in found),
        "ap_75": sum(each.at_75 for each in found),
    }
    return {name: round(total / len(found), 6) for name, total in sums.items()}


def _tasks(data: Annotations, photo: Photo, folder: Path, absent: int, split: str) -> Iterator[Task]:
    things = data.things.get(photo.id, ())
    present = {thing.category for thing in things}
    crowds = {thing.category for thing in things if not thing.single}
    lacking = [category for category in data.categories if category not in present]
    drawn = Random(str(photo.id)).sample(lacking, min(absent, len(lacking)))
    scene = data.scene(photo)
    for category, name in data.categories.items():
        if category in present - crowds or category in drawn:
            boxes = tuple(thing.box for thing in things if thing.category == category)
            text, kind = name.replace("_", " ").strip(), coco_file.identifier(name)
            yield Task(
                Question(f"{split}-{photo.id}-{category}", text, "detect", kind),
                (Instance(str(photo.id), images=(folder / photo.file,), boxes=boxes, scenes=(scene,)),),
                dataset="coco",
                split=split,
            )
