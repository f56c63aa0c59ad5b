"""Rollouts survive the disk."""

from pathlib import Path

import pytest
from PIL import Image

from visrep.env import rollouts
from visrep.env.environment import Environment
from visrep.env.faults import UserFault
from visrep.env.jsonl import Log
from visrep.env.perception import scripted
from visrep.env.perception.service import Service
from visrep.env.sandbox import Limits, Sandbox
from visrep.env.types import Instance, Question, Rollout, Score, Task

PROGRAMS = (
    "def execute_command(image): return image.find('größe')[0]",
    "def execute_command(image): return image.best_text_match(['a', 'b'], 'x')",
    "def execute_command(image): return best_image_match(image.find('x'), ['a', 'b'], True)",
    "def execute_command(image): return [1, 2.5, True, '\\ud800']",
    "def execute_command(image):\n    try:\n        image.crop('\\ud800', 0, 1, 1)\n    finally:\n        1 / 0",
    "import os",
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[Rollout]:
    path = tmp_path_factory.mktemp("images") / "white.png"
    Image.new("RGB", (60, 40), "white").save(path)
    task = Task(Question("q", "?", "answer", "c"), (Instance("a", (path,)), Instance("b", (path,))), "test", "val")
    sandbox = Sandbox(Limits(cpu_seconds=1), parallel=2)
    with Environment(sandbox, Service(scripted.load()), lambda *_: Score(1, 0.5, "ok")) as environment:
        return list(environment.run((task, program) for program in PROGRAMS))


def test_what_is_read_is_what_was_written(made: list[Rollout], tmp_path: Path) -> None:
    with Log(tmp_path / "rollouts.jsonl") as log:
        log.append(*map(rollouts.to_json, made))
    assert list(rollouts.read(tmp_path / "rollouts.jsonl")) == made


def test_a_torn_last_line_is_dropped_and_no_file_is_no_rollouts(made: list[Rollout], tmp_path: Path) -> None:
    path = tmp_path / "rollouts.jsonl"
    assert list(rollouts.read(path)) == []
    with Log(path) as log:
        log.append(*map(rollouts.to_json, made))
    path.write_bytes(path.read_bytes()[:-10])
    assert list(rollouts.read(path)) == made[:-1]


def test_a_line_that_is_no_rollout_is_named(made: list[Rollout], tmp_path: Path) -> None:
    path = tmp_path / "rollouts.jsonl"
    broken = {**rollouts.to_json(made[0]), "reward": "much"}
    with Log(path) as log:
        log.append(rollouts.to_json(made[0]), broken)
    with pytest.raises(UserFault, match=r"rollouts\.jsonl:2: not a rollout: reward: "):
        list(rollouts.read(path))
