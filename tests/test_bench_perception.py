"""The benchmark of perception measures what it says."""

import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from visrep.scripts import bench_perception as script
from visrep.scripts.bench_perception import cache, in_flight, places

tiny = runpy.run_path(str(Path(__file__).with_name("tiny_models.py")))


def test_both_places_are_measured_on_the_same_programs(tmp_path: Path) -> None:
    found = places(tmp_path, programs=40, pairs=1)
    assert found["programs_per_second"].keys() == {"inside", "process"}
    assert found["ratio"] > 0.1


@pytest.mark.parametrize("kind", ["clip", "owlv2"])
def test_a_model_is_measured_in_its_process_and_one_call_at_a_time(kind: str, tmp_path: Path) -> None:
    weights = tiny["write"](kind, tmp_path / kind)
    found = in_flight(kind, weights, "cpu", [1, 8], 1, tmp_path)
    assert found.keys() == {"1", "8"}
    assert found["1"]["mean_batch"] == 1 < found["8"]["mean_batch"] <= 8
    assert all(min(row.values()) > 0 for row in found.values())


def test_the_cache_is_written_and_read(tmp_path: Path) -> None:
    found = cache(tmp_path / "cache.sqlite", 2000)
    assert found["read_per_second"] > 1000
    assert 80 < found["bytes_each"] < 400


def test_the_script_runs_by_itself() -> None:
    command = [sys.executable, script.__file__, "--only", "places", "--programs", "16", "--pairs", "1"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(result.stdout).keys() == {"cores", "places"}
