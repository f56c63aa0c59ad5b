"""Replies of perception on disk, shared by runs and processes: SQLite in write-ahead mode, one row per request.

Keys are digests that hold everything a reply depends on, so a row never goes stale and is never changed. The file is
bounded: what was used longest ago goes. Rows are stored in the order of their use, in which SQLite keeps them together,
so that dropping the oldest gives whole pages back and costs no index by time. The file has to be on a disk of this
machine: write-ahead mode needs memory that all its users share.
"""

import sqlite3
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from visrep.env.faults import MachineFault, UserFault

MOST_MB = 4096
"""Size of a cache unless it is said otherwise: some twenty million replies."""

_PATIENCE = 60.0
"""Seconds to wait for another process that writes."""

_LOOK_SECONDS = 0.01

_AT_ONCE = 500
"""Keys per SELECT; SQLite allows 999 in its oldest versions."""

_DROPPED = 100
"""Rows that go at a time, about as many as come."""

_FORMAT = 0x76727031
"""SQLite's `application_id` of these files, by which they are told from other people's; another format gets another."""

_TABLES = (
    """
    CREATE TABLE IF NOT EXISTS sources (
        id INTEGER PRIMARY KEY, model TEXT NOT NULL, method TEXT NOT NULL, hits INTEGER NOT NULL DEFAULT 0,
        UNIQUE (model, method)
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS replies (
        turn INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, source INTEGER NOT NULL, reply TEXT NOT NULL
    )
    """,
)


@dataclass(frozen=True, slots=True)
class Contents:
    """What a cache holds of one method of one model: replies, their bytes, and how often one was read since the first
    was written."""

    model: str
    method: str
    replies: int
    bytes: int
    hits: int


class Cache:
    """Replies as text by key, at most `most_mb` MB of them. For one thread at a time. Raises UserFault when the file is
    no cache, MachineFault when the disk fails."""

    def __init__(self, path: Path, most_mb: int = MOST_MB) -> None:
        self._path = path
        self._most = most_mb * 2**20
        self._hits: Counter[int] = Counter()
        with self._watched():
            path.parent.mkdir(parents=True, exist_ok=True)
            # Used by one thread at a time, but not always by the same.
            self._file = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
            try:
                self._prepare()
            except BaseException:
                self._file.close()
                raise

    def read(self, keys: Sequence[bytes]) -> dict[bytes, str]:
        """The replies that are there."""
        found: dict[bytes, str] = {}
        turns: list[int] = []
        with self._watched():
            for start in range(0, len(keys), _AT_ONCE):
                some = keys[start : start + _AT_ONCE]
                marks = ",".join("?" * len(some))
                rows = self._file.execute(f"SELECT turn, key, source, reply FROM replies WHERE key IN ({marks})", some)
                for turn, key, source, reply in rows:
                    found[key] = reply
                    turns.append(turn)
                    self._hits[source] += 1
            self._renew(turns)
        return found

    def write(self, model: str, replies: Mapping[bytes, tuple[str, str]]) -> None:
        """Add a model's replies, all or none: by key the method and the reply. One that is there already stays."""
        by_method: defaultdict[str, list[tuple[bytes, str]]] = defaultdict(list)
        for key, (method, reply) in replies.items():
            by_method[method].append((key, reply))
        with self._watched(), self._transaction():
            for method, rows in by_method.items():
                self._file.execute("INSERT OR IGNORE INTO sources (model, method) VALUES (?, ?)", (model, method))
                self._file.executemany(
                    "INSERT OR IGNORE INTO replies (key, source, reply) "
                    "SELECT ?, id, ? FROM sources WHERE model = ? AND method = ?",
                    ((key, reply, model, method) for key, reply in rows),
                )
            self._note_hits()
            self._evict()

    def contents(self) -> list[Contents]:
        """What is there, by model and method. Reads all of it."""
        with self._watched():
            counts = "SELECT source, count(*), sum(length(CAST(reply AS BLOB))) FROM replies GROUP BY source"
            held = {source: (number, size) for source, number, size in self._file.execute(counts)}
            sources = self._file.execute("SELECT id, model, method, hits FROM sources ORDER BY model, method")
            return [
                Contents(model, method, replies, size, hits)
                for source, model, method, hits in sources
                for replies, size in [held.get(source, (0, 0))]
            ]

    def file_bytes(self) -> int:
        """Size on disk, with what is not merged into the file yet."""
        log = self._path.with_name(f"{self._path.name}-wal")
        return self._path.stat().st_size + (log.stat().st_size if log.exists() else 0)

    def clear(self) -> None:
        """Remove all replies and give their space back. Others that use the file go on with an empty one."""
        self._hits.clear()
        with self._watched():
            with self._transaction():
                self._file.execute("DELETE FROM replies")
                self._file.execute("DELETE FROM sources")
            self._file.execute("VACUUM")
            self._file.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        if self._hits:
            with suppress(sqlite3.Error), self._transaction():  # a count is not worth a fault
                self._note_hits()
        with self._watched():
            self._file.close()

    def _prepare(self) -> None:
        """Make the tables, unless the file is somebody else's, which is left as it is."""
        # In one statement, as another process may be making them.
        looked = "SELECT application_id, (SELECT count(*) FROM sqlite_master) FROM pragma_application_id"
        ((kind, tables),) = self._file.execute(looked)
        if kind != _FORMAT and (kind or tables):
            raise UserFault(
                f"{self._path} is an SQLite file, but no perception cache of this version; remove it or choose another "
                "path"
            )
        self._write_ahead()
        # A crash of the machine may lose the newest rows, and they are only computed again.
        self._file.execute("PRAGMA synchronous = NORMAL")
        ((self._page_bytes,),) = self._file.execute("PRAGMA page_size")
        if kind != _FORMAT:
            with self._transaction():
                for table in _TABLES:
                    self._file.execute(table)
                self._file.execute(f"PRAGMA application_id = {_FORMAT}")

    def _write_ahead(self) -> None:
        """Turn write-ahead mode on, once in the file's life: the one thing for which SQLite does not wait by itself
        until another process has done the same."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                self._file.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(_LOOK_SECONDS)

    def _renew(self, turns: Sequence[int]) -> None:
        """Move those of the rows that are in the older half to the end, so that they stay. Not before the file is half
        full, as most never are; and not those in the newer half, so that a row that is always in use moves seldom."""
        if not turns or self._size() < self._most / 2:
            return
        ((oldest, newest),) = self._file.execute(
            "SELECT (SELECT min(turn) FROM replies), (SELECT max(turn) FROM replies)"
        )
        old = [(turn,) for turn in sorted(turns) if 2 * turn < (oldest or 0) + (newest or 0)]
        if old:
            with self._transaction():
                self._file.executemany(
                    "UPDATE replies SET turn = (SELECT max(turn) FROM replies) + 1 WHERE turn = ?", old
                )

    def _evict(self) -> None:
        while self._size() > self._most:
            oldest = "SELECT turn FROM replies ORDER BY turn LIMIT ?"
            if not self._file.execute(f"DELETE FROM replies WHERE turn IN ({oldest})", (_DROPPED,)).rowcount:
                return

    def _size(self) -> int:
        """Bytes in use; what rows gave back is used again before the file grows."""
        ((pages,),) = self._file.execute("PRAGMA page_count")
        ((free,),) = self._file.execute("PRAGMA freelist_count")
        size: int = (pages - free) * self._page_bytes
        return size

    def _note_hits(self) -> None:
        self._file.executemany(
            "UPDATE sources SET hits = hits + ? WHERE id = ?", [(hits, source) for source, hits in self._hits.items()]
        )
        self._hits.clear()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All of it or nothing, and alone: it waits for another process that writes."""
        self._file.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._file.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # SQLite has rolled back by itself after some errors
                self._file.execute("ROLLBACK")
            raise

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
