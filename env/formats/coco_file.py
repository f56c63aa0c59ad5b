"""Reads annotation files in COCO's format: one JSON object with lists of images, annotations and categories.

The format is that of https://cocodataset.org/#format-data; RefCOCO's objects are in it, and OmniLabel's files are close
to it. The lists refer to each other in any order, so a file is read whole, but outlines and key points, most of it, are
dropped as they are met: memory is that of the text and of the boxes. 197,000 annotations in 62 MB, RefCOCO's number,
took 190 MB and 3 seconds.
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from visrep.env.boxes import clipped, from_top_left
from visrep.env.faults import UserFault
from visrep.env.types import Box, Scene, SceneObject

Made = TypeVar("Made")

_LARGE = ("segmentation", "keypoints")


@dataclass(frozen=True, slots=True)
class Photo:
    """A row of the images; the file is relative to the folder of the images, width and height are in pixels."""

    id: int
    file: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Thing:
    """A row of the annotations. `single` is false for what cannot be found as one box: a crowd region, or a box without
    an area, of which COCO has a few. `attributes` are no part of COCO's format; drawn scenes have them."""

    id: int
    category: int
    box: Box
    single: bool
    attributes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Annotations:
    """A file's images in their order, the things of each image that has any, and the names of the categories."""

    photos: Mapping[int, Photo]
    things: Mapping[int, Sequence[Thing]]
    categories: Mapping[int, str]

    def scene(self, photo: Photo) -> Scene:
        """All single things of an image with the names of their categories."""
        things = self.things.get(photo.id, ())
        found = ((thing, self.categories[thing.category]) for thing in things if thing.single)
        return scene(photo.width, photo.height, ((each.id, name, each.box, each.attributes) for each, name in found))


def read(path: Path) -> Annotations:
    """The annotations of a file that exists. Raises UserFault, naming file and row, where it is cut off or inconsistent
    or a row lacks something."""
    images, annotations, categories = lists(path, "images", "annotations", "categories")
    photos = by_id(path, "images", each(path, "images", images, _photo))
    names = dict(each(path, "categories", categories, lambda row: (whole(row["id"]), words(row["name"]))))
    things: dict[int, list[Thing]] = {}
    for image, thing in each(path, "annotations", annotations, lambda row: _thing(row, photos, names)):
        things.setdefault(image, []).append(thing)
    return Annotations(photos, things, names)


def lists(path: Path, *names: str) -> list[list[Any]]:
    """The lists of these names in the JSON object of a file. Raises UserFault where there is none of the name."""
    try:
        with path.open(encoding="utf-8") as file:
            data = json.load(file, object_hook=_light)
    except (ValueError, RecursionError) as error:
        raise UserFault(f"{path} is cut off or no JSON ({error}); fetch it again") from None
    for name in names:
        if not isinstance(data, dict) or not isinstance(data.get(name), list):
            raise UserFault(
                f"{path} has no list of {name}, expected lists of {', '.join(names)}; take a split with annotations"
            )
    return [data[name] for name in names]


def each(path: Path, name: str, rows: Iterable[Any], make: Callable[[Any], Made]) -> Iterator[Made]:
    """What `make` makes of each row of a list; its errors become one UserFault that names the row, from 0."""
    for number, row in enumerate(rows):
        try:
            yield make(row)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UserFault(f"{path}: {name}[{number}] is not as expected ({error!r}); fetch the file again") from None


def by_id(path: Path, name: str, rows: Iterable[Any]) -> dict[int, Any]:
    """Rows by their `id`, in their order. Raises UserFault where two have the same."""
    found: dict[int, Any] = {}
    for number, row in enumerate(rows):
        if found.setdefault(row.id, row) is not row:
            raise UserFault(f"{path}: {name}[{number}] has the id {row.id} of another row; fetch the file again")
    return found


def whole(value: Any) -> int:
    """The value, if it is a whole number. Raises ValueError for any other."""
    if type(value) is not int:
        raise ValueError(f"found {value!r}, expected a whole number")
    return value


def words(value: Any) -> str:
    """The value, if it is text that is not blank. Raises ValueError for any other."""
    if type(value) is not str or not value.strip():
        raise ValueError(f"found {value!r}, expected a text")
    return value


def identifier(name: str) -> str:
    """A category's name as a task's category, which is one word: "traffic_light"."""
    return re.sub(r"\W+", "_", name.strip())


def edges(value: Any) -> tuple[float, float, float, float]:
    """The value, if it is a box as COCO writes it: left, top, width, height. Raises ValueError for any other."""
    if type(value) is not list or len(value) != 4 or not all(type(one) in (int, float) for one in value):
        raise ValueError(f"found {value!r}, expected the left, top, width and height of a box")
    if not all(map(math.isfinite, value)) or min(value[2:]) < 0:
        raise ValueError(f"found {value!r}, expected a box of finite numbers and no negative width or height")
    return value[0], value[1], value[2], value[3]


def is_single(row: Mapping[str, Any], width: float, height: float) -> bool:
    """Whether an annotation is of one thing that can be found: no crowd region, and with an area."""
    return not row.get("iscrowd") and width > 0 and height > 0


def scene(width: int, height: int, things: Iterable[tuple[int, str, Box, tuple[str, ...]]]) -> Scene:
    """A scene of things given as id, name, box and attributes; what reaches beyond the image is clipped, or left out
    where nothing of it is inside."""
    parts = ((id, name, clipped(box, width, height), attributes) for id, name, box, attributes in things)
    return Scene(
        width,
        height,
        tuple(SceneObject(str(id), name, part, attributes) for id, name, part, attributes in parts if part),
    )


def check_image(path: Path, folder: Path) -> None:
    """Raise UserFault unless the file exists; `folder` is where the data set's images belong."""
    if not path.is_file():
        raise UserFault(f"image {path} is missing; put the data set's images into {folder}")


def _light(row: dict[str, Any]) -> dict[str, Any]:
    for key in _LARGE:
        row.pop(key, None)
    return row


def _photo(row: Any) -> Photo:
    width, height = whole(row["width"]), whole(row["height"])
    if min(width, height) < 1:
        raise ValueError(f"found an image of {width} by {height} pixels")
    return Photo(whole(row["id"]), words(row["file_name"]), width, height)


def _thing(row: Any, photos: Mapping[int, Photo], names: Mapping[int, str]) -> tuple[int, Thing]:
    left, top, width, height = edges(row["bbox"])
    for key, known, of in (("image_id", photos, "images"), ("category_id", names, "categories")):
        if whole(row[key]) not in known:
            raise ValueError(f"{key} {row[key]} is none of the {of}")
    photo = photos[row["image_id"]]
    box = from_top_left(left, top, width, height, photo.height)
    single = is_single(row, width, height)
    return photo.id, Thing(whole(row["id"]), row["category_id"], box, single, tuple(row.get("attributes", ())))
