"""Greedy accuracy of a policy on annotated tasks, and of a checkpoint by itself.

There is no fallback: a program that fails is wrong. An accuracy that includes a fallback's lucky answers measures the
fallback.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from visrep.env import rollouts
from visrep.policy.prompt import Prompter
from visrep.train import parts
from visrep.train.config import Recipe
from visrep.train.evaluate import evaluate, solved
from visrep.train.rollout import Bench, Files, Sampling, collect
from visrep.train.runner import Author


@dataclass(frozen=True, slots=True)
class Assessment:
    """What a checkpoint comes to: its evaluation as JSON data, and whether it solved each task, by the task's id."""

    evaluation: dict[str, Any]
    solved: dict[str, bool]


def evaluate_greedily(bench: Bench, folder: Path, name: str, author: Author, console: Console) -> dict[str, Any]:
    """One greedy program per task. Leaves `NAME.completions.jsonl` and `NAME.rollouts.jsonl` in the folder, and goes
    on where they stop; returns the evaluation, counts and seconds."""
    files = Files(folder / f"{name}.completions.jsonl", folder / f"{name}.rollouts.jsonl")
    label = "evaluating" if name == "evaluate" else f"evaluating {name}"
    greedy = Sampling(label, number=0, n=1, temperature=0.0, seed=0)
    done = collect(bench, greedy, files, author, console)
    return {"evaluation": evaluate(rollouts.read(files.rollouts), bench.tasks).to_json(), "evaluating": done}


def assess(
    checkpoint: Path, prompter: Prompter, recipe: Recipe, split: str, folder: Path, console: Console
) -> Assessment:
    """`evaluate_greedily` for a checkpoint folder on a split of the recipe's data set, everything built for it."""
    data = recipe.data
    per_category = data.train_per_category if split == data.train else data.test_per_category
    seed = recipe.seed if split == data.train else 0
    tasks = parts.load_tasks(data, split, per_category, seed)
    policy = parts.build_policy(recipe, checkpoint, folder / "log")
    try:
        with parts.build_environment(recipe) as environment:
            bench = Bench(policy, prompter, environment, tasks)
            result = evaluate_greedily(bench, folder, "evaluate", Author(0, str(checkpoint)), console)
            return Assessment(result["evaluation"], solved(rollouts.read(folder / "evaluate.rollouts.jsonl"), tasks))
    finally:
        policy.close()
