"""NLVR2 (Suhr et al., ACL 2019): sentences that are true or false of pairs of photographs.

    ROOT/{split}.json                                                 or ROOT/data/{split}.json: a JSON object a line
    ROOT/images/train/{directory}/train-{set}-{pair}-img{0,1}.png     the left and the right image
    ROOT/{split}/{split}-{set}-{pair}-img{0,1}.png                    other splits; or ROOT/images/{split}/
    ROOT/{split}_sceneGraphs.json                                     in GQA's form, where there is one: drawn sets

From https://github.com/lil-lab/nlvr/tree/master/nlvr2 (splits train, dev, test1, test2); `load` also reads the set
lmms-lab/NLVR2 of the Hugging Face hub, whose splits have other names (balanced_dev, unbalanced_test_public, ...).
`identifier` is "split-set-pair-sentence": rows of equal set and sentence become one task, on all of whose pairs a
program has to be right, which is the corpus's own "consistency".
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from visrep.env.faults import UserFault
from visrep.env.formats import hub as hugging_face
from visrep.env.formats.fields import json_lines, shown, text
from visrep.env.formats.graphs import Graphs
from visrep.env.types import Instance, Question, Task

_CATEGORIES = (
    ("side", r"\b(left|right)\b"),
    ("each", r"\b(each|both|every|all)\b"),
    ("one", r"\bone (of the )?(images?|photos?|pictures?)\b|\bother (image|photo|picture)"),
    ("total", r"\b(total|together|combined|two images|pair|exactly|at (least|most)|more|fewer)\b"),
)
"""A sentence's category is the first whose pattern it holds, else "any": how the two images have to be put together."""

_LABELS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class _Pair:
    """What is kept of a row."""

    identifier: str
    sentence: str
    label: bool
    images: tuple[Path, Path]
    where: str

    @property
    def task(self) -> tuple[str, str]:
        """The set and the sentence's number in it."""
        _, of, _, sentence = self.identifier.rsplit("-", 3)
        return of, sentence


def load(root: Path, split: str, *, hub: str | None = None) -> Iterator[Task]:
    """One task per sentence of a split, in the file's order; kind `verify`, of two images. The split's texts are held
    in memory. `hub` is the set's name on the Hugging Face hub, or a folder like it; images and rows are kept under
    `root` then.

    Raises UserFault: at once when the file or the first images are missing, while reading when a row is damaged.
    """
    pairs = _from_hub(root, split, hub) if hub else _from_file(root, split)
    first = next(pairs, None)
    for image in first.images if first else ():
        if not image.is_file():
            raise UserFault(f"image {image} is missing; put NLVR2's images into {root}")
    return _tasks(split, chain([first] if first else [], pairs), Graphs(root / f"{split}_sceneGraphs.json"))


def category(sentence: str) -> str:
    """How the two images have to be put together, by the sentence's words."""
    return next((name for name, pattern in _CATEGORIES if re.search(pattern, sentence.lower())), "any")


def _tasks(split: str, pairs: Iterator[_Pair], graphs: Graphs) -> Iterator[Task]:
    by_sentence: dict[tuple[str, str], dict[str, _Pair]] = {}
    for pair in pairs:
        alike = by_sentence.setdefault(pair.task, {})
        first = next(iter(alike.values()), pair)
        if pair.sentence != first.sentence or pair.identifier in alike:
            raise UserFault(
                f"{pair.where}: {pair.identifier!r} is there twice, or has another sentence than {first.identifier!r}; "
                "fetch the file again"
            )
        alike[pair.identifier] = pair
    for (of, number), alike in by_sentence.items():
        sentence = next(iter(alike.values())).sentence
        name, signature = f"{split}-{of}-{number}", "execute_command(images)"
        question = Question(name, sentence, "verify", category(sentence), signature=signature)
        yield Task(question, tuple(_instance(pair, graphs) for pair in alike.values()), dataset="nlvr2", split=split)


def _instance(pair: _Pair, graphs: Graphs) -> Instance:
    scenes = graphs.scenes([image.stem for image in pair.images], pair.where)
    return Instance(pair.identifier, pair.images, answers=(pair.label,), scenes=scenes)


def _from_file(root: Path, split: str) -> Iterator[_Pair]:
    path = root / f"{split}.json" if (root / f"{split}.json").is_file() else root / "data" / f"{split}.json"
    if not path.is_file():
        there = sorted({found.stem for folder in (root, root / "data") for found in folder.glob("*.json")})
        raise UserFault(f"{root} has no {split}.json; found: {', '.join(there) or 'none'}; or name a set with `hub`")
    flat = root / split if (root / split).is_dir() else root / "images" / split
    for row, where in json_lines(path):
        folder = root / "images" / "train" / str(row["directory"]) if "directory" in row else flat
        identifier = _identifier(row, ("identifier",), where)
        name = identifier.rpartition("-")[0]
        images = folder / f"{name}-img0.png", folder / f"{name}-img1.png"
        yield _Pair(identifier, text(row, "sentence", where), _label(row, "label", where), images, where)


def _from_hub(root: Path, split: str, hub: str) -> Iterator[_Pair]:
    for number, row in enumerate(hugging_face.rows(hub, split, root / "images"), 1):
        where = f"{hub}, split {split}: row {number}"
        identifier = _identifier(row, ("identifier", "question_id"), where)
        images = Path(text(row, "left_image", where)), Path(text(row, "right_image", where))
        yield _Pair(identifier, text(row, "question", where), _label(row, "answer", where), images, where)


def _identifier(row: dict[str, Any], keys: tuple[str, ...], where: str) -> str:
    """The first of the fields that is as identifiers are."""
    for key in keys:
        if isinstance(row.get(key), str) and row[key].count("-") == 3:
            return str(row[key])
    found = {key: row.get(key) for key in keys}
    raise UserFault(f"{where}: found {shown(found)}, expected split-set-pair-sentence; fetch the file again")


def _label(row: dict[str, Any], key: str, where: str) -> bool:
    label = _LABELS.get(str(row.get(key)).lower())
    if label is None:
        raise UserFault(f"{where}: found {key} {shown(row.get(key))}, expected True or False; fetch the file again")
    return label
