"""Writes drawn scenes and questions of every kind as a user's own data: an example of it, and a test.

    ROOT/{split}.jsonl           a row for each image or pair of images
    ROOT/images/{split}-{number}.png
    ROOT/drawn.json              what it was drawn from

The format is that of `visrep.env.tasks.own`. Categories are named as the kinds.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from visrep.env.boxes import to_top_left
from visrep.env.drawn.description import WORDS, draw_lots, fitting, only, plural, singular
from visrep.env.drawn.folder import check_counts, make
from visrep.env.drawn.pairing import gather, pick
from visrep.env.drawn.questions import ask
from visrep.env.drawn.scene import generate, render
from visrep.env.types import Scene, SceneObject

SPLITS = ("train", "val", "test")

VERSION = 1
"""Of the drawings: raised when equal settings come to give other scenes or questions."""

SCENES = 200
"""Of a split."""

_Views = tuple[int, ...]
"""The scenes that a question is asked of together, by number: one, or two to choose from."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question of one scene or two, and its annotation as the row has it, in JSON; None where it does not apply."""

    text: str
    annotation: Callable[[Sequence[Scene]], dict[str, Any] | None]
    options: tuple[str, ...] = ()


_Rows = tuple[_Asked, list[tuple[_Views, dict[str, Any]]]]
"""A question with what it is asked of, and the annotations."""


def draw(root: Path, *, seed: int, tasks_per_category: Mapping[str, int], instances: int) -> None:
    """Draw a data set into the folder `root`, which appears whole or not at all; splits share no scene and no question.

    `tasks_per_category` says how many tasks each kind has in a split, each of `instances` rows with different answers.
    Does nothing where `root` already holds the data set of these settings; raises UserFault where it holds anything
    else.
    """
    check_counts(SPLITS, tasks_per_category, instances)
    counts = {"tasks_per_category": dict(tasks_per_category), "instances": instances}
    manifest = {"version": VERSION, "seed": seed, **counts}
    make(root, manifest, lambda folder: _write(folder, manifest))


def _write(root: Path, manifest: dict[str, Any]) -> None:
    (root / "images").mkdir()
    taken: set[str] = set()
    for split, count in manifest["tasks_per_category"].items():
        seed = f"{manifest['seed']}/{split}"
        scenes, random = [generate(f"{seed}/{n}") for n in range(SCENES)], Random(seed)
        rows: list[dict[str, Any]] = []
        for kind in _ASK:
            used: Counter[str] = Counter()
            attempt = partial(_rows, kind, scenes, manifest["instances"], taken, used, random)
            for number, (asked, shown) in enumerate(gather(kind, count, attempt)):
                rows += _task(f"{split}-{kind}-{number}", kind, split, asked, shown)
        for name in sorted({name for row in rows for name in row["images"]}):
            render(scenes[int(Path(name).stem.rpartition("-")[2])]).save(root / name)
        (root / f"{split}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")


def _rows(
    kind: str,
    scenes: Sequence[Scene],
    instances: int,
    taken: set[str],
    used: Counter[str],
    random: Random,
) -> _Rows | None:
    asked = _ASK[kind](random)
    if asked.text in taken:
        return None
    of = [tuple(random.sample(range(len(scenes)), 2)) if kind == "match" else (n,) for n in range(len(scenes))]

    def answer(views: _Views) -> str | None:
        annotation = asked.annotation([scenes[number] for number in views])
        return None if annotation is None else json.dumps(annotation)

    picks = pick(answer, of, instances, used, random)
    if picks is None:
        return None
    taken.add(asked.text)
    used.update(said for _, said in picks)
    return asked, [(of[index], json.loads(said)) for index, said in picks]


def _task(
    name: str, kind: str, split: str, asked: _Asked, shown: list[tuple[_Views, dict[str, Any]]]
) -> list[dict[str, Any]]:
    own = {"task": name, "question": asked.text, "kind": kind, "category": kind}
    options = {"options": list(asked.options)} if asked.options else {}
    return [
        {"id": f"{name}-{place}", **own, "images": [f"images/{split}-{n}.png" for n in views], **options, **annotation}
        for place, (views, annotation) in enumerate(shown)
    ]


def _answer(random: Random) -> _Asked:
    form = ask(random.choice(("query_color", "count")), random)
    return _Asked(form.text, lambda views: _annotated(form.answer(views[0])))


def _choice(random: Random) -> _Asked:
    form = ask("query_shape", random)
    return _Asked(form.text, lambda views: _annotated(form.answer(views[0])), WORDS["shape"])


def _verify(random: Random) -> _Asked:
    form = ask("exist", random)
    return _Asked(form.text, lambda views: {"answers": [form.answer(views[0]) == "yes"]})


def _ground(random: Random) -> _Asked:
    what = draw_lots(random)

    def annotation(views: Sequence[Scene]) -> dict[str, Any] | None:
        thing = only(what, views[0])
        return None if thing is None else {"boxes": [_box(thing, views[0])]}

    return _Asked(f"Where is the {singular(what)}?", annotation)


def _detect(random: Random) -> _Asked:
    what = draw_lots(random)
    text = f"Find all {plural(what)}."
    return _Asked(text, lambda views: {"boxes": [_box(thing, views[0]) for thing in fitting(what, views[0])]})


def _match(random: Random) -> _Asked:
    what = draw_lots(random)

    def annotation(views: Sequence[Scene]) -> dict[str, Any] | None:
        first, second = (len(fitting(what, scene)) for scene in views)
        return None if first == second else {"answers": [int(second > first)]}

    return _Asked(f"Which image has more {plural(what)}?", annotation)


_ASK: dict[str, Callable[[Random], _Asked]] = {
    "answer": _answer,
    "choice": _choice,
    "verify": _verify,
    "ground": _ground,
    "detect": _detect,
    "match": _match,
}


def _annotated(answer: str | None) -> dict[str, Any] | None:
    return None if answer is None else {"answers": [answer]}


def _box(thing: SceneObject, scene: Scene) -> list[int]:
    return [int(edge) for edge in to_top_left(thing.box, scene.height)]
