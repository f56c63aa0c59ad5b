"""Pairs question forms with scenes on which they have different answers, so that no constant answer pays."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from random import Random
from typing import TypeVar

from visrep.env.drawn.questions import CATEGORIES, Form, ask
from visrep.env.faults import UserFault
from visrep.env.types import Scene

Pairing = tuple[Form, tuple[tuple[int, str], ...]]
"""A form with the scenes it is asked of: each one's index and the answer on it."""

Shown = TypeVar("Shown")
"""What a question is asked of: a scene, or anything else that is drawn."""

_LOOKED_AT = 200
"""Scenes on which a form's answers are looked for: enough for the rare ones, and drawing time does not grow."""

_FRUITLESS = 2000
"""Forms in a row that cannot be used before a category is held to be exhausted."""


def pair(
    scenes: Sequence[Scene], tasks_per_category: int, instances: int, taken: set[str], random: Random
) -> list[Pairing]:
    """`tasks_per_category` forms of every category, each with `instances` scenes; at least two answers where it can.

    Texts in `taken` are not used again, and those used are added. Raises UserFault when a category runs out of texts
    or the scenes do not offer enough different answers.
    """
    pairings = []
    for category in CATEGORIES:
        used: Counter[str] = Counter()
        for done in range(tasks_per_category):
            pairings.append(_next(category, scenes, instances, taken, used, random, done))
            form, picks = pairings[-1]
            taken.add(form.text)
            used.update(answer for _, answer in picks)
    return pairings


def _next(
    category: str,
    scenes: Sequence[Scene],
    instances: int,
    taken: set[str],
    used: Counter[str],
    random: Random,
    done: int,
) -> Pairing:
    for _ in range(_FRUITLESS):
        form = ask(category, random)
        if form.text in taken:
            continue
        picks = pick(form.answer, scenes, instances, used, random)
        if picks is not None:
            return form, picks
    raise UserFault(
        f"category {category!r} gave {done} tasks from {len(scenes)} scenes and no more; "
        f"ask for fewer tasks per category or for more scenes"
    )


def pick(
    answer_on: Callable[[Shown], str | None],
    scenes: Sequence[Shown],
    instances: int,
    used: Counter[str],
    random: Random,
) -> tuple[tuple[int, str], ...] | None:
    """Scenes for one task, by index, with the answer on each: answers that are new to the task first, and of these the
    one used least so far. None where the scenes offer too few, or one answer only."""
    by_answer: dict[str, list[int]] = defaultdict(list)
    for index in random.sample(range(len(scenes)), min(_LOOKED_AT, len(scenes))):
        answer = answer_on(scenes[index])
        if answer is not None:
            by_answer[answer].append(index)
    if len(by_answer) < 2 or sum(map(len, by_answer.values())) < instances:
        return None
    mine: Counter[str] = Counter()
    picks: list[tuple[int, str]] = []
    for _ in range(instances):
        left = [answer for answer in sorted(by_answer) if by_answer[answer]]
        answer = min(left, key=lambda word: (mine[word], used[word] + mine[word], random.random()))
        mine[answer] += 1
        picks.append((by_answer[answer].pop(), answer))
    random.shuffle(picks)
    return tuple(picks)
