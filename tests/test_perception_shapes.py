"""Seeing drawn pictures in their pixels: everything that is there, nothing that is not."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from visrep.env.drawn.scene import generate, render
from visrep.env.perception import View, shapes
from visrep.env.perception.picture import Picture, Pixels
from visrep.env.tasks import nlvr
from visrep.env.types import Box, Scene

NLVR = Path(__file__).parents[2] / "shared" / "data" / "nlvr"

Seen = tuple[str, tuple[str, ...], Box]


def _things(scene: Scene) -> set[Seen]:
    return {(thing.name, thing.attributes, thing.box) for thing in scene.objects if thing.name not in ("box", "tower")}


def _save(image: Image.Image, path: Path) -> Picture:
    image.save(path)
    return Picture(path)


def test_a_drawn_scene_is_seen_as_it_was_drawn(tmp_path: Path) -> None:
    truth: set[tuple[int, Seen]] = set()
    seen: set[tuple[int, Seen]] = set()
    for number in range(60):
        drawn = generate(f"seen {number}")
        picture = _save(render(drawn), tmp_path / f"{number}.png")  # without its scene: pixels alone
        truth |= {(number, thing) for thing in _things(drawn)}
        seen |= {(number, thing) for thing in _things(shapes.look(picture))}
    assert len(truth & seen) >= 0.99 * max(len(truth), len(seen)), sorted(map(str, truth ^ seen))[:5]


@pytest.mark.skipif(not NLVR.is_dir(), reason=f"{NLVR} is absent")
@pytest.mark.parametrize("split", ["dev", "test"])
def test_nlvr_is_seen_as_it_is_annotated(split: str) -> None:
    right = total = 0
    tasks = list(nlvr.load(NLVR, split))[::10]
    for instance in (instance for task in tasks for instance in task.instances):
        seen = shapes.look(Picture(instance.images[0]))
        assert [thing.box for thing in seen.objects if thing.name == "box"] == [
            Box(left, 0, left + 100, 100) for left in (0, 150, 300)
        ]
        truth = _things(instance.scenes[0])
        right += len(truth & _things(seen))
        total += max(len(truth), len(_things(seen)))
    assert total > 500
    assert right >= 0.99 * total


def test_shapes_that_touch_the_border_and_each_other_are_told_apart(tmp_path: Path) -> None:
    image = Image.new("RGB", (100, 100), (240, 240, 240))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 80, 19, 99), fill=(220, 30, 30))
    draw.rectangle((20, 80, 39, 99), fill=(30, 90, 220))
    seen = shapes.look(_save(image, tmp_path / "touching.png"))
    assert {(thing.name, thing.attributes[0], thing.box) for thing in seen.objects} == {
        ("square", "red", Box(0, 0, 20, 20)),
        ("square", "blue", Box(20, 0, 40, 20)),
    }


def test_the_ground_seen_between_objects_is_no_object(tmp_path: Path) -> None:
    image = Image.new("RGB", (100, 100), (240, 240, 240))
    ImageDraw.Draw(image).rectangle((20, 20, 79, 79), outline=(25, 25, 25), width=15)
    seen = shapes.look(_save(image, tmp_path / "frame.png"))
    assert [thing.attributes[0] for thing in seen.objects] == ["black"]


def test_other_figures_are_objects_of_no_known_shape(tmp_path: Path) -> None:
    image = Image.new("RGB", (100, 100), (240, 240, 240))
    draw = ImageDraw.Draw(image)
    draw.rectangle((10, 10, 60, 25), fill=(44, 160, 44))
    draw.polygon([(50, 60), (80, 60), (50, 90), (80, 90)], fill=(148, 40, 190))  # an hourglass
    picture = _save(image, tmp_path / "others.png")
    assert {(thing.name, thing.attributes[0]) for thing in shapes.look(picture).objects} == {
        ("object", "green"),
        ("object", "purple"),
    }
    (squares, things) = shapes.load().find([View(picture, Box(0, 0, 100, 100))] * 2, ["square", "object"])
    assert (len(squares), len(things)) == (0, 2)


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (1, 60), (400, 100), (224, 224)])
def test_an_empty_picture_shows_nothing(size: tuple[int, int], tmp_path: Path) -> None:
    assert shapes.look(_save(Image.new("RGB", size, (200, 10, 10)), tmp_path / "plain.png")).objects == ()


def test_noise_is_looked_at_without_end_or_error(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (120, 160, 3), np.uint8)
    blobs = Image.fromarray(pixels).resize((640, 480), Image.Resampling.BICUBIC)
    assert len(shapes.look(_save(blobs, tmp_path / "noise.png")).objects) <= 256


class Faded(Picture):
    """A picture that shows nothing any more to whoever looks again."""

    faded = False

    @property
    def pixels(self) -> Pixels:
        return np.zeros_like(super().pixels) if self.faded else super().pixels


def test_a_picture_is_looked_at_once(tmp_path: Path) -> None:
    path = tmp_path / "scene.png"
    drawn = generate("once")
    render(drawn).save(path)
    backend = shapes.load()
    first = Picture(path)
    whole = Box(0, 0, *first.size)
    before = backend.find([View(first, whole)], ["object"])
    second = Faded(path)
    assert second.digest == first.digest
    second.faded = True
    assert backend.find([View(second, whole)], ["object"]) == before
    assert len(before[0]) == len(drawn.objects)
