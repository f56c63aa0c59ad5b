"""What every data set has to keep: each module of env/tasks is found here by existing."""

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from PIL import Image

import visrep.env.tasks
from visrep import reward
from visrep.env.faults import UserFault
from visrep.env.types import Box, Instance, Kind, Task

NAMES = sorted(
    path.stem
    for folder in visrep.env.tasks.__path__
    for path in Path(folder).glob("*.py")
    if "def load(" in path.read_text(encoding="utf-8")
)


def drawn(name: str, folder: Path) -> tuple[Path, tuple[str, ...]]:
    """A small data set in its layout; a new data set needs a writer."""
    writer = importlib.import_module(f"visrep.env.drawn.{name}")
    writer.draw(folder / "drawn", seed=3, tasks_per_category=dict.fromkeys(writer.SPLITS, 2), instances=3)
    return folder / "drawn", writer.SPLITS


@pytest.fixture(scope="module", params=NAMES)
def tasks(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Task]:
    name = request.param
    root, splits = drawn(name, tmp_path_factory.mktemp(name))
    module = importlib.import_module(f"visrep.env.tasks.{name}")
    loaded = []
    for split in splits:
        tasks = module.load(root, split)
        assert isinstance(tasks, Iterator)
        loaded += tasks
        assert loaded[-1].split == split
        assert list(module.load(root, split)) == [task for task in loaded if task.split == split], "loads alike twice"
    with pytest.raises(UserFault) as fault:
        list(module.load(root, "no such split"))
    assert "\n" not in str(fault.value)
    assert {task.dataset for task in loaded} == {name}
    return loaded


def test_ids_are_unique(tasks: list[Task]) -> None:
    assert len({task.question.id for task in tasks}) == len(tasks)
    for task in tasks:
        assert len({instance.id for instance in task.instances}) == len(task.instances) >= 1


def test_questions_say_what_they_are(tasks: list[Task]) -> None:
    for task in tasks:
        assert task.question.text.strip() == task.question.text != ""
        assert task.question.category.isidentifier()
        assert task.question.kind in get_args(Kind)
        assert task.question.signature.startswith("execute_command(")
        assert bool(task.question.options) <= (task.question.kind in ("choice", "match"))
        assert task.question.options or task.question.kind != "choice"
        assert ("options" in task.question.signature) == bool(task.question.options)


def test_images_are_there_and_scenes_describe_them(tasks: list[Task]) -> None:
    for task in tasks:
        for instance in task.instances:
            assert bool(instance.images) == (instance.video is None)
            assert instance.video is None or instance.video.is_file()
            assert len(instance.scenes) in (0, len(instance.images))
            for path, scene in zip(instance.images, instance.scenes, strict=bool(instance.scenes)):
                with Image.open(path) as image:
                    assert image.size == (scene.width, scene.height)


def test_annotated_boxes_lie_in_their_image_and_have_an_area(tasks: list[Task]) -> None:
    for scene in (scene for task in tasks for instance in task.instances for scene in instance.scenes):
        ids = {thing.id for thing in scene.objects}
        assert len(ids) == len(scene.objects)
        for thing in scene.objects:
            assert 0 <= thing.box.left < thing.box.right <= scene.width
            assert 0 <= thing.box.lower < thing.box.upper <= scene.height
            assert thing.name
            assert {other for _, other in thing.relations} <= ids - {thing.id}


def patch(box: Box) -> dict[str, Any]:
    return {"image": 0, "box": [box.left, box.lower, box.right, box.upper]}


def values(task: Task, instance: Instance) -> tuple[Any, Any]:
    """What a program should return on an instance, and what it should not."""
    match task.question.kind:
        case "ground":
            return patch(instance.boxes[0]), patch(Box(0, 0, 1, 1))
        case "detect":
            right = [patch(box) for box in instance.boxes]
            return right, [] if right else [patch(Box(0, 0, 1, 1))]
        case "verify":
            return instance.answers[0], not instance.answers[0]
        case "choice" | "match":
            offered = task.question.options or range(len(instance.images))
            return instance.answers[0], next(each for each in offered if each != instance.answers[0])
        case _:
            return instance.answers[0], f"not {instance.answers[0]}"


def test_the_annotated_answer_earns_the_reward_and_another_does_not(tasks: list[Task]) -> None:
    for task in tasks:
        for instance in task.instances:
            right, wrong = values(task, instance)
            # People may not have agreed: then nothing earns it.
            assert reward.score(task, instance, right).reward == (not instance.soft or max(instance.soft) >= 0.6)
            assert reward.score(task, instance, wrong).reward == 0
