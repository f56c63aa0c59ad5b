"""Pairs question forms with scenes on which they have different answers, so that no constant answer pays."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import Any, Protocol, TypeVar

from visrep.env.drawn.questions import CATEGORIES, Form, ask
from visrep.env.faults import UserFault
from visrep.env.types import Scene

Picks = tuple[tuple[int, str], ...]
"""Scenes of one task: each one's index and the answer on it."""

Seen = TypeVar("Seen")
Made = TypeVar("Made")


class Answered(Protocol):
    """A question or sentence: its text, and the answer on any scene, which is None where it does not apply."""

    @property
    def text(self) -> str: ...

    @property
    def answer(self) -> Callable[[Any], str | None]: ...


Said = TypeVar("Said", bound=Answered)

_LOOKED_AT = 200
"""Scenes on which a form's answers are looked for: enough for the rare ones, and drawing time does not grow."""

_FRUITLESS = 2000
"""Attempts in a row that come to nothing before a category is held to be exhausted."""


def pair(
    scenes: Sequence[Scene],
    tasks_per_category: int,
    instances: int,
    taken: set[str],
    random: Random,
    categories: Sequence[str] = CATEGORIES,
    ask: Callable[[str, Random], Form] = ask,
) -> list[tuple[Form, Picks]]:
    """`tasks_per_category` forms of every category, as `ask` makes them, each with `instances` scenes; at least two
    answers where it can.

    Texts in `taken` are not used again, and those used are added. Raises UserFault when a category runs out of texts
    or the scenes do not offer enough different answers.
    """
    pairings: list[tuple[Form, Picks]] = []
    for category in categories:
        used: Counter[str] = Counter()
        attempt = partial(paired, partial(ask, category), scenes, instances, taken, used, random)
        pairings += gather(category, tasks_per_category, attempt)
    return pairings


def gather(category: str, count: int, attempt: Callable[[], Made | None]) -> list[Made]:
    """`count` things of a category that `attempt` makes, who gives None when it was fruitless. Raises UserFault when it
    has been for too long."""
    found: list[Made] = []
    while len(found) < count:
        made = next((made for _ in range(_FRUITLESS) if (made := attempt()) is not None), None)
        if made is None:
            raise UserFault(
                f"category {category!r} gave {len(found)} tasks and no more; ask for fewer tasks per category"
            )
        found.append(made)
    return found


def pick(
    answer: Callable[[Seen], str | None],
    scenes: Sequence[Seen],
    instances: int,
    used: Counter[str],
    random: Random,
) -> Picks | None:
    """Scenes for one task, each one's index and answer, or None where there are too few or all answer alike: answers
    that are new to the task first, and of these the one used least so far."""
    by_answer: dict[str, list[int]] = defaultdict(list)
    for index in random.sample(range(len(scenes)), min(_LOOKED_AT, len(scenes))):
        said = answer(scenes[index])
        if said is not None:
            by_answer[said].append(index)
    if len(by_answer) < 2 or sum(map(len, by_answer.values())) < instances:
        return None
    mine: Counter[str] = Counter()
    picks: list[tuple[int, str]] = []
    for _ in range(instances):
        left = [said for said in sorted(by_answer) if by_answer[said]]
        said = min(left, key=lambda word: (mine[word], used[word] + mine[word], random.random()))
        mine[said] += 1
        picks.append((by_answer[said].pop(), said))
    random.shuffle(picks)
    return tuple(picks)


def paired(
    ask: Callable[[Random], Said],
    scenes: Sequence[Seen],
    instances: int,
    taken: set[str],
    used: Counter[str],
    random: Random,
) -> tuple[Said, Picks] | None:
    """What is asked or said, by chance, with its scenes as `pick` finds them; None where it cannot be used. Its text
    and its answers are added to those that are taken and used."""
    said = ask(random)
    picks = pick(said.answer, scenes, instances, used, random) if said.text not in taken else None
    if picks is None:
        return None
    taken.add(said.text)
    used.update(answer for _, answer in picks)
    return said, picks
