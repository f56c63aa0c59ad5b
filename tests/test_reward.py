import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visrep.env.faults import UserFault
from visrep.env.tasks import nlvr
from visrep.env.types import Instance, Kind, Question, Score, Task
from visrep.reward import score
from visrep.reward.normalise import is_plain, normalise
from visrep.reward.rules import Rules

RIGHT = Score(1, 1.0, "ok")
WRONG = Score(0, 0.0, "wrong_answer")
TYPE = Score(0, 0.0, "wrong_type")


def judge(kind: Kind, answers: tuple[str | bool, ...], value: Any) -> Score:
    instance = Instance("i", answers=answers)
    return score(Task(Question("t", "?", kind, "c"), (instance,), "d", "s"), instance, value)


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ("red", "red"),
        ("red", " The  Red\n"),
        ("on the left", "on left"),
        ("a", "A"),
        ("yes", True),
        ("no", False),
        ("2", 2),
        ("2", 2.0),
        ("2", "2.0"),
        ("2.5", 2.5),
        ("-3", -3.0),
        ("0", -0.0),
        ("10000000000000000", 1e16),
    ],
)
def test_notation_does_not_matter(answer: str, value: object) -> None:
    assert judge("answer", (answer,), value) == RIGHT


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ("red", "dark red"),
        ("red", ""),
        ("no", "yes no"),
        ("yes", "true"),
        ("yes", 1),
        ("1", True),
        ("the", "a"),
        ("2", 2.0000001),
        ("2", "two"),
        ("1000", "1e3"),
        ("red", "rеd"),  # Cyrillic е
        ("k", "\u212a"),  # Kelvin sign, which str.lower folds to k
        ("red", "red\u00a0"),  # no-break space
        ("red", "ｒｅｄ"),  # full width
        ("2", "٢"),  # Arabic-Indic digit
        ("٢", "٢.0"),
    ],
)
def test_another_answer_is_wrong(answer: str, value: object) -> None:
    assert judge("answer", (answer,), value) == WRONG


def test_an_integer_too_long_to_print_is_a_wrong_answer() -> None:
    assert judge("answer", ("2",), 10**5000) == WRONG


class Everything(str):
    """Equals all; and so do its kin below, by inheritance."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return hash("red")


class Number(float):
    pass


@pytest.mark.parametrize(
    "value",
    [
        None, [], ["red"], {"red": 1}, ("red",), b"red", Everything("blue"), Number(2), complex(2),
        float("nan"), float("inf"), {"image": 0, "box": [0, 0, 1, 1]},
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["answer", "verify"])
def test_only_plain_values_of_exact_type_are_judged(kind: Kind, value: object) -> None:
    assert judge(kind, (True,) if kind == "verify" else ("red", "2"), value) == TYPE


def test_any_accepted_answer_will_do() -> None:
    assert judge("answer", ("sofa", "couch"), "Couch") == RIGHT
    assert judge("answer", ("sofa", "couch"), "chair") == WRONG


def judge_soft(value: Any, soft: float = 0.6) -> Score:
    instance = Instance("i", answers=("2", "on left", "yes", "red", ""), soft=(1.0, 0.9, 0.6, 0.3, 0.0))
    task = Task(Question("t", "?", "answer", "c"), (instance,), "d", "s")
    return score(task, instance, value, Rules(soft=soft))


@pytest.mark.parametrize(
    ("value", "measure"),
    [
        ("2", 1.0), (2, 1.0), (2.0, 1.0), ("two", 1.0), ("Two.", 1.0), ("on the left!", 0.9), (True, 0.6),
        ("Yes", 0.6), ("red", 0.3), ("blue", 0.0), (False, 0.0), (-2, 0.0), (2.5, 0.0), ("", 0.0), ("the", 0.0),
    ],
)  # fmt: skip
def test_where_people_disagreed_the_measure_is_the_soft_score_of_the_normal_form(value: Any, measure: float) -> None:
    right = measure >= 0.6
    assert judge_soft(value) == Score(int(right), measure, "ok" if right else "wrong_answer")


def test_from_which_soft_score_on_an_answer_is_right_is_a_rule() -> None:
    assert [judge_soft("red", soft).reward for soft in (0.2, 0.3, 0.31, 1.0)] == [1, 1, 0, 0]
    assert [judge_soft("2", soft).reward for soft in (0.2, 1.0)] == [1, 1]


@pytest.mark.parametrize("value", [None, ["2"], {"image": 0, "box": [0, 0, 1, 1]}, float("nan"), Everything("blue")])
def test_only_plain_values_have_a_soft_score(value: object) -> None:
    assert judge_soft(value) == TYPE


def test_soft_scores_that_are_not_one_for_each_answer_are_the_users_fault() -> None:
    instance = Instance("i", answers=("2", "3"), soft=(1.0,))
    with pytest.raises(UserFault, match="task t, instance i: found 1 soft scores of 2 answers"):
        score(Task(Question("t", "?", "answer", "c"), (instance,), "d", "s"), instance, "2")


@pytest.mark.parametrize("truth", [True, False])
def test_a_statement_is_verified_by_a_bool_or_its_word(truth: bool) -> None:
    assert judge("verify", (truth,), truth) == RIGHT
    assert judge("verify", (truth,), "Yes" if truth else "no") == RIGHT
    assert judge("verify", (truth,), not truth) == WRONG
    assert judge("verify", (truth,), "no" if truth else "yes") == WRONG
    assert judge("verify", (truth,), "maybe") == WRONG


@pytest.mark.parametrize("value", [1, 0, 1.0, 0.0])
def test_a_number_verifies_nothing(value: float) -> None:
    assert judge("verify", (True,), value) == TYPE
    assert judge("verify", (False,), value) == TYPE


@pytest.mark.parametrize(
    ("kind", "answers", "words"),
    [
        ("answer", (), "no accepted answer"),
        ("verify", (), "expected one of (True,) and (False,)"),
        ("verify", ("yes",), "'yes'"),
        ("verify", (True, False), "True, False"),
        ("ground", ("red",), "found 0 annotated boxes"),
        ("choice", ("red",), "expected one of the images 0 to -1"),
    ],
)
def test_an_annotation_that_fits_no_value_is_the_users_fault(kind: Kind, answers: tuple[str], words: str) -> None:
    with pytest.raises(UserFault, match=r"task t.*") as fault:
        judge(kind, answers, "red")
    assert words in str(fault.value)


_PLAIN = st.one_of(st.text(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False))


@given(_PLAIN)
def test_the_annotated_answer_itself_earns_the_reward(value: str | bool | int | float) -> None:
    assert judge("answer", (normalise(value),), value) == RIGHT


@given(_PLAIN)
def test_a_normal_form_is_its_own(value: str | bool | int | float) -> None:
    assert normalise(normalise(value)) == normalise(value)


@given(st.integers(-(10**300), 10**300))
def test_a_number_reads_the_same_as_its_digits(number: int) -> None:
    assert normalise(number) == normalise(str(number)) == normalise(f"{number}.0")


@given(st.text())
def test_letters_outside_ascii_are_never_touched(text: str) -> None:
    def outside(text: str) -> str:
        return "".join(letter for letter in text if not letter.isascii())

    assert outside(normalise(text)) == outside(text)


@given(st.text(alphabet=string.printable))
def test_case_and_outer_spaces_never_matter(text: str) -> None:
    assert normalise(f" {text}\t") == normalise(text) == normalise(text.swapcase())


@given(
    st.recursive(st.none() | _PLAIN | st.binary(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
)
def test_no_value_breaks_the_reward(value: object) -> None:
    for kind, answer in (("answer", "red"), ("verify", True)):
        result = judge(kind, (answer,), value)  # type: ignore[arg-type]
        assert result.measure == result.reward
        assert (result.outcome == "ok") == (result.reward == 1)
        if not is_plain(value):
            assert result.outcome == "wrong_type"


def test_on_real_data_the_annotation_earns_the_reward_and_its_opposite_does_not() -> None:
    root = Path(__file__).parent.parent.parent / "shared" / "data" / "nlvr"
    if not root.is_dir():
        pytest.skip(f"{root} is absent: the Cornell NLVR corpus is not part of the project")
    for task in nlvr.load(root, "dev"):
        for instance in task.instances:
            truth = instance.answers[0]
            assert score(task, instance, truth) == score(task, instance, normalise(truth)) == RIGHT
            assert score(task, instance, not truth) == WRONG
