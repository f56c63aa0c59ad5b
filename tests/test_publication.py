"""A run whose adapter, base or engine is not what training published: it stops in one line and goes on when mended."""

import json
import runpy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from visrep.env import jsonl
from visrep.env.faults import Fault, MachineFault, UserFault
from visrep.train import trainer
from visrep.train.clone import CloneJob
from visrep.train.config import Recipe, load_recipe, to_toml
from visrep.train.loop import train
from visrep.train.probe import digest
from visrep.train.run import Run

HERE = Path(__file__).parent
small = runpy.run_path(str(HERE / "small_run.py"))
QUIET = Console(quiet=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Path = small["prepare"](tmp_path_factory.mktemp("publication"))
    return made


@pytest.fixture(scope="module")
def recipe(folder: Path) -> Recipe:
    settings = small["settings"](folder)
    few = ["prompt.count=0", "iterations=1", "sampling.rounds=1", "sampling.max_tokens=6", "data.test_per_category=1"]
    fast = ["evaluation.base_without_examples=false", "clone.learning_rate=0.05", "clone.epochs=3.0"]
    return load_recipe("quickstart", [*settings, *few, *fast])


@pytest.fixture(scope="module")
def run(folder: Path, recipe: Recipe) -> Run:
    """A run that a script has sampled for, and whose last evaluation and export are left to a real engine."""
    run = train(recipe, folder / "run", resume=False, console=QUIET)
    (run.folder / "recipe.toml").write_text(to_toml(served(recipe)))
    return run


def served(recipe: Recipe) -> Recipe:
    return recipe.model_copy(update={"policy": recipe.policy.model_copy(update={"engine": "transformers"})})


def carry_on(run: Run, recipe: Recipe) -> Run:
    """The last evaluation and the export anew."""
    for file in [*run.iteration(1).glob("evaluate.*"), run.folder / "export.done.json"]:
        file.unlink(missing_ok=True)
    return train(served(recipe), run.folder, resume=True, console=QUIET)


@contextmanager
def damaged(file: Path, content: bytes) -> Iterator[None]:
    whole = file.read_bytes()
    file.write_bytes(content)
    yield
    file.write_bytes(whole)


def assert_stops(run: Run, recipe: Recipe, kind: type[Fault], message: str) -> None:
    with pytest.raises(kind, match=message) as caught:
        carry_on(run, recipe)
    assert "\n" not in str(caught.value)
    assert run.finished_iterations() == []


def test_a_right_engine_is_probed_and_the_export_says_what_was_checked(run: Run, recipe: Recipe) -> None:
    assert "probe" not in run.metrics()[-1]  # a script has no weights to ask
    (run.folder / "metrics.jsonl").unlink()
    found = carry_on(run, recipe).metrics()[-1]["probe"]
    assert found["telling"]
    assert found["distance"] < 0.05 < 0.5 < found["to_base"]
    described = json.loads((run.folder / "export" / "visrep.json").read_text())
    assert described["checked"]["tensors"] == {"changed": 14, "unchanged": 6}


def test_weights_of_another_training_under_the_right_name_stop_the_run(
    run: Run, recipe: Recipe, tmp_path: Path
) -> None:
    """As if publishing had saved another adapter than the one in memory: all checksums are right."""
    adapter = run.iteration(1) / "adapter"
    job = CloneJob.from_json(json.loads((run.iteration(1) / "adapter.job.json").read_text()))
    trainer.train(replace(job, output=tmp_path / "adapter", seed=job.seed + 1), lambda _: None)
    other = (tmp_path / "adapter" / "adapter_model.safetensors").read_bytes()
    probe = json.loads((adapter / "probe.json").read_text()) | {"weights": digest(tmp_path / "adapter")}
    with (
        damaged(adapter / "adapter_model.safetensors", other),
        damaged(adapter / "probe.json", json.dumps(probe).encode()),
    ):
        line = r"engine 'transformers' does not write with adapter .*, as with an earlier adapter.*; continue with"
        assert_stops(run, recipe, MachineFault, line)


def test_another_base_under_the_old_name_stops_the_run(run: Run, recipe: Recipe, folder: Path, tmp_path: Path) -> None:
    other = small["write_model"](tmp_path / "other", seed=1) / "model.safetensors"
    with damaged(folder / "model" / "model.safetensors", other.read_bytes()):
        assert_stops(run, recipe, UserFault, r"are not those that adapter .* was trained on; put those back")


def test_a_damaged_adapter_stops_the_run_which_then_trains_it_again(run: Run, recipe: Recipe) -> None:
    weights = run.iteration(1) / "adapter" / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    manifest = run.iteration(1) / "clone.done.json"
    assert_stops(run, recipe, UserFault, rf"is damaged or another: .*; remove {manifest} and continue the run with")
    manifest.unlink()
    assert carry_on(run, recipe).finished_iterations() == [1]
    assert len(list(jsonl.read(run.folder / "metrics.jsonl"))) == 2
