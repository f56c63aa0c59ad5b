"""Temporary folders: gone with their block, and after a kill with the next one's making."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from visrep.env.scratch import scratch

OWNER = """
import time
from visrep.env.scratch import scratch
with scratch("test") as folder:
    (folder / "large").write_text("weights")
    print(folder, flush=True)
    time.sleep(600)
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)  # which remembers where it was


def old(folder: Path) -> None:
    hour_ago = time.time() - 3600
    os.utime(folder, (hour_ago, hour_ago))


def test_a_folder_goes_when_its_block_is_left(tmp_path: Path) -> None:
    with scratch("test") as folder:
        assert folder.parent == tmp_path
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "file").write_text("")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_leaves_goes_with_the_next_one_and_a_living_ones_stays(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        left = Path(owner.stdout.readline().strip())
        old(left)
        with scratch("test"):
            assert (left / "large").exists(), "its owner lives"
        owner.kill()
        owner.wait()
    assert left.exists()
    with scratch("other"):
        assert left.exists(), "of another name"
    with scratch("test"):
        assert not left.exists()


def test_one_that_was_made_this_moment_stays(tmp_path: Path) -> None:
    fresh = tmp_path / "visrep-test-fresh"
    fresh.mkdir()
    with scratch("test"):
        assert fresh.exists()
    old(fresh)
    with scratch("test"):
        assert not fresh.exists()
