"""The protocol of perception, kept by every backend in `env/perception`: a new file is tested by being there.

Those that are models are tested as tiny ones with random weights. Of a backend for one method that method is tested.
"""

import importlib
import math
import runpy
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from visrep.env import perception
from visrep.env.drawn.scene import generate, render
from visrep.env.perception import Answer, Detection, View, scripted
from visrep.env.perception.perturbed import Perturbed
from visrep.env.perception.picture import Picture
from visrep.env.types import Box

FOLDER = Path(str(perception.__file__)).parent

NAMES = sorted(path.stem for path in FOLDER.glob("*.py") if "\ndef load(" in path.read_text(encoding="utf-8"))

tiny = runpy.run_path(str(Path(__file__).with_name("tiny_models.py")))
served = runpy.run_path(str(Path(__file__).with_name("openai_server.py")))["served"]

MODELS = {backend: kind for kind, (backend, _) in reversed(tiny["KINDS"].items())}
"""A kind of tiny model for each backend that needs one."""

WORDS = ("circle", "small red circle", "object", "unicorn", "x" * 2000, "of", "Straße", "\u202e?")

QUESTIONS = ("What color is this?", "How many circles are there?", "Is there a dog?", "why", "(" * 500)

CHOICES = ("red", "two", "a small circle")

TOLERANCE = 1e-5
"""Of a model's numbers, from batch to batch; of others there is none."""


@pytest.fixture(scope="module", params=sorted([*NAMES, "perturbed"]))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def make(name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Any]]:
    """Makes the backend, another one each time."""
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        if name == "perturbed":
            yield lambda: Perturbed(importlib.import_module("visrep.env.perception.scene").load(), seed=0)
            return
        load = importlib.import_module(f"visrep.env.perception.{name}").load
        options: dict[str, Any] = {}
        if name in MODELS:
            folder = tiny["write"](MODELS[name], tmp_path_factory.mktemp("models") / name)
            options = {"model": str(folder), "device": "cpu"}
        elif name == "endpoint":
            patch.setenv("NO_PROXY", "127.0.0.1")
            options = {"url": stack.enter_context(served())}
        elif name == "composite":
            options = {"find": scripted.load(), "match": scripted.load(found=1)}
        yield lambda: load(**options)


@pytest.fixture(scope="module")
def backend(make: Callable[[], Any]) -> Any:
    return make()


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


def has(backend: Any, method: str) -> None:
    """Skip what the backend is not for."""
    if not hasattr(backend, method):
        pytest.skip(f"it has no {method!r}")


def test_there_are_backends() -> None:
    assert {"scene", "scripted", "shapes", "composite", *MODELS} <= set(NAMES)


def test_identity_is_the_same_for_the_same_settings(backend: Any, make: Callable[[], Any]) -> None:
    assert isinstance(backend.identity, str)
    assert backend.identity == make().identity


def test_the_identity_begins_with_the_name(backend: Any, name: str) -> None:
    """So that no two backends have the same."""
    assert backend.identity.split()[0] == name


def test_found_boxes_lie_in_the_view_most_confident_first(backend: Any, views: list[View]) -> None:
    has(backend, "find")
    for name in WORDS:
        for view, reply in zip(views, backend.find(views, [name] * len(views)), strict=True):
            assert isinstance(reply, tuple)
            assert [one.score for one in reply] == sorted((one.score for one in reply), reverse=True)
            for one in reply:
                assert 0 <= one.score <= 1
                assert view.box.left <= one.box.left < one.box.right <= view.box.right
                assert view.box.lower <= one.box.lower < one.box.upper <= view.box.upper


def test_questions_get_short_answers(backend: Any, views: list[View], name: str) -> None:
    has(backend, "query")
    for question in QUESTIONS:
        for answer in backend.query(views, [question] * len(views), [None] * len(views)):
            assert answer.text.strip() or name in MODELS or name == "composite"  # random weights may say nothing
            assert len(answer.text) < 200
            assert answer.likelihoods == ()


def test_one_of_the_choices_is_taken(backend: Any, views: list[View]) -> None:
    has(backend, "query")
    for question in QUESTIONS:
        for offered in (CHOICES, ("only",)):
            for answer in backend.query(views, [question] * len(views), [offered] * len(views)):
                assert answer.text in offered
                assert len(answer.likelihoods) == len(offered)
                assert all(0 <= likelihood <= 1 for likelihood in answer.likelihoods)


def test_each_text_gets_a_score(backend: Any, views: list[View]) -> None:
    has(backend, "match")
    texts = [WORDS, *[WORDS[:2]] * (len(views) - 1)]
    for group, scores in zip(texts, backend.match(views, texts), strict=True):
        assert len(scores) == len(group)
        assert all(0 <= score <= 1 for score in scores)


def test_depth_is_a_number(backend: Any, views: list[View]) -> None:
    has(backend, "depth")
    assert all(math.isfinite(depth) and depth >= 0 for depth in backend.depth(views))


def test_alone_and_in_a_batch_the_reply_is_the_same(backend: Any, views: list[View], name: str) -> None:
    count = len(views)
    asked: dict[str, list[Any]] = {
        "find": [(["circle", "object"] * count)[:count]],
        "query": [(list(QUESTIONS) * count)[:count], ([None, CHOICES] * count)[:count]],
        "match": [([WORDS[:4], WORDS[:1]] * count)[:count]],
        "depth": [],
    }
    for method, arguments in asked.items():
        if hasattr(backend, method):
            together = getattr(backend, method)(views, *arguments)
            for place in reversed(range(count)):
                (alone,) = getattr(backend, method)([views[place]], *([each[place]] for each in arguments))
                if name in MODELS:
                    assert numbers(alone) == pytest.approx(numbers(together[place]), rel=TOLERANCE, abs=100 * TOLERANCE)
                else:
                    assert alone == together[place]


def numbers(reply: Any) -> list[float]:
    """All that a reply tells in numbers; an answer's text by its letters."""
    if isinstance(reply, Answer):
        return [*map(float, map(ord, reply.text)), *reply.likelihoods]
    if isinstance(reply, Detection):
        return [reply.box.left, reply.box.lower, reply.box.right, reply.box.upper, reply.score]
    return [number for one in reply for number in numbers(one)] if isinstance(reply, tuple) else [reply]


def test_nothing_asked_is_nothing_answered(backend: Any) -> None:
    for method, arguments in (("find", 2), ("query", 3), ("match", 2), ("depth", 1)):
        if hasattr(backend, method):
            assert getattr(backend, method)(*[[]] * arguments) == []
