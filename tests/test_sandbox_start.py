"""Starting and dying: a sandbox that cannot lock refuses, and one whose host is killed leaves nothing behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PRETEND = """
import ctypes, struct
def pretend(number, first, verdict):
    "From now on the kernel replies to a system call (with this first argument, if given) with an error number."
    libc = ctypes.CDLL(None)
    step = lambda code, value, then=0, other=0: struct.pack("=HBBI", code, then, other, value)
    code = step(0x20, 0) + step(0x15, number, 0, 3 if first is not None else 1)
    if first is not None:
        code += step(0x20, 16) + step(0x15, first, 0, 1)
    code += step(0x06, 0x00050000 | verdict) + step(0x06, 0x7FFF0000)
    held = ctypes.create_string_buffer(code, len(code))
    program = ctypes.create_string_buffer(struct.pack("@HP", len(code) // 8, ctypes.addressof(held)))
    assert libc.prctl(38, 1, 0, 0, 0) == libc.prctl(22, 2, ctypes.byref(program), 0, 0) == 0

from visrep.env.sandbox import Sandbox
"""
NO_LANDLOCK = f"{PRETEND}\npretend(444, None, 95)\n"
DEAF_SECCOMP = f"{PRETEND}\npretend(157, 22, 0)\n"
"""A kernel that says it has put the filter in force, and has not."""


def python(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)


@pytest.mark.parametrize(
    ("kernel", "found"),
    [(NO_LANDLOCK, "no landlock"), (DEAF_SECCOMP, "a locked process got through with socket, connect")],
)
def test_a_machine_that_cannot_lock_is_refused(kernel: str, found: str) -> None:
    result = python(f"{kernel}\nSandbox()")
    assert result.returncode != 0
    assert f"UserFault: programs cannot be locked in on this machine: {found}" in result.stderr


@pytest.mark.parametrize(
    ("kernel", "without", "isolation"),
    [(NO_LANDLOCK, "landlock", "seccomp"), (DEAF_SECCOMP, "seccomp", "landlock"), ("", "seccomp", "(open: socket")],
)
def test_a_weaker_lock_is_taken_where_the_user_says_so_and_named(kernel: str, without: str, isolation: str) -> None:
    program = f"{kernel or PRETEND}\nwith Sandbox(without=['{without}']) as sandbox: print(sandbox.isolation)"
    result = python(program)
    assert isolation in result.stdout, result.stderr


def test_doing_without_one_part_does_not_excuse_the_other() -> None:
    result = python(f"{NO_LANDLOCK}\nSandbox(without=['seccomp'])")
    assert "UserFault: programs cannot be locked in on this machine: no landlock;" in result.stderr


def test_a_host_that_is_killed_takes_its_programs_along() -> None:
    program = """
from visrep.env.sandbox import Job, Limits, Sandbox
sandbox = Sandbox(Limits(cpu_seconds=60))
print(sandbox.first_process, flush=True)
list(sandbox.run([Job(0, "while True: pass", ())], lambda requests: []))
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as host:
        assert host.stdout is not None
        zygote = int(host.stdout.readline())
        child = _wait_for(lambda: _children(zygote))[0]
        os.kill(host.pid, signal.SIGKILL)
    _wait_for(lambda: [not Path(f"/proc/{pid}/exe").exists() for pid in (zygote, child)].count(True) == 2)


def _children(parent: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def _wait_for(condition):  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + 60
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not come about in a minute"
        time.sleep(0.02)
    return value
