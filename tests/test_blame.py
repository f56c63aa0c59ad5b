"""Whose fault failures are: programs that a lying backend let down, and programs that are wrong by themselves."""

import dataclasses
import io
import json
import runpy
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from visrep.env import canonical, jsonl, rollouts
from visrep.env.environment import Environment
from visrep.env.perception import scene
from visrep.env.types import Execution, Rollout, Score, Task
from visrep.scripts import cli
from visrep.train import parts
from visrep.train.blame import PROGRAMS, TASKS, Blame, blame, counts, judge, read
from visrep.train.config import Recipe, load_recipe
from visrep.train.loop import train
from visrep.train.run import Run
from visrep.train.summary import faults, lines

small = runpy.run_path(str(Path(__file__).with_name("small_run.py")))
HEAD = "def execute_command(image):\n    "
BLIND = HEAD + "return 'nothing'"
LOST = HEAD + "return 100 + len(image.find('square'))"
MOOD = HEAD + "return image.simple_query('What is the mood here?')"
DEPTH = HEAD + "return image.compute_depth()"
PHRASE = HEAD + "return 100 + len(image.find('square next to a triangle'))"

LIAR = """
from visrep.env.perception import Answer
from visrep.env.perception.shapes import Shapes


class Liar(Shapes):  # it sees no circle, and makes up what nothing is annotated of
    def __init__(self):
        super().__init__()
        self.identity = f"liar {self.identity}"

    def find(self, views, names):
        found = [() if "circle" in name else true for name, true in zip(names, super().find(views, names))]
        return [all_ if "next to" in name else each for name, each, all_ in zip(names, found, self._all(views))]

    def query(self, views, questions, choices):
        told = super().query(views, questions, choices)
        return [Answer("cheerful") if "mood" in asked else true for asked, true in zip(questions, told)]

    def depth(self, views):
        return [9.0 for _ in views]

    def _all(self, views):
        return super().find(views, ["object"] * len(views))


def load():
    return Liar()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Path = small["prepare"](tmp_path_factory.mktemp("blame"))
    (made / "liar.py").write_text(LIAR)
    return made


def recipe(folder: Path, *overrides: str) -> Recipe:
    return load_recipe("quickstart", [*small["settings"](folder), "iterations=1", *overrides])


@pytest.fixture(scope="module")
def lying(folder: Path) -> Recipe:
    return recipe(folder, f"perception.backend={folder / 'liar.py'}")


@pytest.fixture(scope="module")
def liar(lying: Recipe) -> Iterator[Environment]:
    with parts.build_environment(lying) as environment:
        yield environment


@pytest.fixture(scope="module")
def honest(folder: Path) -> Iterator[Environment]:
    with parts.build_environment(recipe(folder)) as environment:
        yield environment


@pytest.fixture(scope="module")
def annotated(lying: Recipe) -> Iterator[Environment]:
    with parts.build_annotated(lying) as environment:
        yield environment


@pytest.fixture(scope="module")
def tasks(lying: Recipe) -> list[Task]:
    return list(parts.load_tasks(lying, "train")[0])


@pytest.fixture(scope="module")
def circles(tasks: list[Task], liar: Environment) -> tuple[Task, Rollout]:
    """A task about circles, and the right program for it, which the liar let down."""
    for task in tasks:
        rollout = liar.step(task, right(task))
        if rollout.reward == 0:
            return task, rollout
    raise AssertionError("no task asks about circles")


def right(task: Task) -> str:
    return HEAD.rstrip() + "\n" + str(small["body"](task.question)).lstrip("\n")


def tried(environment: Environment, task: Task, *programs: str) -> list[Rollout]:
    return list(environment.run((task, program) for program in programs))


def verdicts(annotated: Environment, task: Task, found: list[Rollout]) -> dict[str, str]:
    """By program."""
    programs = {canonical.form(rollout.program): rollout.program for rollout in found}
    return {programs[each.form]: each.verdict for each in judge(annotated, [task], found)}


def unrun(task: Task, program: str) -> Rollout:
    """As of a program that came to nothing before it could look."""
    count = len(task.instances)
    executions, scores = (Execution("timeout"),) * count, (Score(0, 0.0, "timeout"),) * count
    return Rollout(task.question.id, task.question.category, program, executions, scores, 0)


def test_a_program_that_is_right_on_the_annotated_scenes_was_let_down_by_perception(
    annotated: Environment, liar: Environment, circles: tuple[Task, Rollout]
) -> None:
    task, let_down = circles
    found = [let_down, *tried(liar, task, LOST, BLIND)]
    assert verdicts(annotated, task, found) == {let_down.program: "perception", LOST: "program", BLIND: "program"}


@pytest.mark.parametrize("program", [MOOD, DEPTH, PHRASE])
def test_what_no_annotation_tells_is_held_against_nobody(
    program: str, annotated: Environment, liar: Environment, tasks: list[Task]
) -> None:
    assert verdicts(annotated, tasks[0], tried(liar, tasks[0], program)) == {program: "unclear"}


@pytest.mark.parametrize("program", [MOOD, DEPTH, PHRASE])
def test_but_a_program_that_was_told_the_same_before_is_wrong_by_itself(
    program: str, annotated: Environment, honest: Environment, tasks: list[Task]
) -> None:
    assert verdicts(annotated, tasks[0], tried(honest, tasks[0], program)) == {program: "program"}


def test_what_was_stored_is_judged_as_what_was_not(
    annotated: Environment, honest: Environment, tasks: list[Task], tmp_path: Path
) -> None:
    compared = HEAD + "return image.best_text_match(['a square and a circle', 'nothing']) + '!'"
    found = tried(honest, tasks[0], compared, PHRASE, DEPTH)
    jsonl.write_lines(tmp_path / "rollouts.jsonl", map(rollouts.to_json, found))
    stored = list(rollouts.read(tmp_path / "rollouts.jsonl"))
    assert verdicts(annotated, tasks[0], stored) == {compared: "program", PHRASE: "program", DEPTH: "program"}


def test_programs_that_never_looked_do_not_run_again(annotated: Environment, lying: Recipe, tasks: list[Task]) -> None:
    endless = HEAD + "while True: pass"
    started = time.monotonic()
    assert verdicts(annotated, tasks[0], [unrun(tasks[0], endless)]) == {endless: "program"}
    assert time.monotonic() - started < lying.sandbox.cpu_seconds  # which it would take


def test_solved_tasks_and_those_without_scenes_are_not_judged(
    annotated: Environment, honest: Environment, tasks: list[Task]
) -> None:
    found = tried(honest, tasks[0], right(tasks[0]), LOST)
    assert sum(rollout.reward for rollout in found) == 1
    assert verdicts(annotated, tasks[0], found) == {}
    bare = tuple(dataclasses.replace(instance, scenes=()) for instance in tasks[0].instances)
    without = dataclasses.replace(tasks[0], instances=bare)
    assert verdicts(annotated, without, tried(honest, without, LOST)) == {}


def test_of_a_tasks_programs_some_are_judged_whatever_their_order(annotated: Environment, tasks: list[Task]) -> None:
    found = [unrun(tasks[0], f"{HEAD}return {number}") for number in range(PROGRAMS + 3)]
    first = verdicts(annotated, tasks[0], found)
    assert len(first) == PROGRAMS
    assert verdicts(annotated, tasks[0], found[::-1]) == first


def test_those_that_looked_are_judged_before_others(
    annotated: Environment, liar: Environment, circles: tuple[Task, Rollout]
) -> None:
    task, let_down = circles
    found = [unrun(task, f"{HEAD}return {number}") for number in range(40)]
    assert verdicts(annotated, task, [*found, let_down])[let_down.program] == "perception"


def test_so_many_tasks_of_a_category_are_enough(annotated: Environment, tasks: list[Task]) -> None:
    many = [
        dataclasses.replace(task, question=dataclasses.replace(task.question, id=f"{task.question.id}/{number}"))
        for task in list({task.question.category: task for task in tasks}.values())[:2]
        for number in range(TASKS + 5)
    ]
    numbers = counts(judge(annotated, many, [unrun(task, BLIND) for task in many]))
    assert len(numbers) == 2
    assert all(each == {"program": TASKS, "unclear": 0, "perception": 0} for each in numbers.values())


def test_a_task_counts_once_and_for_perception_if_one_of_its_programs_does() -> None:
    found = [
        Blame("a", "count", "1", "program"), Blame("a", "count", "2", "perception"),
        Blame("a", "count", "3", "unclear"),
        Blame("b", "count", "1", "unclear"), Blame("b", "count", "2", "program"), Blame("c", "exist", "1", "program"),
    ]  # fmt: skip
    assert counts(found) == {
        "count": {"program": 0, "unclear": 1, "perception": 1},
        "exist": {"program": 1, "unclear": 0, "perception": 0},
    }


def test_nothing_is_judged_where_perception_is_the_annotated_scenes(
    lying: Recipe, tasks: list[Task], liar: Environment, tmp_path: Path
) -> None:
    file = tmp_path / "rollouts.jsonl"
    jsonl.write_lines(file, map(rollouts.to_json, tried(liar, tasks[0], LOST)))
    sets = {"training": (tasks, file)}
    assert blame(lying, scene.load().identity, sets, tmp_path) == {"training": {}}
    assert list(read(tmp_path, "training")) == []
    category = tasks[0].question.category
    judged = blame(lying, liar.perception, sets, tmp_path)
    assert judged == {"training": {category: {"program": 1, "unclear": 0, "perception": 0}}}
    assert [(each.task_id, each.verdict) for each in read(tmp_path, "training")] == [(tasks[0].question.id, "program")]
    noisy = blame(lying, scene.load(noise=0.5).identity, sets, tmp_path)  # its replies are not what is annotated
    assert noisy == judged


@pytest.fixture(scope="module")
def run(lying: Recipe, folder: Path) -> Run:
    return train(lying, folder / "run", resume=False, console=Console(quiet=True))


def test_an_iteration_tells_whose_fault_its_failures_are_by_category(run: Run) -> None:
    record = run.metrics()[-1]
    evaluation, found = record["evaluation"], record["blame"]["held_out"]
    wrong = {name: each["tasks"] - each["right"] for name, each in evaluation["by_category"].items()}
    assert {name: sum(each.values()) for name, each in found.items()} == {name: n for name, n in wrong.items() if n}
    # The script has the right program for half of the 32 tasks; what it writes for the others never looks.
    let_down = 16 - evaluation["right"]
    assert let_down > 0
    assert total(found) == {"program": 16, "unclear": 0, "perception": let_down}
    let_down = 16 - round(32 * record["sampling"]["solved"])
    assert total(record["blame"]["training"]) == {"program": 16, "unclear": 0, "perception": let_down}


def total(found: dict[str, dict[str, int]]) -> dict[str, int]:
    return {verdict: sum(each[verdict] for each in found.values()) for verdict in ("program", "unclear", "perception")}


def test_it_is_printed_and_in_the_tables_and_in_the_report(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    record = run.metrics()[-1]
    numbers = {name: total(record["blame"][name.replace(" ", "_")])["perception"] for name in ("held out", "training")}
    judged = (f"{name} 16 program, 0 unclear, {number} perception" for name, number in numbers.items())
    assert lines(record)[2] == f"  whose fault failures are: {'; '.join(judged)}"
    assert len(lines(run.metrics()[0])) == 1
    columns, rows = faults(run.metrics())
    assert columns[2] == "held out: perception"
    assert sum(row[2] for row in rows.values()) == numbers["held out"]
    assert cli.run(["show", str(run.folder)]) == 0
    assert "Whose fault it is that tasks are not solved" in capsys.readouterr().out
    assert "held out: perception" in (run.folder / "report.html").read_text(encoding="utf-8")


def test_programs_are_shown_by_whose_fault_they_failed(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    record = run.metrics()[-1]
    for extra, name in (([], "training"), (["--held-out"], "held_out")):
        command = ["show", str(run.folder), "--iteration", "1", "--blame", "perception", *extra, "--no-trace"]
        assert cli.run([*command, "--limit", "100", "--json"]) == 0
        found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert len(found) == total(record["blame"][name])["perception"]
        assert all(each["blame"] == "perception" and "circle" in each["program"] for each in found)
        assert cli.run([*command, "--limit", "1"]) == 0
        assert "at fault: perception" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--blame", "perceptoin"], "--blame is 'perceptoin'; expected one of: program, unclear, perception"),
        (["--blame", "program", "--by-task"], "--blame is no filter of --by-task"),
        (["--blame", "program", "--iteration", "0"], "no program here was judged"),
    ],
)
def test_a_verdict_that_cannot_be_is_refused(
    run: Run, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert cli.run(["show", str(run.folder), *arguments]) == 1
    assert said in capsys.readouterr().err


def test_a_run_that_was_stopped_before_it_had_judged_judges_when_it_goes_on(run: Run, lying: Recipe) -> None:
    file, manifest = (run.iteration(1) / name for name in ("blame.jsonl", "blame.done.json"))
    before, came_to = file.read_bytes(), small["came_to"](run.folder)
    file.unlink()
    manifest.unlink()
    (run.folder / "metrics.jsonl").unlink()
    console = Console(width=400, record=True, file=io.StringIO())
    train(lying, run.folder, resume=True, console=console)
    assert file.read_bytes() == before
    assert small["came_to"](run.folder) == came_to
    assert "whose fault failures are" in console.export_text()
    touched = manifest.stat().st_mtime_ns
    train(lying, run.folder, resume=True, console=Console(quiet=True))
    assert manifest.stat().st_mtime_ns == touched
