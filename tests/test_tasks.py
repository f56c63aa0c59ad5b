"""What every data set has to keep: each module of env/tasks is found here by existing."""

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import pytest
from PIL import Image

import visrep.env.tasks
from visrep import reward
from visrep.env.drawn import nextqa
from visrep.env.drawn.gqa import draw
from visrep.env.faults import UserFault
from visrep.env.types import Kind, Task

SHARED = Path(__file__).parents[2] / "shared" / "data"

NAMES = sorted(
    path.stem
    for folder in visrep.env.tasks.__path__
    for path in Path(folder).glob("*.py")
    if "def load(" in path.read_text(encoding="utf-8")
)


def drawn(folder: Path) -> tuple[Path, tuple[str, ...]]:
    scenes, tasks = {"train": 80, "testdev": 80}, {"train": 2, "testdev": 2}
    draw(folder / "drawn", seed=3, scenes=scenes, tasks_per_category=tasks, instances=3)
    return folder / "drawn", ("train", "testdev")


def drawn_videos(folder: Path) -> tuple[Path, tuple[str, ...]]:
    nextqa.draw(folder / "drawn", seed=3, tasks_per_category={"train": 1, "test": 1}, instances=2)
    return folder / "drawn", ("train", "test")


def shared(name: str, *splits: str) -> Callable[[Path], tuple[Path, tuple[str, ...]]]:
    def find(folder: Path) -> tuple[Path, tuple[str, ...]]:
        if not (SHARED / name).is_dir():
            pytest.skip(f"{SHARED / name} is absent")
        return SHARED / name, splits

    return find


SAMPLES = {"gqa": drawn, "nextqa": drawn_videos, "nlvr": shared("nlvr", "dev", "test")}
"""Where a sample of each data set comes from: a new data set needs one here."""


@pytest.fixture(scope="module", params=NAMES)
def tasks(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Task]:
    name = request.param
    root, splits = SAMPLES[name](tmp_path_factory.mktemp(name))
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
        assert bool(task.question.options) == (task.question.kind == "choice")


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


def test_the_annotated_answer_earns_the_reward_and_another_does_not(tasks: list[Task]) -> None:
    for task in tasks:
        for instance in task.instances:
            (answer,) = instance.answers
            assert reward.score(task, instance, answer).reward == 1
            wrong = not answer if isinstance(answer, bool) else f"not {answer}"
            assert reward.score(task, instance, wrong).reward == 0
