"""Wrong on purpose: another backend whose replies are changed, the same way whenever the same is asked.

For the guard against programs whose value does not depend on what they see, and as seeded noise.
"""

from collections.abc import Sequence
from random import Random
from typing import Any

from visrep.env.perception import Answer, Detection, Perception, View
from visrep.env.perception.words import COLOURS, SHAPES, SIZES
from visrep.env.types import Box

_COUNTS = tuple(str(number) for number in range(10))

_KINDS = (COLOURS, SHAPES, SIZES, ("yes", "no"), _COUNTS)
"""Answers of one kind: one of them is replaced by another."""

_ADDED = 2
"""Most objects that `find` makes up."""


class Perturbed:
    """Changes a share `rate` of the replies, chosen by seed and request.

    find: nothing is found half of the time, else another number than there is, with made-up boxes for the surplus; the
    rest in another order. query: another answer of its kind, or another choice. match: each score from its other side.
    depth: between a quarter and four times as far, and never the same.
    """

    def __init__(self, backend: Perception, seed: int, rate: float = 1.0) -> None:
        self.identity = f"perturbed {seed} {rate} {backend.identity}"
        self._backend = backend
        self._seed = seed
        self._rate = rate

    def find(self, views: Sequence[View], names: Sequence[str]) -> list[tuple[Detection, ...]]:
        replies = self._backend.find(views, names)
        dice = [self._dice("find", view, name) for view, name in zip(views, names, strict=True)]
        return [
            _other_objects(random, view.box, reply) if random else reply
            for random, view, reply in zip(dice, views, replies, strict=True)
        ]

    def query(
        self, views: Sequence[View], questions: Sequence[str], choices: Sequence[tuple[str, ...] | None]
    ) -> list[Answer]:
        replies = self._backend.query(views, questions, choices)
        asked = zip(views, questions, choices, strict=True)
        dice = [self._dice("query", view, question, offered) for view, question, offered in asked]
        return [
            _other_answer(random, reply, offered) if random else reply
            for random, reply, offered in zip(dice, replies, choices, strict=True)
        ]

    def match(self, views: Sequence[View], texts: Sequence[tuple[str, ...]]) -> list[tuple[float, ...]]:
        replies = self._backend.match(views, texts)
        dice = [self._dice("match", view, group) for view, group in zip(views, texts, strict=True)]
        return [
            tuple(1 - score for score in reply) if random else reply
            for random, reply in zip(dice, replies, strict=True)
        ]

    def depth(self, views: Sequence[View]) -> list[float]:
        dice = [self._dice("depth", view) for view in views]
        replies = zip(dice, self._backend.depth(views), strict=True)
        return [_other_depth(random, reply) if random else reply for random, reply in replies]

    def _dice(self, method: str, view: View, *arguments: Any) -> Random | None:
        """Chance for this request, always the same; None where the reply stays as it is."""
        random = Random(f"{self._seed} {method} {view.picture.digest} {view.box} {arguments}")
        return random if random.random() < self._rate else None


def _other_objects(random: Random, view: Box, found: tuple[Detection, ...]) -> tuple[Detection, ...]:
    numbers = [number for number in range(1, len(found) + _ADDED + 1) if number != len(found)]
    number = 0 if found and random.random() < 0.5 else random.choice(numbers)
    made_up = [Detection(_some_box(random, view), 0.5) for _ in range(number - len(found))]
    kept = random.sample(found, min(number, len(found)))
    return tuple(sorted(kept + made_up, key=lambda detection: -detection.score))


def _some_box(random: Random, view: Box) -> Box:
    """A box within the view, with sides of at least a tenth of the view's."""
    left, right = _stretch(random, view.left, view.right)
    lower, upper = _stretch(random, view.lower, view.upper)
    return Box(left, lower, right, upper)


def _stretch(random: Random, start: float, end: float) -> tuple[float, float]:
    length = (end - start) * random.uniform(0.1, 0.5)
    low = random.uniform(start, end - length)
    return low, min(low + length, end)


def _other_answer(random: Random, reply: Answer, choices: tuple[str, ...] | None) -> Answer:
    if choices:
        others = [choice for choice in choices if choice != reply.text] or list(choices)
        text = random.choice(others)
        return Answer(text, tuple(float(choice == text) for choice in choices))
    kind = next((kind for kind in _KINDS if reply.text.lower() in kind), COLOURS + SHAPES + _COUNTS)
    return Answer(random.choice([word for word in kind if word != reply.text.lower()]))


def _other_depth(random: Random, depth: float) -> float:
    factor = random.choice((-1, 1)) * random.uniform(0.5, 2)
    return depth * 2**factor + (1.0 if depth == 0 else 0.0)
