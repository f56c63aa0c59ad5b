"""The driver's memory does not grow with the number of tasks: so little for each that a million cost nothing."""

import dataclasses
import gc
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from visrep.env import jsonl, rollouts
from visrep.env.types import Box, Call, Execution, Rollout, Score
from visrep.policy import Completion
from visrep.policy.prompt import Prompter
from visrep.policy.scripted import Scripted
from visrep.scripts.bench_memory import API, asked, completion, fill_caches, generated, make_environment, program
from visrep.train.guard import guard
from visrep.train.rollout import BLOCK, Bench, Files, Sampling, collect, tally
from visrep.train.runner import Author
from visrep.train.select import select
from visrep.train.split import Split

STATED = 100
"""Bytes per task."""


def bytes_per_task(work: Callable[[int], None], few: int, many: int) -> float:
    """What Python holds at most during `work` on many tasks more than on few."""
    peaks = []
    tracemalloc.start()
    try:
        for tasks in (few, many):
            gc.collect()
            tracemalloc.reset_peak()
            held, _ = tracemalloc.get_traced_memory()
            work(tasks)
            peaks.append(tracemalloc.get_traced_memory()[1] - held)
    finally:
        tracemalloc.stop()
    return (peaks[1] - peaks[0]) / (many - few)


def attempt(number: int, folder: Path) -> Rollout:
    """As the sandbox would have it, on two images."""
    (task,) = generated(folder, range(number, number + 1), instances=2)
    found = Call("find", 0, Box(0, 0, 30, 20), ("cup",), [[0.0, 0.0, 10.0, 20.0]] * 3, 0.001)
    values = [answer for instance in task.instances for answer in instance.answers]
    executions = tuple(Execution("ok", value, calls=(found,)) for value in values)
    right = int(number % 4 > 0)
    score = Score(right, float(right), "ok" if right else "wrong_answer")
    return Rollout(task.question.id, task.question.category, program(number), executions, (score, score), right)


def logs(folder: Path, tasks: int) -> Files:
    files = Files(folder / f"{tasks}.completions.jsonl", folder / f"{tasks}.rollouts.jsonl")
    with jsonl.Log(files.completions) as completions, jsonl.Log(files.rollouts) as ran:
        for number in range(tasks):
            made = attempt(number, folder)
            written = [dataclasses.asdict(Completion(completion(number), True, 9))]
            completions.append({"task": made.task_id, "round": 0, "completions": written})
            ran.append(rollouts.to_json(made))
    return files


def test_tally_guard_and_selection_hold_no_tasks(tmp_path: Path) -> None:
    fill_caches()
    few, many = 1000, 4000
    files = {tasks: logs(tmp_path, tasks) for tasks in (few, many)}

    def work(tasks: int) -> None:
        source = Split(lambda: generated(tmp_path, range(tasks), instances=2))
        counts = tally(Prompter(["ImagePatch.find"], []), source, files[tasks], rounds=[0])
        assert sum(right for _, right, _ in counts) == tasks * 3 / 4
        refused = guard(environment, environment, source, rollouts.read(files[tasks].rollouts))
        selection = select(rollouts.read(files[tasks].rollouts), source, per_task=2, refused=refused, seed=0)
        assert (len(selection.examples), selection.right) == (400, tasks * 3 / 4)

    with make_environment() as environment:
        work(few)  # what is imported and compiled once
        assert bytes_per_task(work, few, many) < 2 * STATED


@pytest.mark.slow
def test_sampling_holds_no_tasks(tmp_path: Path) -> None:
    """Of programs that have been run already: that running them leaves nothing behind is tested with the sandbox."""
    fill_caches()
    few, many = BLOCK, 3 * BLOCK
    files = {tasks: logs(tmp_path, tasks) for tasks in (few, many)}
    prompter = Prompter(API, [])
    policy = Scripted(lambda prompt, n, seed: [completion(asked(prompt))])

    def work(tasks: int) -> None:
        files[tasks].completions.unlink(missing_ok=True)
        source = Split(lambda: generated(tmp_path, range(tasks), instances=2))
        sampling = Sampling("sampling", number=0, n=1, temperature=1.0, seed=0)
        bench = Bench(policy, prompter, environment, source)
        counts = collect(bench, sampling, files[tasks], Author(1, "base"), Console(quiet=True))
        assert (counts["completions"], counts["programs"]) == (tasks, tasks)

    with make_environment() as environment:
        work(few)  # what is imported and compiled once
        # Some 6 MB are taken once, after the first block, and are in the difference; kept prompts double it.
        assert bytes_per_task(work, few, many) < 10 * STATED
    assert sum(1 for _ in rollouts.read(files[many].rollouts)) == many
