"""The experiment, on a tiny scale: a scripted policy that never learns, with real training and real arms."""

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from visrep.corrections import store as corrections_store
from visrep.env.faults import UserFault
from visrep.env.tasks import gqa
from visrep.scripts.experiment import Experiment, main
from visrep.scripts.experiment_results import ARMS
from visrep.train.config import load_recipe
from visrep.train.parts import build_environment
from visrep.train.retry import REQUEST
from visrep.train.run import Run

small = runpy.run_path(str(Path(__file__).with_name("small_run.py")))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small run, with a correction for one of the tasks that its policy does not solve unless it is shown the
    answers."""
    made: Path = small["prepare"](tmp_path_factory.mktemp("experiment"))
    script = json.loads((made / "script.json").read_text())
    unsolved = [task for n, task in enumerate(gqa.load(made / "drawn", "train", instances=2)) if n % 2 == 0]
    for task in unsolved:
        script[f"# {REQUEST}\n# {task.question.text}"] = [small["body"](task.question)]
    (made / "script.json").write_text(json.dumps(script))
    with build_environment(load_recipe("quickstart", settings(made))) as environment:
        program = f"def execute_command(image):{small['body'](unsolved[0].question)}"
        corrections_store.add(
            made / "store.jsonl", environment, unsolved[0], program, author="Ada", note="", api="", recipe=""
        )
    return made


def settings(folder: Path) -> list[str]:
    return [*small["settings"](folder), "iterations=1", "evaluation.base_without_examples=false", "selection.limit=20"]


def start(folder: Path, store: Path) -> dict[str, Any]:
    main("quickstart", folder / "runs", folder / "docs", [0], 1, 1, store, settings(folder))
    told: dict[str, Any] = json.loads((folder / "docs/results/seed_0.json").read_text())
    return told


@pytest.fixture(scope="module")
def before(folder: Path) -> dict[str, Any]:
    """What is told while there are no corrections yet."""
    return start(folder, folder / "none.jsonl")


@pytest.fixture(scope="module")
def told(folder: Path, before: dict[str, Any]) -> dict[str, Any]:
    return start(folder, folder / "store.jsonl")


@pytest.mark.slow
def test_until_there_are_corrections_their_arm_is_left_out(before: dict[str, Any], told: dict[str, Any]) -> None:
    assert list(before["arms"]) == ["naive", "retry"]
    assert list(told["arms"]) == list(ARMS)
    assert told["arms"]["retry"] == before["arms"]["retry"], "what was finished is not done again"


@pytest.mark.slow
def test_each_arm_goes_on_from_the_stall_and_gets_the_same(told: dict[str, Any]) -> None:
    assert told["stalled"] == 1
    assert [row["iteration"] for row in told["trunk"]["rows"]] == [0, 1]
    rows = {name: arm["rows"] for name, arm in told["arms"].items()}
    for each in rows.values():
        assert [row["iteration"] for row in each] == [1, 2]
        assert each[0] == told["trunk"]["rows"][-1]
    # Four programs for each of 32 tasks, then four for each of the 16 that are not solved; 20 examples at most.
    assert {name: each[1]["completions"] for name, each in rows.items()} == dict.fromkeys(ARMS, 32 * 4 + 16 * 4)
    assert rows["naive"][1]["authors"] == {"policy": 16}
    assert rows["corrections"][1]["authors"] == {"Ada": 1, "policy": 16}
    assert sum(rows["retry"][1]["authors"].values()) == rows["retry"][1]["examples"] == 20
    assert rows["retry"][1]["retry"]["solved"] == 16


@pytest.mark.slow
def test_what_is_told_agrees_with_itself(told: dict[str, Any]) -> None:
    assert len(told["tasks"]) == 16
    every = {task for tasks in told["tasks"].values() for task in tasks}
    for part in (told["trunk"], *told["arms"].values()):
        assert set(part["solved"]) <= every
        assert len(part["solved"]) == part["rows"][-1]["accuracy"] * len(every)


@pytest.mark.slow
def test_corrections_take_the_place_of_as_many_examples(told: dict[str, Any], folder: Path) -> None:
    recipes = {name: Run.open(folder / "runs/seed_0" / name).recipe for name in ("trunk", *ARMS)}
    limits = {name: recipe.selection.limit for name, recipe in recipes.items()}
    assert limits == {"trunk": 20, "naive": 20, "retry": 20, "corrections": 19}


@pytest.mark.slow
def test_the_table_and_the_figure_are_there(told: dict[str, Any], folder: Path) -> None:
    text = (folder / "docs/results.md").read_text()
    assert "stalled at iteration 1 (seed 0)" in text
    assert "| corrections |" in text
    assert (folder / "docs/results.svg").read_text().count("polyline") > 4 * 17


@pytest.mark.slow
def test_what_is_told_is_not_run_again_and_other_settings_are_refused(told: dict[str, Any], folder: Path) -> None:
    file = folder / "docs/results/seed_0.json"
    before = file.stat().st_mtime_ns
    assert start(folder, folder / "store.jsonl") == told
    assert file.stat().st_mtime_ns == before
    with pytest.raises(UserFault, match="is of other settings; remove it"):
        main("quickstart", folder / "runs", folder / "docs", [0], 1, 1, folder / "store.jsonl", settings(folder)[:-1])


def test_what_cannot_be_compared_is_refused_at_once(folder: Path, tmp_path: Path) -> None:
    named = ["quickstart", *settings(folder)]
    with pytest.raises(UserFault, match=r"sampling\.rounds of 2 or more, found 1"):
        Experiment([*named, "sampling.rounds=1"], tmp_path, (1, 1), folder / "none.jsonl")
    line = (folder / "store.jsonl").read_text()
    (tmp_path / "many.jsonl").write_text(line * 21)
    with pytest.raises(UserFault, match="has 21 programs; expected 20 at most"):
        Experiment(named, tmp_path, (1, 1), tmp_path / "many.jsonl")
    assert not (tmp_path / "trunk").exists()
