"""Writes drawn stories and questions about them as a data set in NExT-QA's official layout, so that one loader reads
both.

    ROOT/{split}.csv                        a row for each question of a video
    ROOT/map_vid_vidorID.json               video -> its place
    ROOT/videos/{split}/{video}.mp4
    ROOT/drawn.json                         what it was drawn from

The format is that of https://github.com/doc-doc/NExT-QA. Rows that belong to one task have equal question, type and
options, and a video each.
"""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

from visrep.env.drawn import film
from visrep.env.drawn.folder import check_counts, dump, make
from visrep.env.drawn.pairing import pick
from visrep.env.drawn.scene import HEIGHT, WIDTH
from visrep.env.drawn.story import Story, tell
from visrep.env.drawn.story_questions import CATEGORIES, Form, ask
from visrep.env.faults import UserFault
from visrep.env.tasks.nextqa import COLUMNS, MAP

SPLITS = ("train", "val", "test")

VERSION = 2
"""Of the drawings: raised when equal settings come to give other stories or questions."""

_TOLD = 40
"""Stories told for a question, for its videos to be chosen from."""

_FRUITLESS = 500
"""Questions in a row that cannot be used before a type is held to be exhausted."""

_Pairing = tuple[Form, list[tuple[Story, str]]]
"""A question with the stories it is asked of and the answer on each."""


def draw(root: Path, *, seed: int, tasks_per_category: Mapping[str, int], instances: int) -> None:
    """Draw a data set into the folder `root`, which appears whole or not at all.

    `tasks_per_category` says how many tasks of each type a split has; splits share no question. Each task asks one
    question of `instances` videos with different answers. Does nothing where `root` already holds the data set of these
    settings. Raises UserFault where it holds anything else, or where there are not so many questions of a type.
    """
    check_counts(SPLITS, tasks_per_category, instances)
    manifest = {
        "version": VERSION,
        "seed": seed,
        "tasks_per_category": dict(tasks_per_category),
        "instances": instances,
    }
    make(root, manifest, lambda folder: _write(folder, manifest))


def _write(root: Path, manifest: dict[str, Any]) -> None:
    taken: set[str] = set()
    names = (f"{number:08d}" for number in count(1))
    places: dict[str, str] = {}
    counts = manifest["tasks_per_category"]
    for split in sorted(counts, key=SPLITS.index, reverse=True):  # train gets what the others leave
        (root / "videos" / split).mkdir(parents=True)
        with (root / f"{split}.csv").open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(COLUMNS)
            random = Random(f"{manifest['seed']}/{split}")
            for form, picks in _pairings(counts[split], manifest["instances"], taken, random):
                for story, answer in picks:
                    video = next(names)
                    places[video] = f"{split}/{video}"
                    film.write(story, root / "videos" / f"{places[video]}.mp4")
                    rows.writerow(_row(video, form, answer))
    dump(root / MAP, places)


def _row(video: str, form: Form, answer: str) -> list[Any]:
    right = form.options.index(answer)
    return [video, film.FRAMES, WIDTH, HEIGHT, form.text, right, 0, form.category, *form.options]


def _pairings(tasks_per_category: int, instances: int, taken: set[str], random: Random) -> Iterator[_Pairing]:
    """So many questions of every type, none of them in `taken`, to which they are added."""
    for category in CATEGORIES:
        used: Counter[str] = Counter()
        for done in range(tasks_per_category):
            form, picks = _next(category, instances, taken, used, random, done)
            taken.add(form.text)
            used.update(answer for _, answer in picks)
            yield form, picks


def _next(category: str, instances: int, taken: set[str], used: Counter[str], random: Random, done: int) -> _Pairing:
    for _ in range(_FRUITLESS):
        form = ask(category, random)
        if form.text in taken:
            continue
        told = (tell(form.cast(random), form.plot, random) for _ in range(_TOLD))
        stories = [story for story in told if story is not None]
        picks = pick(form.answer, stories, instances, used, random)
        if picks is not None:
            return form, [(stories[index], answer) for index, answer in picks]
    raise UserFault(f"type {category!r} gave {done} tasks and no more; ask for fewer tasks per category")
