"""Sampling and executing: prompts go to the policy, its programs to the environment, all of it to disk on the way.

Programs run while others are still being written, so that neither the policy nor the sandbox waits for the other's last
straggler. Completions are on disk before any of them runs, and never sampled again; rollouts are appended as they
finish. So a round that was cut short goes on where it stopped. Programs that are equal in canonical form run once per
task.
"""

import dataclasses
import time
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from visrep.env import jsonl, rollouts
from visrep.env.environment import Environment, Usage
from visrep.env.types import Task
from visrep.policy import Completion, Policy
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
    already is not done again. Returns counts of the whole round, and seconds and rates of what was done now:
    `executing_seconds` are those after the last completion."""
    known = read_completions(files.completions, rounds=[sampling.number])
    missing = [task for task in bench.tasks if task.question.id not in known]
    total = len(bench.tasks) * sampling.n
    started, before = time.monotonic(), bench.environment.usage()
    tokens = 0
    ran = {(rollout.task_id, program_key(rollout.program)) for rollout in rollouts.read(files.rollouts)}
    with jsonl.Log(files.rollouts) as log, Runner(bench.environment, bench.prompter, ran, log, author) as runner:
        for task in bench.tasks:
            runner.give(task, known.get(task.question.id, []))
        with progress.bar(console, sampling.label, total, total - len(missing) * sampling.n) as advance:
            for task, completions in _written(bench, missing, sampling, files.completions):
                runner.give(task, completions)
                tokens += _tokens(completions)
                rate = tokens / (time.monotonic() - started)
                advance(len(completions), f"{rate:.0f} tokens/s, {runner.done} programs run")
        sampled = time.monotonic() - started
        runner.finish(console)
    return {
        "completions": total,
        "tokens": tokens + sum(map(_tokens, known.values())),
        "programs": runner.distinct,
        "sampling_seconds": round(sampled, 2),
        "executing_seconds": round(time.monotonic() - started - sampled, 2),
        "rates": _rates(tokens, sampled, runner.done, time.monotonic() - started, bench.environment.usage() - before),
    }


def _rates(tokens: int, sampled: float, programs: int, seconds: float, usage: Usage) -> dict[str, float]:
    """What was done in so many seconds, in the first `sampled` of which the policy wrote `tokens`. `policy_idle` is the
    share of the rest, `sandbox_idle` that in which no program was there to run; programs and calls per second are those
    of the time in which there was one; `cache_hits` is the share of calls that no model was asked for."""
    busy = max(seconds - usage.idle_seconds, 1e-9)
    return {
        "tokens_per_second": round(tokens / sampled, 1),
        "programs_per_second": round(programs / busy, 1),
        "calls": usage.calls,
        "calls_per_second": round(usage.calls / busy, 1),
        "cache_hits": round(usage.hits / max(usage.calls, 1), 3),
        "perception_seconds": round(usage.perception_seconds, 2),
        "policy_idle": round(1 - sampled / seconds, 3),
        "sandbox_idle": round(usage.idle_seconds / seconds, 3),
    }


def _written(
    bench: Bench, missing: Sequence[Task], sampling: Sampling, file: Path
) -> Iterator[tuple[Task, list[Completion]]]:
    """Tasks with their completions, which are on disk by then."""
    prompts = [bench.prompter.prompt(task.question) for task in missing]
    with jsonl.Log(file) as log:
        for index, completions in bench.policy.sample(prompts, sampling.n, sampling.temperature, sampling.seed):
            record = {"task": missing[index].question.id, "round": sampling.number}
            log.append(record | {"completions": [dataclasses.asdict(completion) for completion in completions]})
            yield missing[index], completions


def _tokens(completions: Iterable[Completion]) -> int:
    return sum(completion.tokens for completion in completions)


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
