"""Greedy accuracy of a policy on annotated tasks, and of a checkpoint by itself.

There is no fallback: a program that fails is wrong. An accuracy that includes a fallback's lucky answers measures the
fallback.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from visrep.env import rollouts
from visrep.policy.prompt import Prompter
from visrep.train import parts, variants
from visrep.train.config import DataSettings, Recipe
from visrep.train.evaluate import evaluate, solved
from visrep.train.grouped import Grouped
from visrep.train.rollout import Bench, Files, Sampling, collect
from visrep.train.runner import Author
from visrep.train.split import Tasks
from visrep.train.vote import vote


@dataclass(frozen=True, slots=True)
class Assessment:
    """What a checkpoint comes to: its evaluation as JSON data, whether it solved each task, by the task's id, and the
    evaluation of what several of its programs agree on, where that was asked for."""

    evaluation: dict[str, Any]
    solved: dict[str, bool]
    agreement: dict[str, Any] | None


def evaluate_greedily(
    bench: Bench, data: Sequence[DataSettings], folder: Path, name: str, author: Author, console: Console
) -> dict[str, Any]:
    """One greedy program per task of these data sets. Leaves `NAME.completions.jsonl` and `NAME.rollouts.jsonl` in the
    folder, and goes on where they stop; returns the evaluation, counts and seconds."""
    files = Files(folder / f"{name}.completions.jsonl", folder / f"{name}.rollouts.jsonl")
    label = "evaluating" if name == "evaluate" else f"evaluating {name}"
    greedy = Sampling(label, number=0, n=1, temperature=0.0, seed=0)
    done = collect(bench, greedy, files, author, console)
    evaluation = evaluate(rollouts.read(files.rollouts), bench.tasks).to_json()
    evaluation["measures"] |= _own_measures(bench.tasks, data, files)
    return {"evaluation": evaluation, "evaluating": done}


def _own_measures(tasks: Tasks, data: Sequence[DataSettings], files: Files) -> dict[str, float]:
    """What data sets measure in their own way; of several, with the set's name before it."""
    found: dict[str, float] = {}
    for name, settings in parts.named(data).items():
        metrics = variants.metrics(settings.dataset)
        if metrics is not None:
            ran = Grouped((rollout.task_id, rollout) for rollout in rollouts.read(files.rollouts))
            own = (task for task in tasks if len(data) == 1 or task.dataset == name)
            measured = metrics((task, next(ran.of(task.question.id), None)) for task in own)
            found |= {f"{name}/{key}" if len(data) > 1 else key: value for key, value in measured.items()}
    return found


def evaluate_by_vote(
    bench: Bench, recipe: Recipe, votes: int, folder: Path, author: Author, console: Console
) -> dict[str, Any]:
    """Evaluation of the values that most of `votes` programs per task agree on, sampled as the recipe samples. Leaves
    `votes.completions.jsonl` and `votes.rollouts.jsonl` in the folder, and goes on where they stop."""
    files = Files(folder / "votes.completions.jsonl", folder / "votes.rollouts.jsonl")
    sampling = Sampling("sampling votes", 0, votes, recipe.sampling.temperature, recipe.seed)
    collect(bench, sampling, files, author, console)
    elected = vote(bench.prompter, bench.tasks, files, parts.build_reward(recipe))
    return {"votes": votes} | evaluate(elected, bench.tasks).to_json()


def load_test_tasks(recipe: Recipe, split: str | None, whole: bool) -> Tasks:
    """The recipe's test tasks, or those of another split of its data sets; `whole` leaves none of them out."""
    learnt = all(split == data.train for data in recipe.data)
    tasks, _ = parts.load_tasks(recipe, "train" if learnt else "test", whole=whole, split=split)
    return tasks


def assess(
    checkpoint: Path,
    prompter: Prompter,
    recipe: Recipe,
    tasks: Tasks,
    folder: Path,
    console: Console,
    votes: int | None = None,
) -> Assessment:
    """`evaluate_greedily`, and with `votes` also `evaluate_by_vote`, for a checkpoint folder, with engine and
    environment as the recipe says."""
    policy = parts.build_policy(recipe, checkpoint, folder / "log")
    try:
        with parts.build_environment(recipe) as environment:
            bench, author = Bench(policy, prompter, environment, tasks), Author(0, str(checkpoint))
            result = evaluate_greedily(bench, recipe.data, folder, "evaluate", author, console)
            right = solved(rollouts.read(folder / "evaluate.rollouts.jsonl"), tasks)
            agreement = evaluate_by_vote(bench, recipe, votes, folder, author, console) if votes else None
            return Assessment(result["evaluation"], right, agreement)
    finally:
        policy.close()
