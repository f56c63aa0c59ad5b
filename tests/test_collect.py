"""A round of sampling with execution beside it."""

import io
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
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
from visrep.train.rollout import BLOCK, Bench, Files, Sampling, collect
from visrep.train.runner import WAITING, Author

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


def _seconds(counts: dict[str, Any]) -> float:
    seconds: float = counts["sampling_seconds"] + counts["executing_seconds"]
    return seconds


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
    rates = counts["rates"]
    assert 0.3 < rates["sandbox_idle"] <= 1
    # One of the three programs of a task asks for cups, in the same picture as all others.
    assert (rates["calls"], round(rates["cache_hits"], 2)) == (12, 0.92)
    find = rates["perception"]["find"]
    assert {name: find[name] for name in ("calls", "hits", "batches", "batched", "restarts")} == {
        "calls": 12, "hits": 11, "batches": 1, "batched": 1, "restarts": 0,
    }  # fmt: skip
    assert rates["policy_idle"] == pytest.approx(counts["executing_seconds"] / _seconds(counts), abs=0.01)
    assert rates["tokens_per_second"] == pytest.approx(counts["tokens"] / counts["sampling_seconds"], rel=0.02)
    assert rates["programs_per_second"] == pytest.approx(24 / 12 * rates["calls_per_second"], rel=0.02)
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

    def statistics(self) -> dict[str, dict[str, float]]:
        return {}

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


def many(task: Task, count: int) -> list[Task]:
    """Tasks that only their ids tell apart."""
    return [replace(task, question=replace(task.question, id=f"m{number}")) for number in range(count)]


def test_each_block_of_tasks_has_a_seed_of_its_own_and_keeps_it_when_resumed(tasks: list[Task], tmp_path: Path) -> None:
    """Equal prompts would else be answered alike in every block."""
    files = Files(tmp_path / "completions.jsonl", tmp_path / "rollouts.jsonl")
    every = many(tasks[0], BLOCK + 3)
    with bench([], Scripted({})).environment as environment:
        ran = rollouts.to_json(environment.step(every[0], f"def execute_command(image):{TEXTS[0]}"))
        with jsonl.Log(files.rollouts) as log:  # so that nothing has to be run
            log.append(*(ran | {"task_id": task.question.id} for task in every))
        seeds: list[int] = []

        def script(prompt: str, n: int, seed: int) -> list[str]:
            seeds.append(seed)
            return TEXTS[:1]

        made = Bench(Scripted(script), Prompter(["ImagePatch.find"], []), environment, every)
        collect(made, ROUND, files, AUTHOR, QUIET)
        first, second = set(seeds[:BLOCK]), set(seeds[BLOCK:])
        assert (len(seeds), len(first), len(second)) == (BLOCK + 3, 1, 1)
        assert first == {ROUND.seed} != second
        lines = files.completions.read_text().splitlines(keepends=True)
        files.completions.write_text("".join(lines[1:BLOCK]))
        seeds.clear()
        counts = collect(made, ROUND, files, AUTHOR, QUIET)
    assert seeds == [*first, *second, *second, *second]
    assert counts["programs"] == len(every)


class Held:
    """Perception that answers nothing until it is released."""

    identity = "held"

    def __init__(self) -> None:
        self.released = threading.Event()
        self._service = Service(scripted.load())

    def answer(self, requests: Sequence[Request]) -> list[Any]:
        self.released.wait()
        return self._service.answer(requests)

    def remembered(self, requests: Sequence[Request]) -> list[Any] | None:
        return None

    def statistics(self) -> dict[str, dict[str, float]]:
        return self._service.statistics()

    def close(self) -> None:
        pass


def test_a_policy_that_is_faster_than_the_sandbox_waits_for_it(tasks: list[Task], tmp_path: Path) -> None:
    files = Files(tmp_path / "completions.jsonl", tmp_path / "rollouts.jsonl")
    perception, asked, reached = Held(), [0], [0]

    def script(prompt: str, n: int, seed: int) -> list[str]:
        asked[0] += 1
        return TEXTS[:1]

    def release_when_nothing_moves() -> None:
        while asked[0] == 0 or asked[0] != reached[0]:
            reached[0] = asked[0]
            time.sleep(2)
        perception.released.set()

    made = bench(many(tasks[0], WAITING + 100), Scripted(script), perception)
    releasing = threading.Thread(target=release_when_nothing_moves)
    releasing.start()
    collect(made, ROUND, files, AUTHOR, QUIET)
    releasing.join()
    made.environment.close()
    # Beside those that wait there are four in the sandbox, and the one that there is no room for.
    assert reached[0] <= WAITING + 5
    assert len(list(rollouts.read(files.rollouts))) == WAITING + 100


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
    assert counts["rates"]["engine"] == policy.report()
    assert "merged, as that is sooner\n" in said.getvalue()
