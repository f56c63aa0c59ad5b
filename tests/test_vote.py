"""Voting among a task's programs, on logs as sampling leaves them."""

import dataclasses
from pathlib import Path

from visrep import reward
from visrep.env import jsonl, rollouts
from visrep.env.types import Execution, Instance, Question, Rollout, Score, Task
from visrep.policy import Completion
from visrep.policy.prompt import Prompter
from visrep.train.rollout import Files
from visrep.train.vote import vote

PROMPTER = Prompter(["ImagePatch.find"], [])
TASK = Task(
    Question("t", "What color?", "answer", "color"),
    (Instance("one", answers=("red",)), Instance("two", answers=("blue",))),
    "made",
    "test",
)


def rollout(body: str, *values: str | None) -> Rollout:
    """A program with its value on each instance, None where it failed."""
    executions = tuple(Execution("ok", value) if value else Execution("runtime_error") for value in values)
    scores = (Score(0, 0.0, "wrong_answer"),) * len(values)  # what voting must not look at
    return Rollout("t", "color", f"def execute_command(image):{body}", executions, scores, 0)


def elected(tmp_path: Path, written: list[str], ran: list[Rollout]) -> list[Rollout]:
    files = Files(tmp_path / "completions.jsonl", tmp_path / "rollouts.jsonl")
    completions = [dataclasses.asdict(Completion(body, True, 1)) for body in written]
    jsonl.write_lines(files.completions, [{"task": "t", "round": 0, "completions": completions}])
    jsonl.write_lines(files.rollouts, map(rollouts.to_json, ran))
    return list(vote(PROMPTER, [TASK], files, reward.score))


def test_each_instance_is_decided_by_itself_and_repeated_programs_count(tmp_path: Path) -> None:
    a, b, c = "\n    return 'a'", "\n    return 'b'", "\n    return 'c'"
    ran = [rollout(a, "red", "red"), rollout(b, "green", "blue"), rollout(c, "green", None)]
    (one,) = elected(tmp_path, [a, a, a, b, c], ran)
    assert [execution.value for execution in one.executions] == ["red", "red"]
    (two,) = elected(tmp_path, [a, b, b, c], ran)
    assert [execution.value for execution in two.executions] == ["green", "blue"]
    assert [score.reward for score in two.scores] == [0, 1]
    assert two.reward == 0


def test_failed_programs_have_no_vote_and_nothing_but_failures_is_wrong(tmp_path: Path) -> None:
    a, b = "\n    return 'a'", "\n    return 'b'"
    (one,) = elected(tmp_path, [a, a, b], [rollout(a, None, None), rollout(b, "red", "blue")])
    assert one.reward == 1
    (none,) = elected(tmp_path, [a], [rollout(a, None, None)])
    assert [(score.reward, score.outcome) for score in none.scores] == [(0, "runtime_error")] * 2


def test_a_task_without_programs_is_left_out(tmp_path: Path) -> None:
    assert elected(tmp_path, [], []) == []
