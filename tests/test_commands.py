"""The commands that make and keep data: drawing scenes, and corrections from verification to listing."""

import json
from pathlib import Path
from typing import Any

import pytest

from visrep.env.types import Task
from visrep.scripts import cli
from visrep.train.config import load_recipe
from visrep.train.parts import load_tasks

DRAW = ("--train", "2", "--val", "1", "--test", "1")


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> list[Any]:
    """JSON lines of a command that succeeds."""
    status = cli.run([*map(str, arguments), "--json"])
    output = capsys.readouterr()
    assert status == 0, output.err
    return [json.loads(line) for line in output.out.splitlines()]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "drawn"
    assert cli.run(["draw", str(folder), *DRAW]) == 0
    return folder


@pytest.fixture
def corrections(drawn: Path, tmp_path: Path) -> list[str]:
    """A recipe with the drawn data, and a store."""
    return ["quickstart", "--set", f'data.root="{drawn}"', "--store", str(tmp_path / "store.jsonl")]


@pytest.fixture
def task(drawn: Path) -> Task:
    """A training task that asks whether something is there."""
    tasks, _ = load_tasks(load_recipe("quickstart", [f'data.root="{drawn}"']), "train", whole=True)
    return next(task for task in tasks if task.question.category == "exist")


@pytest.fixture
def right(task: Task, tmp_path: Path) -> Path:
    """A program that is right on it: the last two words of the question are the object's."""
    thing = " ".join(task.question.text.rstrip("?").split()[-2:])
    file = tmp_path / "right.py"
    file.write_text(f"def execute_command(image):\n    return bool_to_yesno(image.exists({thing!r}))\n")
    return file


@pytest.fixture
def held_out(drawn: Path) -> str:
    """Id of a task that policies are tested on."""
    tasks, _ = load_tasks(load_recipe("quickstart", [f'data.root="{drawn}"']), "test", whole=True)
    return next(iter(tasks)).question.id


def wanted(task: Task, program: Path) -> list[str]:
    """Options that add a program for a task."""
    return ["--task", task.question.id, "--program", str(program), "--author", "Ada"]


def test_drawing_again_changes_nothing(drawn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {file: file.stat().st_mtime_ns for file in drawn.rglob("*")}
    (said,) = run(capsys, "draw", drawn, *DRAW)
    assert said["files"] == sum(file.is_file() for file in before)
    assert {file: file.stat().st_mtime_ns for file in drawn.rglob("*")} == before


def test_drawing_with_another_seed_into_the_same_folder_is_refused(
    drawn: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["draw", str(drawn), *DRAW, "--seed", "1"]) == 1
    assert "another seed" in capsys.readouterr().err


def test_a_right_program_is_kept_listed_and_still_right(
    corrections: list[str], task: Task, right: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    note = "the policy counts instead"
    (kept,) = run(capsys, "corrections", "add", *corrections, *wanted(task, right), "--note", note)
    assert kept["author"] == "Ada"
    store = corrections[-1]
    assert run(capsys, "corrections", "list", store) == [kept]
    checked = run(capsys, "corrections", "check", *corrections)
    assert checked == [{"task": task.question.id, "author": "Ada", "right": True, "why": "", "changed": []}]


def test_a_wrong_program_is_not_kept(
    corrections: list[str], task: Task, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "wrong.py").write_text("def execute_command(image):\n    return 'yes'\n")
    arguments = ["corrections", "add", *corrections, *wanted(task, tmp_path / "wrong.py")]
    assert cli.run(arguments) == 1
    assert "wrong_answer" in capsys.readouterr().err
    assert not Path(corrections[-1]).exists()


@pytest.mark.parametrize(
    ("unknown", "said"),
    [
        ("held out", "is of the test split 'testdev': a policy that has learnt from it can no longer be tested on it"),
        ("train-99999-0", "has no task 'train-99999-0'; did you mean 'train-"),
        ("nowhere", "has no task 'nowhere'; `visrep show` names the tasks of a run"),
    ],
)
def test_a_correction_for_a_task_that_is_not_learnt_from_is_refused(
    corrections: list[str],
    task: Task,
    held_out: str,
    right: Path,
    unknown: str,
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    unknown = held_out if unknown == "held out" else unknown
    arguments = ["corrections", "add", *corrections, *wanted(task, right)]
    arguments[arguments.index("--task") + 1] = unknown
    assert cli.run(arguments) == 1
    assert said in capsys.readouterr().err
    assert not Path(corrections[-1]).exists()


def test_a_correction_that_is_no_longer_right_fails_the_check(
    corrections: list[str], task: Task, right: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "corrections", "add", *corrections, *wanted(task, right))
    store = Path(corrections[-1])
    store.write_text(store.read_text().replace("image.exists", "not image.exists"))  # a merge gone wrong
    assert cli.run(["corrections", "check", *corrections]) == 1
    output = capsys.readouterr()
    assert f"{task.question.id}, by Ada: the program is right on 0 of 4 instances" in output.out
    assert "(since it was verified, changed: outcome)" in output.out
    assert "1 of 1 corrections" in output.err


def test_a_store_that_is_not_there_is_not_listed_as_empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["corrections", "list", str(tmp_path / "nowhere.jsonl")]) == 1
    assert "nowhere.jsonl" in capsys.readouterr().err
