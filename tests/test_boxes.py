import pytest
from hypothesis import given
from hypothesis import strategies as st

from visrep.env.boxes import clipped, from_top_left, iou, to_top_left
from visrep.env.types import Box

# Powers of two as steps, so that sums are exact and a round trip gives the very same numbers.
_PLACES = st.integers(-4000, 4000).map(lambda quarter: quarter / 4)
_LENGTHS = st.integers(1, 4000).map(lambda quarter: quarter / 4)
_HEIGHTS = st.integers(1, 2000)


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    left, lower = draw(_PLACES), draw(_PLACES)
    return Box(left, lower, left + draw(_LENGTHS), lower + draw(_LENGTHS))


@given(_PLACES, _PLACES, _LENGTHS, _LENGTHS, _HEIGHTS)
def test_a_files_box_comes_back_as_it_was(left: float, top: float, width: float, height: float, tall: int) -> None:
    box = from_top_left(left, top, width, height, tall)
    assert to_top_left(box, tall) == (left, top, width, height)
    assert (box.right - box.left, box.upper - box.lower) == (width, height)


@given(boxes(), _HEIGHTS)
def test_a_box_comes_back_from_a_files_frame(box: Box, tall: int) -> None:
    assert from_top_left(*to_top_left(box, tall), tall) == box


def test_the_frames_differ_in_where_y_begins() -> None:
    assert from_top_left(10, 0, 20, 5, 100) == Box(10, 95, 30, 100)
    assert to_top_left(Box(0, 0, 1, 1), 100) == (0, 99, 1, 1)


@given(boxes(), boxes(), _HEIGHTS)
def test_overlap_does_not_depend_on_the_frame(one: Box, other: Box, tall: int) -> None:
    def turned(box: Box) -> Box:
        left, top, width, height = to_top_left(box, tall)
        return Box(left, top, left + width, top + height)

    assert iou(one, other) == iou(other, one) == iou(turned(one), turned(other))
    assert 0 <= iou(one, other) <= 1
    assert iou(one, one) == 1


@given(boxes(), st.integers(1, 800), st.integers(1, 800))
def test_what_is_clipped_lies_inside_and_stays_so(box: Box, width: int, height: int) -> None:
    part = clipped(box, width, height)
    if part is None:
        assert iou(box, Box(0, 0, width, height)) == 0
    else:
        assert 0 <= part.left < part.right <= width
        assert 0 <= part.lower < part.upper <= height
        assert clipped(part, width, height) == part


@pytest.mark.parametrize(
    ("other", "expected"),
    [(Box(0, 0, 10, 10), 1), (Box(5, 0, 15, 10), 1 / 3), (Box(10, 0, 20, 10), 0), (Box(2, 2, 2, 9), 0)],
)
def test_overlap_is_shared_area_over_area_covered(other: Box, expected: float) -> None:
    assert iou(Box(0, 0, 10, 10), other) == pytest.approx(expected)
