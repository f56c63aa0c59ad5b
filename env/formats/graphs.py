"""Scene graphs in GQA's form: a JSON object of image id -> graph, looked up by image on disk.

    {"width", "height", "objects": {id: {"name", "x", "y", "w", "h", "attributes", "relations": [{"name", "object"}]}}}

Boxes are pixels from the top-left corner in the file, and in the bottom-left frame in the scenes.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from visrep.env.boxes import clipped, from_top_left
from visrep.env.faults import UserFault
from visrep.env.formats.entries import entries, value_at
from visrep.env.types import Scene, SceneObject


class Graphs:
    """The scene graphs of a file by image id; only their places in the file are held in memory."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._places: dict[str, tuple[int, int]] | None = None

    def scenes(self, images: Sequence[str], where: str) -> tuple[Scene, ...]:
        """A scene for each of a row's images, or none at all where there is no file. Raises UserFault, naming the row's
        place `where`, for an image that the file lacks, and for a graph that is none."""
        if not self._path.is_file():
            return ()
        if self._places is None:
            self._places = {entry.key: (entry.start, entry.end) for entry in entries(self._path)}
        return tuple(self._scene(image, where, self._places) for image in images)

    def _scene(self, image: str, where: str, places: dict[str, tuple[int, int]]) -> Scene:
        if image not in places:
            raise UserFault(f"{where} asks of image {image!r}, which {self._path} lacks; fetch both again")
        graph = value_at(self._path, *places[image])
        try:
            return _scene(graph)
        except (KeyError, TypeError, AttributeError) as error:
            raise UserFault(
                f"{self._path}: the graph of image {image!r} is not as GQA's ({error!r}); fetch it again"
            ) from None


def _scene(graph: dict[str, Any]) -> Scene:
    """GQA's boxes reach beyond some images: they are clipped, and objects of which nothing is left are dropped."""
    width, height = graph["width"], graph["height"]
    boxes = {
        key: clipped(from_top_left(thing["x"], thing["y"], thing["w"], thing["h"], height), width, height)
        for key, thing in graph["objects"].items()
    }
    return Scene(
        width,
        height,
        tuple(
            SceneObject(
                key,
                thing["name"],
                box,
                tuple(thing["attributes"]),
                tuple(
                    (relation["name"], relation["object"])
                    for relation in thing["relations"]
                    if boxes.get(relation["object"]) is not None
                ),
            )
            for key, thing in graph["objects"].items()
            if (box := boxes[key]) is not None
        ),
    )
