"""Fixed replies: the fake that ships, for tests and for programs whose control flow matters but not what they see.

It reads no pixels. It is a text model too, so that `llm_query` has something to answer it.
"""

import itertools
from collections.abc import Sequence

from visrep.env.perception import Answer, Detection, View
from visrep.env.types import Box


class Scripted:
    """Replies by rule, whatever is in the picture.

    `find` gives `found` equal upright strips of the view, left to right, and nothing for the names in `absent`.
    `query` and `complete` say `answer` (with choices: `answer` if it is one of them, else the first). `match` is 1 for
    a text that begins with one of the words in `true`, else 0; `depth` is always the same.
    """

    def __init__(self, found: int, absent: Sequence[str], answer: str, true: Sequence[str], depth: float) -> None:
        self.identity = f"scripted {found} {tuple(absent)} {answer} {tuple(true)} {depth}"
        self._found = found
        self._absent = frozenset(absent)
        self._answer = answer
        self._true = frozenset(true)
        self._depth = depth

    def find(self, views: Sequence[View], names: Sequence[str]) -> list[tuple[Detection, ...]]:
        return [() if name in self._absent else self._strips(view.box) for view, name in zip(views, names, strict=True)]

    def query(
        self, views: Sequence[View], questions: Sequence[str], choices: Sequence[tuple[str, ...] | None]
    ) -> list[Answer]:
        return [self._reply(offered) for _, _, offered in zip(views, questions, choices, strict=True)]

    def match(self, views: Sequence[View], texts: Sequence[tuple[str, ...]]) -> list[tuple[float, ...]]:
        return [tuple(self._is_true(text) for text in group) for _, group in zip(views, texts, strict=True)]

    def depth(self, views: Sequence[View]) -> list[float]:
        return [self._depth for _ in views]

    def complete(self, prompts: Sequence[str]) -> list[str]:
        return [self._answer for _ in prompts]

    def _strips(self, box: Box) -> tuple[Detection, ...]:
        edges = [box.left + (box.right - box.left) * i / self._found for i in range(self._found + 1)]
        strips = itertools.pairwise(edges)
        return tuple(Detection(Box(left, box.lower, right, box.upper), 1.0) for left, right in strips)

    def _reply(self, choices: tuple[str, ...] | None) -> Answer:
        if not choices:
            return Answer(self._answer)
        said = self._answer if self._answer in choices else choices[0]
        return Answer(said, tuple(float(choice == said) for choice in choices))

    def _is_true(self, text: str) -> float:
        words = text.split()
        return float(bool(words) and words[0] in self._true)


def load(
    found: int = 3,
    absent: Sequence[str] = ("unicorn",),
    answer: str = "red",
    true: Sequence[str] = ("red",),
    depth: float = 2.5,
) -> Scripted:
    """By default: three of everything but unicorns, all of it red, 2.5 away."""
    return Scripted(found, absent, answer, true, depth)
