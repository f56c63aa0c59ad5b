"""bubblewrap around the zygote, where it can be run; and what is said where it cannot."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from visrep.env.faults import UserFault
from visrep.env.sandbox import Job, Limits, Sandbox
from visrep.env.sandbox.outer import wrapped


def runnable() -> bool:
    try:
        wrapped(["true"], [])
    except UserFault:
        return False
    return True


needs_it = pytest.mark.skipif(not runnable(), reason="bubblewrap is not installed or may not be run here")


@needs_it
def test_programs_run_inside_it_and_it_is_named(blank_picture: Any) -> None:
    with Sandbox(Limits(cpu_seconds=1), parallel=4, outer="bwrap", numpy=True) as sandbox:
        assert sandbox.isolation.startswith("bwrap+seccomp+landlock")
        bodies = ["import numpy\n    return int(numpy.arange(4).sum())", "while True: pass", "return image.width"]
        jobs = [Job(n, f"def execute_command(image):\n    {body}", (blank_picture,)) for n, body in enumerate(bodies)]
        found = {job.key: execution for job, execution in sandbox.run(jobs, lambda requests: [])}
    assert [found[number].outcome for number in range(3)] == ["ok", "timeout", "ok"]
    assert [found[0].value, found[2].value] == [6, 120]


@needs_it
def test_what_is_outside_is_not_there(tmp_path: Path) -> None:
    """Looked at with the lock off: this wall alone hides the files and processes of the machine."""
    secret = tmp_path / "secret"
    secret.write_text("gold")
    body = f"""
def execute_command(image):
    import random
    os = random._os
    try:
        os.stat({str(secret)!r})
        return ['found']
    except FileNotFoundError:
        return sorted(name for name in os.listdir('/proc') if name.isdecimal())
"""
    with Sandbox(Limits(), outer="bwrap", without=("seccomp", "landlock")) as sandbox:
        ((_, execution),) = sandbox.run([Job(0, body, ())], lambda requests: [])
    assert execution.outcome == "ok", execution
    assert str(os.getpid()) not in execution.value
    assert 0 < len(execution.value) <= 4


def test_a_machine_without_it_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserFault, match="bwrap is not there; install bubblewrap"):
        Sandbox(outer="bwrap")


def test_one_that_does_not_run_is_told_with_its_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = tmp_path / "bwrap"
    fake.write_text(f"#!{shutil.which('sh')}\necho 'no permissions to create a new namespace' >&2\nexit 1\n")
    fake.chmod(0o755)
    assert subprocess.run([fake], capture_output=True).returncode == 1
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserFault, match=r"does not run here .no permissions to create a new namespace.; allow it"):
        Sandbox(outer="bwrap")
