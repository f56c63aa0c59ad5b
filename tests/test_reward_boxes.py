"""Rewards of boxes and of choices."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visrep.env.boxes import iou
from visrep.env.faults import UserFault
from visrep.env.types import Box, Instance, Kind, Question, Score, Task
from visrep.reward import score
from visrep.reward.detect import f1
from visrep.reward.rules import Rules

RIGHT = Score(1, 1.0, "ok")
TYPE = Score(0, 0.0, "wrong_type")


def patch(left: float, lower: float, right: float, upper: float, image: int = 0, **more: float) -> dict[str, Any]:
    return {"image": image, "box": [left, lower, right, upper], **more}


def judge(kind: Kind, value: Any, *boxes: Box, rules: Rules | None = None) -> Score:
    instance = Instance("i", boxes=boxes)
    task = Task(Question("t", "?", kind, "c"), (instance,), "d", "s")
    return score(task, instance, value, rules or Rules())


SQUARE = Box(0, 0, 10, 10)


def test_a_patch_of_the_annotated_box_is_right_with_or_without_a_score() -> None:
    assert (
        judge("ground", patch(0, 0, 10, 10), SQUARE) == judge("ground", patch(0, 0, 10, 10, score=0.1), SQUARE) == RIGHT
    )


def test_a_patch_is_right_from_the_least_overlap_on_and_that_is_its_measure() -> None:
    assert judge("ground", patch(0, 0, 5, 10), SQUARE) == Score(1, 0.5, "ok")
    assert judge("ground", patch(0, 0, 4.9, 10), SQUARE) == Score(0, pytest.approx(0.49), "wrong_answer")
    assert judge("ground", patch(0, 0, 5, 10), SQUARE, rules=Rules(iou=0.6)) == Score(0, 0.5, "wrong_answer")


def test_a_patch_of_another_image_covers_nothing() -> None:
    assert judge("ground", patch(0, 0, 10, 10, image=1), SQUARE) == Score(0, 0.0, "wrong_answer")


def test_an_empty_patch_covers_nothing() -> None:
    assert judge("ground", patch(3, 3, 3, 9), SQUARE) == Score(0, 0.0, "wrong_answer")


@pytest.mark.parametrize("value", [None, True, 0, "circle", [patch(0, 0, 10, 10)], [0, 0, 10, 10], ["image"]])
def test_one_object_is_one_patch_and_nothing_else(value: Any) -> None:
    assert judge("ground", value, SQUARE) == TYPE


@pytest.mark.parametrize("boxes", [(), (SQUARE, SQUARE)])
def test_one_object_has_one_annotated_box(boxes: tuple[Box, ...]) -> None:
    with pytest.raises(UserFault, match=rf"task t, instance i: found {len(boxes)} annotated boxes, expected one"):
        judge("ground", patch(0, 0, 1, 1), *boxes)


FAR = Box(50, 50, 60, 60)


def test_all_boxes_and_no_other_are_right() -> None:
    assert judge("detect", [patch(50, 50, 60, 60), patch(0, 0, 10, 10)], SQUARE, FAR) == RIGHT


@pytest.mark.parametrize(
    ("found", "measure"),
    [
        ([patch(0, 0, 10, 10)], 2 / 3),  # one of two
        ([patch(0, 0, 10, 10), patch(50, 50, 60, 60), patch(80, 0, 90, 10)], 4 / 5),  # and one too many
        ([patch(0, 0, 10, 10), patch(0, 0, 10, 10)], 1 / 2),  # one twice
        ([patch(80, 0, 90, 10)], 0),
        ([], 0),
    ],
)
def test_the_measure_is_f1_and_is_right_from_its_least_value_on(found: list[Any], measure: float) -> None:
    got = judge("detect", found, SQUARE, FAR)
    assert got.measure == pytest.approx(measure)
    assert (got.reward, got.outcome) == ((1, "ok") if measure >= 0.5 else (0, "wrong_answer"))
    assert judge("detect", found, SQUARE, FAR, rules=Rules(f1=0.9)).reward == 0


def test_where_nothing_is_annotated_an_empty_list_is_right_and_a_box_is_not() -> None:
    assert judge("detect", []) == RIGHT
    assert judge("detect", [patch(0, 0, 10, 10)]) == Score(0, 0.0, "wrong_answer")


@pytest.mark.parametrize("value", [None, False, "", patch(0, 0, 10, 10), [[patch(0, 0, 10, 10)]], [1], [None]])
def test_objects_are_a_list_of_patches_and_nothing_else(value: Any) -> None:
    assert judge("detect", value, SQUARE) == TYPE


def test_a_list_with_a_patch_of_another_image_is_no_answer() -> None:
    assert judge("detect", [patch(0, 0, 10, 10, image=1)], SQUARE) == TYPE


_EDGES = st.integers(0, 6)


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    left, lower = draw(_EDGES), draw(_EDGES)
    return Box(left, lower, left + 1 + draw(_EDGES), lower + 1 + draw(_EDGES))


@given(st.lists(boxes(), max_size=5), st.lists(boxes(), max_size=5), st.sampled_from([0.3, 0.5, 0.8]))
def test_f1_is_that_of_a_pairing_one_to_one(found: list[Box], annotated: list[Box], least: float) -> None:
    value = f1(found, annotated, least)
    could = sum(any(iou(one, other) >= least for other in annotated) for one in found)
    total = len(found) + len(annotated)
    assert 0 <= value <= (2 * min(could, len(annotated)) / total if total else 1)
    assert f1(found, found, least) == 1


@given(st.lists(boxes(), max_size=5), st.randoms(use_true_random=False))
def test_f1_does_not_depend_on_the_order_of_distinct_overlaps(found: list[Box], random: Any) -> None:
    assert f1(random.sample(found, len(found)), found, 0.5) == 1


def choose(value: Any, right: Any, options: tuple[str, ...] = (), images: int = 0, kind: Kind = "choice") -> Score:
    instance = Instance("i", images=(Path("x.png"),) * images, answers=(right,))
    return score(Task(Question("t", "?", kind, "c", options), (instance,), "d", "s"), instance, value)


OPTIONS = ("A dog", "a cat", "The cat")


@pytest.mark.parametrize(
    ("value", "chosen"), [("A dog", 0), ("dog", 0), (" DOG ", 0), (0, 0), ("a cat", 1), ("The cat", 2), (2, 2)]
)
def test_an_option_is_chosen_by_its_text_or_its_index(value: Any, chosen: int) -> None:
    for right, text in enumerate(OPTIONS):
        expected = RIGHT if right == chosen else Score(0, 0.0, "wrong_answer")
        assert choose(value, text, OPTIONS) == choose(value, right, OPTIONS) == expected


@pytest.mark.parametrize("value", ["a bird", 3, -1, True, 1.0, None, ["a cat"], patch(0, 0, 1, 1)])
def test_what_is_no_option_is_no_answer(value: Any) -> None:
    assert choose(value, "a cat", OPTIONS) == TYPE


@pytest.mark.parametrize(("value", "chosen"), [(0, 0), (1, 1), (patch(0, 0, 1, 1, image=1), 1), (patch(0, 0, 1, 1), 0)])
def test_an_image_is_chosen_by_its_index_or_by_a_patch_of_it(value: Any, chosen: int) -> None:
    assert choose(value, chosen, images=2, kind="match") == RIGHT
    assert choose(value, 1 - chosen, images=2, kind="match") == Score(0, 0.0, "wrong_answer")


@pytest.mark.parametrize("value", [2, -1, "0", True, None, [0]])
def test_what_is_no_image_is_no_answer(value: Any) -> None:
    assert choose(value, 1, images=2, kind="match") == TYPE


@pytest.mark.parametrize(
    ("right", "options", "images", "expected"),
    [("a bird", OPTIONS, 1, "['A dog', 'a cat', 'The cat']"), (2, (), 2, "the images 0 to 1"), (True, (), 2, "images")],
)
def test_an_annotation_that_is_no_choice_is_the_users_fault(
    right: Any, options: tuple[str, ...], images: int, expected: str
) -> None:
    with pytest.raises(UserFault, match=r"task t, instance i: found the annotation") as fault:
        choose(0, right, options, images, "match")
    assert expected in str(fault.value)
