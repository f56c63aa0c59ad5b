"""JSON lines on disk: our own logs, which may end in a torn line, and files that appear whole or not at all.

A log is appended and flushed line by line; a process killed in the middle of a write leaves a last line without its
newline, which is normal and dropped. Anywhere else a line that does not parse is an error: somebody changed the file.
"""

import contextlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from visrep.env.faults import MachineFault, UserFault

BLOCK = 1 << 16


class Log:
    """Appends JSON values to a file, a line each, flushed; a torn last line is cut off before the first append."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _cut_torn_line(path)
            self._file = path.open("a", encoding="utf-8")
        except OSError as error:
            raise MachineFault(f"cannot write {path}: {error.strerror}; choose a writable place") from error

    def append(self, *values: Any) -> None:
        """Write the values and flush them to the operating system. Raises MachineFault when the disk refuses."""
        try:
            self._file.write("".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values))
            self._file.flush()
        except OSError as error:
            raise MachineFault(f"cannot write {self.path}: {error.strerror}; free the disk and resume") from error

    def close(self) -> None:
        with contextlib.suppress(OSError):  # what could not be flushed was reported when it was appended
            self._file.close()

    def __enter__(self) -> "Log":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def read(path: Path) -> Iterator[Any]:
    """The values of a log of ours, oldest first; nothing if it does not exist. Raises UserFault on a broken line."""
    if not path.exists():
        return
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.endswith("\n"):
                return
            try:
                yield json.loads(line)
            except json.JSONDecodeError as error:
                raise UserFault(f"{path}:{number}: not a JSON line ({error.msg}); restore or remove the file") from None


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is either absent (or as it was) or complete, whatever happens meanwhile."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise MachineFault(f"cannot write {path}: {error.strerror}; choose a writable place with free space") from error


def write_lines(path: Path, values: Iterable[Any]) -> None:
    """`write_whole` for a list of JSON values, a line each."""
    write_whole(path, "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values))


def _cut_torn_line(path: Path) -> None:
    if not path.is_file():
        return
    with path.open("r+b") as file:
        whole = end = file.seek(0, os.SEEK_END)
        while end > 0:  # backwards in blocks: a log can be larger than memory
            start = max(0, end - BLOCK)
            file.seek(start)
            newline = file.read(end - start).rfind(b"\n")
            if newline >= 0:
                end = start + newline + 1
                break
            end = start
        if end < whole:
            file.truncate(end)
