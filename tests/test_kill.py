"""A run whose driver is killed, wherever that happens, goes on to what it would have come to."""

import json
import os
import random
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

small = runpy.run_path(str(Path(__file__).with_name("small_run.py")))
VISREP = Path(sys.executable).with_name("visrep")

MARKS = {
    "sampling": "base/examples_6.done.json",
    "executing": "iteration_01/completions.jsonl",
    "selecting": "iteration_01/sample_2.done.json",
    "training": "iteration_01/select.done.json",
    "evaluating": "iteration_01/clone.done.json",
    "publishing": "iteration_01/evaluate.done.json",
}
"""What is on disk when a stage begins."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Path = small["prepare"](tmp_path_factory.mktemp("kill"))
    return made


def drive(folder: Path, out: Path) -> subprocess.Popen[bytes]:
    settings = [*small["settings"](folder), "iterations=1", "evaluation.base_without_examples=false"]
    words = [word for setting in settings for word in ("--set", setting)]
    command = [VISREP, "train", "quickstart", "--out", out, "--resume", *words]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)


def finish(folder: Path, out: Path) -> Path:
    with drive(folder, out) as driver:
        _, said = driver.communicate()
    assert driver.returncode == 0, said.decode()
    return out


def came_to(out: Path) -> dict[str, Any]:
    """Everything on disk that does not tell the time."""
    metrics = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    weights = {path.parent.parent.name: path.read_bytes() for path in out.glob("*/adapter/adapter_model.safetensors")}
    exported = (out / "export/model.safetensors").read_bytes()
    return {"files": small["contents"](out), "metrics": _timeless(metrics), "weights": weights, "exported": exported}


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(inner) for key, inner in value.items() if not _tells_time(key)}
    return [_timeless(inner) for inner in value] if isinstance(value, list) else value


def _tells_time(key: str) -> bool:
    return "second" in key or key == "rates"


@pytest.fixture(scope="module")
def undisturbed(folder: Path) -> dict[str, Any]:
    return came_to(finish(folder, folder / "undisturbed"))


def kill(driver: subprocess.Popen[bytes]) -> None:
    os.kill(driver.pid, signal.SIGKILL)  # the driver alone: what it started has to see to itself
    driver.communicate()


@pytest.mark.parametrize("stage", MARKS)
def test_a_driver_that_is_killed_as_a_stage_begins(stage: str, folder: Path, undisturbed: dict[str, Any]) -> None:
    out = folder / stage
    with drive(folder, out) as driver:
        while not (out / MARKS[stage]).exists():
            assert driver.poll() is None
            time.sleep(0.001)
        kill(driver)
    assert not (out / "export").exists()
    assert came_to(finish(folder, out)) == undisturbed


def test_a_driver_that_is_killed_again_and_again(folder: Path, undisturbed: dict[str, Any]) -> None:
    out, chance = folder / "again", random.Random(0)
    for _ in range(4):
        with drive(folder, out) as driver:
            time.sleep(chance.uniform(2, 8))
            kill(driver)
    assert came_to(finish(folder, out)) == undisturbed
    assert not list(out.rglob("*.tmp")) + list(out.rglob(".*-*"))


def test_a_second_driver_is_refused(folder: Path) -> None:
    out = folder / "two"
    with drive(folder, out) as first:
        while not (out / "driver.lock").exists() or not (out / "driver.lock").read_text():
            time.sleep(0.01)
        with drive(folder, out) as second:
            _, said = second.communicate()
        assert second.returncode == 1
        assert f"is being driven by process {first.pid}; wait for it or stop it" in said.decode()
        kill(first)
