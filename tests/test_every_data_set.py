"""One iteration that learns from every data set there is, each drawn in its own format and read by its own loader.

The engine is scripted with right programs and wrong ones; all else is real: files, sandbox, perception on pixels,
rewards, selection, and LoRA training of a tiny model.
"""

import importlib
import json
import pkgutil
import runpy
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import visrep.env.tasks
from visrep.env import jsonl, rollouts
from visrep.env.types import Task
from visrep.train.config import check
from visrep.train.loop import train
from visrep.train.run import Run

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
body = runpy.run_path(str(HERE / "right_programs.py"))["body"]
write_model = runpy.run_path(str(HERE / "tiny_policy.py"))["write_model"]

NAMES = sorted(module.name for module in pkgutil.iter_modules(visrep.env.tasks.__path__))
SEES = ["ImagePatch.find", "ImagePatch.exists", "ImagePatch.simple_query"]
EXAMPLES = {"choice": "choice", "verify": "nlvr", "ground": "ground", "detect": "detect", "match": "match"}
"""By kind; for `answer` those of drawn questions."""

WRONG = "\n    return 'nothing'"


def drawn(folder: Path) -> list[dict[str, Any]]:
    """A recipe's data sets, drawn, with one task of each category in each split."""
    sets = []
    for name in NAMES:
        writer = importlib.import_module(f"visrep.env.drawn.{name}")
        train, _, test = writer.SPLITS
        root = folder / name
        writer.draw(root, seed=2, tasks_per_category={train: 1, test: 1}, instances=2)
        sets.append({"dataset": name, "root": str(root), "train": train, "test": test})
    return sets


def split(data: dict[str, Any], part: str) -> list[Task]:
    module = importlib.import_module(f"visrep.env.tasks.{data['dataset']}")
    return list(module.load(Path(data["root"]), data[part]))


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return drawn(tmp_path_factory.mktemp("sets"))


@pytest.fixture(scope="module")
def run(sets: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("run")
    script: dict[str, list[str]] = {"": [WRONG]}
    for data in sets:
        for task in split(data, "train") + split(data, "test"):
            # Two data sets may ask in the same words and mean different values, as for one box and for all of them.
            asked = task.question.text
            if task.question.options:
                asked += f" Options: {list(task.question.options)}"
            script.setdefault(asked, [WRONG]).append(body(task))
    (folder / "script.json").write_text(json.dumps(script))
    write_model(folder / "model")
    recipe = {
        "iterations": 1,
        "data": sets,
        "prompt": {
            "api": SEES,
            "examples": "drawn",
            "kinds": {kind: {"api": SEES, "examples": name, "count": 2} for kind, name in EXAMPLES.items()},
        },
        "policy": {"engine": "scripted", "script": str(folder / "script.json"), "model": str(folder / "model")},
        "sampling": {"n": max(map(len, script.values())), "rounds": 1},
        "selection": {"per_task": 1},
        "evaluation": {"base_without_examples": False},
    }
    return train(check(recipe), folder / "run", resume=False, console=Console(quiet=True))


@pytest.fixture(scope="module")
def solved(run: Run) -> Counter[str]:
    found = {rollout.task_id for rollout in rollouts.read(run.iteration(1) / "rollouts.jsonl") if rollout.reward}
    return Counter(task.partition("/")[0] for task in found)


@pytest.mark.parametrize("name", NAMES)
def test_a_data_set_is_learnt_from(name: str, run: Run, solved: Counter[str], sets: list[dict[str, Any]]) -> None:
    (data,) = (each for each in sets if each["dataset"] == name)
    reachable = [
        task
        for task in split(data, "train")
        if all(not instance.soft or max(instance.soft) >= 0.6 for instance in task.instances)
    ]
    assert solved[name] == len(reachable) > 0
    examples = [row for row in jsonl.read(run.iteration(1) / "examples.jsonl") if row["task"].startswith(f"{name}/")]
    assert examples
    for row in examples:
        assert WRONG not in row["completion"]


def test_a_policy_was_cloned_from_them_and_judged_on_the_test_splits(run: Run, sets: list[dict[str, Any]]) -> None:
    record = run.metrics()[-1]
    assert record["training"]["examples"] == record["selection"]["examples"]
    assert (run.iteration(1) / "adapter" / "adapter_model.safetensors").is_file()
    assert record["evaluation"]["tasks"] == sum(len(split(data, "test")) for data in sets)
