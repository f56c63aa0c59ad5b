"""How replies become verdicts: a property's threshold, and the second look of `exists`, in a real sandbox."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from visrep.env.environment import Environment
from visrep.env.judging import Judging
from visrep.env.perception import Answer, Detection, View, scripted
from visrep.env.perception.picture import Picture
from visrep.env.perception.service import Service
from visrep.env.sandbox import Job, Limits, Sandbox
from visrep.env.types import Box, Execution, Instance, Question, Score

RECHECK = Judging(recheck=True)

PROGRAM = "def execute_command(image): return {}"


class Eyes(scripted.Scripted):
    """Finds three of everything but unicorns, side by side, and grants that the rightmost is what it was taken for,
    unless that is a dog. A property matches by 0.5. Notes what is asked at once."""

    def __init__(self) -> None:
        super().__init__(3, ("unicorn",), "red", (), 2.5)
        self.identity = "eyes"
        self.asked: list[tuple[str, int]] = []
        self.questions: set[str] = set()

    def find(self, views: Sequence[View], names: Sequence[str]) -> list[tuple[Detection, ...]]:
        self.asked.append(("find", len(views)))
        speck = (Detection(Box(0, 0, 0.5, 0.5), 1.0),)
        found = super().find(views, names)
        return [speck if name == "speck" else things for name, things in zip(names, found, strict=True)]

    def query(
        self, views: Sequence[View], questions: Sequence[str], choices: Sequence[tuple[str, ...] | None]
    ) -> list[Answer]:
        self.asked.append(("query", len(views)))
        self.questions |= set(questions)
        granted = [view.box.right == 30 and "dog" not in asked for view, asked in zip(views, questions, strict=True)]
        return [Answer("Yes, it is" if yes else "no") for yes in granted]

    def match(self, views: Sequence[View], texts: Sequence[tuple[str, ...]]) -> list[tuple[float, ...]]:
        self.asked.append(("match", len(views)))
        return [(0.5,) * len(group) for group in texts]


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    Image.new("RGB", (30, 20), "grey").save(tmp_path / "grey.png")
    return Instance("1", (tmp_path / "grey.png",))


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Limits(cpu_seconds=1, calls=9), parallel=4) as made:
        yield made


Told = Callable[..., Execution]


@pytest.fixture
def told(instance: Instance, sandbox: Sandbox) -> Told:
    """What came of a program that returns an expression, for an environment with this service and this judging."""

    def run(expression: str, service: Service, judging: Judging) -> Execution:
        environment = Environment(sandbox, service, lambda *_: Score(0, 0.0, "wrong_answer"), judging=judging)
        asked = Question("1", "", "answer", "")
        ((_, execution),) = environment.execute([PROGRAM.format(expression)], instance, asked)
        return execution

    return run


def test_exists_looks_at_what_was_found_in_one_batch_and_one_yes_is_enough(told: Told) -> None:
    eyes = Eyes()
    service = Service(eyes)
    execution = told("[image.exists(name) for name in ('cup', 'dog', 'unicorn')]", service, RECHECK)
    assert execution.value == [True, False, False], execution.message
    assert eyes.asked == [("find", 1), ("query", 3), ("find", 1), ("query", 3), ("find", 1)]
    assert eyes.questions == {"Is this a cup?", "Is this a dog?"}
    assert [(call.method, call.arguments, call.result) for call in execution.calls] == [
        ("exists", ("cup",), True), ("exists", ("dog",), False), ("exists", ("unicorn",), False),
    ]  # fmt: skip
    assert {method: figures["calls"] for method, figures in service.statistics().items()} == {"find": 3, "query": 6}


def test_without_the_second_look_a_detector_is_believed(told: Told) -> None:
    eyes = Eyes()
    assert told("[image.exists('dog'), image.exists('unicorn')]", Service(eyes), Judging()).value == [True, False]
    assert eyes.asked == [("find", 1)] * 2


def test_find_is_not_looked_at_again_and_what_is_too_small_to_be_seen_is_believed(told: Told) -> None:
    eyes = Eyes()
    assert told("[len(image.find('dog')), image.exists('speck')]", Service(eyes), RECHECK).value == [3, True]
    assert {method for method, _ in eyes.asked} == {"find"}


def test_a_call_tells_the_seconds_of_both_looks(told: Told) -> None:
    class Slow(Eyes):
        def find(self, *asked: Any) -> list[tuple[Detection, ...]]:
            time.sleep(0.05)
            return super().find(*asked)

        def query(self, *asked: Any) -> list[Answer]:
            time.sleep(0.1)
            return super().query(*asked)

    execution = told("[image.exists('cup'), image.find('cup')][0]", Service(Slow()), RECHECK)
    assert execution.value is True
    assert [call.method for call in execution.calls] == ["exists", "find"]
    assert execution.calls[0].seconds >= 0.15
    assert execution.calls[1].seconds < 0.05, "what is remembered costs nothing, and starts from nothing"


def test_a_second_look_is_asked_for_once_and_then_remembered(told: Told, tmp_path: Path) -> None:
    first = Eyes()
    with closing(Service(first, cache=tmp_path / "cache.sqlite")) as service:
        assert told("image.exists('cup')", service, RECHECK).value is True
        assert told("image.exists('cup')", service, RECHECK).value is True
    later = Eyes()
    with closing(Service(later, cache=tmp_path / "cache.sqlite")) as service:
        assert told("image.exists('cup')", service, RECHECK).value is True
    assert (first.asked, later.asked) == ([("find", 1), ("query", 3)], [])


def test_each_second_look_counts_as_a_call(told: Told) -> None:
    eyes = Eyes()
    execution = told("[image.exists('cup'), image.exists('dog'), image.exists('cat')]", Service(eyes), RECHECK)
    assert execution.outcome == "call_limit"
    assert eyes.asked[-1] == ("find", 1), "the looks that are too many are not taken"
    assert told("[image.exists('cup'), image.exists('dog')]", Service(Eyes()), RECHECK).outcome == "ok"


def test_a_run_is_replayed_with_its_second_looks_and_no_model(told: Told, instance: Instance, sandbox: Sandbox) -> None:
    program = "[image.exists('cup'), image.exists('dog')]"
    execution = told(program, Service(Eyes()), RECHECK)
    eyes = Eyes()
    job = Job(0, PROGRAM.format(program), (Picture(instance.images[0]),), replay=execution.calls)
    ((_, again),) = sandbox.run([job], Service(eyes).answer)
    assert again.value == execution.value == [True, False]
    assert eyes.asked == []


def test_a_property_holds_above_the_threshold_and_another_one_asks_no_model_again(told: Told, tmp_path: Path) -> None:
    eyes = Eyes()
    for threshold, holds in ((0.6, False), (0.49, True), (0.5, False)):
        with closing(Service(eyes, cache=tmp_path / "cache.sqlite")) as service:
            execution = told("image.verify_property('cup', 'red')", service, Judging(property_threshold=threshold))
            assert execution.value is holds
    assert eyes.asked == [("match", 1)]


def test_answers_that_are_judged_in_another_way_are_of_another_identity(sandbox: Sandbox) -> None:
    service = Service(Eyes())
    choices = (Judging(), RECHECK, Judging(0.5), Judging(0.5, recheck=True))
    seen = [Environment(sandbox, service, lambda *_: Score(0, 0.0, "ok"), judging=each) for each in choices]
    identities = [environment.perception for environment in seen]
    assert identities == [
        "eyes", "eyes, recheck True", "eyes, property_threshold 0.5", "eyes, property_threshold 0.5, recheck True",
    ]  # fmt: skip
    assert service.identity == "eyes", "by which replies are kept"


def test_what_is_perturbed_is_judged_in_the_same_way(instance: Instance, sandbox: Sandbox) -> None:
    eyes = Eyes()
    environment = Environment(sandbox, Service(eyes), lambda *_: Score(0, 0.0, "ok"), judging=RECHECK).perturbed(1)
    asked = Question("1", "", "answer", "")
    list(environment.execute([PROGRAM.format("image.exists('cup')")] * 2, instance, asked))
    assert ("find", 1) in eyes.asked
    assert environment.perception.endswith(RECHECK.identity)
