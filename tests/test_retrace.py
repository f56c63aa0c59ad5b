"""Running failed programs again on the replies they got, to see their course."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from visrep import reward
from visrep.env import rollouts
from visrep.env.environment import Environment
from visrep.env.perception import scripted
from visrep.env.perception.service import Service
from visrep.env.retrace import retrace
from visrep.env.sandbox import Limits, Sandbox
from visrep.env.types import Instance, Question, Task

CALLS_OF_ALL_KINDS = """
def execute_command(image):
    things = image.find("cup")
    part = image.crop(0, 0, 50, 40)
    inner = part.find("plate")
    last = inner[-1]
    try:
        image.find("")
    except ValueError as error:
        told = str(error)
    seen = [image.exists("unicorn"), last.verify_property("plate", "red"), last.best_text_match(["red", "blue"])]
    seen += [last.simple_query("What color is this?"), last.compute_depth(), last.left]
    none = image.find("unicorn")
    return none[0]
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Limits(cpu_seconds=1, calls=20), parallel=4) as made:
        yield made


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    folder = tmp_path_factory.mktemp("images")
    for number in range(2):
        Image.new("RGB", (100, 80), (number, 0, 0)).save(folder / f"{number}.png")
    instances = tuple(Instance(str(n), (folder / f"{n}.png",), answers=(str(n),)) for n in range(2))
    return Task(Question("q", "?", "answer", "test"), instances, "test", "val")


def shown(course: tuple[object, ...] | None) -> dict[str, str]:
    assert course is not None
    return {name: text for _, changed in course for name, text in changed.items()}  # type: ignore[misc, attr-defined]


def test_a_stored_failure_is_told_line_by_line_without_a_model(sandbox: Sandbox, task: Task) -> None:
    environment = Environment(sandbox, Service(scripted.load(), scripted.load()), reward.score)
    stored = rollouts.from_json(rollouts.to_json(environment.step(task, CALLS_OF_ALL_KINDS)))
    assert {execution.outcome for execution in stored.executions} == {"runtime_error"}
    for course in retrace(sandbox, stored, task):
        seen = shown(course)
        assert seen["last"].startswith("ImagePatch(33.33")
        assert seen["seen"] == "[False, True, 'red', 'red', 2.5, 33.333333333333336]"
        assert "should be a text" in seen["told"]
        assert seen["none"] == "[]"
        assert course is not None
        assert course[-1][0] == 14


def test_only_what_failed_runs_again(sandbox: Sandbox, task: Task) -> None:
    environment = Environment(sandbox, Service(scripted.load()), reward.score)
    rollout = environment.step(task, "def execute_command(image):\n    zero = 0\n    return zero")
    assert [score.reward for score in rollout.scores] == [1, 0]
    first, second = retrace(sandbox, rollout, task)
    assert first is None
    assert shown(second)["zero"] == "0"


@pytest.mark.parametrize("end", ["__import__", "loop", "crash"])
def test_what_ends_a_process_takes_nothing_of_its_course_along(sandbox: Sandbox, task: Task, end: str) -> None:
    ends = {
        "__import__": "import os",
        "loop": "'x' * 2 ** 26 in 'y' * 2 ** 27 or 7 ** 7 ** 9",
        "crash": "random._os._exit(0)",
    }
    program = (
        f"import random\ndef execute_command(image):\n    found = image.find('cup')\n    {ends[end]}\n    return 1"
    )
    rollout = Environment(sandbox, Service(scripted.load()), reward.score).step(task, program)
    assert rollout.reward == 0
    course = retrace(sandbox, rollout, task)[0]
    assert "found" in shown(course)


def test_a_program_that_departs_from_its_record_is_over_there(sandbox: Sandbox, task: Task) -> None:
    rollout = Environment(sandbox, Service(scripted.load()), reward.score).step(
        task, "def execute_command(image):\n    a = image.find('cup')\n    b = image.find('cup')\n    return b[9]"
    )
    executions = tuple(dataclasses.replace(execution, calls=execution.calls[:1]) for execution in rollout.executions)
    course = retrace(sandbox, dataclasses.replace(rollout, executions=executions), task)[0]
    assert "a" in shown(course)
    assert "b" not in shown(course)


def test_an_image_that_is_gone_is_named(sandbox: Sandbox, task: Task, tmp_path: Path) -> None:
    from visrep.env.faults import UserFault

    rollout = Environment(sandbox, Service(scripted.load()), reward.score).step(task, "def execute_command(image): 1")
    moved = dataclasses.replace(task, instances=(Instance("0", (tmp_path / "gone.png",)),) * 2)
    with pytest.raises(UserFault, match=r"gone\.png is missing"):
        retrace(sandbox, rollout, moved)
