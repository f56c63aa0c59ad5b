"""A user's own data: a row of JSON for every image, pair of images or video that a question is asked of. No code.

    ROOT/{split}.jsonl      a JSON object a line
    ROOT/...                images and videos, where the rows say

    id          text; names the row                            required
    question    text; what the policy reads                    required
    kind        answer, choice, verify, ground, detect, match  required
    images      list of paths, relative to ROOT                this or video
    video       path, relative to ROOT
    answers     list; what is right (below)                    for all kinds but ground and detect
    boxes       list of [x, y, width, height], pixels from     for ground (one) and detect (any number)
                the top-left corner of the image
    options     list of texts                                  for choice; for match if it is about texts
    category    text; what is balanced and reported by         the kind if absent
    task        text; rows of one task, next to each other, are instances on all of which one program has to be right
    group       text; tasks of one group are reported as right together

`answers` holds one or more accepted texts, numbers or bools for "answer", true or false for "verify", the right option
(text or index from 0) for "choice" and "match", and the index of the right image for "match" without options. How this
looks in practice is in docs/own_data.md.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, get_args

from PIL import Image, UnidentifiedImageError

from visrep.env.boxes import clipped, from_top_left
from visrep.env.entry_point import entry_point
from visrep.env.faults import UserFault, suggestion
from visrep.env.formats.fields import json_lines, shown, text
from visrep.env.types import Box, Instance, Kind, Question, Task

_KEYS = (
    "id", "question", "kind", "images", "video", "answers", "boxes", "options", "category", "task", "group",
)  # fmt: skip

_Answers = tuple[str | bool | int, ...]


@dataclass(frozen=True, slots=True)
class _Row:
    """A row: the question as its task asks it, and the instance."""

    question: Question
    group: str | None
    instance: Instance
    where: str


def load(root: Path, split: str) -> Iterator[Task]:
    """The tasks of ROOT/{split}.jsonl, in the file's order; all that memory keeps of one is a digest of its id.

    Raises UserFault, with file, line, what was found and what was expected: at once for a missing file and a wrong
    first row, then where a row is wrong, an image or video is missing, or an id comes a second time.
    """
    path = root / f"{split}.jsonl"
    if not path.is_file():
        there = ", ".join(sorted(found.stem for found in root.glob("*.jsonl"))) or "none"
        raise UserFault(f"{path} is missing; splits of {root}: {there}")
    rows = (_row(root, row, where) for row, where in json_lines(path))
    first = next(rows, None)
    return _tasks(split, chain([first] if first else [], rows))


def _tasks(split: str, rows: Iterator[_Row]) -> Iterator[Task]:
    """Rows next to each other that name one task, together."""
    names: set[int] = set()
    together: list[_Row] = []
    for row in rows:
        if together and row.question.id == together[0].question.id:
            _check_alike(together, row)
        else:
            _once(names, row)
            if together:
                yield _task(split, together)
            together = []
        together.append(row)
    if together:
        yield _task(split, together)


def _task(split: str, rows: list[_Row]) -> Task:
    instances = tuple(row.instance for row in rows)
    return Task(rows[0].question, instances, dataset="own", split=split, group=rows[0].group)


def _once(names: set[int], row: _Row) -> None:
    """Digests of eight bytes: two tasks of a million are taken for one with a chance of 1 in 37 million."""
    name = row.question.id
    if hash(name) in names:
        what = "id" if name == row.instance.id else "task"
        expected = f"another {what}; rows of one task stand next to each other and name it as their task"
        raise _wrong(row.where, f"{what} {name!r} a second time", expected)
    names.add(hash(name))


def _check_alike(rows: list[_Row], row: _Row) -> None:
    first = rows[0]
    if any(other.instance.id == row.instance.id for other in rows):
        raise _wrong(row.where, f"id {row.instance.id!r} a second time", "an id of the row's own")
    for name in ("text", "kind", "category", "options", "signature"):
        mine, other = getattr(row.question, name), getattr(first.question, name)
        if mine != other:
            found = f"task {row.question.id!r} with {name} {shown(mine)}"
            raise _wrong(row.where, found, f"{shown(other)} as in its first row ({first.where})")
    if row.group != first.group:
        raise _wrong(row.where, f"group {row.group!r}", f"{first.group!r} as in the task's first row ({first.where})")


def _row(root: Path, row: dict[str, Any], where: str) -> _Row:
    for key in row:
        if key not in _KEYS:
            raise _wrong(where, f"the key {key!r}", f"one of {', '.join(_KEYS)}{suggestion(key, _KEYS)}")
    id, kind = text(row, "id", where), _kind(row, where)
    images = tuple(root / name for name in _texts(row, "images", where))
    video = root / text(row, "video", where) if "video" in row else None
    options = _texts(row, "options", where)
    _check_inputs(kind, images, video, where)
    _check_options(kind, options, images, where)
    wanted, unwanted = ("boxes", "answers") if kind in _BOXED else ("answers", "boxes")
    if unwanted in row:
        raise _wrong(where, unwanted, f"{wanted}, as {kind!r} is annotated with them")
    question = Question(
        text(row, "task", where) if "task" in row else id,
        text(row, "question", where),
        kind,
        text(row, "category", where) if "category" in row else kind,
        options,
        entry_point(len(images), options),
    )
    instance = Instance(
        id,
        images,
        video,
        answers=() if kind in _BOXED else _answers(row, question, images, where),
        boxes=_boxes(row, kind, images[0], where) if kind in _BOXED else (),
    )
    return _Row(question, text(row, "group", where) if "group" in row else None, instance, where)


def _kind(row: dict[str, Any], where: str) -> Kind:
    kinds: tuple[Kind, ...] = get_args(Kind)
    for kind in kinds:
        if row.get("kind") == kind:
            return kind
    found = row.get("kind")
    near = suggestion(found, kinds) if isinstance(found, str) else ""
    raise _wrong(where, f"kind {shown(found)}", f"one of {', '.join(kinds)}{near}")


_BOXED = ("ground", "detect")
"""Kinds whose answers are boxes."""


def _check_inputs(kind: Kind, images: tuple[Path, ...], video: Path | None, where: str) -> None:
    if bool(images) == (video is not None):
        raise _wrong(where, "both images and video" if images else "neither images nor video", "one of the two")
    if kind in _BOXED and len(images) != 1:
        raise _wrong(where, f"{len(images)} images", f"one, as boxes of {kind!r} are those of one image")
    for path in (*images, *([video] if video else [])):
        if not path.is_file():
            raise _wrong(where, f"no file {path}", "the image or video that the row names; put it there")


def _check_options(kind: Kind, options: tuple[str, ...], images: tuple[Path, ...], where: str) -> None:
    if options and kind not in ("choice", "match"):
        raise _wrong(where, "options", f"none, as {kind!r} is not answered with one; the kind 'choice' is")
    if (kind == "choice" and not options) or len(options) == 1 or len(set(options)) < len(options):
        raise _wrong(where, f"options {shown(list(options))}", "two or more that differ")
    if kind == "match" and not options and len(images) < 2:
        raise _wrong(where, f"{len(images)} images and no options", "options, or two or more images to tell apart")


def _answers(row: dict[str, Any], question: Question, images: tuple[Path, ...], where: str) -> _Answers:
    """As `Instance` has them."""
    given = row.get("answers")
    if not isinstance(given, list) or not given:
        raise _wrong(where, f"answers {shown(given)}", 'a list of what is right, such as ["red"] or [true]')
    if question.kind == "answer":
        return _accepted(given, where)
    right: Sequence[str | bool | int] = question.options or range(len(images))
    expected = f"one of {list(question.options)} or its index" if question.options else f"an index of {list(right)}"
    if question.kind == "verify":
        right, expected = (True, False), "[true] or [false]"
    if len(given) == 1:
        if question.options and type(given[0]) is int and 0 <= given[0] < len(right):
            return (right[given[0]],)
        for each in right:
            if type(each) is type(given[0]) and each == given[0]:
                return (each,)
    raise _wrong(where, f"answers {shown(given)}", expected)


def _accepted(given: list[Any], where: str) -> _Answers:
    """Open answers."""
    for answer in given:
        if type(answer) not in (str, bool, int) or (type(answer) is str and not answer.strip()):
            raise _wrong(where, f"the answer {shown(answer)}", "a text, a whole number, true or false")
    return tuple(given)


def _boxes(row: dict[str, Any], kind: Kind, image: Path, where: str) -> tuple[Box, ...]:
    """In the bottom-left frame, clipped to the image."""
    given = row.get("boxes")
    if not isinstance(given, list) or (kind == "ground" and len(given) != 1):
        raise _wrong(where, f"boxes {shown(given)}", "a list of one box" if kind == "ground" else "a list of boxes")
    try:
        with Image.open(image) as opened:
            width, height = opened.size
    except (OSError, UnidentifiedImageError) as error:
        raise _wrong(where, f"the image {image} unreadable ({error})", "an image file") from None
    return tuple(_box(box, width, height, where) for box in given)


def _box(given: Any, width: int, height: int, where: str) -> Box:
    if isinstance(given, list) and len(given) == 4 and all(type(edge) in (int, float) for edge in given):
        x, y, wide, tall = given
        box = clipped(from_top_left(x, y, wide, tall, height), width, height)
        if box is not None:
            return box
    raise _wrong(where, f"the box {shown(given)}", f"[x, y, width, height] in pixels, within {width} x {height}")


def _texts(row: dict[str, Any], key: str, where: str) -> tuple[str, ...]:
    """The list of texts in a field that may be absent."""
    given = row.get(key, [])
    if not isinstance(given, list) or not all(isinstance(item, str) and item.strip() for item in given):
        raise _wrong(where, f"{key} {shown(given)}", "a list of texts")
    if key in row and not given:
        raise _wrong(where, f"no {key}", f"one or more, or no key {key!r}")
    return tuple(given)


def _wrong(where: str, found: str, expected: str) -> UserFault:
    return UserFault(f"{where}: found {found}, expected {expected}")
