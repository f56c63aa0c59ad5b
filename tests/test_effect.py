"""What corrections did: which adapters learnt from which, and how held-out tasks moved."""

from pathlib import Path

import pytest

from visrep.env import jsonl, rollouts
from visrep.env.types import Execution, Rollout, Score
from visrep.train.config import load_recipe
from visrep.train.effect import Learnt, effects
from visrep.train.run import Run, stage

TASKS = {"c1": "count", "c2": "count", "l1": "leftmost", "l2": "leftmost", "l3": "leftmost"}


def evaluated(right: str) -> list[Rollout]:
    """One rollout a task; those named are right."""
    found = []
    for task, category in TASKS.items():
        reward = int(task in right.split())
        score = Score(reward, float(reward), "ok" if reward else "wrong_answer")
        found.append(Rollout(task, category, "program", (Execution("ok", "x"),), (score,), reward))
    return found


def learn(run: Run, number: int, people: list[tuple[str, str]], right: str) -> None:
    """A finished iteration, trained with programs by the policy and by people."""
    rows = [("c1", "policy"), *people]
    chosen = [{"task_id": task, "category": TASKS[task], "author": author} for task, author in rows]
    jsonl.write_lines(run.iteration(number) / "selection.jsonl", chosen)
    jsonl.write_lines(run.iteration(number) / "evaluate.rollouts.jsonl", map(rollouts.to_json, evaluated(right)))
    stage(run.iteration(number), "evaluate", {}, dict)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    made = Run.create(tmp_path / "run", load_recipe("quickstart"), "seccomp")
    base = made.folder / f"base/examples_{made.recipe.prompt.count}.rollouts.jsonl"
    jsonl.write_lines(base, map(rollouts.to_json, evaluated("c1")))
    return made


def test_an_iteration_with_corrections_is_compared_with_the_last_one_without(run: Run) -> None:
    learn(run, 1, [], "c1 c2")
    learn(run, 2, [], "c1")
    learn(run, 3, [("l1", "Ada"), ("l2", "Ben")], "l1 l2 l3")
    learn(run, 4, [("l1", "Ada")], "c1 l1")
    third, fourth = effects(run)
    assert (third.iteration, third.against, fourth.iteration, fourth.against) == (3, 2, 4, 2)
    assert third.corrections == (Learnt("l1", "leftmost", "Ada"), Learnt("l2", "leftmost", "Ben"))
    assert (third.overall.before, third.overall.after) == (1, 3)
    assert (third.overall.comparison.only_first, third.overall.comparison.only_second) == (1, 3)
    assert third.overall.comparison.p_value == pytest.approx(0.625)
    # The corrected category first.
    assert [(move.category, move.corrections, move.before, move.after) for move in third.categories] == [
        ("leftmost", 2, 0, 3),
        ("count", 0, 1, 0),
    ]
    assert third.categories[0].comparison.p_value == pytest.approx(0.25)


def test_corrections_from_the_first_iteration_on_are_compared_with_the_base(run: Run) -> None:
    learn(run, 1, [("c2", "Ada")], "c1 c2")
    (found,) = effects(run)
    assert (found.against, found.overall.before, found.overall.after) == (0, 1, 2)


def test_a_run_without_corrections_has_no_effects(run: Run) -> None:
    learn(run, 1, [], "c1 c2")
    assert list(effects(run)) == []
