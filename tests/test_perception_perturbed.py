"""Replies that are wrong on purpose."""

import pytest

from visrep.env.drawn.scene import COLOURS, generate, render
from visrep.env.perception import View, scene
from visrep.env.perception.perturbed import Perturbed
from visrep.env.perception.picture import Picture
from visrep.env.types import Box


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> list[View]:
    folder = tmp_path_factory.mktemp("perturbed")
    found = []
    for number in range(40):
        drawn = generate(f"perturbed {number}")
        path = folder / f"{number}.png"
        render(drawn).save(path)
        found.append(View(Picture(path, drawn), Box(0, 0, drawn.width, drawn.height)))
    return found


def _one(view: View) -> View:
    assert view.picture.scene
    return View(view.picture, view.picture.scene.objects[0].box)


def test_every_reply_is_changed(views: list[View]) -> None:
    true, wrong = scene.load(), Perturbed(scene.load(), seed=1)
    names = ["circle"] * len(views)
    for before, after in zip(true.find(views, names), wrong.find(views, names), strict=True):
        assert len(before) != len(after)
    shown = [_one(view) for view in views]
    texts = [("red", "small", "circle")] * len(views)
    for before, after in zip(true.match(shown, texts), wrong.match(shown, texts), strict=True):
        assert after == tuple(1 - score for score in before)
    for after in wrong.depth(views):
        assert after > 0
        assert after != 1.0
    questions, none = ["What color is this?"] * len(views), [None] * len(views)
    pairs = zip(true.query(shown, questions, none), wrong.query(shown, questions, none), strict=True)
    for told, changed in pairs:
        assert changed.text != told.text
        assert changed.text not in ("yes", "no", "circle")  # another answer of its kind


def test_made_up_objects_lie_in_the_view(views: list[View]) -> None:
    wrong = Perturbed(scene.load(), seed=2)
    corner = [View(view.picture, Box(100.5, 20, 160, 33.25)) for view in views]
    found = [detection.box for reply in wrong.find(corner, ["object"] * len(views)) for detection in reply]
    assert len(found) > 10
    for box in found:
        assert 100.5 <= box.left < box.right <= 160
        assert 20 <= box.lower < box.upper <= 33.25


def test_existence_flips_for_some(views: list[View]) -> None:
    true, wrong = scene.load(), Perturbed(scene.load(), seed=1)
    names = ["object"] * len(views)
    gone = [not reply for reply in wrong.find(views, names)]
    assert all(true.find(views, names))
    assert 0.2 < sum(gone) / len(gone) < 0.8


def test_another_choice_is_taken(views: list[View]) -> None:
    choices = tuple(COLOURS)
    shown = [_one(view) for view in views]
    asked = (shown, ["What color is this?"] * len(views), [choices] * len(views))
    pairs = zip(scene.load().query(*asked), Perturbed(scene.load(), seed=3).query(*asked), strict=True)
    for told, changed in pairs:
        assert changed.text in choices
        assert changed.text != told.text
        assert len(changed.likelihoods) == len(choices)


def test_the_same_request_is_answered_the_same_and_another_seed_differently(views: list[View]) -> None:
    names = ["object"] * len(views)
    replies = [Perturbed(scene.load(), seed=seed).find(views, names) for seed in (5, 5, 6)]
    assert replies[0] == replies[1]
    assert replies[0] != replies[2]
    assert Perturbed(scene.load(), seed=5).find(views[7:8], names[:1]) == replies[0][7:8]


def test_noise_changes_about_its_share(views: list[View]) -> None:
    true, noisy = scene.load(), scene.load(noise=0.3, seed=4)
    boxes = [View(view.picture, thing.box) for view in views for thing in view.picture.scene.objects]  # type: ignore[union-attr]
    questions, none = ["What color is this?"] * len(boxes), [None] * len(boxes)
    pairs = zip(true.query(boxes, questions, none), noisy.query(boxes, questions, none), strict=True)
    wrong = sum(told != heard for told, heard in pairs)
    assert len(boxes) > 150
    assert 0.15 < wrong / len(boxes) < 0.45
    assert noisy.identity != true.identity
