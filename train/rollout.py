"""Sampling and executing: prompts go to the policy, its programs to the environment, all of it to disk on the way.

Programs run while others are still being written, so that neither the policy nor the sandbox waits for the other's last
straggler. Completions are on disk before any of them runs, and never sampled again; rollouts are appended as they
finish. So a round that was cut short goes on where it stopped. Programs that are equal in canonical form run once per
task. What is known of tasks is looked up on disk, so memory does not grow with their number.
"""

import dataclasses
import time
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from rich.console import Console

from visrep.env import canonical, jsonl, rollouts
from visrep.env.environment import Environment, Usage
from visrep.env.types import Task
from visrep.policy import Completion, Policy, report
from visrep.policy.prompt import Prompter
from visrep.train import progress
from visrep.train.grouped import Grouped
from visrep.train.runner import Author, Runner
from visrep.train.split import Tasks

BLOCK = 4096
"""Tasks whose prompts an engine is given at a time; they and their prompts are in memory. Between two blocks it writes
the last of one before it begins with the next, which in a larger block matters less."""

_SEEDS_APART = 1_000_003
"""From one block to the next: engines tell equal prompts apart within one call, and here they are in several."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """One round: `n` completions a task; `label` is shown, `number` keeps the rounds of one file apart."""

    label: str
    number: int
    n: int
    temperature: float
    seed: int


def _no_hint(task: Task) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Bench:
    """Who writes, from which prompts, where programs run, and on which tasks. `hint` is what the prompt says of a task
    beside its question; it is asked for only where completions are still to be written."""

    policy: Policy
    prompter: Prompter
    environment: Environment
    tasks: Tasks
    hint: Callable[[Task], str] = _no_hint


@dataclass(frozen=True, slots=True)
class Files:
    """The logs that a round is written to."""

    completions: Path
    rollouts: Path


def collect(bench: Bench, sampling: Sampling, files: Files, author: Author, console: Console) -> dict[str, Any]:
    """Have `n` completions for every task in this round, and a rollout of every distinct program; what is on disk
    already is not done again. Returns counts of the whole round, and seconds and rates of what was done now:
    `executing_seconds` are those after the last completion; `rates` has `engine`, if the engine reports anything."""
    known = Grouped(read_completions(files.completions, rounds=[sampling.number]))
    ran = Grouped((rollout.task_id, canonical.form(rollout.program)) for rollout in rollouts.read(files.rollouts))
    total, tokens, written = len(bench.tasks) * sampling.n, 0, 0
    started, before = time.monotonic(), bench.environment.usage()
    with jsonl.Log(files.rollouts) as log, Runner(bench.environment, bench.prompter, ran, log, author) as runner:
        with progress.bar(console, sampling.label, total) as advance:
            for task, completions, new in _written(bench, known, sampling, files.completions):
                runner.give(task, completions)
                tokens += _tokens(completions)
                written += _tokens(completions) if new else 0
                rate = written / (time.monotonic() - started)
                advance(len(completions), f"{rate:.0f} tokens/s, {runner.done} programs run")
        sampled, waited = time.monotonic() - started, runner.waited
        runner.finish(console)
    seconds, usage = time.monotonic() - started, bench.environment.usage() - before
    if usage.repeated:
        console.print(f"the sandbox was lost and started again; {usage.repeated} programs ran twice", highlight=False)
    engine = report(bench.policy)
    if "choice" in engine:
        console.print(engine["choice"]["reason"], highlight=False, soft_wrap=True)
    rates = _rates(written, sampled - waited, runner.done, seconds, usage)
    return {
        "completions": total,
        "tokens": tokens,
        "programs": runner.distinct,
        "sampling_seconds": round(sampled, 2),
        "executing_seconds": round(seconds - sampled, 2),
        "rates": rates | ({"engine": engine} if engine else {}),
    }


def _rates(tokens: int, sampled: float, programs: int, seconds: float, usage: Usage) -> dict[str, Any]:
    """What was done in so many seconds, in `sampled` of which the policy wrote `tokens`. `policy_idle` is the share of
    the rest, `sandbox_idle` that in which no program was there to run; programs and calls per second are those
    of the time in which there was one; `cache_hits` is the share of calls that no model was asked for; `perception` has
    `Service.statistics` for each method."""
    busy = max(seconds - usage.idle_seconds, 1e-9)
    return {
        "tokens_per_second": round(tokens / sampled, 1),
        "programs_per_second": round(programs / busy, 1),
        "calls": usage.calls,
        "calls_per_second": round(usage.calls / busy, 1),
        "cache_hits": round(usage.hits / max(usage.calls, 1), 3),
        "programs_repeated": usage.repeated,
        "perception": {
            method: {name: round(value, 3) for name, value in figures.items()}
            for method, figures in usage.perception.items()
        },
        "policy_idle": round(1 - sampled / seconds, 3),
        "sandbox_idle": round(usage.idle_seconds / seconds, 3),
    }


def _written(
    bench: Bench, known: Grouped[Completion], sampling: Sampling, file: Path
) -> Iterator[tuple[Task, list[Completion], bool]]:
    """Tasks with their completions, which are on disk by then, and whether they were written just now."""
    tasks = iter(bench.tasks)
    with jsonl.Log(file) as log:
        for number in range(-(-len(bench.tasks) // BLOCK)):
            missing = []
            for task in islice(tasks, BLOCK):
                if before := list(known.of(task.question.id)):
                    yield task, before, False
                else:
                    missing.append(task)
            for task, completions in _sampled(bench, missing, sampling, sampling.seed + number * _SEEDS_APART):
                record = {"task": task.question.id, "round": sampling.number}
                log.append(record | {"completions": [dataclasses.asdict(completion) for completion in completions]})
                yield task, completions, True


def _sampled(
    bench: Bench, tasks: Sequence[Task], sampling: Sampling, seed: int
) -> Iterator[tuple[Task, list[Completion]]]:
    prompts = [bench.prompter.prompt(task.question, bench.hint(task)) for task in tasks]
    for index, completions in bench.policy.sample(prompts, sampling.n, sampling.temperature, seed) if tasks else ():
        yield tasks[index], completions


def _tokens(completions: Iterable[Completion]) -> int:
    return sum(completion.tokens for completion in completions)


def read_completions(file: Path, rounds: Container[int]) -> Iterator[tuple[str, Completion]]:
    """Completions of these rounds, each with its task."""
    for record in jsonl.read(file):
        if record["round"] in rounds:
            for completion in record["completions"]:
                yield record["task"], Completion(**completion)


def tally(prompter: Prompter, tasks: Tasks, files: Files, rounds: Container[int]) -> Iterator[tuple[int, int, int]]:
    """For each task in turn: completions sampled in these rounds, those of them that earned 1, and distinct programs
    among those."""
    written = Grouped(read_completions(files.completions, rounds))
    attempts = rollouts.read(files.rollouts)
    right = Grouped((rollout.task_id, canonical.form(rollout.program)) for rollout in attempts if rollout.reward == 1)
    for task in tasks:
        paying = set(right.of(task.question.id))
        programs = (prompter.program(task.question, each.text) for each in written.of(task.question.id))
        keys = [canonical.form(program) for program in programs]
        paid = [key for key in keys if key in paying]
        yield len(keys), len(paid), len(set(paid))
