"""The tables of system calls against the kernel's own, and the filter made of them in a reader of BPF."""

import re
import struct
from pathlib import Path

import pytest

from visrep.env.sandbox import syscalls
from visrep.env.sandbox.syscalls import AARCH64, ALLOW, KILL, REFUSE, X86_64, Machine

HEADERS = {
    "x86_64": (X86_64, Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")),
    "aarch64": (AARCH64, Path("/usr/include/asm-generic/unistd.h")),
}
both = pytest.mark.parametrize("here", [X86_64, AARCH64], ids=["x86_64", "aarch64"])


@pytest.mark.parametrize("name", HEADERS)
def test_every_number_is_the_kernels(name: str) -> None:
    machine, header = HEADERS[name]
    if not header.is_file():
        pytest.skip(f"{header} is not there; it comes with linux-libc-dev")
    text = header.read_text()
    numbers = {call: int(number) for call, number in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)$", text, re.M)}
    assert {call: numbers.get(call) for call in machine.numbers} == machine.numbers


def test_this_machine_has_a_table() -> None:
    assert syscalls.machine() in (X86_64, AARCH64)


def verdict(here: Machine, number: int, arch: int | None = None, third: int = 0) -> int:
    """What the filter says of a call: a reader of the five instructions that it is made of."""
    data = struct.pack("=IIQ6Q", number, here.audit_arch if arch is None else arch, 0, 0, 0, third, 0, 0, 0)
    steps = list(struct.iter_unpack("=HBBI", syscalls.filter_code(here)))
    held = place = 0
    while True:
        code, then, other, value = steps[place]
        place += 1
        match code:
            case 0x20:
                (held,) = struct.unpack_from("=I", data, value)
            case 0x15:
                place += then if held == value else other
            case 0x35:
                place += then if held >= value else other
            case 0x45:
                place += then if held & value else other
            case 0x06:
                return int(value)
            case _:
                raise AssertionError(f"instruction {code:#x}")


@both
def test_what_the_filter_lets_through(here: Machine) -> None:
    through = {number for number in range(1024) if verdict(here, number) == ALLOW}
    assert through == {*here.allowed, *here.allowed_unless_executable}
    assert len(through) >= 35
    assert all(verdict(here, number) == REFUSE for number in set(range(1024)) - through)


@both
@pytest.mark.parametrize("call", ["openat", "socket", "connect", "execve", "kill"])
def test_what_reaches_outside_is_refused(here: Machine, call: str) -> None:
    assert verdict(here, here.numbers[call]) == REFUSE


@both
@pytest.mark.parametrize("call", ["mmap", "mprotect"])
def test_executable_memory_is_refused(here: Machine, call: str) -> None:
    assert verdict(here, here.numbers[call], third=3) == ALLOW
    assert verdict(here, here.numbers[call], third=4) == verdict(here, here.numbers[call], third=7) == REFUSE


@both
def test_another_table_of_calls_is_deadly(here: Machine) -> None:
    assert verdict(here, here.numbers["read"], arch=0x40000003) == KILL  # i386
    if here.other_table is not None:
        assert verdict(here, here.other_table | here.numbers["read"]) == KILL
