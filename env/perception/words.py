"""Reading the little English of perception calls: "large red circles", "What color is this?", "how many blocks".

A phrase becomes the set of plain words that a thing must answer to, singular and in one spelling. Nothing relational is
understood ("left of", "and", "largest"): programs are there to reason, perception only to see.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white", "gray")
SHAPES = ("circle", "square", "triangle")
SIZES = ("small", "medium", "large")

LONGEST = 300
"""Characters; what is longer is no phrase or question of this kind."""

Aspect = Literal["color", "shape", "size", "name"]

_SYNONYMS = {
    "colour": "color", "colours": "color", "grey": "gray", "violet": "purple",
    "round": "circle", "circular": "circle", "dot": "circle", "dots": "circle",
    "block": "square", "blocks": "square", "triangular": "triangle",
    "little": "small", "tiny": "small", "big": "large", "huge": "large",
    "stack": "tower", "stacks": "tower",
    "people": "person", "men": "man", "women": "woman", "children": "child",
}  # fmt: skip
"""Words that mean another; a "block" is what people call a square of a tower (NLVR)."""

_ANYTHING = {"object", "thing", "item", "shape", "figure", "element", "one"}
"""Nouns that say no more than that there is something."""

_EMPTY = {"a", "an", "the", "any", "some", "all", "this", "that", "these", "those", "it", "they", "color", "colored",
          "coloured", "shaped", "size", "sized"}  # fmt: skip
"""Words that ask nothing of a thing."""


def tokens(text: str) -> list[str]:
    """The text's words, in lower case and as they are; punctuation is dropped."""
    text = re.sub(r"\b(what|that|there|it)['’]s\b", r"\1 is", text.lower())
    return re.findall(r"[^\W_]+", text)


_RELATIONAL = frozenset(
    tokens(
        "and or not no nor but both either neither only exactly is are be has have with without than more fewer less "
        "most least same different other another left right above below over under beneath top bottom middle between "
        "next near beside behind front on in of at to from by largest biggest smallest tallest leftmost rightmost "
        "topmost bottommost highest lowest closest nearest farthest larger bigger smaller touching stacked each every "
        "if who which what where two three four five six seven eight nine ten"
    )
)
"""Words that speak of more than one thing, or of a thing's place: a phrase that has one is not understood."""

_PRONOUNS = ("this", "that", "it", "these", "those", "they")

_TAIL = re.compile(
    r"(?: visible| shown| present| here)?"
    r"(?: in (?:the|this) (?:image|picture|photo|scene|patch|view|drawing)| here| visible| shown)?$"
)

_KIND = re.compile(r"\b(what|which) (?:kind|type|sort) of ")


@dataclass(frozen=True, slots=True)
class Check:
    """A property that may hold of a thing: the words it takes, and the text to answer with where one must choose."""

    words: frozenset[str]
    text: str


@dataclass(frozen=True, slots=True)
class Query:
    """A question that is understood.

    `ask`: "aspect" (which colour, shape, size or name), "count", "exist", "check" (is it so) or "which" (which of the
    checks holds). `subject` holds the words of what is asked about; none for "this", "it", "the object".
    """

    ask: Literal["aspect", "count", "exist", "check", "which"]
    subject: frozenset[str]
    aspect: Aspect = "name"
    checks: tuple[Check, ...] = ()


def plain(word: str) -> str:
    """A lower-case word's singular, in the one spelling used here."""
    if word in _SYNONYMS:
        return _SYNONYMS[word]
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if re.search(r"(?:ss|us|x|z|ch|sh)es$", word):
        return word[:-2]
    return word[:-1] if re.search(r"[^su]s$", word) and len(word) > 3 else word


def phrase(text: str) -> frozenset[str] | None:
    """The words a thing must answer to; none at all for "object". None where the phrase is not understood."""
    return _phrase(text) if len(text) <= LONGEST else None


@lru_cache(16384)
def _phrase(text: str) -> frozenset[str] | None:
    said = tokens(text)
    meant = frozenset(plain(word) for word in said if word not in _EMPTY)
    return None if not said or meant & _RELATIONAL else meant - _ANYTHING


def query(question: str) -> Query | None:
    """The question, or None where it is not understood."""
    return _query(question) if len(question) <= LONGEST else None


@lru_cache(16384)
def _query(question: str) -> Query | None:
    said = tokens(question)
    text = " ".join("color" if word == "colour" else word for word in said)
    text = _TAIL.sub("", _KIND.sub(r"\1 ", text))
    for pattern, make in _FORMS:
        found = pattern.match(text)
        if found:
            return make(found)
    return None


def _aspect(found: re.Match[str]) -> Query | None:
    groups = found.groupdict()
    subject = phrase(groups.get("subject") or "this")
    aspect = groups.get("aspect") or "name"
    return None if subject is None else Query("aspect", subject, _ASPECTS[aspect])


def _count(found: re.Match[str]) -> Query | None:
    subject = phrase(found["subject"])
    return None if subject is None else Query("count", subject)


def _exist(found: re.Match[str]) -> Query | None:
    subject = phrase(found["subject"])
    return None if subject is None else Query("exist", subject)


def _check(found: re.Match[str]) -> Query | None:
    said = found["subject"].split()
    end = _subject_end(said)
    subject = phrase(" ".join(said[:end]))
    checks = [_as_check(part) for part in re.split(r"\bor\b", " ".join(said[end:]))]
    if subject is None or None in checks:
        return None
    return Query("check" if len(checks) == 1 else "which", subject, checks=tuple(check for check in checks if check))


def _as_check(text: str) -> Check | None:
    words = phrase(text)
    return None if words is None else Check(words, " ".join(word for word in text.split() if word not in _EMPTY))


def _subject_end(said: list[str]) -> int:
    """Where "the red object | a circle", "it | large" and "this thing | blue" part."""
    pronoun = said[0] in _PRONOUNS
    if pronoun and (len(said) < 3 or said[1] in ("a", "an", "the")):
        return 1
    for place, word in enumerate(said[:-1]):
        if plain(word) in _ANYTHING or plain(word) in SHAPES:
            return place + 1
    return 1 if pronoun else max(len(said) - 1, 1)


_ASPECTS: dict[str, Aspect] = {"color": "color", "shape": "shape", "size": "size", "name": "name"}

_FORMS = tuple(
    (re.compile(pattern), make)
    for pattern, make in (
        (r"(?:what|which) (?P<aspect>color|shape|size) (?:is|are) (?P<subject>.+)$", _aspect),
        (r"(?:what|which) (?P<aspect>color|shape|size) does (?P<subject>.+) have$", _aspect),
        (r"(?:what|which) (?P<aspect>color|size) (?P<subject>.+) (?:is|are) (?:this|that|it|these|those)$", _aspect),
        (r"(?:what (?:is|are) )?(?:the )?(?P<aspect>color|shape|size)(?: of (?P<subject>.+))?$", _aspect),
        (r"how many (?P<subject>.+?)(?: (?:is|are))?(?: there| (?:do|can) you see)?$", _count),
        (r"what (?:is the )?number of (?P<subject>.+?)(?: (?:is|are))?(?: there| (?:do|can) you see)?$", _count),
        (r"(?:is|are) there (?P<subject>.+)$", _exist),
        (r"(?:do|can) you see (?P<subject>.+)$", _exist),
        (r"does (?:the|this) (?:image|picture|photo|scene) (?:contain|have|show) (?P<subject>.+)$", _exist),
        (r"(?:is|are) (?P<subject>\S+ .+)$", _check),
        (r"what (?:object |thing )?(?:is|are) (?P<subject>.+)$", _aspect),
    )
)
