"""Reads a pickle of plain data: containers, text and numbers. Nothing that a pickle could run is ever looked up.

A pickle is a program, and what it names it can call. Data sets of the days of Python 2 are published as pickles all the
same; theirs hold nothing that has to be named.
"""

import io
import pickle
from pathlib import Path
from typing import Any

from visrep.env.faults import UserFault


class _Plain(pickle._Unpickler):
    """On pickle's own reader in Python. That in C is four times as fast (RefCOCO's references in 0.7 s, not 3 s), but
    makes room for as many values as a file says that it has: four damaged bytes fill any memory."""

    def find_class(self, module: str, name: str) -> Any:
        """All ways of a pickle to a class or a function lead through here."""
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")


def read(path: Path) -> Any:
    """The value in a pickle that exists, of any protocol. Python 2's byte strings become text, bytes that are no UTF-8
    U+FFFD. Raises UserFault where it names anything at all, is cut off or is no pickle."""
    content = io.BytesIO(path.read_bytes())
    try:
        return _Plain(content, encoding="utf-8", errors="replace").load()
    except Exception as error:  # damaged ones may raise nearly any, say pickle's documents
        why = ascii(str(error))[1:-1][:200] or type(error).__name__  # on one line, whatever the file names
        raise UserFault(f"{path} is no pickle of plain data ({why}); nothing in it was run: fetch it again") from None
