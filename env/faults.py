"""Whose fault it was.

    Fault
    ├── UserFault         bad input: one line that says what was found, what was expected, what to do
    └── MachineFault      a dead server, worker or disk: the work is done again or absent, never scored 0

A program's fault is neither: it is data, an `Execution` with its outcome.
"""

import difflib
from collections.abc import Iterable


class Fault(Exception):
    """Any failure that is reported to the user as one line, without a traceback."""


class UserFault(Fault):
    """The input is wrong: the message says what was found, what was expected and what to do."""


class MachineFault(Fault):
    """Something the run depends on broke: the message says what, and what is left of the run."""


def suggestion(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the known word nearest to `word`, or `` where none is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""
