"""Sampling and executing: prompts go to the policy, its programs to the environment, all of it to disk on the way.

Completions are written before any of them runs, and never sampled again; rollouts are appended as they finish. So a
round that was cut short goes on where it stopped. Programs that are equal in canonical form run once per task.
"""

import dataclasses
import time
from collections import defaultdict
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from rich.console import Console

from visrep.env import jsonl, rollouts
from visrep.env.canonical import canonical
from visrep.env.environment import Environment
from visrep.env.types import Execution, Rollout, Score, Task
from visrep.policy import Completion, Policy
from visrep.policy.prompt import Prompter
from visrep.train import progress

UNFINISHED = Execution(outcome="syntax_error", message="cut off at the token limit")
"""A program that hit the token limit is not run: what stands there is not what the policy meant to write."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """One round: `n` completions a task; `label` is shown, `number` keeps the rounds of one file apart."""

    label: str
    number: int
    n: int
    temperature: float
    seed: int


@dataclass(frozen=True, slots=True)
class Author:
    """Whose programs these are: stamped on every rollout."""

    iteration: int
    policy: str


def program_key(program: str) -> str:
    """Equal for programs that do the same thing in the same way; a program that does not parse is its own key."""
    return canonical(program) or program


def sample(
    policy: Policy, prompter: Prompter, tasks: Sequence[Task], sampling: Sampling, file: Path, console: Console
) -> dict[str, Any]:
    """Write `n` completions for every task that has none in this round yet; return counts and rates."""
    done = {record["task"] for record in jsonl.read(file) if record["round"] == sampling.number}
    missing = [task for task in tasks if task.question.id not in done]
    prompts = [prompter.prompt(task.question) for task in missing]
    tokens, started = 0, time.monotonic()
    total = len(tasks) * sampling.n
    with jsonl.Log(file) as log, progress.bar(console, sampling.label, total, len(done) * sampling.n) as advance:
        for index, completions in policy.sample(prompts, sampling.n, sampling.temperature, sampling.seed):
            log.append(
                {
                    "task": missing[index].question.id,
                    "round": sampling.number,
                    "completions": [dataclasses.asdict(completion) for completion in completions],
                }
            )
            tokens += sum(completion.tokens for completion in completions)
            advance(len(completions), f"{tokens / (time.monotonic() - started):.0f} tokens/s")
    seconds = time.monotonic() - started
    return {"completions": len(missing) * sampling.n, "tokens": tokens, "sampling_seconds": round(seconds, 2)}


def read_completions(file: Path, rounds: Container[int]) -> dict[str, list[Completion]]:
    """Completions of these rounds by task."""
    found: dict[str, list[Completion]] = defaultdict(list)
    for record in jsonl.read(file):
        if record["round"] in rounds:
            found[record["task"]].extend(Completion(**completion) for completion in record["completions"])
    return dict(found)


def execute(
    environment: Environment,
    prompter: Prompter,
    tasks: Sequence[Task],
    completions: dict[str, list[Completion]],
    file: Path,
    author: Author,
    console: Console,
) -> dict[str, Any]:
    """Run every distinct program that has no rollout yet, and append its rollout; return counts and rates."""
    known = {(rollout.task_id, program_key(rollout.program)) for rollout in rollouts.read(file)}
    new = list(_new_programs(prompter, tasks, completions, known))
    started = time.monotonic()
    with jsonl.Log(file) as log, progress.bar(console, "executing programs", len(new)) as advance:
        whole = ((task, program) for task, program, finished in new if finished)
        cut = (_unfinished(task, program) for task, program, finished in new if not finished)
        for count, rollout in enumerate(chain(cut, environment.run(whole)), 1):
            stamped = dataclasses.replace(rollout, iteration=author.iteration, policy=author.policy)
            log.append(rollouts.to_json(stamped))
            advance(1, f"{count / (time.monotonic() - started):.0f} programs/s")
    return {"programs": len(new), "executing_seconds": round(time.monotonic() - started, 2)}


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


def _new_programs(
    prompter: Prompter, tasks: Sequence[Task], completions: dict[str, list[Completion]], known: set[tuple[str, str]]
) -> Iterator[tuple[Task, str, bool]]:
    seen = set(known)
    for task in tasks:
        for completion in completions.get(task.question.id, []):
            program = prompter.program(task.question, completion.text)
            key = (task.question.id, program_key(program))
            if key not in seen:
                seen.add(key)
                yield task, program, completion.finished


def _unfinished(task: Task, program: str) -> Rollout:
    count = len(task.instances)
    return Rollout(
        task_id=task.question.id,
        category=task.question.category,
        program=program,
        executions=(UNFINISHED,) * count,
        scores=(Score(reward=0, measure=0.0, outcome=UNFINISHED.outcome),) * count,
        reward=0,
    )
