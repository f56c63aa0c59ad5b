"""A round of sampling with execution beside it."""

import io
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from rich.console import Console

from visrep import reward
from visrep.env import jsonl, rollouts
from visrep.env.environment import Environment
from visrep.env.faults import MachineFault
from visrep.env.perception import Request, scripted
from visrep.env.perception.service import Service
from visrep.env.sandbox import Limits, Sandbox
from visrep.env.types import Instance, Question, Task
from visrep.policy.prompt import Prompter
from visrep.policy.scripted import Scripted
from visrep.train.rollout import Bench, Files, Sampling, collect
from visrep.train.runner import Author

QUIET = Console(quiet=True)
ROUND = Sampling("sampling", number=0, n=3, temperature=1.0, seed=0)
AUTHOR = Author(1, "base")
TEXTS = ["\n    return len(image.find('cup'))", "\n    return  len(image.find('cup'))  # the same", "\n    return ("]


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> list[Task]:
    path = tmp_path_factory.mktemp("images") / "white.png"
    Image.new("RGB", (60, 40), "white").save(path)
    return [
        Task(
            Question(f"q{n}", f"How many, {n}?", "answer", "count"), (Instance("i", (path,), answers=("3",)),), "t", "s"
        )
        for n in range(12)
    ]


def bench(tasks: Sequence[Task], policy: Scripted, perception: Any = None) -> Bench:
    environment = Environment(
        Sandbox(Limits(cpu_seconds=1), parallel=4), perception or Service(scripted.load()), reward.score
    )
    return Bench(policy, Prompter(["ImagePatch.find"], []), environment, tasks)


def test_programs_run_while_others_are_still_being_written(tasks: list[Task], tmp_path: Path) -> None:
    files = Files(tmp_path / "completions.jsonl", tmp_path / "rollouts.jsonl")
    seen: list[int] = []

    def slowly(prompt: str, n: int, seed: int) -> list[str]:
        time.sleep(0.1)
        seen.append(len(list(jsonl.read(files.rollouts))))
        return TEXTS

    made = bench(tasks, Scripted(slowly))
    counts = collect(made, ROUND, files, AUTHOR, QUIET)
    made.environment.close()
    assert seen[-1] >= 8, "rollouts there when the last completions were written"
    assert (counts["completions"], counts["programs"]) == (36, 24)
    assert counts["executing_seconds"] < counts["sampling_seconds"]
    assert 0.3 < counts["sandbox_idle"] <= 1
    found = list(rollouts.read(files.rollouts))
    assert sorted(rollout.reward for rollout in found) == [0] * 12 + [1] * 12
    assert {(rollout.iteration, rollout.policy) for rollout in found} == {(1, "base")}


def test_what_is_on_disk_is_neither_written_nor_run_again(tasks: list[Task], tmp_path: Path) -> None:
    files = Files(tmp_path / "completions.jsonl", tmp_path / "rollouts.jsonl")
    made = bench(tasks[:5], Scripted(lambda prompt, n, seed: TEXTS))
    collect(made, ROUND, files, AUTHOR, QUIET)
    lines = files.rollouts.read_text().splitlines(keepends=True)
    files.rollouts.write_text("".join(lines[:4]))
    asked: list[str] = []

    def script(prompt: str, n: int, seed: int) -> list[str]:
        asked.append(prompt)
        return TEXTS

    more = Bench(Scripted(script), made.prompter, made.environment, tasks)
    counts = collect(more, ROUND, files, AUTHOR, QUIET)
    made.environment.close()
    assert len(asked) == 7
    assert (counts["completions"], counts["programs"]) == (36, 24)
    keys = [(rollout.task_id, rollout.program) for rollout in rollouts.read(files.rollouts)]
    assert len(keys) == len(set(keys)) == 24


class Broken:
    """Perception whose model breaks."""

    identity = "broken"

    def answer(self, requests: Sequence[Request]) -> list[Any]:
        raise MachineFault("the model broke")

    def remembered(self, requests: Sequence[Request]) -> list[Any] | None:
        return None

    def close(self) -> None:
        pass


def test_a_fault_in_running_stops_the_writing_and_keeps_it(tasks: list[Task], tmp_path: Path) -> None:
    files = Files(tmp_path / "completions.jsonl", tmp_path / "rollouts.jsonl")

    def slowly(prompt: str, n: int, seed: int) -> list[str]:
        time.sleep(0.2)
        return TEXTS

    made = bench(tasks, Scripted(slowly), Broken())
    with pytest.raises(MachineFault, match="the model broke"):
        collect(made, ROUND, files, AUTHOR, QUIET)
    made.environment.close()
    written = len(list(jsonl.read(files.completions)))
    assert 1 <= written < 12


def test_a_fault_in_writing_keeps_what_has_run(tasks: list[Task], tmp_path: Path) -> None:
    files = Files(tmp_path / "completions.jsonl", tmp_path / "rollouts.jsonl")
    left = iter([TEXTS] * 3)

    def fails(prompt: str, n: int, seed: int) -> list[str]:
        time.sleep(0.3)
        texts = next(left, None)
        if texts is None:
            raise MachineFault("the server is gone")
        return texts

    made = bench(tasks, Scripted(fails))
    with pytest.raises(MachineFault, match="the server is gone"):
        collect(made, ROUND, files, AUTHOR, QUIET)
    made.environment.close()
    assert len(list(jsonl.read(files.completions))) == 3
    assert len(list(rollouts.read(files.rollouts))) >= 4


class Choosing(Scripted):
    """Reports as an engine may that had to choose something."""

    def report(self) -> dict[str, Any]:
        return {"starts": 1, "choice": {"merged": True, "reason": "merged, as that is sooner"}}


def test_what_an_engine_reports_is_recorded_and_its_choice_told(tasks: list[Task], tmp_path: Path) -> None:
    files = Files(tmp_path / "completions.jsonl", tmp_path / "rollouts.jsonl")
    policy = Choosing(lambda prompt, n, seed: TEXTS)
    made = bench(tasks[:1], policy)
    said = io.StringIO()
    counts = collect(made, ROUND, files, AUTHOR, Console(file=said))
    made.environment.close()
    assert counts["engine"] == policy.report()
    assert "merged, as that is sooner\n" in said.getvalue()
