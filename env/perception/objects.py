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

from visrep.env.boxes import iou
from visrep.env.perception import Answer, Detection, words
from visrep.env.types import Box, Scene, SceneObject

UNKNOWN = "unknown"
"""The reply to what is not understood, or cannot be said of the view."""

GROUP = "group "
"""How the ids of things begin that hold or consist of objects: they are meant only where they are named."""

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
    return tuple(float(_describes(words.phrase(text), scene, view)) for text in texts)


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
    meant = _meant(scene, view, asked)
    if asked.ask == "aspect":
        return _agreed([_aspect(thing, asked.aspect) for thing in meant])
    if asked.ask == "check":
        return _agreed([_yes(asked.checks[0].words <= _labels(thing)) for thing in meant])
    return _agreed([_which(thing, asked.checks) for thing in meant])


def _meant(scene: Scene, view: Box, asked: words.Query) -> list[SceneObject]:
    """The things a question is about: the view's object if it answers to the words, else all in the view that do."""
    named = asked.subject.union(*(check.words for check in asked.checks))
    inside = [thing for thing in _inside(scene, view) if _is_meant(thing, named)]
    fitting = [thing for thing in inside if asked.subject <= _labels(thing)]
    shown = _shown(inside, view)
    return [shown] if shown in fitting else fitting


def _agreed(replies: list[str]) -> str:
    return replies[0] if replies and len(set(replies)) == 1 else UNKNOWN


def _yes(true: bool) -> str:
    return "yes" if true else "no"


def _which(thing: SceneObject, checks: tuple[words.Check, ...]) -> str:
    return next((check.text for check in checks if check.words <= _labels(thing)), UNKNOWN)


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
    asked = [words.phrase(choice) for choice in choices]
    return next((place for place, meant in enumerate(asked) if meant and _describes(meant, scene, view)), None)


def _describes(asked: frozenset[str] | None, scene: Scene, view: Box) -> bool:
    """Whether the view's object answers to all the words."""
    if asked is None:
        return False
    shown = _shown([thing for thing in _inside(scene, view) if _is_meant(thing, asked)], view)
    return shown is not None and asked <= _labels(shown)


def _shown(inside: list[SceneObject], view: Box) -> SceneObject | None:
    """The one of the things inside that the view is a view of."""
    nearest = max(inside, key=lambda thing: iou(thing.box, view), default=None)
    if nearest is None or (len(inside) > 1 and iou(nearest.box, view) < SAME):
        return None
    return nearest


def _inside(scene: Scene, view: Box) -> list[SceneObject]:
    return [
        thing
        for thing in scene.objects
        if view.left < (thing.box.left + thing.box.right) / 2 < view.right
        and view.lower < (thing.box.lower + thing.box.upper) / 2 < view.upper
    ]


def _fits(thing: SceneObject, asked: frozenset[str]) -> bool:
    return asked <= _labels(thing) and _is_meant(thing, asked)


def _is_meant(thing: SceneObject, named: frozenset[str]) -> bool:
    return thing.name in named or not thing.id.startswith(GROUP)


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
