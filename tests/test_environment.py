"""Tasks and programs in, rollouts out: the real sandbox with scripted perception and with annotated scenes."""

import dataclasses
import os
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from visrep.env.environment import Environment
from visrep.env.faults import MachineFault, UserFault
from visrep.env.perception import Request, scene, scripted
from visrep.env.perception.service import Service
from visrep.env.sandbox import Limits, Sandbox
from visrep.env.types import Box, Instance, Question, Scene, SceneObject, Score, Task

COUNT = "def execute_command(image):\n    return len(image.find('circle'))"


def equality(task: Task, instance: Instance, value: Any) -> Score:
    right = str(value) == instance.answers[0]
    return Score(int(right), float(right), "ok" if right else "wrong_answer")


def circles(count: int) -> Scene:
    boxes = (Box(20 * n + 2, 5, 20 * n + 12, 15) for n in range(count))
    return Scene(100, 50, tuple(SceneObject(str(n), "circle", box, ("red",)) for n, box in enumerate(boxes)))


@pytest.fixture(scope="module")
def counting(tmp_path_factory: pytest.TempPathFactory) -> Task:
    """How many circles, on images of one, two and three."""
    folder = tmp_path_factory.mktemp("images")
    instances = []
    for count in (1, 2, 3):
        path = folder / f"{count}.png"
        Image.new("RGB", (100, 50), (count, 0, 0)).save(path)
        instances.append(Instance(str(count), (path,), answers=(str(count),), scenes=(circles(count),)))
    return Task(Question("q", "How many circles?", "answer", "count"), tuple(instances), "test", "val")


@pytest.fixture(scope="module")
def environment() -> Iterator[Environment]:
    with Environment(Sandbox(Limits(cpu_seconds=1), parallel=4), Service(scene.load()), equality) as made:
        yield made


def test_a_program_that_is_right_on_every_instance_earns_one(environment: Environment, counting: Task) -> None:
    rollout = environment.step(counting, COUNT)
    assert rollout.reward == 1
    assert [execution.value for execution in rollout.executions] == [1, 2, 3]
    assert (rollout.task_id, rollout.category, rollout.program, rollout.author) == ("q", "count", COUNT, "policy")


def test_every_instance_runs_even_after_a_wrong_one(environment: Environment, counting: Task) -> None:
    rollout = environment.step(counting, "def execute_command(image): return 2")
    assert rollout.reward == 0
    assert [score.reward for score in rollout.scores] == [0, 1, 0]
    assert [score.outcome for score in rollout.scores] == ["wrong_answer", "ok", "wrong_answer"]


def test_a_fault_scores_nothing_and_is_never_judged(counting: Task) -> None:
    def judge(task: Task, instance: Instance, value: Any) -> Score:
        raise AssertionError("asked to judge a fault")

    with Environment(Sandbox(), Service(scripted.load()), judge) as environment:
        rollout = environment.step(counting, "def execute_command(image): return 1 / 0")
    assert rollout.scores == (Score(0, 0.0, "runtime_error"),) * 3


def test_rollouts_come_as_they_are_done_and_pairs_are_taken_as_there_is_room(
    environment: Environment, counting: Task
) -> None:
    taken = []

    def pairs() -> Iterator[tuple[Task, str]]:
        for number in range(1000):
            taken.append(number)
            yield counting, COUNT

    rollouts = environment.run(pairs(), author="somebody")
    assert next(rollouts).author == "somebody"
    assert len(taken) < 20


def test_rollouts_of_many_tasks_keep_their_own_instances_in_order(environment: Environment, counting: Task) -> None:
    tasks = [
        dataclasses.replace(
            counting,
            question=dataclasses.replace(counting.question, id=str(n)),
            instances=counting.instances[n % 3 :] + counting.instances[: n % 3],
        )
        for n in range(12)
    ]
    rollouts = {rollout.task_id: rollout for rollout in environment.run((task, COUNT) for task in tasks)}
    for task in tasks:
        values = [str(execution.value) for execution in rollouts[task.question.id].executions]
        assert values == [instance.answers[0] for instance in task.instances]


class Deadly:
    """Perception during which the sandbox's first process dies, a given number of times."""

    identity = "deadly"

    def __init__(self, times: int) -> None:
        self.times = times
        self.service = Service(scene.load())
        self.sandbox = Sandbox(parallel=2)

    def answer(self, requests: Sequence[Request]) -> list[Any]:
        if self.times:
            self.times -= 1
            os.kill(self.sandbox.first_process, signal.SIGKILL)
            time.sleep(0.05)
        return self.service.answer(requests)

    def remembered(self, requests: Sequence[Request]) -> list[Any] | None:
        return None

    def statistics(self) -> dict[str, dict[str, float]]:
        return self.service.statistics()

    def close(self) -> None:
        self.service.close()


def test_what_a_machines_fault_took_is_run_again_and_scored_once(counting: Task) -> None:
    deadly = Deadly(times=2)
    with Environment(deadly.sandbox, deadly, equality) as environment:
        rollouts = list(environment.run([(counting, COUNT)] * 2))
        assert environment.usage().repeated >= 2
    assert [rollout.reward for rollout in rollouts] == [1, 1]
    assert deadly.times == 0


def test_a_machine_that_is_broken_for_good_stops_the_run(counting: Task) -> None:
    deadly = Deadly(times=10**6)
    with (
        Environment(deadly.sandbox, deadly, equality) as environment,
        pytest.raises(MachineFault, match="lost 4 times over"),
    ):
        list(environment.run([(counting, COUNT)]))


def test_executing_without_a_score_can_trace(environment: Environment, counting: Task) -> None:
    instance = counting.instances[1]
    ((_, plain),) = environment.execute([COUNT], instance, counting.question)
    ((_, traced),) = environment.execute([COUNT], instance, counting.question, trace=True)
    assert plain.value == traced.value == 2
    assert plain.trace is None
    assert traced.trace


def test_a_task_without_instances_is_the_users_fault(environment: Environment, counting: Task) -> None:
    with pytest.raises(UserFault, match="has no instances"):
        environment.step(dataclasses.replace(counting, instances=()), COUNT)


def test_a_missing_image_is_the_users_fault_and_names_the_file(environment: Environment, counting: Task) -> None:
    missing = dataclasses.replace(counting, instances=(Instance("x", (Path("/nowhere/x.png"),), answers=("1",)),))
    with pytest.raises(UserFault, match=r"/nowhere/x\.png is missing"):
        environment.step(missing, COUNT)
    assert environment.step(counting, COUNT).reward == 1


def test_a_question_to_a_language_model_that_is_not_there_does_not_end_the_run(counting: Task) -> None:
    with Environment(Sandbox(), Service(scripted.load()), equality) as environment:
        rollout = environment.step(counting, "def execute_command(image): return llm_query('who?') + '2'")
    assert [score.reward for score in rollout.scores] == [0, 1, 0]
