"""The folder of hostile programs, and the script that runs it."""

import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from visrep.env.faults import UserFault
from visrep.env.sandbox import Limits, Sandbox
from visrep.scripts import hostile as script
from visrep.scripts.hostile import GOLD, damage, read_cases, run_cases

HERE = Path(__file__).resolve().parent
OWN = HERE / "hostile"
FOLDERS = [OWN, HERE.parent.parent / "shared" / "hostile"]
LIMITS = Limits(cpu_seconds=1, wall_seconds=3, memory_mb=400)  # little enough to be filled long before a second is up

HEADER = "# expect: {}\n# gold: {}\n# reward: {}\n"


@pytest.mark.parametrize("folder", FOLDERS, ids=["own", "shared"])
@pytest.mark.parametrize("numpy", [False, True], ids=["plain", "numpy"])
def test_the_sandbox_holds_against_the_folder(folder: Path, numpy: bool) -> None:
    if not folder.is_dir():
        pytest.skip(f"the folder {folder} is not there")
    secret = secrets.token_hex(16)
    rows = run_cases(read_cases(folder, secret), secret, Sandbox(LIMITS, numpy=numpy))
    assert len(rows) >= 60
    assert [row for row in rows if "wrong" in row] == []
    assert not list(damage())
    assert not GOLD.exists()


@pytest.mark.skipif(os.getuid() != 0, reason="the other tests run as an ordinary user already")
def test_the_sandbox_holds_for_an_ordinary_user_too() -> None:
    """One without any privilege; another user's number may not be able to reach root's interpreter."""
    if subprocess.run(["unshare", "--user", "true"], capture_output=True).returncode != 0:
        pytest.skip("this machine offers no user namespaces")
    command = ["unshare", "--user", sys.executable, script.__file__, OWN]
    result = subprocess.run(command, capture_output=True, text=True)
    assert "as user 65534" in result.stderr
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.splitlines()) >= 60


def test_without_the_lock_some_programs_get_through() -> None:
    """Else the folder would prove nothing about the lock."""
    secret = secrets.token_hex(16)
    sandbox = Sandbox(LIMITS, without=("seccomp", "landlock"))
    rows = run_cases(read_cases(OWN, secret), secret, sandbox)
    assert [row for row in rows if "wrong" in row]


def test_a_sandbox_that_does_not_hold_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(HEADER.format("forbidden", "1", 0) + "def execute_command(image): return 1")
    (tmp_path / "b.py").write_text(HEADER.format("ok", "1", 1) + "def execute_command(image): return 1")
    (tmp_path / "c.py").write_text(
        HEADER.format("wrong_answer", "SECRET", 0)
        + "def execute_command(image):\n"
        + "    kinds = ().__class__.__base__.__subclasses__()\n"
        + "    wrap = [kind for kind in kinds if kind.__name__ == '_wrap_close'][0]\n"
        + "    return str(wrap.__init__.__globals__['__builtins__']['__import__']('time').time_ns())"
    )
    rows = run_cases(read_cases(tmp_path, "token"), "token", Sandbox(LIMITS))
    assert rows[0]["wrong"].startswith("expected forbidden")
    assert "reward 1, expected 0" in rows[0]["wrong"]
    assert rows[1].pop("seconds") >= 0
    assert rows[1] == {"file": "b.py", "outcome": "ok", "reward": 1, "value": 1, "calls": 0}
    assert rows[2]["wrong"].startswith("the second run gave ok")


def test_a_folder_without_cases_or_headers_is_the_users_fault(tmp_path: Path) -> None:
    with pytest.raises(UserFault, match=r"no \*\.py files"):
        read_cases(tmp_path, "")
    (tmp_path / "a.py").write_text("def execute_command(image): return 1")
    with pytest.raises(UserFault, match="header lacks"):
        read_cases(tmp_path, "")
