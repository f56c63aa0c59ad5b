"""A run that is stopped by force, wherever that happens, goes on to what it would have come to."""

import contextlib
import os
import random
import runpy
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

small = runpy.run_path(str(Path(__file__).with_name("small_run.py")))
drive, finish, came_to = small["drive"], small["finish"], small["came_to"]

MARKS = {
    "evaluating the base": "base/examples_6.completions.jsonl",
    "sampling": "base/examples_6.done.json",
    "executing": "iteration_01/sample_1.done.json",
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


@pytest.fixture(scope="module")
def undisturbed(folder: Path) -> dict[str, Any]:
    made: dict[str, Any] = came_to(finish(folder, folder / "undisturbed"))
    return made


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 MB."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", tmp_path], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True)


def wait_for(mark: Path, driver: subprocess.Popen[bytes]) -> None:
    while not mark.exists():
        assert driver.poll() is None
        time.sleep(0.001)


def fill(filler: Path) -> None:
    """Leave not a byte to write to on the file's disk, while others are still writing there."""
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            with contextlib.suppress(OSError):
                while file.write(bytes(size)):
                    pass


def kill(driver: subprocess.Popen[bytes]) -> None:
    os.kill(driver.pid, signal.SIGKILL)  # the driver alone: what it started has to see to itself
    driver.communicate()


def test_a_driver_that_is_killed_as_each_stage_begins(folder: Path, undisturbed: dict[str, Any]) -> None:
    out = folder / "stages"
    for mark in MARKS.values():
        with drive(folder, out) as driver:
            wait_for(out / mark, driver)
            kill(driver)
        assert not (out / "export").exists()
    assert came_to(finish(folder, out)) == undisturbed


@pytest.mark.slow
def test_a_driver_that_is_killed_again_and_again(folder: Path, undisturbed: dict[str, Any]) -> None:
    out, chance = folder / "again", random.Random(0)
    for _ in range(3):
        with drive(folder, out) as driver:
            time.sleep(chance.uniform(2, 8))
            kill(driver)
    assert came_to(finish(folder, out)) == undisturbed
    assert not list(out.rglob("*.tmp")) + list(out.rglob(".*-*"))


def test_a_disk_that_is_full_as_each_stage_begins(folder: Path, undisturbed: dict[str, Any], disk: Path) -> None:
    out, filler = disk / "run", disk / "filler"
    for stage, mark in MARKS.items():
        with drive(folder, out) as driver:
            wait_for(out / mark, driver)
            fill(filler)
            said = driver.communicate()[1].decode().splitlines()
        filler.unlink()
        print(f"{stage}: {said}")
        assert driver.returncode == 1
        assert "No space left on device" in said[-1]
        assert "Traceback" not in "".join(said)
    assert came_to(finish(folder, out)) == undisturbed


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_driver_that_is_asked_to_stop(
    number: signal.Signals, status: int, folder: Path, undisturbed: dict[str, Any]
) -> None:
    out = folder / number.name
    with drive(folder, out) as driver:
        wait_for(out / MARKS["executing"], driver)
        os.kill(driver.pid, number)
        said = driver.communicate()[1].decode().splitlines()
    assert driver.returncode == status
    assert said == ["visrep: interrupted; what is complete on disk stays"]
    assert came_to(finish(folder, out)) == undisturbed


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
