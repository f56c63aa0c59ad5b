"""What several programs agree on."""

from typing import Any

import pytest

from visrep.env.types import Kind, Question
from visrep.reward.agreement import agreed


def patch(left: float, width: float = 10, image: int = 0) -> dict[str, Any]:
    return {"image": image, "box": [left, 0, left + width, 10]}


@pytest.mark.parametrize(
    ("kind", "values", "counts", "chosen"),
    [
        ("answer", ["red", "blue", "The  Blue"], [1, 1, 1], 1),
        ("answer", ["red", "blue"], [2, 1], 0),
        ("answer", ["red", "blue"], [1, 1], 0),
        ("verify", [False, "yes", True, "no", "yes"], [1, 1, 1, 1, 1], 1),
        ("answer", [[1], ["red"], "red"], [9, 9, 1], 2),
        ("verify", [1, 1, "no"], [5, 5, 1], 2),
        ("choice", [0, "a cat", "A Dog", 1, 0], [1, 1, 1, 1, 1], 0),
        ("choice", ["a bird", 1, "a cat"], [9, 1, 1], 1),
        ("match", [0, patch(0, image=1), 1], [1, 1, 1], 1),
        ("match", [7, 1], [9, 1], 1),
        ("ground", [patch(0), patch(50), patch(2), patch(1)], [1, 1, 1, 1], 3),
        ("ground", [patch(0), patch(0, image=1), patch(0, image=1)], [1, 1, 1], 1),
        ("ground", ["red", [patch(0)], patch(5)], [5, 5, 1], 2),
        ("detect", [[patch(0)], [patch(0), patch(50)], [patch(0), patch(51)]], [1, 1, 1], 1),
        ("detect", [[], [], [patch(0)]], [1, 1, 1], 0),
        ("detect", [patch(0)], [1], None),
        ("answer", [], [], None),
    ],
)
def test_the_value_most_like_the_others_is_chosen(
    kind: Kind, values: list[Any], counts: list[int], chosen: int | None
) -> None:
    options = ("a dog", "a cat") if kind == "choice" else ()
    assert agreed(Question("q", "?", kind, "c", options), 2, values, counts) == chosen
