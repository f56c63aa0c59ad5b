"""DPT and Depth Anything: tiny ones with random weights, loaded as a user's are."""

import math
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from visrep.env.perception import View, depth
from visrep.env.types import Box

tiny = runpy.run_path(str(Path(__file__).with_name("tiny_models.py")))

KINDS = [kind for kind, (backend, _) in tiny["KINDS"].items() if backend == "depth"]
TOLERANCE = 1e-5


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def load(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    folder = tiny["write"](kind, tmp_path_factory.mktemp("depth") / kind)
    return lambda **options: depth.load(str(folder), device="cpu", **options)


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> list[View]:
    """Whole pictures, two of one size, and parts of the first."""
    found: list[View] = tiny["pictures"](tmp_path_factory.mktemp("pictures"), ((64, 48), (64, 48), (90, 56)))
    parts = (Box(0, 0, 16, 12), Box(40, 30, 64, 48), Box(63, 0, 64, 1), Box(10.25, 20.5, 30.75, 40))
    return [*found, *(View(found[0].picture, box) for box in parts)]


def test_the_model_sees_each_picture_once_however_many_views_there_are(
    load: Callable[..., Any], views: list[View]
) -> None:
    backend = load()
    passes: list[int] = []
    backend._opened.model.register_forward_pre_hook(
        lambda _, __, given: passes.append(len(given["pixel_values"])), with_kwargs=True
    )
    depths = backend.depth(views)
    assert sorted(passes) == [1, 2]
    assert all(math.isfinite(one) and one > 0 for one in depths)
    assert len({round(one, 6) for one in depths[:3]}) == 3


def test_the_depth_of_a_part_is_the_median_of_its_place_in_the_map(
    load: Callable[..., Any], kind: str, views: list[View]
) -> None:
    backend = load()
    (said,) = backend._look([views[0].picture])
    rows, columns = said.shape
    left_lower = said[math.floor(rows * 36 / 48) :, : math.ceil(columns * 16 / 64)]
    right_upper = said[: math.ceil(rows * 18 / 48), math.floor(columns * 40 / 64) :]
    expected = [float(np.median(part)) for part in (said, left_lower, right_upper)]
    if kind != "depth anything metric":
        expected = [1 / one for one in expected]
    assert backend.depth([views[0], views[3], views[4]]) == pytest.approx(expected)
    assert len(set(expected)) == 3


def test_what_is_infinitely_far_has_a_number(load: Callable[..., Any], kind: str, views: list[View]) -> None:
    backend = load()
    nothing = np.zeros((4, 4), dtype=np.float32)
    assert backend._median(views[0], nothing) == (0.0 if kind == "depth anything metric" else 1e6)


def test_a_depth_does_not_depend_on_what_else_is_asked(load: Callable[..., Any], views: list[View]) -> None:
    backend = load()
    together = backend.depth(views)
    assert load(batch=1).depth(views) == pytest.approx(together, rel=TOLERANCE)
    for view, one in zip(views, together, strict=True):
        assert backend.depth([view]) == pytest.approx([one], rel=TOLERANCE)
