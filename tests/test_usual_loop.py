"""What the loop's benchmark compares with judges programs as visrep does."""

import pickle
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from visrep.env.tasks import gqa
from visrep.scripts import usual_program
from visrep.train.config import load_recipe
from visrep.train.parts import build_environment

small = runpy.run_path(str(Path(__file__).with_name("small_run.py")))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Path = small["prepare"](tmp_path_factory.mktemp("usual"))
    return made


def test_a_program_in_its_own_interpreter_earns_what_it_earns_in_the_sandbox(folder: Path) -> None:
    task = next(iter(gqa.load(folder / "drawn", "train", instances=2)))
    head = f"def {task.question.signature}:"
    programs = [head + small["body"](task.question), head + small["WRONG"], head + small["BROKEN"]]
    recipe = load_recipe("quickstart", small["settings"](folder))
    with build_environment(recipe) as environment:
        judged = [environment.step(task, program).reward for program in programs]
    earned = [_earned(task, program) for program in programs]
    assert earned == judged == [1, 0, 0]


def _earned(task: object, program: str) -> int:
    given = pickle.dumps((task, program, "shapes", {}))
    command = [sys.executable, "-m", usual_program.__name__]
    return int(subprocess.run(command, input=given, capture_output=True, check=True).stdout)
