"""Temporary folders of work that may be killed: what a killed process leaves behind goes when the next one is made.

A folder is locked as long as its owner lives, however it ends (flock(2): the kernel gives the lock back), so that one
without a lock is nobody's. For what one process makes and reads; what a server writes goes with its keeper.
"""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_FRESH_SECONDS = 60.0
"""A folder this young may be about to be locked."""


@contextmanager
def scratch(name: str) -> Iterator[Path]:
    """A folder `visrep-NAME-…` in the temporary folder, removed when the block is left."""
    _clear(name)
    with tempfile.TemporaryDirectory(prefix=f"visrep-{name}-") as folder:
        lock = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_SH)
            yield Path(folder)
        finally:
            os.close(lock)


def _clear(name: str) -> None:
    """Remove folders of that name whose owners are gone."""
    for folder in Path(tempfile.gettempdir()).glob(f"visrep-{name}-*"):
        with suppress(OSError):  # somebody else's, or gone already
            if time.time() - folder.stat().st_mtime < _FRESH_SECONDS:
                continue
            lock = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
            finally:
                os.close(lock)
