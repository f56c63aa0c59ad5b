"""Writes drawn scenes and captions as a data set in SugarCrepe's official layout, so that one loader reads both.

ROOT/{split}/{type}.json             of all seven types
ROOT/{split}/val2017/{number}.png
ROOT/{split}/sceneGraphs.json        in GQA's form, by the images' names
ROOT/drawn.json                      what it was drawn from
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from visrep.env.drawn import captions
from visrep.env.drawn.folder import check_counts, dump, make
from visrep.env.drawn.gqa import graph
from visrep.env.drawn.pairing import gather
from visrep.env.drawn.scene import generate, render
from visrep.env.types import Scene

SPLITS = ("train", "val", "test")

VERSION = 1
"""Of the drawings: raised when equal settings come to give other scenes or captions."""

SCENES = 300
"""Of a split, among which those for its captions are looked for."""

_PAIRS = {
    "add_att": captions.added_colour,
    "add_obj": captions.added_object,
    "replace_att": captions.replaced_colour,
    "replace_obj": captions.replaced_shape,
    "replace_rel": captions.replaced_side,
    "swap_att": captions.swapped_colours,
    "swap_obj": captions.swapped_phrases,
}

_Item = tuple[str, str, Scene]
"""A caption, one that is wrong, and the scene."""


def draw(root: Path, *, seed: int, tasks_per_category: Mapping[str, int], instances: int) -> None:
    """Draw a data set into the folder `root`, which appears whole or not at all; splits share no scene and no caption.

    `tasks_per_category` says how many items each type has in a split. An item has one image whatever `instances` says.
    Does nothing where `root` already holds the data set of these settings; raises UserFault where it holds anything
    else.
    """
    check_counts(SPLITS, tasks_per_category, instances)
    manifest = {"version": VERSION, "seed": seed, "tasks_per_category": dict(tasks_per_category)}
    make(root, manifest, lambda folder: _write(folder, manifest))


def _write(root: Path, manifest: dict[str, Any]) -> None:
    taken: set[str] = set()
    first = 0
    for split, count in manifest["tasks_per_category"].items():
        seed = f"{manifest['seed']}/{split}"
        scenes, random = [generate(f"{seed}/{n}") for n in range(SCENES)], Random(seed)
        (root / split / "val2017").mkdir(parents=True)
        graphs: dict[str, Any] = {}
        for category in _PAIRS:
            items = gather(category, count, partial(_item, category, scenes, taken, random))
            rows = {}
            for number, (caption, negative, scene) in enumerate(items, first):
                name = f"{number:012d}"
                rows[str(number)] = {"filename": f"{name}.png", "caption": caption, "negative_caption": negative}
                graphs[name] = graph(scene)
                render(scene).save(root / split / "val2017" / f"{name}.png")
            dump(root / split / f"{category}.json", rows)
            first += len(items)
        dump(root / split / "sceneGraphs.json", graphs)


def _item(category: str, scenes: list[Scene], taken: set[str], random: Random) -> _Item | None:
    caption, negative = _PAIRS[category](random)
    said = " / ".join(sorted((caption.text, negative.text)))
    scene = captions.shown_by(scenes, caption, negative, random) if said not in taken else None
    if scene is None:
        return None
    taken.add(said)
    return caption.text, negative.text, scene
