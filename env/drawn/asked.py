"""Drawn questions of one picture each, as data sets of photographs with questions have them.

A question's text is asked of several pictures with different answers, by questions of their own: so VQA v2 does it with
its complementary pairs. Splits share no picture and no text.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from visrep.env.drawn.folder import check_counts, make
from visrep.env.drawn.pairing import pair
from visrep.env.drawn.questions import CATEGORIES, Form, ask
from visrep.env.drawn.scene import generate, render
from visrep.env.types import Scene

VERSION = 1
"""Of the drawings: raised when equal settings come to give other scenes, questions or answers."""

_PICTURES = 1_000_000
"""From one split's picture numbers to the next one's: more than a split has."""

_QUESTIONS = 1_000
"""From one picture's question numbers to the next one's, as VQA counts."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question about a picture. Their numbers occur once in the data set."""

    number: int
    image: int
    scene: Scene
    form: Form
    answer: str


Write = Callable[[Path, str, list[Asked], Random], None]
"""Writes a split's files into a folder."""


def lay_out(
    root: Path,
    dataset: str,
    splits: Sequence[str],
    write: Write,
    *,
    seed: int,
    tasks_per_category: Mapping[str, int],
    instances: int,
    categories: Sequence[str] = CATEGORIES,
    ask: Callable[[str, Random], Form] = ask,
) -> None:
    """Have `write` fill the folder `root`, which appears whole or not at all, with questions of these categories.

    `tasks_per_category` says how many texts of each for every split, each asked of `instances` pictures. Raises
    UserFault where `root` holds anything else, or where a category has not so many texts.
    """
    check_counts(tuple(splits), tasks_per_category, instances)
    manifest: dict[str, Any] = {
        "dataset": dataset,
        "version": VERSION,
        "seed": seed,
        "tasks_per_category": dict(tasks_per_category),
        "instances": instances,
    }

    def fill(folder: Path) -> None:
        taken: set[str] = set()
        for index, split in reversed(list(enumerate(splits))):  # train gets what the others leave
            if split in tasks_per_category:
                random = Random(f"{seed}/{split}")
                # Ten scenes to a task of each category are enough to find the rarer answers.
                scenes = [generate(f"{seed}/{split}/{n}") for n in range(max(60, 10 * tasks_per_category[split]))]
                pairings = pair(scenes, tasks_per_category[split], instances, taken, random, categories, ask)
                picks = ((form, scene, answer) for form, picked in pairings for scene, answer in picked)
                write(folder, split, list(_numbered(index * _PICTURES, scenes, picks)), random)

    make(root, manifest, fill)


def save_pictures(questions: Iterable[Asked], path: Callable[[int], Path]) -> None:
    """Write the picture of each question where `path` says for its number.

    JPEG as photographs are, with little compression: `shapes` sees every object in it exactly as it is, which it does
    not where colours are stored at half the resolution.
    """
    for image, scene in {asked.image: asked.scene for asked in questions}.items():
        path(image).parent.mkdir(parents=True, exist_ok=True)
        render(scene).save(path(image), quality=95, subsampling=0)


def _numbered(first: int, scenes: list[Scene], picks: Iterable[tuple[Form, int, str]]) -> Iterator[Asked]:
    counts: Counter[int] = Counter()
    for form, index, answer in sorted(picks, key=lambda pick: pick[1]):
        image = first + index + 1
        yield Asked(image * _QUESTIONS + counts[index], image, scenes[index], form, answer)
        counts[index] += 1
