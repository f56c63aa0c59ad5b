"""Reads the entries of one huge JSON object one at a time: data sets ship gigabytes as a single object."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, TextIO

from visrep.env.faults import UserFault

_CHUNK = 1 << 20
_LONGEST = 1 << 26
"""Characters of one entry; one that has not ended by then is broken, and reading on would fill the memory."""

_SPACE = " \t\r\n"

_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Entry:
    """One member of the object, the `row`-th of the file from 1; `start` and `end` bound its value in bytes."""

    row: int
    key: str
    value: dict[str, Any]
    start: int
    end: int


def entries(path: Path) -> Iterator[Entry]:
    """The members of the JSON object in `path`, in order, in constant memory; every value has to be an object.

    Raises UserFault, naming file and row, where the file is no such object or ends too early.
    """
    # Latin-1 maps bytes to characters one to one, so that positions are offsets in the file; JSON's own signs are
    # ASCII in any case, and the value is decoded properly below.
    with path.open(encoding="latin-1", newline="") as file:
        text = _Text(path, file)
        text.expect("{", row=1)
        if text.peek() == "}":
            return
        for row in count(1):
            key, _, _ = text.value(row)
            text.expect(":", row)
            raw, start, end = text.value(row)
            if not isinstance(key, str) or not isinstance(raw, dict):
                raise text.fault(row, "is not a name with a JSON object")
            yield Entry(row, key, raw, start, end)
            if text.expect(",}", row) == "}":
                break
        if text.peek():
            raise text.fault(row, "is the last, but more follows")


class _Text:
    """The part of a file that is being read."""

    def __init__(self, path: Path, file: TextIO) -> None:
        self._path, self._file = path, file
        self._buffer, self._at, self._before = "", 0, 0

    def fault(self, row: int, what: str) -> UserFault:
        return UserFault(f"{self._path}: entry {row} {what}; the file is damaged: fetch it again")

    def peek(self) -> str:
        """The next character that is no space; empty at the end of the file."""
        while True:
            while self._at < len(self._buffer):
                if self._buffer[self._at] not in _SPACE:
                    return self._buffer[self._at]
                self._at += 1
            if not self._more():
                return ""

    def expect(self, signs: str, row: int) -> str:
        sign = self.peek()
        if sign == "" or sign not in signs:
            raise self.fault(row, f"is cut off or has {sign!r} where {' or '.join(signs)} belongs")
        self._at += 1
        return sign

    def value(self, row: int) -> tuple[Any, int, int]:
        """The next JSON value and its bounds in the file."""
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._buffer, self._at)
            except json.JSONDecodeError as error:
                if len(self._buffer) - self._at > _LONGEST or not self._more():
                    raise self.fault(row, f"is cut off or broken ({error.msg})") from None
            else:
                start, self._at = self._at, end
                return self._proper(value, start, row), self._before + start, self._before + end

    def _proper(self, value: Any, start: int, row: int) -> Any:
        text = self._buffer[start : self._at]
        if text.isascii():
            return value
        try:
            return json.loads(text.encode("latin-1"))
        except UnicodeDecodeError as error:
            raise self.fault(row, f"is not UTF-8 ({error.reason})") from None

    def _more(self) -> bool:
        """Read on, twice as far each time a value does not end, so that a long one costs no square of its length."""
        left = self._buffer[self._at :]
        chunk = self._file.read(max(_CHUNK, len(left)))
        self._before += self._at
        self._buffer, self._at = left + chunk, 0
        return bool(chunk)
