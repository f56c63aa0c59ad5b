"""The protocol of perception, kept by every backend in `env/perception`: a new file is tested by being there."""

import importlib
import math
from collections.abc import Callable
from pathlib import Path

import pytest

from visrep.env import perception
from visrep.env.drawn.scene import generate, render
from visrep.env.perception import Perception, View
from visrep.env.perception.perturbed import Perturbed
from visrep.env.perception.picture import Picture
from visrep.env.types import Box

FOLDER = Path(str(perception.__file__)).parent

NAMES = sorted(path.stem for path in FOLDER.glob("*.py") if "\ndef load(" in path.read_text(encoding="utf-8"))

WORDS = ("circle", "small red circle", "object", "unicorn", "x" * 2000, "of", "Straße", "\u202e?")

QUESTIONS = ("What color is this?", "How many circles are there?", "Is there a dog?", "why", "(" * 500)

CHOICES = ("red", "two", "a small circle")


def _load(name: str) -> Perception:
    backend: Perception = importlib.import_module(f"visrep.env.perception.{name}").load()
    return backend


MAKE: dict[str, Callable[[], Perception]] = {
    **{name: (lambda name=name: _load(name)) for name in NAMES},  # type: ignore[misc]
    "perturbed": lambda: Perturbed(_load("scene"), seed=0),
}


@pytest.fixture(scope="module", params=sorted(MAKE))
def backend(request: pytest.FixtureRequest) -> Perception:
    return MAKE[request.param]()


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> list[View]:
    """Whole pictures, parts with broken edges, slivers, and single objects."""
    folder = tmp_path_factory.mktemp("conformance")
    found = []
    for number in range(3):
        drawn = generate(f"conformance {number}")
        path = folder / f"{number}.png"
        render(drawn).save(path)
        picture = Picture(path, drawn)
        found += [
            View(picture, box)
            for box in (
                Box(0, 0, drawn.width, drawn.height),
                Box(10.25, 40.5, 120.75, 200),
                Box(0, 0, 1, 1),
                Box(drawn.width - 1, 0, drawn.width, drawn.height),
                drawn.objects[0].box,
            )
        ]
    return found


def test_there_are_backends() -> None:
    assert {"scene", "scripted", "shapes"} <= set(NAMES)


def test_identity_is_the_same_for_the_same_settings(backend: Perception, request: pytest.FixtureRequest) -> None:
    name = request.node.callspec.params["backend"]
    assert isinstance(backend.identity, str)
    assert backend.identity == MAKE[name]().identity


def test_identities_differ() -> None:
    assert len({make().identity for make in MAKE.values()}) == len(MAKE)


def test_found_boxes_lie_in_the_view_most_confident_first(backend: Perception, views: list[View]) -> None:
    for name in WORDS:
        for view, reply in zip(views, backend.find(views, [name] * len(views)), strict=True):
            assert isinstance(reply, tuple)
            assert [one.score for one in reply] == sorted((one.score for one in reply), reverse=True)
            for one in reply:
                assert 0 <= one.score <= 1
                assert view.box.left <= one.box.left < one.box.right <= view.box.right
                assert view.box.lower <= one.box.lower < one.box.upper <= view.box.upper


def test_questions_get_short_answers(backend: Perception, views: list[View]) -> None:
    for question in QUESTIONS:
        for answer in backend.query(views, [question] * len(views), [None] * len(views)):
            assert answer.text.strip()
            assert len(answer.text) < 100
            assert answer.likelihoods == ()


def test_one_of_the_choices_is_taken(backend: Perception, views: list[View]) -> None:
    for question in QUESTIONS:
        for offered in (CHOICES, ("only",)):
            for answer in backend.query(views, [question] * len(views), [offered] * len(views)):
                assert answer.text in offered
                assert len(answer.likelihoods) == len(offered)
                assert all(0 <= likelihood <= 1 for likelihood in answer.likelihoods)


def test_each_text_gets_a_score(backend: Perception, views: list[View]) -> None:
    for scores in backend.match(views, [WORDS] * len(views)):
        assert len(scores) == len(WORDS)
        assert all(0 <= score <= 1 for score in scores)


def test_depth_is_a_number(backend: Perception, views: list[View]) -> None:
    assert all(math.isfinite(depth) and depth >= 0 for depth in backend.depth(views))


def test_alone_and_in_a_batch_the_reply_is_the_same(backend: Perception, views: list[View]) -> None:
    count = len(views)
    names, questions = (["circle", "object"] * count)[:count], (list(QUESTIONS) * count)[:count]
    choices, texts = ([None, CHOICES] * count)[:count], ([WORDS, WORDS[:1]] * count)[:count]
    found, answers = backend.find(views, names), backend.query(views, questions, choices)
    matches, depths = backend.match(views, texts), backend.depth(views)
    for place in reversed(range(count)):
        one = [views[place]]
        assert backend.find(one, [names[place]]) == [found[place]]
        assert backend.query(one, [questions[place]], [choices[place]]) == [answers[place]]
        assert backend.match(one, [texts[place]]) == [matches[place]]
        assert backend.depth(one) == [depths[place]]


def test_nothing_asked_is_nothing_answered(backend: Perception) -> None:
    assert backend.find([], []) == []
    assert backend.query([], [], []) == []
    assert backend.match([], []) == []
    assert backend.depth([]) == []
