"""Replies of perception on disk, shared by runs and processes: SQLite in write-ahead mode, one row per request.

Keys are digests that hold everything a reply depends on, so a row never goes stale and is never changed. Remove the
file to win the space back; nothing but time is lost.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from visrep.env.faults import MachineFault, UserFault

_PATIENCE = 60.0
"""Seconds to wait for another process that writes."""

_AT_ONCE = 500
"""Keys per SELECT; SQLite allows 999 in its oldest versions."""


class Cache:
    """Replies as text by key. Raises UserFault when the file is no cache, MachineFault when the disk fails."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._watched():
            path.parent.mkdir(parents=True, exist_ok=True)
            # Used by one thread at a time, but not always by the same.
            self._file = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
            self._file.execute("PRAGMA journal_mode = WAL")
            # A crash of the machine may lose the newest rows, and they are only computed again.
            self._file.execute("PRAGMA synchronous = NORMAL")
            self._file.execute("CREATE TABLE IF NOT EXISTS replies (key BLOB PRIMARY KEY, reply TEXT) WITHOUT ROWID")

    def read(self, keys: Sequence[bytes]) -> dict[bytes, str]:
        """The replies that are there."""
        found: dict[bytes, str] = {}
        with self._watched():
            for start in range(0, len(keys), _AT_ONCE):
                some = keys[start : start + _AT_ONCE]
                marks = ",".join("?" * len(some))
                found.update(self._file.execute(f"SELECT key, reply FROM replies WHERE key IN ({marks})", some))
        return found

    def write(self, replies: Mapping[bytes, str]) -> None:
        """Add the replies, all or none; one that is there already stays."""
        with self._watched():
            self._file.execute("BEGIN IMMEDIATE")
            self._file.executemany("INSERT OR IGNORE INTO replies VALUES (?, ?)", replies.items())
            self._file.execute("COMMIT")

    def close(self) -> None:
        with self._watched():
            self._file.close()

    @contextmanager
    def _watched(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise MachineFault(
                f"perception cache {self._path}: {error}; free the disk or choose another path"
            ) from error
        except sqlite3.DatabaseError as error:
            raise UserFault(
                f"perception cache {self._path}: {error}; remove the file or choose another path"
            ) from error
        except OSError as error:
            raise UserFault(
                f"perception cache {self._path}: {error.strerror}; choose a path that can be written"
            ) from error
