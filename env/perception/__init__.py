"""Seeing: the protocol every perception backend keeps, batch first.

One file per backend; each has `load(**options) -> Perception` and is named in a recipe by its module's name. A backend
gets the requests of all programs that wait at the moment and answers them in order; answering one alone must give the
same as answering it in a batch. It never sees a question's annotation, only pictures.

All boxes, in and out, are in the frame of the whole picture, pixels, origin bottom-left. A backend whose model counts
from the top-left converts at its own edge.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from visrep.env.perception.picture import Picture
from visrep.env.types import Box

Method = Literal["find", "query", "match", "depth", "complete"]


@dataclass(frozen=True, slots=True)
class View:
    """A rectangle of a picture; the box lies inside the picture and has an area."""

    picture: Picture
    box: Box


@dataclass(frozen=True, slots=True)
class Detection:
    """One found object: its box, clipped to the view, and the detector's confidence in [0, 1]."""

    box: Box
    score: float


@dataclass(frozen=True, slots=True)
class Answer:
    """Reply to a question; `likelihoods` has one number in [0, 1] per choice where choices were given."""

    text: str
    likelihoods: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """One call to a model. `arguments` by method: find (name,), query (question, choices or None), match (texts,),
    depth (), complete (prompt,) — the last has no view."""

    method: Method
    view: View | None
    arguments: tuple[Any, ...]


class Perception(Protocol):
    """The four ways of seeing. `identity` names model, revision, precision and settings: replies of equal identity
    are equal, and the cache relies on it. Raises MachineFault when a model breaks, never a made-up reply."""

    identity: str

    def find(self, views: Sequence[View], names: Sequence[str]) -> list[tuple[Detection, ...]]:
        """Objects called `name` in each view, most confident first."""

    def query(
        self, views: Sequence[View], questions: Sequence[str], choices: Sequence[tuple[str, ...] | None]
    ) -> list[Answer]:
        """Short answers; where choices are given, one of them."""

    def match(self, views: Sequence[View], texts: Sequence[tuple[str, ...]]) -> list[tuple[float, ...]]:
        """How well each of its texts describes each view, in [0, 1]."""

    def depth(self, views: Sequence[View]) -> list[float]:
        """Median distance from the camera in each view; a larger number is farther away. No unit."""


class TextModel(Protocol):
    """Answers prompts without an image, for `llm_query`."""

    identity: str

    def complete(self, prompts: Sequence[str]) -> list[str]:
        """One short text per prompt."""
