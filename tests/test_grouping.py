"""Rows that ask the same, put together: those of different answers first."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from visrep.env.faults import UserFault
from visrep.env.formats.grouping import grouped


@dataclass(frozen=True)
class Row:
    text: str
    answer: str
    id: int


def rows(*answers: str) -> list[Row]:
    return [Row("what", answer, number) for number, answer in enumerate(answers)]


def ids(found: Iterator[list[Row]]) -> list[list[int]]:
    return [[row.id for row in group] for group in found]


def test_different_answers_come_together_and_the_commonest_first() -> None:
    found = grouped(rows("a", "a", "b", "a", "c"), 2, question=lambda row: row.text)
    assert ids(found) == [[0, 2], [1, 4], [3]]


def test_rows_of_other_questions_stay_apart() -> None:
    mixed = [*rows("a", "b"), Row("how", "c", 9)]
    assert ids(grouped(mixed, 5, question=lambda row: row.text)) == [[0, 1], [9]]


def test_rows_by_themselves_are_taken_as_they_come() -> None:
    def endless() -> Iterator[Row]:
        while True:
            yield Row("what", "a", 1)

    assert [row.id for row in next(grouped(endless(), 1, question=lambda row: row.text))] == [1]


def test_less_than_one_is_refused_at_once() -> None:
    with pytest.raises(UserFault, match="instances is 0; a task needs at least 1"):
        grouped(rows("a"), 0, question=lambda row: row.text)
