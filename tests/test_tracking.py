"""Weights & Biases, for real, offline: what a run's metrics look like there."""

from pathlib import Path

from visrep.train.config import load_recipe
from visrep.train.run import Run
from visrep.train.tracking import publish

RECORD = {"iteration": 1, "evaluation": {"accuracy": 0.5, "by_category": {"count": {"accuracy": 1.0}}}}


def test_offline_a_record_becomes_a_run_that_can_be_synchronised(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", load_recipe("quickstart", ["tracking.wandb=offline"]), isolation="none")
    publish(run, RECORD, step=0)
    (file,) = (run.folder / "wandb").glob("offline-run-*/run-*.wandb")
    written = file.read_bytes()
    assert b"evaluation/by_category/count/accuracy" in written


def test_nothing_is_written_where_it_is_not_asked_for(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", load_recipe("quickstart"), isolation="none")
    publish(run, RECORD, step=0)
    assert not (run.folder / "wandb").exists()
