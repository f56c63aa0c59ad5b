"""Puts rows that ask the same of different images or videos together, so that one program has to be right on all."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Protocol, TypeVar

from visrep.env.faults import UserFault


class Answered(Protocol):
    """A row of a data set."""

    @property
    def answer(self) -> str: ...


Row = TypeVar("Row", bound=Answered)


def grouped(rows: Iterable[Row], instances: int, question: Callable[[Row], Hashable]) -> Iterator[list[Row]]:
    """Rows of equal question, up to `instances` together, taken from the commonest answers left in turn. With 1, every
    row by itself, as it comes; with more, all rows are held in memory. Raises UserFault for less, at once."""
    if instances < 1:
        raise UserFault(f"instances is {instances}; a task needs at least 1")
    return ([row] for row in rows) if instances == 1 else _together(rows, instances, question)


def _together(rows: Iterable[Row], instances: int, question: Callable[[Row], Hashable]) -> Iterator[list[Row]]:
    alike: dict[Hashable, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        alike[question(row)][row.answer].append(row)
    for by_answer in alike.values():
        for rows_left in by_answer.values():
            rows_left.reverse()  # to pop the first row first
        while left := sorted(filter(None, by_answer.values()), key=len, reverse=True):
            group: list[Row] = []
            while left and len(group) < instances:
                group += [rows_left.pop() for rows_left in left[: instances - len(group)]]
                left = [rows_left for rows_left in left if rows_left]
            yield group
