"""Writes drawings of boxes and sentences about them as a data set in NLVR's official layout, for the same loader.

ROOT/{split}/{split}.json                                     a JSON object a line
ROOT/{split}/images/{directory}/{split}-{identifier}-0.png    one order of the boxes; the corpus has six
ROOT/drawn.json                                               what it was drawn from
"""

import json
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from visrep.env.drawn.block_sentences import OF_LOOSE, OF_TOWERS
from visrep.env.drawn.blocks import Drawing, Item, loose, render, towers
from visrep.env.drawn.folder import check_counts, make
from visrep.env.drawn.pairing import gather, paired

SPLITS = ("train", "dev", "test")

VERSION = 1
"""Of the drawings: raised when equal settings come to give other drawings or sentences."""

DRAWINGS = 200
"""Of a split and of each kind, with loose items and with towers."""

_NAMES = {"yellow": "Yellow", "black": "Black", "blue": "#0099ff"}  # as the corpus writes colours


_Said = tuple[str, list[tuple[Drawing, str]]]
"""A sentence's text, and its drawings with their labels."""


def draw(root: Path, *, seed: int, tasks_per_category: Mapping[str, int], instances: int) -> None:
    """Draw a data set into the folder `root`, which appears whole or not at all; splits share no drawing and no
    sentence.

    `tasks_per_category` says how many sentences each category of the loader has in a split; each is about `instances`
    drawings, of about half of which it is true. Does nothing where `root` already holds the data set of these settings;
    raises UserFault where it holds anything else.
    """
    check_counts(SPLITS, tasks_per_category, instances)
    counts = {"tasks_per_category": dict(tasks_per_category), "instances": instances}
    manifest = {"version": VERSION, "seed": seed, **counts}
    make(root, manifest, lambda folder: _write(folder, manifest))


def _write(root: Path, manifest: dict[str, Any]) -> None:
    taken: set[str] = set()
    for split, count in manifest["tasks_per_category"].items():
        seed = f"{manifest['seed']}/{split}"
        random = Random(seed)
        said: list[_Said] = []
        for kind, asks in ((loose, OF_LOOSE), (towers, OF_TOWERS)):
            drawings = [kind(f"{seed}/{kind.__name__}/{n}") for n in range(DRAWINGS)]
            for category, ask in asks.items():
                used: Counter[str] = Counter()
                attempt = partial(paired, ask, drawings, manifest["instances"], taken, used, random)
                for sentence, picks in gather(category, count, attempt):
                    said.append((sentence.text, [(drawings[index], label) for index, label in picks]))
        _write_split(root / split, split, said)


def _write_split(folder: Path, split: str, said: list[_Said]) -> None:
    rows = []
    for number, (text, shown) in enumerate(said):
        directory = str(number % 10)
        (folder / "images" / directory).mkdir(parents=True, exist_ok=True)
        for place, (drawing, label) in enumerate(shown):
            identifier = f"{number}-{place}"
            render(drawing).save(folder / "images" / directory / f"{split}-{identifier}-0.png")
            boxes = [[_item(item) for item in items] for items in drawing]
            own = {"sentence": text, "label": label, "identifier": identifier, "directory": directory}
            rows.append(own | {"evals": {"r0": label}, "structured_rep": boxes})
    (folder / f"{split}.json").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")


def _item(item: Item) -> dict[str, Any]:
    place = {"x_loc": item.left, "y_loc": item.top, "size": item.size}
    return {**place, "type": item.shape, "color": _NAMES[item.colour]}
