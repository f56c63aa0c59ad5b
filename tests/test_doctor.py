"""The doctor's report names what a run needs, in words and as JSON."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from visrep.scripts import cli

NEEDED = {
    "visrep",
    "torch",
    "transformers",
    "peft",
    "processor",
    "memory",
    "isolation of programs",
    "outer wall (bwrap)",
    "policy server",
    "cache",
}


def test_everything_a_run_needs_is_looked_at(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["doctor", "--json"]) == 0
    findings = {finding["name"]: finding for finding in json.loads(capsys.readouterr().out)}
    assert findings.keys() >= NEEDED
    assert "landlock" in findings["isolation of programs"]["found"]
    assert all(finding["remedy"] for finding in findings.values() if finding["state"] != "ok")


def test_something_needed_that_is_missing_fails_and_says_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    visrep = Path(sys.executable).parent / "visrep"
    done = subprocess.run(
        [visrep, "doctor", "--json"], env={"VISREP_CACHE": str(tmp_path / "file/below")}, capture_output=True, text=True
    )
    findings = {finding["name"]: finding for finding in json.loads(done.stdout)}
    assert findings["cache"]["state"] == "missing"
    assert "VISREP_CACHE" in findings["cache"]["remedy"]
    assert done.returncode == 1
