"""The little English that perception understands."""

import time

import pytest

from visrep.env.perception import words
from visrep.env.perception.words import Check, Query


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("large red circles", {"large", "red", "circle"}),
        ("Grey Triangle", {"gray", "triangle"}),
        ("the big block", {"large", "square"}),
        ("yellow", {"yellow"}),
        ("objects", set()),
        ("blue items", {"blue"}),
        ("round things", {"circle"}),
        ("red-colored square", {"red", "square"}),
        ("boxes", {"box"}),
        ("glasses", {"glass"}),
        ("buses", {"bus"}),
        ("puppies", {"puppy"}),
        ("horses", {"horse"}),
    ],
)
def test_a_phrase_is_the_words_a_thing_must_answer_to(text: str, meaning: set[str]) -> None:
    assert words.phrase(text) == meaning


@pytest.mark.parametrize(
    "text", ["", "  ", "?!", "circle left of the square", "black and blue", "largest object", "two circles", "x" * 301]
)
def test_a_phrase_that_relates_things_is_not_understood(text: str) -> None:
    assert words.phrase(text) is None


@pytest.mark.parametrize(
    ("text", "aspect", "subject"),
    [
        ("What color is this?", "color", set()),
        ("what colour is it", "color", set()),
        ("What's the color of the small circle?", "color", {"small", "circle"}),
        ("Which shape is the red object?", "shape", {"red"}),
        ("What kind of shape is this?", "shape", set()),
        ("What color object is this?", "color", set()),
        ("What size does the blue square have?", "size", {"blue", "square"}),
        ("color?", "color", set()),
        ("What is this?", "name", set()),
        ("What shape is the object in the image?", "shape", set()),
    ],
)
def test_a_question_may_be_about_an_aspect(text: str, aspect: str, subject: set[str]) -> None:
    query = words.query(text)
    assert query is not None
    assert (query.ask, query.aspect, query.subject) == ("aspect", aspect, subject)


@pytest.mark.parametrize(
    "text",
    [
        "How many small squares are there?",
        "How many small squares do you see?",
        "how many small squares are in the image",
        "What number of small squares are there?",
        "How many small squares?",
    ],
)
def test_a_question_may_count(text: str) -> None:
    assert words.query(text) == Query("count", frozenset({"small", "square"}))


@pytest.mark.parametrize(
    "text",
    [
        "Is there a red circle?",
        "Are there any red circles in the picture?",
        "Do you see a red circle?",
        "Does the image contain a red circle?",
    ],
)
def test_a_question_may_ask_whether_there_is_something(text: str) -> None:
    assert words.query(text) == Query("exist", frozenset({"red", "circle"}))


@pytest.mark.parametrize(
    ("text", "subject", "checks"),
    [
        ("Is it red?", set(), ["red"]),
        ("Is this a red circle?", set(), ["red circle"]),
        ("Is this object large?", set(), ["large"]),
        ("Is the red object a circle?", {"red"}, ["circle"]),
        ("Is the dog brown?", {"dog"}, ["brown"]),
        ("Is the small circle red or blue?", {"small", "circle"}, ["red", "blue"]),
        ("Is this a circle or a square?", set(), ["circle", "square"]),
    ],
)
def test_a_question_may_check_a_property(text: str, subject: set[str], checks: list[str]) -> None:
    query = words.query(text)
    assert query is not None
    assert query.ask == ("check" if len(checks) == 1 else "which")
    assert query.subject == subject
    assert query.checks == tuple(Check(frozenset(check.split()), check) for check in checks)


@pytest.mark.parametrize(
    "text",
    [
        "What color is the object left of the circle?",
        "Is there both a red circle and a blue square?",
        "Are there more circles than squares?",
        "Is the leftmost object red?",
        "Is there a circle that is not red?",
        "Why?",
        "",
        "is",
        "What color is the circle?" * 50,
    ],
)
def test_a_question_that_relates_things_is_not_understood(text: str) -> None:
    assert words.query(text) is None


def test_reading_long_nonsense_is_quick() -> None:
    begin = time.process_time()
    for text in ("is there " * 33, "how many " + "a " * 140, "is a or " * 37):
        words.query(text[:300])
    # Milliseconds; a pattern that backtracks without end takes minutes.
    assert time.process_time() - begin < 5
