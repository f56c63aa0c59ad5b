"""Writes drawn scenes and phrases that each name one object as a data set in RefCOCO's official layout.

    ROOT/refcoco/refs(unc).p                            the pickled list of objects with their sentences
    ROOT/refcoco/instances.json                         all objects, as `visrep.env.drawn.coco` writes them
    ROOT/images/mscoco/images/train2014/{image}.png
    ROOT/drawn.json                                     what it was drawn from

The format is that of https://github.com/lichengunc/refer. The pickle is of protocol 2, as Python 2 writes it.
"""

import pickle
from collections import Counter, defaultdict
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

from visrep.env.drawn.coco import annotated, annotation
from visrep.env.drawn.folder import check_counts, dump, make
from visrep.env.drawn.phrases import FORMS, phrase
from visrep.env.drawn.scene import SHAPES, generate, render
from visrep.env.faults import UserFault
from visrep.env.types import Scene, SceneObject

SPLITS = ("train", "val", "testA")

VERSION = 1
"""Of the drawings: raised when equal settings come to give other scenes or sentences."""

_TRIED = 300
"""Phrases of each form that are tried on a scene: of comparisons one in a hundred names an object."""

_FRUITLESS = 200
"""Scenes in a row without a new reference before a split is held to be exhausted."""

Reference = tuple[Scene, SceneObject, list[str]]
"""An object of a scene, and the sentences that name it alone."""


def draw(root: Path, *, seed: int, tasks_per_category: Mapping[str, int], instances: int) -> None:
    """Draw a data set into the folder `root`, which appears whole or not at all.

    A split refers to `tasks_per_category` objects of each shape, which is their category, with `instances` sentences
    each, all forms of phrases (see `visrep.env.drawn.phrases`) about equally often; every sentence is a task. Splits
    share no scene and no sentence. Does nothing where `root` already holds the data set of these settings. Raises
    UserFault where it holds anything else, or where there are not as many sentences.
    """
    check_counts(SPLITS, tasks_per_category, instances)
    manifest = {
        "layout": "refcoco",
        "version": VERSION,
        "seed": seed,
        "tasks_per_category": dict(tasks_per_category),
        "instances": instances,
    }
    make(root, manifest, lambda folder: _write(folder, manifest))


def _write(root: Path, manifest: dict[str, Any]) -> None:
    images = root / "images" / "mscoco" / "images" / "train2014"
    images.mkdir(parents=True)
    (root / "refcoco").mkdir()
    taken: set[str] = set()
    drawn: list[tuple[str, Reference]] = []
    counts = manifest["tasks_per_category"]
    for split in sorted(counts, key=SPLITS.index, reverse=True):  # train gets what the others leave
        references = _references(f"{manifest['seed']}/{split}", counts[split], manifest["instances"], taken)
        drawn += [(split, reference) for reference in references]
        taken.update(text for _, _, texts in references for text in texts)
    numbers = {scene: number for number, scene in enumerate(dict.fromkeys(scene for _, (scene, _, _) in drawn), 1)}
    files = {f"{number:012d}.png": scene for scene, number in numbers.items()}
    for file, scene in files.items():
        render(scene).save(images / file)
    dump(root / "refcoco" / "instances.json", annotated(files))
    (root / "refcoco" / "refs(unc).p").write_bytes(pickle.dumps(_rows(drawn, numbers), protocol=2))


def _references(seed: str, per_shape: int, sentences: int, taken: set[str]) -> list[Reference]:
    """One of a scene at most, of the object that the forms used least so far can name."""
    random = Random(seed)
    used: Counter[str] = Counter()
    wanted = dict.fromkeys(SHAPES, per_shape)
    found: list[Reference] = []
    fruitless = 0
    for number in count():
        if not any(wanted.values()):
            return found
        if fruitless == _FRUITLESS:
            break
        scene = generate(f"{seed}/{number}")
        named = _named(scene, taken, random)
        chosen = [(thing, _chosen(named[thing.id], sentences, used)) for thing in scene.objects if wanted[thing.name]]
        offered = [(thing, texts) for thing, texts in chosen if texts]
        fruitless = 0 if offered else fruitless + 1
        if offered:
            thing, texts = min(offered, key=lambda offer: sum(used[form] for form, _ in offer[1]))
            wanted[thing.name] -= 1
            used.update(form for form, _ in texts)
            found.append((scene, thing, [text for _, text in texts]))
    raise UserFault(f"found {sentences} sentences for {len(found)} objects and for no more; ask for fewer of either")


def _named(scene: Scene, taken: set[str], random: Random) -> dict[str, dict[str, list[str]]]:
    """By object and form, phrases that name it alone."""
    named: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for form in FORMS:
        for _ in range(_TRIED):
            tried = phrase(form, random)
            meant = tried.meant(scene)
            if meant and len(meant) == 1 and tried.one not in taken and tried.one not in named[meant[0].id][form]:
                named[meant[0].id][form].append(tried.one)
    return named


def _chosen(by_form: Mapping[str, list[str]], sentences: int, used: Counter[str]) -> list[tuple[str, str]]:
    """So many phrases for an object with their forms, one after the other of the form used least so far; none if there
    are too few."""
    left = {form: list(texts) for form, texts in by_form.items()}
    mine = used.copy()
    chosen: list[tuple[str, str]] = []
    while len(chosen) < sentences and any(left.values()):
        form = min((form for form in left if left[form]), key=lambda form: mine[form])
        mine[form] += 1
        chosen.append((form, left[form].pop()))
    return chosen if len(chosen) == sentences else []


def _rows(drawn: list[tuple[str, Reference]], numbers: Mapping[Scene, int]) -> list[dict[str, Any]]:
    rows = []
    sentence = count()
    for number, (split, (scene, thing, texts)) in enumerate(drawn):
        image = numbers[scene]
        own = annotation(image, thing, scene)["id"]
        sentences = [{"tokens": text.split(), "raw": text, "sent": text, "sent_id": next(sentence)} for text in texts]
        rows.append(
            {
                "ref_id": number,
                "ann_id": own,
                "image_id": image,
                "category_id": SHAPES.index(thing.name) + 1,
                "file_name": f"{image:012d}_{own}.png",
                "split": split,
                "sent_ids": [each["sent_id"] for each in sentences],
                "sentences": sentences,
            }
        )
    return rows
