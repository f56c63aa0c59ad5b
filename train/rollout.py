"""Sampling and executing: prompts go to the policy, its programs to the environment, all of it to disk on the way.

Programs run while others are still being written, so that neither the policy nor the sandbox waits for the other's last
straggler. Completions are on disk before any of them runs, and never sampled again; rollouts are appended as they
finish. So a round that was cut short goes on where it stopped. Programs that are equal in canonical form run once per
task.
"""

import dataclasses
import time
from collections import defaultdict
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from visrep.env import jsonl, rollouts
from visrep.env.environment import Environment
from visrep.env.types import Task
from visrep.policy import Completion, Policy, report
from visrep.policy.prompt import Prompter
from visrep.train import progress
from visrep.train.runner import Author, Runner, program_key


@dataclass(frozen=True, slots=True)
class Sampling:
    """One round: `n` completions a task; `label` is shown, `number` keeps the rounds of one file apart."""

    label: str
    number: int
    n: int
    temperature: float
    seed: int


@dataclass(frozen=True, slots=True)
class Bench:
    """Who writes, from which prompts, where programs run, and on which tasks."""

    policy: Policy
    prompter: Prompter
    environment: Environment
    tasks: Sequence[Task]


@dataclass(frozen=True, slots=True)
class Files:
    """The logs that a round is written to."""

    completions: Path
    rollouts: Path


def collect(bench: Bench, sampling: Sampling, files: Files, author: Author, console: Console) -> dict[str, Any]:
    """Have `n` completions for every task in this round, and a rollout of every distinct program; what is on disk
    already is not done again. Returns counts of the whole round, seconds and rates of what was done now:
    `executing_seconds` are those after the last completion, `sandbox_idle` is the share of all seconds in which no
    program was there to run, `engine` what the engine reports."""
    known = read_completions(files.completions, rounds=[sampling.number])
    missing = [task for task in bench.tasks if task.question.id not in known]
    started, idle = time.monotonic(), bench.environment.idle_seconds
    written = sum(completion.tokens for each in known.values() for completion in each)
    tokens = 0
    ran = {(rollout.task_id, program_key(rollout.program)) for rollout in rollouts.read(files.rollouts)}
    with jsonl.Log(files.rollouts) as log, Runner(bench.environment, bench.prompter, ran, log, author) as runner:
        for task in bench.tasks:
            runner.give(task, known.get(task.question.id, []))
        for task, completions in _written(bench, missing, sampling, files.completions, runner, console):
            runner.give(task, completions)
            tokens += sum(completion.tokens for completion in completions)
        sampled = time.monotonic() - started
        runner.finish(console)
    engine = report(bench.policy)
    if "choice" in engine:
        console.print(engine["choice"]["reason"], highlight=False, soft_wrap=True)
    seconds = time.monotonic() - started
    return {
        "completions": len(bench.tasks) * sampling.n,
        "tokens": written + tokens,
        "tokens_per_second": round(tokens / sampled, 1),
        "programs": runner.distinct,
        "sampling_seconds": round(sampled, 2),
        "executing_seconds": round(seconds - sampled, 2),
        "sandbox_idle": round((bench.environment.idle_seconds - idle) / seconds, 3),
    } | ({"engine": engine} if engine else {})


def _written(
    bench: Bench, missing: Sequence[Task], sampling: Sampling, file: Path, runner: Runner, console: Console
) -> Iterator[tuple[Task, list[Completion]]]:
    """Tasks with their completions, which are on disk by then."""
    prompts = [bench.prompter.prompt(task.question) for task in missing]
    tokens, started, total = 0, time.monotonic(), len(bench.tasks) * sampling.n
    with (
        jsonl.Log(file) as log,
        progress.bar(console, sampling.label, total, total - len(missing) * sampling.n) as advance,
    ):
        for index, completions in bench.policy.sample(prompts, sampling.n, sampling.temperature, sampling.seed):
            record = {"task": missing[index].question.id, "round": sampling.number}
            log.append(record | {"completions": [dataclasses.asdict(completion) for completion in completions]})
            yield missing[index], completions
            tokens += sum(completion.tokens for completion in completions)
            rate = tokens / (time.monotonic() - started)
            advance(len(completions), f"{rate:.0f} tokens/s, {runner.done} programs run")


def read_completions(file: Path, rounds: Container[int]) -> dict[str, list[Completion]]:
    """Completions of these rounds by task."""
    found: dict[str, list[Completion]] = defaultdict(list)
    for record in jsonl.read(file):
        if record["round"] in rounds:
            found[record["task"]].extend(Completion(**completion) for completion in record["completions"])
    return dict(found)


def tally(
    prompter: Prompter, tasks: Sequence[Task], completions: dict[str, list[Completion]], file: Path
) -> dict[str, tuple[int, int, int]]:
    """Per task: completions sampled, completions that earned 1, distinct programs that earned 1."""
    right = {(r.task_id, program_key(r.program)) for r in rollouts.read(file) if r.reward == 1}
    counts = {}
    for task in tasks:
        keys = [
            (task.question.id, program_key(prompter.program(task.question, completion.text)))
            for completion in completions.get(task.question.id, [])
        ]
        paid = [key for key in keys if key in right]
        counts[task.question.id] = (len(keys), len(paid), len(set(paid)))
    return counts
