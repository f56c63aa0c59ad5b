"""The sandbox's benchmark measures what it says, and many programs leave nothing behind."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from visrep.env.perception.picture import Picture
from visrep.scripts import bench_sandbox as script
from visrep.scripts.bench_sandbox import leaks, parked, throughput


def test_two_thousand_programs_leave_nothing_behind(blank_picture: Picture) -> None:
    found = leaks(blank_picture, 2000)
    before, after = found["before"], found["after"]
    assert sum(found["outcomes"].values()) == 2000
    assert {"ok", "runtime_error", "forbidden", "memory", "syntax_error", "crash", "protocol"} <= set(found["outcomes"])
    assert "infrastructure" not in found["outcomes"]
    for held in ("host_descriptors", "zygote_descriptors", "processes"):
        assert after[held] == before[held]
    assert after["zygote_kilobytes"] < before["zygote_kilobytes"] + 1024
    assert after["host_kilobytes"] < before["host_kilobytes"] + 8192


def test_locked_programs_and_fresh_interpreters_give_the_same(blank_picture: Picture) -> None:
    found = throughput(blank_picture, programs=40, pairs=1)
    assert found["isolation"].startswith("seccomp+landlock")
    assert found["ratio"] > 1


@pytest.mark.skipif(os.getuid() != 0, reason="only root may look at the memory of locked processes")
def test_programs_wait_together_and_cost_little_memory(blank_picture: Picture) -> None:
    found: dict[str, Any] = parked(blank_picture, 32)
    assert found["programs"] == 32
    assert found["outcomes"] == {"ok": 32}
    assert sum(found["batches"]) == 32
    assert found["private_megabytes_each"] < 20


def test_the_script_runs_by_itself() -> None:
    command = [sys.executable, script.__file__, "--soak", "50"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(result.stdout)["soak"]["programs"] == 50
