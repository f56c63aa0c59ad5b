"""Values by key, on disk: what a run has to know of each task, for any number of tasks.

A temporary SQLite database, which no other process sees and which is gone with its owner, even a killed one. Logs stay
the truth: this is made anew from them each time and never read by a later run. Its file lies where TMPDIR says, else in
/var/tmp.
"""

import pickle
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from typing import Generic, TypeVar

from visrep.env.faults import MachineFault

Value = TypeVar("Value")

_CACHE_KILOBYTES = 512
"""Of SQLite's pages in memory; the operating system keeps more of them as long as nobody needs the room."""


class Grouped(Generic[Value]):
    """The values of each key, in the order in which they came. Raises MachineFault when temporary files cannot be
    written or read. For one thread, the one that made it."""

    def __init__(self, pairs: Iterable[tuple[str, Value]]) -> None:
        with _disk():
            # The empty name is a file of SQLite's own, unlinked as soon as it is open.
            self._database = sqlite3.connect("", isolation_level=None)
            self._database.execute(f"PRAGMA cache_size = -{_CACHE_KILOBYTES}")
            self._database.execute("PRAGMA journal_mode = OFF")  # nothing is ever rolled back
            self._database.execute("CREATE TABLE item (key BLOB, value BLOB)")
            self._database.execute("BEGIN")
            rows = ((_encoded(key), pickle.dumps(value)) for key, value in pairs)
            self._database.executemany("INSERT INTO item VALUES (?, ?)", rows)
            self._database.execute("CREATE INDEX by_key ON item (key)")
            self._database.execute("COMMIT")

    def of(self, key: str) -> Iterator[Value]:
        """The values of one key; none for a key that never came."""
        with _disk():
            rows = self._database.execute("SELECT value FROM item WHERE key = ? ORDER BY rowid", (_encoded(key),))
            for (value,) in rows:
                yield pickle.loads(value)

    def groups(self) -> Iterator[tuple[str, Iterator[Value]]]:
        """Every key with its values, in the order of the keys; the values are there until the next key is asked for."""
        with _disk():
            rows = self._database.execute("SELECT key, value FROM item ORDER BY key, rowid")
            for key, members in groupby(rows, key=itemgetter(0)):
                yield key.decode(errors="surrogatepass"), (pickle.loads(value) for _, value in members)


def _encoded(key: str) -> bytes:
    """As bytes: SQLite takes no text with a lone surrogate, which a data set's JSON may hold."""
    return key.encode(errors="surrogatepass")


@contextmanager
def _disk() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise MachineFault(
            f"temporary files: {error}; free the disk, or set TMPDIR to a roomier one, and resume"
        ) from None
