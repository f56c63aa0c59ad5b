from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from visrep import reward
from visrep.env import canonical
from visrep.env.environment import Environment
from visrep.env.perception import scene
from visrep.env.perception.perturbed import Perturbed
from visrep.env.perception.service import Service
from visrep.env.sandbox import Limits, Sandbox
from visrep.env.types import Box, Instance, Question, Scene, SceneObject, Task
from visrep.train.guard import NEVER_CHANGES, NO_CALL, guard

COUNT = 'return str(len(image.find("circle")))'


@pytest.fixture(scope="module")
def environment() -> Iterator[Environment]:
    with Environment(Sandbox(Limits(), parallel=4), Service(scene.load()), reward.score) as made:
        yield made


@pytest.fixture(scope="module")
def perturbed() -> Iterator[Environment]:
    service = Service(Perturbed(scene.load(), seed=0))
    with Environment(Sandbox(Limits(), parallel=4), service, reward.score) as made:
        yield made


def make_instance(folder: Path, name: str, circles: int) -> Instance:
    """An image with so many red circles; its grey level, and so its digest, is its own."""
    path = folder / f"{name}.png"
    Image.new("RGB", (100, 50), (len(list(folder.iterdir())), 0, 0)).save(path)
    objects = (
        SceneObject(str(i), "circle", Box(10 * i, 10, 10 * i + 8, 18), attributes=("red",)) for i in range(circles)
    )
    return Instance(name, images=(path,), answers=(str(circles),), scenes=(Scene(100, 50, tuple(objects)),))


def make_task(folder: Path, name: str, *circles: int) -> Task:
    instances = tuple(make_instance(folder, f"{name}_{number}", count) for number, count in enumerate(circles))
    return Task(Question(name, "How many circles are there?", "answer", "count"), instances, "drawn", "train")


def verdict(environment: Environment, perturbed: Environment, tasks: list[Task], *bodies: str) -> list[str | None]:
    """The guard's reasons for programs on the first task, which they all have to be right on."""
    rollouts = [environment.step(tasks[0], f"def execute_command(image):\n    {body}") for body in bodies]
    assert all(rollout.reward == 1 for rollout in rollouts), [rollout.executions for rollout in rollouts]
    refused = dict(guard(environment, perturbed, tasks, rollouts))
    assert refused.keys() <= {(rollout.task_id, canonical.form(rollout.program)) for rollout in rollouts}
    return [refused.get((rollout.task_id, canonical.form(rollout.program))) for rollout in rollouts]


def test_a_program_that_does_not_look_is_refused(
    environment: Environment, perturbed: Environment, tmp_path: Path
) -> None:
    tasks = [make_task(tmp_path, "t", 2), make_task(tmp_path, "u", 3)]
    blind = ['return "2"', "return image.crop(0, 0, 2, 2).width", "return str(int(image.width // 50))"]
    swallowed = 'try:\n        image.find("")\n    except Exception:\n        return "2"'
    assert verdict(environment, perturbed, tasks, *blind, swallowed) == [NO_CALL] * 4


def test_a_program_that_looks_and_does_not_care_is_refused(
    environment: Environment, perturbed: Environment, tmp_path: Path
) -> None:
    tasks = [make_task(tmp_path, "t", 2, 2), make_task(tmp_path, "u", 3), make_task(tmp_path, "v", 0)]
    careless = ['image.find("circle")\n    return "2"', 'return "2" if image.exists("circle") else "2"']
    fails_elsewhere = 'image.find("circle")[1]\n    return "2"'
    assert verdict(environment, perturbed, tasks, *careless, fails_elsewhere) == [NEVER_CHANGES] * 3


def test_a_program_with_several_values_on_its_own_instances_is_let_pass(
    environment: Environment, perturbed: Environment, tmp_path: Path
) -> None:
    assert verdict(environment, perturbed, [make_task(tmp_path, "t", 2, 3)], COUNT) == [None]


def test_a_program_that_changes_on_other_images_is_let_pass(environment: Environment, tmp_path: Path) -> None:
    tasks = [make_task(tmp_path, "t", 2), make_task(tmp_path, "u", 3)]
    # The second environment is not perturbed here: other images alone are enough.
    assert verdict(environment, environment, tasks, COUNT) == [None]


def test_a_program_that_changes_with_the_replies_only_is_let_pass(
    environment: Environment, perturbed: Environment, tmp_path: Path
) -> None:
    same = [make_task(tmp_path, name, 2) for name in "tuvw"]
    assert verdict(environment, environment, same, COUNT) == [NEVER_CHANGES]
    assert verdict(environment, perturbed, same, COUNT) == [None]
    assert verdict(environment, perturbed, same[:1], COUNT) == [None]


def test_true_one_and_a_float_are_different_values(
    environment: Environment, perturbed: Environment, tmp_path: Path
) -> None:
    tasks = [make_task(tmp_path, "t", 1), make_task(tmp_path, "u", 0)]
    assert verdict(environment, environment, tasks, 'return 1 if image.exists("circle") else True') == [None]


def test_images_of_another_shape_of_task_are_not_tried(
    environment: Environment, perturbed: Environment, tmp_path: Path
) -> None:
    own = make_task(tmp_path, "t", 2)
    images = [make_instance(tmp_path, name, 3).images[0] for name in "ab"]
    pair = Instance("p", images=tuple(images), answers=("yes",))
    question = Question("p", "?", "answer", "same", signature="execute_command(images)")
    other = Task(question, (pair,), "drawn", "train")
    assert verdict(environment, environment, [own, other], COUNT) == [NEVER_CHANGES]


def test_wrong_programs_and_other_tasks_are_passed_over(
    environment: Environment, perturbed: Environment, tmp_path: Path
) -> None:
    task, other = make_task(tmp_path, "t", 2), make_task(tmp_path, "u", 2)
    program = 'def execute_command(image):\n    return "{}"'
    rollouts = [environment.step(task, program.format(3)), environment.step(other, program.format(2))]
    assert dict(guard(environment, perturbed, [task], rollouts)) == {}
    assert dict(guard(environment, perturbed, [task, other], rollouts)) == {
        ("u", canonical.form(rollouts[1].program)): NO_CALL
    }
