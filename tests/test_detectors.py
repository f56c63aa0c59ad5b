"""OWLv2 and GroundingDINO: tiny ones with random weights, loaded as a user's are."""

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from visrep.env.boxes import iou
from visrep.env.perception import Detection, View, grounding_dino, owlv2
from visrep.env.perception.crops import crop
from visrep.env.perception.grounding_dino import phrase
from visrep.env.perception.picture import Picture
from visrep.env.types import Box

tiny = runpy.run_path(str(Path(__file__).with_name("tiny_models.py")))
write = tiny["write"]

LOADS: dict[str, Callable[..., Any]] = {"owlv2": owlv2.load, "grounding_dino": grounding_dino.load}
SIZES = ((64, 48), (90, 40), (64, 48), (120, 80))
TOLERANCE = 1e-5


@pytest.fixture(scope="module", params=sorted(LOADS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def load(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Loads a tiny detector, by default with a threshold and NMS that leave several boxes."""
    folder = write(kind, tmp_path_factory.mktemp("detectors") / kind)
    usual = {"device": "cpu", "threshold": 0.3, "nms": 0.5}
    return lambda **options: LOADS[kind](str(folder), **usual | options)


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> list[View]:
    """Whole pictures, two of one size, and parts of the last."""
    whole: list[View] = tiny["pictures"](tmp_path_factory.mktemp("pictures"), SIZES)
    last = whole[-1].picture
    return [*whole, View(last, Box(30, 20, 94, 68)), View(last, Box(7.5, 3.25, 60, 60.75))]


def numbers(found: tuple[Detection, ...]) -> list[float]:
    """All that is told, one number after the other."""
    return [side for one in found for side in (one.box.left, one.box.lower, one.box.right, one.box.upper, one.score)]


def assert_alike(one: tuple[Detection, ...], other: tuple[Detection, ...]) -> None:
    assert numbers(one) == pytest.approx(numbers(other), rel=TOLERANCE, abs=100 * TOLERANCE)


def test_boxes_lie_in_their_view_and_depend_on_it_and_on_the_name(load: Callable[..., Any], views: list[View]) -> None:
    found = load().find([*views, views[0]], ["red car"] * len(views) + ["dog"])
    for view, detections in zip(views, found, strict=False):
        assert len(detections) > 1
        assert [one.score for one in detections] == sorted((one.score for one in detections), reverse=True)
        for one in detections:
            assert view.box.left <= one.box.left < one.box.right <= view.box.right
            assert view.box.lower <= one.box.lower < one.box.upper <= view.box.upper
    assert len({tuple(numbers(detections)) for detections in found}) == len(found)


def test_what_is_found_in_a_part_is_where_the_part_lies(
    load: Callable[..., Any], views: list[View], tmp_path: Path
) -> None:
    part = views[4]
    crop(part).save(tmp_path / "part.png")
    alone = Picture(tmp_path / "part.png")
    (inside,), (outside,) = (load().find([view], ["red car"]) for view in (part, View(alone, Box(0, 0, *alone.size))))
    moved = [
        Detection(
            Box(one.box.left + 30, one.box.lower + 20, one.box.right + 30, one.box.upper + 20),
            one.score,
        )
        for one in outside
    ]
    assert_alike(inside, tuple(moved))


def test_a_threshold_leaves_out_what_scores_less(load: Callable[..., Any], views: list[View]) -> None:
    (all_of_them,) = load(threshold=0.0, nms=1.0).find(views[:1], ["dog"])
    middle = all_of_them[len(all_of_them) // 2].score
    (some,) = load(threshold=middle, nms=1.0).find(views[:1], ["dog"])
    assert some == tuple(one for one in all_of_them if one.score > middle)
    assert 0 < len(some) < len(all_of_them)
    assert load(threshold=1.0).find(views[:1], ["dog"]) == [()]


def test_suppression_leaves_no_two_boxes_that_overlap_more(load: Callable[..., Any], views: list[View]) -> None:
    (all_of_them,) = load(threshold=0.0, nms=1.0).find(views[:1], ["dog"])
    (kept,) = load(threshold=0.0, nms=0.05).find(views[:1], ["dog"])
    assert 0 < len(kept) < len(all_of_them)
    assert all(iou(one.box, other.box) <= 0.05 for one in kept for other in kept if one is not other)


def test_a_batch_and_its_size_change_nothing(load: Callable[..., Any], views: list[View]) -> None:
    names = ["red car", "a", "dog", "a very long name of many words", "dog", "object"]
    backend = load()
    together = backend.find(views, names)
    for batch in (1, 2):
        for one, other in zip(together, load(batch=batch).find(views, names), strict=True):
            assert_alike(one, other)
    for view, name, detections in zip(views, names, together, strict=True):
        assert_alike(detections, backend.find([view], [name])[0])


def test_other_names_asked_of_a_view_change_nothing(load: Callable[..., Any], views: list[View]) -> None:
    names = ["dog", "red car", "dog", "cat", "two dogs. one cat?"]
    backend = load()
    together = backend.find([views[0]] * 5, names)
    assert together[0] == together[2]
    for name, detections in zip(names, together, strict=True):
        assert_alike(detections, backend.find([views[0]], [name])[0])


def test_names_of_a_view_are_looked_for_in_one_pass(load: Callable[..., Any], views: list[View], kind: str) -> None:
    backend = load()
    passes: list[int] = []
    backend._opened.model.register_forward_pre_hook(
        lambda _, __, given: passes.append(len(given["pixel_values"])), with_kwargs=True
    )
    backend.find([views[0]] * 4 + views[1:2], ["dog", "cat", "car", "cup", "dog"])
    # OWLv2 reads all names of a view beside its pixels; GroundingDINO each by itself, but views of a size together.
    assert passes == {"owlv2": [2], "grounding_dino": [4, 1]}[kind]


def test_a_name_that_the_model_has_no_room_for_is_read_as_far_as_it_fits(
    load: Callable[..., Any], views: list[View]
) -> None:
    load().find(views[:1] * 4, ["x" * 2000, "a " * 1000, "[SEP] <|endoftext|>", "\u202e?.?"])


def test_thresholds_are_part_of_the_identity(load: Callable[..., Any]) -> None:
    made = [load(), load(threshold=0.4), load(nms=0.6), load(batch=1)]
    identities = [backend.identity for backend in made]
    assert len(set(identities[:3])) == 3
    assert identities[0] == identities[3]


@pytest.mark.parametrize(
    ("name", "worded"),
    [("Red Car", "red car."), ("a. b?", "a b."), ("  dog ", "dog."), ("...", "."), ("dog.", "dog.")],
)
def test_names_end_in_the_only_full_stop_for_grounding_dino(name: str, worded: str) -> None:
    assert phrase(name) == worded


def test_boxes_and_scores_are_those_of_transformers_own_way(
    load: Callable[..., Any], views: list[View], kind: str
) -> None:
    """On pictures that are wider than high, by the processor as its documentation has it."""
    backend = load(nms=1.0)
    opened = backend._opened
    for view in views[:2]:
        image = crop(view)
        text = owlv2.PROMPT.format("dog") if kind == "owlv2" else phrase("dog")
        given = opened.processor(text=[[text]] if kind == "owlv2" else text, images=image, return_tensors="pt")
        with torch.inference_mode():
            told = opened.model(**given)
        arguments = {"input_ids": given["input_ids"]} if kind == "grounding_dino" else {}
        (result,) = opened.processor.post_process_grounded_object_detection(
            told, **arguments, threshold=0.3, target_sizes=[image.size[::-1]]
        )
        own = []
        for score, (left, top, right, bottom) in zip(result["scores"].tolist(), result["boxes"].tolist(), strict=True):
            left, right = max(left, 0.0), min(right, view.box.right)
            lower, upper = max(view.box.upper - bottom, 0.0), min(view.box.upper - top, view.box.upper)
            if right - left >= 1 and upper - lower >= 1:
                own.append(Detection(Box(left, lower, right, upper), score))
        own.sort(key=lambda one: -one.score)
        assert_alike(backend.find([view], ["dog"])[0], tuple(own))
