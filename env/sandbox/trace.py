"""What changed on which line, from inside the program's process: a help to the reader, never used for a reward.

Printing uses exact types only and never calls a program's `__repr__`, `__len__` or `__getattribute__`: they may loop,
lie or raise. Everything is capped in lines, characters, depth and width, shared structures included.
"""

from collections.abc import Callable
from types import FrameType
from typing import Any

from visrep.env.image_patch import ImagePatch
from visrep.env.video_segment import VideoSegment

MOST_LINES = 200
MOST_CHARACTERS = 32_000

_DEPTH, _WIDTH, _TEXT, _WHOLE = 3, 6, 80, 300
_TYPE_NAME = type.__dict__["__name__"].__get__
_EDGES = {
    kind: tuple(kind.__dict__[name].__get__ for name in names)
    for kind, names in ((ImagePatch, ("left", "lower", "right", "upper")), (VideoSegment, ("start", "end")))
}
_SEQUENCES: dict[type, tuple[str, str]] = {list: ("[", "]"), tuple: ("(", ")"), set: ("{", "}"), frozenset: ("{", "}")}


def show(value: Any, depth: int = _DEPTH) -> str:
    """The value in at most a line, without running any code of the program."""
    kind = type(value)
    if value is None or kind is bool or kind is float:
        return repr(value)
    if kind is int:
        return repr(value) if value.bit_length() < 128 else f"<int of {value.bit_length()} bits>"
    if kind is str:
        return repr(value[:_TEXT]) + ("…" if len(value) > _TEXT else "")
    if kind is ImagePatch or kind is VideoSegment:
        try:
            return f"{type_name(kind)}({', '.join(show(edge(value), 0) for edge in _EDGES[kind])})"
        except AttributeError:  # the program deleted one
            return f"<{type_name(kind)}>"
    if kind in _SEQUENCES or kind is dict:
        return _show_container(value, depth)[:_WHOLE]
    return f"<{type_name(kind)}>"


def type_name(kind: type) -> str:
    """Name of a class, without asking its metaclass, on one line."""
    name = str.__getitem__(_TYPE_NAME(kind), slice(_TEXT))  # it may be of a class of the program's own
    return " ".join(name.split())


def _show_container(value: Any, depth: int) -> str:
    kind = type(value)
    opening, closing = _SEQUENCES.get(kind, ("{", "}"))
    if depth <= 0:
        return f"{opening}…{closing}"
    count = len(value)
    first = [item for item, _ in zip(value.items() if kind is dict else value, range(_WIDTH), strict=False)]
    if kind is dict:
        shown = [f"{show(key, depth - 1)}: {show(item, depth - 1)}" for key, item in first]
    else:
        shown = [show(item, depth - 1) for item in first]
    more = f", … {count} in all" if count > _WIDTH else ""
    return f"{opening}{', '.join(shown)}{more}{closing}"


class Tracer:
    """A `sys.settrace` function that tells the local variables that changed before each line of one source file.

    Each step is sent at once, so that what ends a process takes nothing of its course along.
    """

    def __init__(self, filename: str, send: Callable[[list[Any]], None]) -> None:
        self._filename = filename
        self._send = send
        self._lines = self._characters = 0
        self._known: dict[int, dict[str, str]] = {}

    def __call__(self, frame: FrameType, event: str, argument: Any) -> "Tracer | None":
        full = self._lines >= MOST_LINES or self._characters >= MOST_CHARACTERS
        if full or frame.f_code.co_filename != self._filename:
            return None
        if event == "call":
            self._known[id(frame)] = {}
        elif event in ("line", "return"):
            self._note(frame)
            if event == "return":
                self._known.pop(id(frame), None)
        return self

    def _note(self, frame: FrameType) -> None:
        if frame.f_code.co_name == "<module>":
            return
        known = self._known.setdefault(id(frame), {})
        changed = {}
        for name, value in frame.f_locals.items():
            shown = show(value)
            if known.get(name) != shown:
                known[name] = changed[name[:_TEXT]] = shown
        self._lines += 1
        self._characters += sum(len(name) + len(shown) for name, shown in changed.items())
        self._send([frame.f_lineno, changed])
