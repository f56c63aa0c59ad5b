"""Choices among options, and among images."""

from pathlib import Path
from typing import Any

import pytest

from visrep.env.faults import UserFault
from visrep.env.types import Instance, Question, Score, Task
from visrep.reward import score

RIGHT, WRONG, TYPE = Score(1, 1.0, "ok"), Score(0, 0.0, "wrong_answer"), Score(0, 0.0, "wrong_type")
WORDS, NUMBERS = ("a dog", "A cat", "a CAT", "2"), ("3", "2", "10", "7.5")


def judge(options: tuple[str, ...], answer: str | int, value: Any) -> Score:
    images = (Path("one.png"), Path("two.png"), Path("three.png"))
    instance = Instance("i", images=images, answers=(answer,))
    return score(Task(Question("t", "?", "choice", "c", options=options), (instance,), "d", "s"), instance, value)


@pytest.mark.parametrize(
    ("options", "answer", "value", "expected"),
    [
        (WORDS, "a dog", "a dog", RIGHT),
        (WORDS, "a dog", "Dog", RIGHT),
        (WORDS, "a dog", 0, RIGHT),
        (WORDS, "a CAT", "a CAT", RIGHT),
        (WORDS, "a CAT", "A cat", WRONG),
        (WORDS, "a dog", 1, WRONG),
        (WORDS, "2", 2, WRONG),
        (WORDS, "a dog", 4, TYPE),
        (WORDS, "a dog", -1, TYPE),
        (WORDS, "a dog", False, TYPE),
        (WORDS, "a dog", "a bird", TYPE),
        (WORDS, "a dog", ["a dog"], TYPE),
        (WORDS, "a dog", {"image": 0, "box": [0, 0, 1, 1]}, TYPE),
        (NUMBERS, "2", 2, RIGHT),
        (NUMBERS, "2", 2.0, RIGHT),
        (NUMBERS, "2", 1, TYPE),
        (NUMBERS, "7.5", 7.5, RIGHT),
        ((), 1, 1, RIGHT),
        ((), 1, {"image": 1, "box": [0, 0, 1, 1]}, RIGHT),
        ((), 1, {"image": 2, "box": [0, 0, 1, 1]}, WRONG),
        ((), 1, 3, TYPE),
        ((), 1, True, TYPE),
        ((), 1, "1", TYPE),
    ],
)
def test_a_choice_is_a_text_or_an_index(
    options: tuple[str, ...], answer: str | int, value: Any, expected: Score
) -> None:
    assert judge(options, answer, value) == expected


def test_an_annotation_that_is_no_option_is_the_users_fault() -> None:
    with pytest.raises(UserFault, match=r"task t, instance i: found the annotation \('a bird',\), expected one of"):
        judge(WORDS, "a bird", "a dog")
