"""Writes pairs of drawn scenes and sentences about them as a data set in NLVR2's official layout, for the same loader.

ROOT/{split}.json                                                 a JSON object a line
ROOT/images/train/{directory}/train-{set}-{pair}-img{0,1}.png     the left and the right image
ROOT/{split}/{split}-{set}-{pair}-img{0,1}.png                    of the other splits
ROOT/{split}_sceneGraphs.json                                     in GQA's form, by the images' names
ROOT/drawn.json                                                   what it was drawn from
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from visrep.env.drawn.description import draw_lots, fitting, plural, singular
from visrep.env.drawn.folder import check_counts, dump, make
from visrep.env.drawn.gqa import graph
from visrep.env.drawn.pairing import gather, paired
from visrep.env.drawn.scene import generate, render
from visrep.env.types import Scene

SPLITS = ("train", "dev", "test1")

VERSION = 1
"""Of the drawings: raised when equal settings come to give other scenes or sentences."""

PAIRS = 200
"""Of a split, among which those for its sentences are looked for."""

_Pair = tuple[Scene, Scene]


@dataclass(frozen=True, slots=True)
class _Sentence:
    """What is said of a pair, and whether it is so: None where one image alone would tell too much."""

    text: str
    holds: Callable[[_Pair], bool | None]

    def answer(self, pair: _Pair) -> str | None:
        holds = self.holds(pair)
        return None if holds is None else str(holds)


_Said = tuple[str, list[tuple[_Pair, str]]]
"""A sentence's text, and its pairs with their labels."""


def draw(root: Path, *, seed: int, tasks_per_category: Mapping[str, int], instances: int) -> None:
    """Draw a data set into the folder `root`, which appears whole or not at all; splits share no scene and no sentence.

    `tasks_per_category` says how many sentences each category has in a split; each is about `instances` pairs, of about
    half of which it is true. Does nothing where `root` already holds the data set of these settings; raises UserFault
    where it holds anything else.
    """
    check_counts(SPLITS, tasks_per_category, instances)
    counts = {"tasks_per_category": dict(tasks_per_category), "instances": instances}
    manifest = {"version": VERSION, "seed": seed, **counts}
    make(root, manifest, lambda folder: _write(folder, manifest))


def _write(root: Path, manifest: dict[str, Any]) -> None:
    taken: set[str] = set()
    for split, count in manifest["tasks_per_category"].items():
        seed = f"{manifest['seed']}/{split}"
        scenes = [generate(f"{seed}/{n}") for n in range(2 * PAIRS)]
        pairs, random = list(zip(scenes[::2], scenes[1::2], strict=True)), Random(seed)
        said: list[_Said] = []
        for category, ask in _ASK.items():
            used: Counter[str] = Counter()
            attempt = partial(paired, ask, pairs, manifest["instances"], taken, used, random)
            for sentence, picks in gather(category, count, attempt):
                said.append((sentence.text, [(pairs[index], label) for index, label in picks]))
        _write_split(root, split, said)


def _write_split(root: Path, split: str, said: list[_Said]) -> None:
    rows, graphs = [], {}
    for number, (text, shown) in enumerate(said):
        folder = root / "images" / "train" / str(number % 100) if split == "train" else root / split
        folder.mkdir(parents=True, exist_ok=True)
        for place, (pair, label) in enumerate(shown):
            name = f"{split}-{number}-{place}"
            rows.append(_row(name, text, label) | ({"directory": number % 100} if split == "train" else {}))
            for side, scene in enumerate(pair):
                graphs[f"{name}-img{side}"] = graph(scene)
                render(scene).save(folder / f"{name}-img{side}.png")
    (root / f"{split}.json").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    dump(root / f"{split}_sceneGraphs.json", graphs)


def _row(name: str, text: str, label: str) -> dict[str, Any]:
    return {
        "validation": {"0": label},
        "sentence": text,
        "left_url": "",
        "writer": "0",
        "label": label,
        "right_url": "",
        "synset": "shape",
        "query": "drawn shapes",
        "identifier": f"{name}-0",
        "extra_validations": {},
    }


def _side(random: Random) -> _Sentence:
    what = draw_lots(random)
    first = random.choice((0, 1))
    names = ("left", "right") if first == 0 else ("right", "left")

    def holds(pair: _Pair) -> bool | None:
        many, few = len(fitting(what, pair[first])), len(fitting(what, pair[1 - first]))
        return many > few if many and few else None  # else looking whether there are any would do

    return _Sentence(f"The {names[0]} image contains more {plural(what)} than the {names[1]} image.", holds)


def _each(random: Random) -> _Sentence:
    what = draw_lots(random)
    text = random.choice(("Each image contains a {}.", "There is a {} in both images.")).format(singular(what))
    return _Sentence(text, _of_both(lambda scene: bool(fitting(what, scene)), all))


def _one(random: Random) -> _Sentence:
    what = draw_lots(random)
    text = f"Exactly one of the images contains a {singular(what)}."
    return _Sentence(text, _of_both(lambda scene: bool(fitting(what, scene)), lambda there: sum(there) == 1))


def _total(random: Random) -> _Sentence:
    what = draw_lots(random)
    number = random.randint(2, 6)
    bound = random.choice(("exactly", "at least"))

    def holds(pair: _Pair) -> bool | None:
        counts = [len(fitting(what, scene)) for scene in pair]
        if not all(counts):
            return None
        return sum(counts) == number if bound == "exactly" else sum(counts) >= number

    return _Sentence(f"There are {bound} {number} {plural(what)} in total.", holds)


_ASK = {"side": _side, "each": _each, "one": _one, "total": _total}
"""Named as the loader's categories."""


def _of_both(see: Callable[[Scene], bool], judge: Callable[[list[bool]], bool]) -> Callable[[_Pair], bool]:
    return lambda pair: judge([see(scene) for scene in pair])
