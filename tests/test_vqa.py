"""Answers as VQA compares and scores them: cases written from its rules, not from the code."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visrep.env.vqa import direct_scores, normal, soft_scores


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("Red", "red"),
        (" red\n", "red"),
        ("dark\tred", "dark red"),
        ("dark  red", "dark red"),
        # number words
        ("zero", "0"),
        ("None", "0"),
        ("two", "2"),
        ("Ten.", "10"),
        ("eleven", "eleven"),
        ("two dogs", "2 dogs"),
        # articles
        ("a dog", "dog"),
        ("on the left", "on left"),
        ("An apple, a pear", "apple pear"),
        ("the", ""),
        # periods
        ("yes.", "yes"),
        ("U.S.", "us"),
        ("2.5", "2.5"),
        (".5", ".5"),
        ("5.", "5"),
        ("St. John", "st john"),
        # commas and other punctuation
        ("100,978", "100978"),
        ("100,978 people!", "100978 people"),
        ("red,blue", "red blue"),
        ("red, blue", "red blue"),
        ("t-shirt", "t shirt"),
        ("black/white", "black white"),
        ("1,000 t-shirts", "1000 tshirts"),
        ("a - b/c", "b c"),
        ("a -b-c", "bc"),
        ("(left)", "left"),
        ("?", ""),
        ('say "hi"', "say hi"),
        ("hi! there", "hi there"),
        ("-3", "3"),
        # what stays
        ("girl's", "girl's"),
        ("2:50 pm", "2:50 pm"),
        ("50%", "50%"),
        # contractions
        ("dont", "don't"),
        ("Dont know", "don't know"),
        ("its", "its"),
        ("couldnt've", "couldn't've"),
        ("couldn'tve", "couldn't've"),
        ("couldntve", "couldntve"),
        ("y'alldve", "y'alldve"),
        ("y'alld've", "y'all'd've"),
        ("oclock", "o'clock"),
        ("ill", "ill"),
        ("café", "café"),
    ],
)
def test_a_text_has_the_normal_form_of_the_rules(text: str, form: str) -> None:
    assert normal(text) == form


@given(st.text() | st.text(alphabet="aA .,-'/5\u0130\u03a3one"))
def test_a_normal_form_is_its_own(text: str) -> None:
    assert normal(normal(text)) == normal(text)


def left_out(answers: list[str], said: str) -> float:
    """The score by its definition: the mean over all sets of all people but one."""
    others = list(combinations(answers, len(answers) - 1))
    return sum(min(1.0, group.count(said) / 3) for group in others) / len(others)


@pytest.mark.parametrize(("people", "score"), [(1, 0.3), (2, 0.6), (3, 0.9), (4, 1.0), (10, 1.0)])
def test_one_of_ten_is_0_3_two_are_0_6_three_are_0_9_and_four_are_1(people: int, score: float) -> None:
    answers = ["red"] * people + [f"other {number}" for number in range(10 - people)]
    assert soft_scores(answers)["red"] == score == pytest.approx(left_out(answers, "red"))


@given(st.lists(st.sampled_from(["red", "blue", "green", "5"]), min_size=2, max_size=12))
def test_scores_are_the_mean_over_leaving_one_person_out(answers: list[str]) -> None:
    scores = soft_scores(answers)
    assert scores == {said: pytest.approx(left_out(answers, said)) for said in set(answers)}
    assert list(scores.values()) == sorted(scores.values(), reverse=True)


def test_what_people_wrote_differently_counts_together() -> None:
    answers = ["two", "2", "Two.", "2", "three", "a three", "dog", "The dog", "dogs", "dont"]
    assert soft_scores(answers) == {"2": 1.0, "3": 0.6, "dog": 0.6, "dogs": 0.3, "don't": 0.3}


def test_an_answer_that_all_give_alike_is_right_in_its_normal_form() -> None:
    assert soft_scores(["T-shirt"] * 10) == {"t shirt": 1.0}


def test_an_answer_of_which_nothing_is_left_earns_nothing_and_comes_last() -> None:
    assert soft_scores(["a"] * 9 + ["red"]) == {"red": 0.3, "": 0.0}
    assert list(soft_scores(["a"] * 9 + ["red"])) == ["red", ""]
    assert direct_scores(["the"] * 4) == {"": 0.0}


def test_direct_answers_leave_nobody_out() -> None:
    answers = ["cab", "cab", "Cab", "taxi", "taxi", "a car", "bus", "train", "tram", "van"]
    scores = direct_scores(answers)
    assert (scores["cab"], scores["taxi"], scores["car"]) == (1.0, pytest.approx(2 / 3), pytest.approx(1 / 3))
