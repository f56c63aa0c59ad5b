"""Reads one huge JSON file a row at a time: data sets ship gigabytes as a single object or list."""

import json
import reprlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, TextIO, TypeVar

from visrep.env.faults import UserFault

_CHUNK = 1 << 20
_LONGEST = 1 << 26
"""Characters of one entry; one that has not ended by then is broken, and reading on would fill the memory."""

_SPACE = " \t\r\n"

_DECODER = json.JSONDecoder()

_KINDS = {str: "a text", int: "a whole number", bool: "true or false", list: "a list that is not empty"}

Kind = TypeVar("Kind", str, int, bool, list[Any])


@dataclass(frozen=True, slots=True)
class Entry:
    """One member of the object, the `row`-th of the file from 1; `start` and `end` bound its value in bytes."""

    row: int
    key: str
    value: dict[str, Any]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Item:
    """One object of a list, the `row`-th of it from 1; `start` and `end` bound it in bytes."""

    path: Path
    row: int
    value: dict[str, Any]
    start: int
    end: int

    @property
    def where(self) -> str:
        """File and row, for what is said of it."""
        return f"{self.path}: entry {self.row}"

    def get(self, name: str, kind: type[Kind]) -> Kind:
        """Its member of that name, exactly of that type. Raises UserFault, naming file and row, where it is another
        thing, absent or empty."""
        found = self.value.get(name)
        if type(found) is kind and found not in ("", []):
            return found
        raise self.fault(name, _KINDS[kind])

    def fault(self, name: str, expected: str) -> UserFault:
        """What is to be raised where its member of that name is not what is expected."""
        found = reprlib.repr(self.value.get(name))
        return UserFault(f"{self.where} has {name} {found}, expected {expected}; fetch the file again")


def entries(path: Path) -> Iterator[Entry]:
    """The members of the JSON object in `path`, in order, in constant memory; every value has to be an object.

    Raises UserFault, naming file and row, where the file is no such object or ends too early.
    """
    with _opened(path) as file:
        text = _Text(path, file)
        for row in text.separated("{}"):
            key = text.name()
            raw, start, end = text.value()
            if not isinstance(raw, dict):
                raise text.fault("is not a name with a JSON object")
            yield Entry(row, key, raw, start, end)
        text.close()


def items(path: Path, of: str | None = None) -> Iterator[Item]:
    """The objects of a JSON list in `path`, in order, in constant memory: of the list that the file is or, given a
    name, of the member of this name of the object that the file is. Other members are read over.

    Raises UserFault, naming file and row, where there is no such list, something else than an object is in it, or the
    file ends too early.
    """
    with _opened(path) as file:
        text = _Text(path, file)
        yield from _items(text) if of is None else _items_of(text, of)
        text.close()


def value_at(path: Path, start: int, end: int) -> Any:
    """The JSON value between two bounds in bytes, those of an entry or item of `path`."""
    with path.open("rb") as file:
        file.seek(start)
        return json.loads(file.read(end - start))


def _items(text: "_Text", of: str = "") -> Iterator[Item]:
    for row in text.separated("[]", of):
        value, start, end = text.value()
        if not isinstance(value, dict):
            raise text.fault("is no JSON object")
        yield Item(text.path, row, value, start, end)


def _items_of(text: "_Text", of: str) -> Iterator[Item]:
    found = []
    for _ in text.separated("{}"):
        found.append(text.name())
        if found[-1] == of:
            yield from _items(text, f" of {of!r}")
        elif text.peek() == "[":
            for _ in text.separated("[]", f" of {found[-1]!r}"):
                text.value()
        else:
            text.value()
    if of not in found:
        has = ", ".join(map(reprlib.repr, found[:9])) or "nothing"
        raise UserFault(f"{text.path} has {has}, expected a list {of!r}; put the data set's own file there")


def _opened(path: Path) -> TextIO:
    # Latin-1 maps bytes to characters one to one, so that positions are offsets in the file; JSON's own signs are
    # ASCII in any case, and values are decoded properly below.
    return path.open(encoding="latin-1", newline="")


class _Text:
    """The part of a file that is being read."""

    def __init__(self, path: Path, file: TextIO) -> None:
        self.path, self._file = path, file
        self._buffer, self._at, self._before = "", 0, 0
        self._place = "entry 1"

    def fault(self, what: str) -> UserFault:
        return UserFault(f"{self.path}: {self._place} {what}; the file is damaged: fetch it again")

    def separated(self, signs: str, of: str = "") -> Iterator[int]:
        """Numbers from 1 all that stands between the two signs with commas between; each has to be read before the next
        is asked for."""
        self._expect(signs[0])
        if self.peek() == signs[1]:
            self._expect(signs[1])
            return
        for row in count(1):
            self._place = f"entry {row}{of}"
            yield row
            self._place = f"entry {row}{of}"  # again, as what was read may have had rows of its own
            if self._expect(f",{signs[1]}") == signs[1]:
                return

    def peek(self) -> str:
        """The next character that is no space; empty at the end of the file."""
        while True:
            while self._at < len(self._buffer):
                if self._buffer[self._at] not in _SPACE:
                    return self._buffer[self._at]
                self._at += 1
            if not self._more():
                return ""

    def name(self) -> str:
        """The next member's name, with the colon behind it."""
        name, _, _ = self.value()
        if not isinstance(name, str):
            raise self.fault("has no name")
        self._expect(":")
        return name

    def value(self) -> tuple[Any, int, int]:
        """The next JSON value and its bounds in the file."""
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._buffer, self._at)
            except json.JSONDecodeError as error:
                if len(self._buffer) - self._at > _LONGEST or not self._more():
                    raise self.fault(f"is cut off or broken ({error.msg})") from None
            else:
                if end < len(self._buffer) or not self._more():  # a number might go on behind what is read so far
                    break
        start, self._at = self._at, end
        return self._proper(value, start), self._before + start, self._before + end

    def close(self) -> None:
        """Raises UserFault where something follows."""
        if self.peek():
            raise self.fault("is the last, but more follows")

    def _expect(self, signs: str) -> str:
        sign = self.peek()
        if sign == "" or sign not in signs:
            raise self.fault(f"is cut off or has {sign!r} where {' or '.join(signs)} belongs")
        self._at += 1
        return sign

    def _proper(self, value: Any, start: int) -> Any:
        text = self._buffer[start : self._at]
        if text.isascii():
            return value
        try:
            return json.loads(text.encode("latin-1"))
        except UnicodeDecodeError as error:
            raise self.fault(f"is not UTF-8 ({error.reason})") from None

    def _more(self) -> bool:
        """Read on, twice as far each time a value does not end, so that a long one costs no square of its length."""
        left = self._buffer[self._at :]
        chunk = self._file.read(max(_CHUNK, len(left)))
        if chunk:
            self._before += self._at
            self._buffer, self._at = left + chunk, 0
        return bool(chunk)
