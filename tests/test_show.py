"""Browsing a run: its results, and its programs by iteration, category, task and outcome."""

import dataclasses
import json
import re
from pathlib import Path

import pytest

from visrep.env import jsonl, rollouts
from visrep.env.types import Box, Call, Execution, Outcome, Rollout, Score
from visrep.scripts import cli
from visrep.train.config import load_recipe
from visrep.train.run import Run

PROGRAM = "def execute_command(image):\n    return image.simple_query('What color is this?')"
BETTER = PROGRAM + " or 'red'"


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
        (["--by-task", "--category", "exit"], "did you mean 'exist'"),
        (["--changed", "--diff", "1", "2"], "--changed and --diff are two views of a run"),
        (["--by-task", "--outcome", "ok"], "--outcome is no filter of --by-task"),
        (["--changed", "--unsolved"], "--unsolved is no filter of --changed"),
        (["--diff", "1", "2"], "name it with --task"),
        (["--diff", "1", "7", "--task", "t1"], "no iteration 7; it has 0 to 2"),
        (["--diff", "1", "2", "--task", "t9"], "sampled no program for task 't9'; add --held-out"),
        (["--diff", "0", "2", "--task", "t1"], "were not evaluated on task 't1'; leave out --held-out and 0"),
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


def test_solved_tasks_are_those_with_a_right_program_among_those_looked_at(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    everything = programs(capsys, run, "--iteration", 1)
    assert programs(capsys, run, "--iteration", 1, "--solved") == [("t1", "ok"), ("t1", "wrong_answer")]
    assert programs(capsys, run, "--iteration", 1, "--unsolved") == [("t2", "runtime_error")]
    assert len(everything) == 3
    # The second iteration solved t2 too.
    assert programs(capsys, run, "--unsolved") == []
    assert programs(capsys, run, "--solved", "--outcome", "runtime_error") == [("t2", "runtime_error")]
    assert programs(capsys, run, "--held-out", "--solved") == []


def test_programs_of_each_task_are_counted(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = rollout("t1", "count", "ok")
    again = dataclasses.replace(first, program=PROGRAM + "  # the same")
    other = dataclasses.replace(first, program=PROGRAM.replace("color", "shape"))
    jsonl.write_lines(run / "iteration_02/rollouts.jsonl", map(rollouts.to_json, (first, again, other)))
    written = [{"task": "t1", "round": number, "completions": [{}] * 4} for number in (0, 1)]
    jsonl.write_lines(run / "iteration_02/completions.jsonl", written)
    lines = [json.loads(line) for line in shown(capsys, run, "--by-task", "--json").splitlines()]
    assert [(line["task"], line["category"]) for line in lines] == [("t1", "count"), ("t2", "exist")]
    assert lines[0]["programs"] == {
        "iteration 1": {"written": None, "distinct": 1, "right": 1},
        "iteration 2": {"written": 8, "distinct": 2, "right": 2},
    }
    text = shown(capsys, run, "--by-task", "--limit", 1)
    assert "8 / 2 / 2" in text
    assert "1 of 2 tasks" in text
    only = [
        json.loads(line)
        for line in shown(capsys, run, "--by-task", "--unsolved", "--iteration", 1, "--json").splitlines()
    ]
    assert [line["task"] for line in only] == ["t2"]


def test_sampled_programs_of_two_iterations_are_compared_by_form(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = {1: (PROGRAM, PROGRAM.replace("color", "size")), 2: (PROGRAM.replace("image", "patch"), BETTER)}
    for number, sources in texts.items():
        found = [dataclasses.replace(rollout("t1", "count", "ok"), program=source) for source in sources]
        jsonl.write_lines(run / f"iteration_0{number}/rollouts.jsonl", map(rollouts.to_json, found))
    found = json.loads(shown(capsys, run, "--task", "t1", "--diff", 1, 2, "--json"))
    programs = {side: [each["program"] for each in of] for side, of in found.items()}
    assert programs == {"gone": [texts[1][1]], "new": [BETTER], "kept": [texts[2][0]]}
    text = shown(capsys, run, "--task", "t1", "--diff", 1, 2)
    assert "only in iteration 1: 1" in text
    assert "in both: 1" in text
    assert "+     return image.simple_query('What color is this?') or 'red'" in text


def test_programs_of_a_retry_are_among_their_iterations(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    again = dataclasses.replace(rollout("t2", "exist", "ok"), program=BETTER, author="retry")
    jsonl.write_lines(run / "iteration_02/retry.rollouts.jsonl", [rollouts.to_json(again)])
    jsonl.write_lines(run / "iteration_02/retry.completions.jsonl", [{"task": "t2", "completions": [{}, {}]}])
    found = json.loads(shown(capsys, run, "--task", "t2", "--diff", 1, 2, "--json"))
    assert [[each["program"] for each in found[side]] for side in ("kept", "new")] == [[PROGRAM], [BETTER]]
    counts = json.loads(shown(capsys, run, "--task", "t2", "--by-task", "--json"))["programs"]
    assert counts["iteration 2, retry"] == {"written": 2, "distinct": 1, "right": 1}


def test_held_out_programs_of_two_iterations_are_compared_line_by_line(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    better = dataclasses.replace(rollout("t9", "leftmost", "ok"), program=BETTER)
    jsonl.write_lines(run / "iteration_02/evaluate.rollouts.jsonl", [rollouts.to_json(better)])
    text = shown(capsys, run, "--task", "t9", "--diff", 0, 2)
    assert "iteration 0: syntax_error  →  iteration 2: ok" in text
    assert "-     return image.simple_query('What color is this?')\n" in re.sub(r" +│?\n", "\n", text)
    found = json.loads(shown(capsys, run, "--task", "t9", "--diff", 1, 2, "--held-out", "--json"))
    assert (found["1"]["program"], found["2"]["program"]) == (PROGRAM, BETTER)


@pytest.fixture
def changed(run: Path) -> Path:
    """The run, whose first iteration solved task b of the evaluation anew and forgot tasks a and c."""
    evaluations = {
        "base/examples_6.rollouts.jsonl": [
            rollout("a", "count", "ok"),
            rollout("b", "exist", "wrong_answer"),
            rollout("c", "exist", "ok"),
            rollout("d", "exist", "ok"),
        ],
        "iteration_01/evaluate.rollouts.jsonl": [
            rollout("c", "exist", "timeout"),
            rollout("a", "count", "timeout"),
            rollout("d", "exist", "ok"),
            dataclasses.replace(rollout("b", "exist", "ok"), program=BETTER),
        ],
    }
    for name, found in evaluations.items():
        jsonl.write_lines(run / name, map(rollouts.to_json, found))
    (run / "iteration_01" / "evaluate.done.json").write_text("{}")
    return run


def test_what_an_iteration_solved_and_forgot_is_shown(changed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [json.loads(line) for line in shown(capsys, changed, "--changed", "--json").splitlines()]
    assert [(line["task"], line["solved"]) for line in lines] == [("b", True), ("a", False), ("c", False)]
    assert (lines[0]["before"], lines[0]["after"]) == (PROGRAM, BETTER)
    text = shown(capsys, changed, "--changed", "--iteration", 1)
    assert "solved anew · b · exist" in text
    assert "+     return image.simple_query('What color is this?') or 'red'" in text
    assert "iteration 1: 1 solved anew, 2 forgotten" in text


@pytest.mark.parametrize(
    ("arguments", "tasks"),
    [(["--category", "exist"], ["b", "c"]), (["--task", "a"], ["a"]), (["--task", "d"], []), (["--limit", "1"], ["b"])],
)
def test_changes_are_filtered(
    changed: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], tasks: list[str]
) -> None:
    lines = [json.loads(line) for line in shown(capsys, changed, "--changed", *arguments, "--json").splitlines()]
    assert [line["task"] for line in lines] == tasks


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--iteration", "7"], "no finished iteration 7; it has 1"),
        (["--iteration", "0"], "--iteration 0 is the base policy, which nothing comes before"),
        (["--category", "exit"], "did you mean 'exist'"),
        (["--task", "t1"], "no program with task 't1' here; there are: a, b, c, d"),
    ],
)
def test_changes_that_cannot_be_are_refused(
    changed: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert cli.run(["show", str(changed), "--changed", *arguments]) == 1
    assert said in capsys.readouterr().err
