"""What people correct: the tasks that a recipe learns from, its store, and what a program is verified with.

A correction is for one of the training tasks and nothing else, since it is learnt from.
"""

import hashlib
import heapq
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from visrep.corrections import store
from visrep.corrections.store import Checked, Correction
from visrep.env.environment import Environment
from visrep.env.faults import UserFault, suggestion
from visrep.env.types import Rollout, Task
from visrep.policy.prompt import Prompter, api_members, api_text
from visrep.train.config import Recipe, load_recipe, shipped_recipes, to_toml
from visrep.train.parts import load_tasks
from visrep.train.run import Run
from visrep.train.split import Joined, Tasks

_NEAR = 10_000
"""Ids among which the nearest to an unknown one is looked for: comparing takes milliseconds each."""


@dataclass(frozen=True, slots=True)
class Corrected:
    """A store's corrections, run once more, and the tasks to learn from with those that only corrections are for."""

    checked: tuple[Checked, ...]
    tasks: Tasks

    @property
    def rollouts(self) -> tuple[Rollout, ...]:
        """Of all whose task is there, the right ones and the others."""
        return tuple(each.rollout for each in self.checked if each.rollout is not None)

    @property
    def wrong(self) -> list[Checked]:
        """Those that are no longer right, or whose task is not there."""
        return [each for each in self.checked if each.why]


def open_recipe(run_or_recipe: str, settings: Sequence[str] = ()) -> Recipe:
    """The recipe of a run's folder, or the one of that name or file. Raises UserFault where there is neither."""
    if Path(run_or_recipe).is_dir() and run_or_recipe not in shipped_recipes():
        return load_recipe(str(Run.open(Path(run_or_recipe)).folder / "recipe.toml"), settings)
    return load_recipe(run_or_recipe, settings)


def store_of(recipe: Recipe, named: Path | None) -> Path:
    """The store that is named, or else the recipe's own. Raises UserFault where there is none."""
    if named:
        return named
    if recipe.corrections.store:
        return Path(recipe.corrections.store)
    raise UserFault("the recipe names no corrections.store; give --store FILE")


def find_task(recipe: Recipe, task_id: str) -> Task:
    """The training task of this id. Raises UserFault for a test task and for an unknown one."""
    tasks = training_tasks(recipe)
    for task in tasks:
        if task.question.id == task_id:
            return task
    if any(task.question.id == task_id for task in load_tasks(recipe, "test", whole=True)[0]):
        splits = " or ".join(repr(data.test) for data in recipe.data)
        raise UserFault(
            f"task {task_id!r} is of the test split {splits}: a policy that has learnt from it can no longer be tested "
            f"on it; correct a training task, such as those that `visrep corrections board` names"
        )
    near = suggestion(task_id, (task.question.id for task in islice(tasks, _NEAR)))
    splits = " or ".join(f"split {data.train!r} of {data.root}" for data in recipe.data)
    raise UserFault(f"{splits} has no task {task_id!r}{near or '; `visrep show` names the tasks of a run'}")


def training_tasks(recipe: Recipe) -> Tasks:
    """All that may be corrected: the whole split, of which a recipe may sample programs for a part only."""
    return load_tasks(recipe, "train", whole=True)[0]


def siblings(tasks: Iterable[Task], task: Task, most: int) -> list[Task]:
    """Other tasks of its category, those whose questions have most words in common with its own."""
    words = _words(task)

    def likeness(other: Task) -> float:
        return len(words & _words(other)) / max(1, len(words | _words(other)))

    same = (each for each in tasks if each.question.category == task.question.category)
    return heapq.nlargest(most, (each for each in same if each.question.id != task.question.id), key=likeness)


def _words(task: Task) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", task.question.text.lower()))


def check_form(recipe: Recipe, task: Task, program: str) -> None:
    """Raise UserFault for a program that no completion of the task's prompt can be, and so nothing can learn."""
    Prompter(recipe.prompt.api, ()).target(task.question, program)


def keep(
    recipe: Recipe, path: Path, environment: Environment, task: Task, program: str, *, author: str, note: str
) -> Correction:
    """Verify a program and add it to the store. Raises UserFault, and writes nothing, unless it can be learnt and is
    right."""
    check_form(recipe, task, program)
    made_with = {"api": api_version(), "recipe": recipe_hash(recipe)}
    return store.add(path, environment, task, program.strip(), author=author, note=note, **made_with)


def course(environment: Environment, task: Task, index: int, program: str) -> tuple[Any, ...] | None:
    """How a program goes on one of its task's instances: the steps that `visrep.env.retrace` describes."""
    ran = environment.execute([program], task.instances[index], task.question, trace=True)
    return next((execution.trace for _, execution in ran), None)


def corrected(recipe: Recipe, path: Path | None, environment: Environment, tasks: Tasks) -> Corrected:
    """The corrections of a store, run once more. They may be for tasks of the training split that are not among
    `tasks`, the recipe's part of it: what is written for one seed is learnt from with another."""
    corrections = store.read(path) if path else []
    wanted = {each.task_id for each in corrections}
    found = {task.question.id: task for task in tasks if task.question.id in wanted} if wanted else {}
    missing = wanted - found.keys()
    beyond = [task for task in training_tasks(recipe) if task.question.id in missing] if missing else []
    found |= {task.question.id: task for task in beyond}
    checked = store.check(corrections, environment, found.values())
    learnable = tuple(_learnable(recipe, each, found.get(each.correction.task_id)) for each in checked)
    return Corrected(learnable, Joined(tasks, beyond) if beyond else tasks)


def _learnable(recipe: Recipe, checked: Checked, task: Task | None) -> Checked:
    """The same, or without its rollout for a program that was edited into one that nothing can learn."""
    if task is None or checked.why:
        return checked
    try:
        check_form(recipe, task, checked.correction.program)
    except UserFault as fault:
        return replace(checked, rollout=None, why=str(fault))
    return checked


def api_version() -> str:
    """A hash of what the visual API says of itself, which changes with its members and their docstrings."""
    return _hash(api_text(api_members()))


def recipe_hash(recipe: Recipe) -> str:
    """Of everything in the recipe, defaults filled in, as it would be saved with a run."""
    return _hash(to_toml(recipe))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
