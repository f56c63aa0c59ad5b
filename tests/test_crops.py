"""What a model sees of a view, and where its boxes come to lie."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from visrep.env.perception import Detection, View
from visrep.env.perception.crops import MOST, corners, crop, detections, edges
from visrep.env.perception.picture import Picture
from visrep.env.types import Box

WIDTH, HEIGHT = 100, 60


@pytest.fixture
def picture(tmp_path: Path) -> Picture:
    """Each pixel's red is its column, its green its row from the top."""
    columns, rows = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    pixels = np.stack([columns, rows, np.zeros_like(rows)], axis=-1).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "ramp.png")
    return Picture(tmp_path / "ramp.png")


def found(view: View, *rows: tuple[float, ...], threshold: float = 0.5, nms: float = 0.5) -> tuple[Detection, ...]:
    """Of rows (left, top, right, bottom, score)."""
    array = np.array(rows, dtype=np.float32).reshape(-1, 5)
    return detections(view, array[:, :4], array[:, 4], threshold, nms)


def test_a_crop_is_the_pixels_of_the_view(picture: Picture) -> None:
    pixels = np.asarray(crop(View(picture, Box(10, 5, 30, 25))))
    assert pixels.shape == (20, 20, 3)
    assert pixels[0, 0].tolist() == [10, 35, 0]  # the top-left pixel: column 10, row 60 - 25
    assert pixels[-1, -1].tolist() == [29, 54, 0]


def test_a_pixel_that_is_partly_in_the_view_is_seen(picture: Picture) -> None:
    assert edges(View(picture, Box(10.5, 5.5, 30.25, 25.25))) == (10, 34, 31, 55)
    assert edges(View(picture, Box(0, 0, WIDTH, HEIGHT))) == (0, 0, WIDTH, HEIGHT)


@pytest.mark.parametrize(
    ("box", "size"),
    [
        (Box(0, 0, WIDTH, 1), (100, 5)),
        (Box(3, 0, 4, HEIGHT), (4, 60)),
        (Box(0, 0, 1, 1), (4, 4)),
        (Box(0, 0, 30, 2), (30, 4)),
    ],
)
def test_a_sliver_is_widened_by_its_edge(picture: Picture, box: Box, size: tuple[int, int]) -> None:
    image = crop(View(picture, box))
    assert image.size == size
    pixels = np.asarray(image)
    seen = np.asarray(picture.pixels)[round(HEIGHT - box.upper) : round(HEIGHT - box.lower)]
    seen = seen[:, round(box.left) : round(box.right)]
    assert (pixels[: seen.shape[0], : seen.shape[1]] == seen).all()
    assert (pixels[-1, -1] == seen[-1, -1]).all()


def test_a_box_of_a_crop_comes_back_in_the_frame_of_the_picture(picture: Picture) -> None:
    view = View(picture, Box(20, 10, 60, 50))
    (one,) = found(view, (0, 0, 8, 4, 0.75))
    assert one == Detection(Box(20, 46, 28, 50), 0.75)  # at the view's top-left corner, 4 pixels high
    (other,) = found(view, (30, 35, 40, 40, 0.75))
    assert other.box == Box(50, 10, 60, 15)


def test_boxes_are_clipped_to_the_view_and_those_outside_it_dropped(picture: Picture) -> None:
    view = View(picture, Box(20, 10, 60, 50))
    (one,) = found(view, (-5, 30, 200, 99, 0.9), (50, 0, 60, 9, 0.8), (0, 39.5, 9, 60, 0.7))
    assert one.box == Box(20, 10, 60, 20)


def test_a_view_with_broken_edges_bounds_what_is_found_in_it(picture: Picture) -> None:
    view = View(picture, Box(20.5, 10.25, 60.5, 50.75))
    (one,) = found(view, (0, 0, 99, 99, 0.9))
    assert one.box == view.box


def test_what_scores_no_more_than_the_threshold_is_left_out(picture: Picture) -> None:
    view = View(picture, Box(0, 0, WIDTH, HEIGHT))
    rows = [(0, 0, 9, 9, 0.5), (20, 0, 29, 9, 0.625), (40, 0, 49, 9, 0.25), (60, 0, 69, 9, float("nan"))]
    assert [one.score for one in found(view, *rows)] == [0.625]
    assert [one.score for one in found(view, *rows, threshold=0.125)] == [0.625, 0.5, 0.25]
    assert found(view) == ()


def test_of_boxes_that_overlap_the_most_confident_stays(picture: Picture) -> None:
    view = View(picture, Box(0, 0, WIDTH, HEIGHT))
    rows = [(0, 0, 10, 10, 0.625), (0, 2, 10, 12, 0.875), (0, 8, 10, 18, 0.75)]
    assert [one.score for one in found(view, *rows, nms=0.5)] == [0.875, 0.75]
    assert [one.score for one in found(view, *rows, nms=0.1)] == [0.875]
    assert [one.score for one in found(view, *rows, nms=1.0)] == [0.875, 0.75, 0.625]


def test_of_very_many_boxes_the_most_confident_are_kept(picture: Picture) -> None:
    view = View(picture, Box(0, 0, WIDTH, HEIGHT))
    rows = [(x, y, x + 2, y + 2, 0.5 + x / 1000 + y / 100000) for x in range(0, 100, 4) for y in range(0, 60, 4)]
    kept = found(view, *rows, threshold=0.1)
    assert len(kept) == MOST
    assert [one.score for one in kept] == sorted((np.float32(row[4]) for row in rows), reverse=True)[:MOST]


def test_centres_and_sizes_become_corners() -> None:
    assert corners(np.array([[0.5, 0.25, 0.5, 0.25]])).tolist() == [[0.25, 0.125, 0.75, 0.375]]
