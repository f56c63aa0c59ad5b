"""Browsing a run: its results, and its programs by iteration, category, task and outcome."""

import dataclasses
import json
from pathlib import Path

import pytest

from visrep.env import jsonl, rollouts
from visrep.env.types import Box, Call, Execution, Outcome, Rollout, Score
from visrep.scripts import cli
from visrep.train.config import load_recipe
from visrep.train.run import Run

PROGRAM = "def execute_command(image):\n    return image.simple_query('What color is this?')"


def rollout(task: str, category: str, outcome: Outcome, value: str = "red") -> Rollout:
    call = Call("query", 0, Box(0, 0, 8, 8), ("What color is this?", None), value, 0.1)
    fault = outcome not in ("ok", "wrong_answer")
    execution = Execution(
        outcome if fault else "ok",
        value=None if fault else value,
        message="name 'x' is not defined" if fault else "",
        line=2 if fault else None,
        calls=(call,),
    )
    score = Score(int(outcome == "ok"), float(outcome == "ok"), outcome)
    return Rollout(task, category, PROGRAM, (execution,), (score,), score.reward, iteration=1, policy="base")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with two iterations of programs; its data set is gone, so questions cannot be shown."""
    made = Run.create(tmp_path / "run", load_recipe("quickstart", ["data.root=gone"]), isolation="seccomp+landlock")
    sampled = {
        1: [
            rollout("t1", "count", "ok"),
            rollout("t1", "count", "wrong_answer", "blue"),
            rollout("t2", "exist", "runtime_error"),
        ],
        2: [rollout("t2", "exist", "ok")],
    }
    for number, found in sampled.items():
        jsonl.write_lines(made.iteration(number) / "rollouts.jsonl", map(rollouts.to_json, found))
        jsonl.write_lines(
            made.iteration(number) / "evaluate.rollouts.jsonl", [rollouts.to_json(rollout("t9", "leftmost", "timeout"))]
        )
    jsonl.write_lines(
        tmp_path / "run/base/examples_6.rollouts.jsonl", [rollouts.to_json(rollout("t9", "leftmost", "syntax_error"))]
    )
    return made.folder


def shown(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert cli.run(["show", *map(str, arguments)]) == 0
    return capsys.readouterr().out


def programs(capsys: pytest.CaptureFixture[str], *arguments: object) -> list[tuple[str, str]]:
    lines = shown(capsys, *arguments, "--json").splitlines()
    return [(line["task_id"], line["outcome"]) for line in map(json.loads, lines)]


def test_a_run_is_shown_with_its_outcomes(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, run)
    assert "seccomp+landlock" in text
    assert "runtime_error" in text
    outcomes = json.loads(shown(capsys, run, "--json"))["outcomes"]
    assert outcomes == {"1": {"ok": 1, "wrong_answer": 1, "runtime_error": 1}, "2": {"ok": 1}}


def test_filters_let_through_what_they_name(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert programs(capsys, run, "--iteration", 2) == [("t2", "ok")]
    assert programs(capsys, run, "--category", "exist") == [("t2", "runtime_error"), ("t2", "ok")]
    assert programs(capsys, run, "--task", "t1", "--outcome", "wrong_answer") == [("t1", "wrong_answer")]
    assert programs(capsys, run, "--outcome", "ok") == [("t1", "ok"), ("t2", "ok")]


def test_held_out_programs_are_kept_apart(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert programs(capsys, run, "--iteration", 2, "--held-out") == [("t9", "timeout")]
    assert programs(capsys, run, "--iteration", 0) == [("t9", "syntax_error")]
    assert programs(capsys, run, "--held-out") == [("t9", "syntax_error"), ("t9", "timeout"), ("t9", "timeout")]


def test_a_program_is_shown_with_its_value_fault_and_calls(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, run, "--iteration", 1)
    assert "simple_query('What color is this?')" in text
    assert "returned 'blue'" in text
    assert "runtime_error: name 'x' is not defined (line 2)" in text
    assert "query('What color is this?', None) -> red" in text
    assert "3 of 3 programs" in text


def test_no_more_are_shown_than_asked_for(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "1 of 3 programs" in shown(capsys, run, "--iteration", 1, "--limit", 1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--category", "exit"], "did you mean 'exist'"),
        (["--task", "nowhere"], "there are: t1, t2"),
        (["--outcome", "wrong_anwser"], "did you mean 'wrong_answer'"),
        (["--iteration", "7"], "no iteration 7; it has 0 to 2"),
    ],
)
def test_a_filter_that_nothing_can_pass_is_refused(
    run: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert cli.run(["show", str(run), *arguments]) == 1
    assert said in capsys.readouterr().err


def test_a_torn_last_line_of_a_run_that_was_killed_is_no_error(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (run / "iteration_02/rollouts.jsonl").open("a") as log:
        log.write('{"task_id": "t3", "prog')
    assert programs(capsys, run, "--iteration", 2) == [("t2", "ok")]


def test_what_an_iteration_solved_and_forgot_is_shown(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    better = "def execute_command(image):\n    return image.simple_query('What color is this?') or 'red'"
    evaluations = {
        "base/examples_6.rollouts.jsonl": [rollout("a", "count", "ok"), rollout("b", "exist", "wrong_answer")],
        "iteration_01/evaluate.rollouts.jsonl": [
            rollout("a", "count", "timeout"),
            dataclasses.replace(rollout("b", "exist", "ok"), program=better),
        ],
    }
    for name, found in evaluations.items():
        jsonl.write_lines(run / name, map(rollouts.to_json, found))
    (run / "iteration_01" / "evaluate.done.json").write_text("{}")
    lines = [json.loads(line) for line in shown(capsys, run, "--changed", "--json").splitlines()]
    assert [(line["task"], line["solved"]) for line in lines] == [("b", True), ("a", False)]
    assert (lines[0]["before"], lines[0]["after"]) == (PROGRAM, better)
    text = shown(capsys, run, "--changed", "--iteration", 1)
    assert "solved anew · b · exist" in text
    assert "+     return image.simple_query('What color is this?') or 'red'" in text
    assert "iteration 1: 1 solved anew, 1 forgotten" in text
    assert cli.run(["show", str(run), "--changed", "--iteration", "7"]) == 1
    assert "no finished iteration 7; it has 1" in capsys.readouterr().err
