"""Writes drawn scenes and captions as a data set in Winoground's official layout, so that one loader reads both.

    ROOT/{split}/data/examples.jsonl
    ROOT/{split}/images/ex_{id}_img_{0,1}.png
    ROOT/{split}/sceneGraphs.json               in GQA's form, by the images' names
    ROOT/drawn.json                             what it was drawn from

Caption 0 is true of image 0 and false of image 1, and the other way round. What changes places are two noun phrases
(Object), two adjectives (Relation), or two phrases with their numbers (Both).
"""

import json
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
    "Object": captions.swapped_phrases,
    "Relation": captions.swapped_colours,
    "Both": captions.swapped_counts,
}
_TAGS = {"Object": "Noun Phrase, Determiner-Numeral", "Relation": "Adjective-Color", "Both": "Noun Phrase"}

_Captions = tuple[str, str]
_Shown = tuple[Scene, Scene]
"""The scenes that each of the captions is true of."""


def draw(root: Path, *, seed: int, tasks_per_category: Mapping[str, int], instances: int) -> None:
    """Draw a data set into the folder `root`, which appears whole or not at all; splits share no scene and no caption.

    `tasks_per_category` says how many items each category has in a split. An item has two images whatever `instances`
    says. Does nothing where `root` already holds the data set of these settings; raises UserFault where it holds
    anything else.
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
        found = [
            (category, *item)
            for category in _PAIRS
            for item in gather(category, count, partial(_item, category, scenes, taken, random))
        ]
        _write_split(root / split, found, first)
        first += len(found)


def _write_split(folder: Path, items: list[tuple[str, _Captions, _Shown]], first: int) -> None:
    """The items, numbered from `first`."""
    (folder / "data").mkdir(parents=True)
    (folder / "images").mkdir()
    rows, graphs = [], {}
    for number, (category, texts, shown) in enumerate(items, first):
        names = f"ex_{number}_img_0", f"ex_{number}_img_1"
        rows.append(_row(number, category, names, texts))
        for name, scene in zip(names, shown, strict=True):
            graphs[name] = graph(scene)
            render(scene).save(folder / "images" / f"{name}.png")
    (folder / "data" / "examples.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    dump(folder / "sceneGraphs.json", graphs)


def _item(category: str, scenes: list[Scene], taken: set[str], random: Random) -> tuple[_Captions, _Shown] | None:
    one, other = _PAIRS[category](random)
    if taken & {one.text, other.text}:
        return None
    first, second = captions.shown_by(scenes, one, other, random), captions.shown_by(scenes, other, one, random)
    if first is None or second is None:
        return None
    taken |= {one.text, other.text}
    return (one.text, other.text), (first, second)


def _row(number: int, category: str, names: tuple[str, str], texts: _Captions) -> dict[str, Any]:
    return {
        "id": number,
        "image_0": names[0],
        "image_1": names[1],
        "caption_0": texts[0],
        "caption_1": texts[1],
        "tag": _TAGS[category],
        "secondary_tag": "",
        "num_main_preds": 1,
        "collapsed_tag": category,
    }
