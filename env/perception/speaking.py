"""Answering questions about pictures with a model that writes text, whatever its architecture.

An open question is answered by what the model writes. Where there are choices, each is weighed by how likely the model
is to write it: the mean log-probability of its tokens, the end of the answer included, so that long choices are not at
a disadvantage. The likelihoods told are the exponentials of these means, scaled to a sum of 1. VisReP judges properties
in this way, by BLIP's likelihood of "yes" and "no", and so does `match` here.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

from visrep.env.perception import Answer, View

PROMPT = "{}\nAnswer the question using a single word or phrase."
"""LLaVA-1.5's words for short answers (Liu et al., 2023, section 3.2), common since among chat models."""

LIKELY = "Is this a {}?"
"""The question behind `match`, and that by which `exists` checks what was found (ViperGPT's image_patch.py)."""

_YES, _NO = "yes", "no"


class Asked(NamedTuple):
    """A question about a view."""

    view: View
    question: str


class Speaker(ABC):
    """A model that reads an image and a text and writes a text: a backend for `query` and `match`."""

    @abstractmethod
    def write(self, asked: Sequence[Asked]) -> list[str]:
        """The answers it writes."""

    @abstractmethod
    def weigh(self, asked: Sequence[Asked], texts: Sequence[str]) -> list[float]:
        """The mean log-probability of the tokens of each text as the answer to its question."""

    def query(
        self, views: Sequence[View], questions: Sequence[str], choices: Sequence[tuple[str, ...] | None]
    ) -> list[Answer]:
        """`Perception.query`; of choices the most likely one, and their likelihoods, which sum to 1."""
        asked = [Asked(view, question) for view, question in zip(views, questions, strict=True)]
        offers = [offered or () for offered in choices]
        opened = [number for number, offered in enumerate(offers) if not offered]
        answers = dict(zip(opened, map(Answer, self.write([asked[number] for number in opened])), strict=True))
        closed = [number for number, offered in enumerate(offers) if offered]
        likely = self._likelihoods([asked[number] for number in closed], [offers[number] for number in closed])
        for number, likelihoods in zip(closed, likely, strict=True):
            best = max(range(len(likelihoods)), key=likelihoods.__getitem__)
            answers[number] = Answer(offers[number][best], likelihoods)
        return [answers[number] for number in range(len(asked))]

    def match(self, views: Sequence[View], texts: Sequence[tuple[str, ...]]) -> list[tuple[float, ...]]:
        """`Perception.match`: how likely the answer is "yes", and not "no", when the model is asked whether the view is
        what each text says."""
        pairs = [(view, text) for view, group in zip(views, texts, strict=True) for text in group]
        asked = [Asked(view, LIKELY.format(text)) for view, text in pairs]
        likely = iter(self._likelihoods(asked, [(_YES, _NO)] * len(asked)))
        return [tuple(next(likely)[0] for _ in group) for group in texts]

    def _likelihoods(self, asked: Sequence[Asked], offers: Sequence[tuple[str, ...]]) -> list[tuple[float, ...]]:
        each = [one for one, offered in zip(asked, offers, strict=True) for _ in offered]
        told = iter(self.weigh(each, [choice for offered in offers for choice in offered]))
        found = []
        for offered in offers:
            means = [next(told) for _ in offered]
            weights = [math.exp(mean - max(means)) for mean in means]
            found.append(tuple(weight / sum(weights) for weight in weights))
        return found


def short(text: str) -> str:
    """An answer as BLIP words it, which programs are written for (`== "yes"`): lower case, one line, no full stop."""
    return " ".join(text.split()).removesuffix(".").lower()


def plain(tokenizer: Any, text: str) -> str:
    """The text without a tokenizer's control tokens: a program may ask about "<image>", and where the model looks for
    pictures is none of its business."""
    for token in tokenizer.get_added_vocab():
        if token[:1] + token[-1:] in ("<>", "[]"):
            text = text.replace(token, " ")
    return text


def continuation(tokenizer: Any, before: str, text: str) -> list[int]:
    """The tokens of a text that follows the character `before`: after a colon, say, many a tokenizer has another token
    for a word than at the beginning of a line."""
    start = tokenizer(before, add_special_tokens=False).input_ids
    joint = "" if before.isspace() else " "
    return list(tokenizer(before + joint + text, add_special_tokens=False).input_ids[len(start) :])


def mean_logprobs(logits: Any, targets: Any, counted: Any) -> list[float]:
    """Per row the mean log-probability of the targets that count. `logits` is rows × positions × vocabulary, `targets`
    and `counted`, of truth values, are rows × positions; the logits of a position are for its target."""
    chosen = logits.float().log_softmax(-1).gather(-1, targets[..., None])[..., 0].masked_fill(~counted, 0.0)
    means: list[float] = (chosen.sum(-1) / counted.sum(-1)).tolist()
    return means


def padded(rows: Sequence[Sequence[int]], fill: int) -> Any:
    """The rows as a tensor, filled up on the right."""
    import torch  # slow to import; see weights.py

    longest = max(map(len, rows))
    return torch.tensor([[*row, *[fill] * (longest - len(row))] for row in rows])
