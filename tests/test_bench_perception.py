"""The benchmark of perception measures what it says."""

import json
import subprocess
import sys
from pathlib import Path

from visrep.scripts import bench_perception as script
from visrep.scripts.bench_perception import cache, places


def test_both_places_are_measured_on_the_same_programs(tmp_path: Path) -> None:
    found = places(tmp_path, programs=40, pairs=1)
    assert found["programs_per_second"].keys() == {"inside", "process"}
    assert found["ratio"] > 0.1


def test_the_cache_is_written_and_read(tmp_path: Path) -> None:
    found = cache(tmp_path / "cache.sqlite", 2000)
    assert found["read_per_second"] > 1000
    assert 80 < found["bytes_each"] < 400


def test_the_script_runs_by_itself() -> None:
    command = [sys.executable, script.__file__, "--only", "places", "--programs", "16", "--pairs", "1"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(result.stdout).keys() == {"cores", "places"}
