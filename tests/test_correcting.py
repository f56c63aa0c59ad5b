"""From the board to the next adapter: what a policy always fails is named first, corrected in an editor, and learnt.

The policy is scripted and never right about "leftmost"; the editor is a shell script. All else is real.
"""

import io
import json
import runpy
import shlex
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from visrep.corrections import store
from visrep.env import canonical, jsonl, rollouts
from visrep.env.types import Task
from visrep.scripts import cli
from visrep.train import correcting, parts
from visrep.train.attempts import Attempts
from visrep.train.config import Recipe, load_recipe
from visrep.train.loop import train
from visrep.train.run import Run

small = runpy.run_path(str(Path(__file__).with_name("small_run.py")))
WRONG, BROKEN = small["WRONG"], small["BROKEN"]
WORST = "leftmost"


def recipe(folder: Path, *overrides: str) -> Recipe:
    changed = ["iterations=1", "evaluation.base_without_examples=false", *overrides]
    return load_recipe("quickstart", [*small["settings"](folder), *changed])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Path = small["prepare"](tmp_path_factory.mktemp("correcting"))
    script = json.loads((made / "script.json").read_text())
    for task in correcting.training_tasks(recipe(made)):
        if task.question.category == WORST:
            script[task.question.text] = [WRONG, WRONG, WRONG, BROKEN]
    (made / "script.json").write_text(json.dumps(script))
    return made


@dataclass(frozen=True)
class Made:
    """A finished run of one iteration, which learnt from a correction, and what it printed."""

    folder: Path
    printed: str
    corrected: Task


@pytest.fixture(scope="module")
def made(folder: Path) -> Made:
    """One of the store's two corrections is for a task that there is not."""
    plain, path = recipe(folder), folder / "store.jsonl"
    task = next(task for task in correcting.training_tasks(plain) if task.question.category == WORST)
    with parts.build_environment(plain) as environment:
        correcting.keep(plain, path, environment, task, right_program(task), author="Ada", note="")
    path.write_text(path.read_text() + path.read_text().replace(task.question.id, "train-99999-9"))
    console = Console(width=400, record=True, file=io.StringIO())
    settings = recipe(folder, f"corrections.store={path}", "corrections.repeat=3", "corrections.weight=1.5")
    run = train(settings, folder / "run", resume=False, console=console)
    return Made(run.folder, console.export_text(), task)


@pytest.fixture
def run(made: Made) -> Path:
    return made.folder


@pytest.fixture
def worst(made: Made) -> Task:
    """A task that the policy never solves."""
    return made.corrected


def right_program(task: Task) -> str:
    return str(small["RIGHT"](task.question.category, task.question.text)).strip()


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    status = cli.run(["corrections", *map(str, arguments), "--json"])
    output = capsys.readouterr()
    assert status == 0, output.err
    return json.loads(output.out)


def test_the_board_begins_with_the_category_that_always_fails(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = said(capsys, "board", run)
    # Of each of 16 categories one of two tasks is never solved, and of the worst both.
    assert (found["iterations"], found["samples"], found["tasks"], found["stuck"]) == ([1], 4, 32, 17)
    first = found["groups"][0]
    assert (first["category"], first["error"]) == (WORST, "wrong_answer: always 'nothing'")
    assert (first["gain"], first["tasks"], first["of"]) == (2, 2, 2)
    assert sum(group["gain"] for group in found["groups"]) == 17
    assert first["trend"] == {"1": 0.75}
    typical = first["typical"]
    assert typical["task"].startswith("train-")
    assert len(typical["annotated"]) == 2
    (program,) = typical["programs"]
    assert program["task_id"] == typical["task"]
    assert program["program"].endswith("return 'nothing'")
    assert program["traces"][0][0][0] == 2


def test_the_board_is_a_table_with_the_first_ones_programs(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["corrections", "board", str(run), "--limit", "3"]) == 0
    text = capsys.readouterr().out
    assert "17 of 32 training tasks had no right program of 4 in iteration 1" in text
    assert "always 'nothing'" in text
    assert "returned 'nothing'; annotated" in text
    assert f"`visrep corrections write {run}` opens train-" in text
    assert "program 2" in text, "whose fault it is"


def test_blame_that_is_on_disk_is_counted(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    failed = [each for each in rollouts.read(copy / "iteration_01/rollouts.jsonl") if each.category == WORST]
    rows = [
        {
            "of": "training",
            "task_id": rollout.task_id,
            "category": rollout.category,
            "form": canonical.form(rollout.program),
            "verdict": "perception" if "nothing" in rollout.program else "program",
        }
        for rollout in failed
    ]
    jsonl.write_lines(copy / "iteration_01/blame.jsonl", [*rows, rows[0] | {"of": "held_out", "verdict": "program"}])
    groups = said(capsys, "board", copy)["groups"]
    own = {group["error"]: (group["gain"], group["blame"]) for group in groups if group["category"] == WORST}
    assert own["wrong_answer: always 'nothing'"] == (0, {"perception": 6})
    assert sum(gain for gain, _ in own.values()) == 0
    assert groups[0]["category"] != WORST
    assert cli.run(["corrections", "board", str(copy), "--limit", "20"]) == 0
    assert "perception 6" in capsys.readouterr().out


def test_attempts_are_those_of_the_first_round_with_how_often_each_was_written(run: Path) -> None:
    opened = Run.open(run)
    tasks, _ = parts.load_tasks(opened.recipe, "train")
    found = {task.question.id: attempts for task, attempts in Attempts(opened, tasks)}
    assert len(found) == 32
    assert {sum(attempt.times for attempt in attempts) for attempts in found.values()} == {4}
    solved = [attempts for attempts in found.values() if any(attempt.rollout.reward for attempt in attempts)]
    assert len(solved) == 15
    # The right program was written twice, once with a comment behind it.
    assert {tuple(sorted(attempt.times for attempt in attempts)) for attempts in solved} == {(1, 1, 2)}


def test_a_run_that_has_not_sampled_its_tasks_has_no_board(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run/iteration_01/sample_1.done.json").unlink()
    assert cli.run(["corrections", "board", str(tmp_path / "run")]) == 1
    assert "has not sampled its tasks yet" in capsys.readouterr().err


class Desk:
    """Where a person writes: an editor that saves one prepared text after the other, and answers at the terminal."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.store = folder / "store.jsonl"
        self._monkeypatch = monkeypatch
        (folder / "drafts").mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(folder / "drafts"))
        monkeypatch.delenv("VISUAL", raising=False)

    def saves(self, *texts: str | None, answers: str = "") -> None:
        """What the editor saves each time it is opened, None for nothing; it keeps what it was shown."""
        for number, text in enumerate(texts, 1):
            if text is not None:
                (self.folder / f"saved_{number}").write_text(text)
        script = self.folder / "editor.sh"
        script.write_text(
            f"#!/bin/sh\ncd {shlex.quote(str(self.folder))} || exit 1\n"
            'number=1\nwhile [ -e "shown_$number" ]; do number=$((number + 1)); done\n'
            'cp "$1" "shown_$number"\nif [ -e "saved_$number" ]; then cat "saved_$number" > "$1"; fi\n'
        )
        script.chmod(0o755)
        self._monkeypatch.setenv("EDITOR", shlex.quote(str(script)))
        self._monkeypatch.setattr("sys.stdin", io.StringIO(answers))

    def shown(self, number: int) -> str:
        return (self.folder / f"shown_{number}").read_text()

    def drafts(self) -> list[Path]:
        """Texts that were left behind."""
        return list((self.folder / "drafts").glob("correction-*.py"))

    def options(self) -> list[str]:
        return ["--author", "Ada", "--store", str(self.store)]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(tmp_path, monkeypatch)


def test_the_boards_first_task_is_written_until_it_is_right(
    run: Path, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    typical = said(capsys, "board", run, "--limit", 1)["groups"][0]["typical"]
    (task,) = (each for each in correcting.training_tasks(Run.open(run).recipe) if each.question.id == typical["task"])
    desk.saves(
        "def execute_command(image):\n    found = image.find('object')\n    return 'many'",
        "import math\n" + right_program(task),
        right_program(task) + "  # by hand\n",
        answers="y\ny\n",
    )
    status = cli.run(["corrections", "write", str(run), *desk.options(), "--note", "looks", "--siblings", "1"])
    output = capsys.readouterr()
    assert status == 0, output.err
    (kept,) = store.read(desk.store)
    assert (kept.task_id, kept.program) == (task.question.id, right_program(task) + "  # by hand")
    assert (kept.author, kept.note) == ("Ada", "looks")
    assert kept.recipe == correcting.recipe_hash(Run.open(run).recipe)
    assert kept.api == correcting.api_version()
    # Shown: the task with what the policy wrote for it; then what the person's own program came to.
    for expected in (task.question.text, "annotated", "the program returned 'nothing'", "class ImagePatch:"):
        assert expected in desk.shown(1)
    assert "the program returned 'many'" in desk.shown(2)
    assert "found = [ImagePatch(" in output.out
    assert "should begin with 'def execute_command(image):'" in output.out
    assert f"kept in {desk.store}: {task.question.id}, by Ada" in output.out
    sibling = next(line for line in output.out.splitlines() if line.startswith("train-"))
    assert not sibling.startswith(task.question.id)
    assert desk.drafts() == []


@pytest.mark.parametrize(("text", "why"), [(None, "left as it is"), ("# a comment\n", None), ("", "emptied")])
def test_what_is_left_as_it_is_or_emptied_is_cancelled(
    run: Path, worst: Task, desk: Desk, text: str | None, why: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.saves(text, answers="n\n")
    assert cli.run(["corrections", "write", str(run), "--task", worst.question.id, *desk.options()]) == 1
    assert (f"cancelled: the program was {why}; nothing is kept" if why else "nothing is kept; the text is in") in (
        capsys.readouterr().err
    )
    assert not desk.store.exists()
    assert len(desk.drafts()) == (why is None)


def test_a_text_that_was_worked_on_is_not_lost(
    run: Path, worst: Task, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = "def execute_command(image):\n    return 'something'"
    desk.saves(mine, None, answers="y\n")
    assert cli.run(["corrections", "write", str(run), "--task", worst.question.id, *desk.options()]) == 1
    (draft,) = desk.drafts()
    assert f"nothing is kept, and the text is in {draft}" in capsys.readouterr().err
    assert mine in draft.read_text()
    assert not desk.store.exists()


def test_no_editor_and_no_name_are_told_before_anything_is_lost(
    run: Path, desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("EDITOR", raising=False)
    assert cli.run(["corrections", "write", str(run), *desk.options()]) == 1
    assert "neither VISUAL nor EDITOR" in capsys.readouterr().err
    assert cli.run(["corrections", "write", str(run), "--author", "policy", "--store", str(desk.store)]) == 1
    assert "expected a person's name" in capsys.readouterr().err
    assert cli.run(["corrections", "add", "quickstart", "--task", "t", "--program", __file__, "--author", "Ada"]) == 1
    assert "give --store FILE" in capsys.readouterr().err


def add(run: Path, path: Path, task: Task, program: str, folder: Path) -> int:
    (folder / "program.py").write_text(program)
    words = ["--task", task.question.id, "--program", folder / "program.py", "--author", "Ada", "--store", path]
    return cli.run(["corrections", "add", str(run), *map(str, words)])


def test_a_program_that_nothing_can_learn_is_refused(
    run: Path, worst: Task, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "store.jsonl"
    assert add(run, path, worst, "import math\n" + right_program(worst), tmp_path) == 1
    assert "should begin with 'def execute_command(image):'" in capsys.readouterr().err
    assert add(run, path, worst, right_program(worst), tmp_path) == 0
    # An edit by hand that is right and cannot be learnt.
    path.write_text(path.read_text().replace('"def execute', '"import math\\ndef execute'))
    (checked,) = [json.loads(line) for line in _check(run, path, capsys)]
    assert (checked["right"], checked["changed"]) == (False, [])
    assert "should begin with" in checked["why"]


def _check(run: Path, path: Path, capsys: pytest.CaptureFixture[str], *settings: str) -> list[str]:
    capsys.readouterr()
    cli.run(["corrections", "check", str(run), "--store", str(path), *settings, "--json"])
    return capsys.readouterr().out.splitlines()


def test_a_check_says_what_is_not_as_it_was(
    run: Path, worst: Task, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "store.jsonl"
    assert add(run, path, worst, right_program(worst), tmp_path) == 0
    about = {"task": worst.question.id, "author": "Ada", "right": True, "why": ""}
    assert [json.loads(line) for line in _check(run, path, capsys)] == [about | {"changed": []}]
    (seen,) = _check(run, path, capsys, "--set", "perception.backend=scene")
    assert json.loads(seen) == about | {"changed": ["perception", "recipe"]}


def test_corrections_are_learnt_from_and_followed(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "1 of 2 corrections are left out" in made.printed
    first, name = made.folder / "iteration_01", made.corrected.question.id
    (row,) = (row for row in jsonl.read(first / "selection.jsonl") if row["author"] == "Ada")
    assert (row["task_id"], row["weight"], row["repeat"]) == (name, 1.5, 3)
    examples = [row for row in jsonl.read(first / "examples.jsonl") if row["task"] == name]
    assert len(examples) == 3
    assert {example["weight"] for example in examples} == {1.5}
    assert all(right_program(made.corrected).endswith(example["completion"]) for example in examples)
    (effect,) = said(capsys, "stats", made.folder)["effects"]
    assert (effect["iteration"], effect["against"]) == (1, 0)
    assert effect["corrections"] == [{"task_id": name, "category": WORST, "author": "Ada"}]
    assert effect["categories"][0]["category"] == WORST
    assert effect["overall"]["comparison"] == {"tasks": 32, "only_first": 0, "only_second": 0, "p_value": 1.0}
    naive = tmp_path / "naive"
    shutil.copytree(made.folder, naive)
    rows = [each for each in jsonl.read(first / "selection.jsonl") if each["author"] == "policy"]
    jsonl.write_lines(naive / "iteration_01/selection.jsonl", rows)
    assert cli.run(["corrections", "stats", str(made.folder), str(naive)]) == 0
    text = capsys.readouterr().out
    assert "iteration 1, trained with 1 correction by Ada, against the base policy" in text
    assert f"{naive}: no finished iteration was trained with corrections" in text


def test_what_is_written_for_one_part_of_the_split_is_learnt_with_another(folder: Path, tmp_path: Path) -> None:
    part = recipe(folder, "data.train_per_category=1")
    tasks, _ = parts.load_tasks(part, "train")
    own = {task.question.id for task in tasks}
    other = next(task for task in correcting.training_tasks(part) if task.question.id not in own)
    path = tmp_path / "store.jsonl"
    with parts.build_environment(part) as environment:
        correcting.keep(part, path, environment, other, right_program(other), author="Ada", note="")
        found = correcting.corrected(part, path, environment, tasks)
    assert [rollout.reward for rollout in found.rollouts] == [1]
    assert (len(tasks), len(found.tasks)) == (16, 17)
    assert other.question.id in {task.question.id for task in found.tasks}


def test_siblings_are_of_the_category_the_likest_first(run: Path) -> None:
    tasks = list(correcting.training_tasks(Run.open(run).recipe))
    found = correcting.siblings(tasks, tasks[0], 9)
    assert [task.question.category for task in found] == [tasks[0].question.category]
    assert tasks[0] not in found
    assert correcting.siblings(tasks, tasks[0], 0) == []
