"""What find, query and match reply where the objects of a picture are known, annotated or seen in its pixels.

An object is in a view if its centre is. A view shows one object if it is the only one there, or if its box is nearly
the view (IoU of one half or more); a question about "this" in any other view has no answer. Detections come in an order
that tells nothing: sorted by place or by size, `find(...)[0]` would answer "leftmost" and "largest" by luck.
"""

import hashlib
import zlib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from visrep.env.perception import Answer, Detection, words
from visrep.env.types import Box, Scene, SceneObject

UNKNOWN = "unknown"
"""The reply to what is not understood, or cannot be said of the view."""

GROUPS = ("box", "tower")
"""Names of things that hold or consist of objects: they are meant only where they are named."""

SAME = 0.5
"""IoU from which a view is a view of an object."""


def find(scene: Scene, view: Box, name: str) -> tuple[Detection, ...]:
    """The objects that answer to every word of `name`, clipped to the view; none where it is not understood."""
    asked = words.phrase(name)
    if asked is None:
        return ()
    found = sorted((thing for thing in _inside(scene, view) if _fits(thing, asked)), key=_lot)
    return tuple(Detection(_clipped(thing.box, view), 1.0) for thing in found)


def match(scene: Scene, view: Box, texts: Iterable[str]) -> tuple[float, ...]:
    """1 for each text all of whose words the object of the view answers to, else 0."""
    shown = _shown(scene, view)
    return tuple(float(_any_fits(shown, words.phrase(text))) for text in texts)


def query(scene: Scene, view: Box, question: str, choices: tuple[str, ...] | None) -> Answer:
    """A word, a number or yes/no; the choice that says the same where choices are given."""
    asked = words.query(question)
    text = UNKNOWN if asked is None else _reply(scene, view, asked)
    if not choices:
        return Answer(text)
    chosen = _chosen(scene, view, text, choices)
    if chosen is None:
        return Answer(choices[0], tuple(1 / len(choices) for _ in choices))
    return Answer(choices[chosen], tuple(float(place == chosen) for place in range(len(choices))))


def revision(*modules: str) -> str:
    """A short digest of the source files of a backend: it changes whenever its replies may."""
    data = b"".join(Path(file).read_bytes() for file in (__file__, words.__file__, *modules))
    return hashlib.sha256(data).hexdigest()[:12]


def _reply(scene: Scene, view: Box, asked: words.Query) -> str:
    if asked.ask in ("count", "exist"):
        number = sum(_fits(thing, asked.subject) for thing in _inside(scene, view))
        return str(number) if asked.ask == "count" else _yes(number > 0)
    meant = _meant(scene, view, asked.subject)
    if asked.ask == "aspect":
        return _agreed([_aspect(thing, asked.aspect) for thing in meant])
    if asked.ask == "check":
        return _agreed([_yes(_holds(thing, asked.checks[0].words)) for thing in meant])
    return _agreed([_which(thing, asked.checks) for thing in meant])


def _meant(scene: Scene, view: Box, subject: frozenset[str]) -> list[SceneObject]:
    """The things a question is about: the view's object if it answers to the words, else all in the view that do."""
    shown = [thing for thing in _shown(scene, view) if not subject or _fits(thing, subject)]
    return shown[:1] or [thing for thing in _inside(scene, view) if _fits(thing, subject)]


def _agreed(replies: list[str]) -> str:
    return replies[0] if replies and len(set(replies)) == 1 else UNKNOWN


def _yes(true: bool) -> str:
    return "yes" if true else "no"


def _which(thing: SceneObject, checks: tuple[words.Check, ...]) -> str:
    return next((check.text for check in checks if _holds(thing, check.words)), UNKNOWN)


def _aspect(thing: SceneObject, aspect: words.Aspect) -> str:
    if aspect == "name":
        return thing.name
    known = {"color": words.COLOURS, "shape": words.SHAPES, "size": words.SIZES}[aspect]
    own = [words.plain(word) for label in (thing.name, *thing.attributes) for word in words.tokens(label)]
    return next((word for word in own if word in known), UNKNOWN)


def _chosen(scene: Scene, view: Box, text: str, choices: tuple[str, ...]) -> int | None:
    """The place of the choice that says `text`, else of the first that describes the view's object."""
    for place, choice in enumerate(choices):
        if words.tokens(choice) == words.tokens(text):
            return place
    shown = _shown(scene, view)[:1]
    asked = [words.phrase(choice) for choice in choices]
    return next((place for place, meant in enumerate(asked) if meant and _any_fits(shown, meant)), None)


def _shown(scene: Scene, view: Box) -> list[SceneObject]:
    """The objects that the view is a view of, nearest first."""
    inside = _inside(scene, view)
    same = sorted((thing for thing in inside if _iou(thing.box, view) >= SAME), key=lambda one: -_iou(one.box, view))
    single = [thing for thing in inside if thing.name not in GROUPS]
    return same or (single if len(single) == 1 else [])


def _inside(scene: Scene, view: Box) -> list[SceneObject]:
    return [
        thing
        for thing in scene.objects
        if view.left < (thing.box.left + thing.box.right) / 2 < view.right
        and view.lower < (thing.box.lower + thing.box.upper) / 2 < view.upper
    ]


def _fits(thing: SceneObject, asked: frozenset[str]) -> bool:
    return asked <= _labels(thing) and (thing.name not in GROUPS or thing.name in asked)


def _holds(thing: SceneObject, asked: frozenset[str]) -> bool:
    return asked <= _labels(thing)


def _any_fits(things: list[SceneObject], asked: frozenset[str] | None) -> bool:
    return asked is not None and any(_fits(thing, asked) for thing in things)


@lru_cache(65536)
def _labels(thing: SceneObject) -> frozenset[str]:
    said = (word for label in (thing.name, *thing.attributes) for word in words.tokens(label))
    return frozenset(words.plain(word) for word in said)


def _lot(thing: SceneObject) -> int:
    return zlib.crc32(repr(thing.box).encode())


def _clipped(box: Box, view: Box) -> Box:
    return Box(
        max(box.left, view.left), max(box.lower, view.lower), min(box.right, view.right), min(box.upper, view.upper)
    )


def _iou(one: Box, other: Box) -> float:
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.upper, other.upper) - max(one.lower, other.lower)
    if width <= 0 or height <= 0:
        return 0.0
    area = sum((box.right - box.left) * (box.upper - box.lower) for box in (one, other))
    return width * height / (area - width * height)
