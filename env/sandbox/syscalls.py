"""The system calls that a locked process may make, and the seccomp filter in raw BPF that refuses all others.

For x86-64 and aarch64. Sources: arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h of the
kernel, whose tables a test compares with these; the BPF of Documentation/userspace-api/seccomp_filter.rst.
"""

import errno
import platform
import struct
import sys
from dataclasses import dataclass

_ALLOWED = (
    "read", "write", "close", "fstat", "poll", "ppoll", "lseek", "munmap", "brk", "rt_sigaction", "rt_sigprocmask",
    "rt_sigreturn", "readv", "writev", "select", "pselect6", "sched_yield", "mremap", "madvise", "nanosleep", "getpid",
    "exit", "gettimeofday", "getrusage", "getuid", "getgid", "geteuid", "getegid", "getppid", "sigaltstack", "gettid",
    "futex", "sched_getaffinity", "restart_syscall", "clock_gettime", "clock_getres", "clock_nanosleep", "exit_group",
    "getrandom", "rseq",
)  # fmt: skip
_ALLOWED_UNLESS_EXECUTABLE = ("mmap", "mprotect")


@dataclass(frozen=True, slots=True)
class Machine:
    """What one processor's kernel calls things: its AUDIT_ARCH, the numbers of its calls, and the lowest number of a
    second table behind the same AUDIT_ARCH (x32), if it has one."""

    audit_arch: int
    numbers: dict[str, int]
    other_table: int | None = None

    @property
    def allowed(self) -> list[int]:
        """Calls that are harmless with any arguments. Newer processors lack some, such as poll beside ppoll."""
        return [self.numbers[name] for name in _ALLOWED if name in self.numbers]

    @property
    def allowed_unless_executable(self) -> list[int]:
        """Calls that must not ask for executable memory."""
        return [self.numbers[name] for name in _ALLOWED_UNLESS_EXECUTABLE]


X86_64 = Machine(
    0xC000003E,
    {
        "read": 0, "write": 1, "close": 3, "fstat": 5, "poll": 7, "lseek": 8, "mmap": 9, "mprotect": 10, "munmap": 11,
        "brk": 12, "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15, "readv": 19, "writev": 20,
        "select": 23, "sched_yield": 24, "mremap": 25, "madvise": 28, "nanosleep": 35, "getpid": 39, "socket": 41,
        "connect": 42, "execve": 59, "exit": 60, "kill": 62, "gettimeofday": 96, "getrusage": 98, "getuid": 102,
        "getgid": 104, "geteuid": 107, "getegid": 108, "getppid": 110, "sigaltstack": 131, "gettid": 186, "futex": 202,
        "sched_getaffinity": 204, "restart_syscall": 219, "clock_gettime": 228, "clock_getres": 229,
        "clock_nanosleep": 230, "exit_group": 231, "openat": 257, "pselect6": 270, "ppoll": 271, "getrandom": 318,
        "rseq": 334,
    },
    other_table=0x40000000,
)  # fmt: skip

AARCH64 = Machine(
    0xC00000B7,
    {
        "openat": 56, "close": 57, "lseek": 62, "read": 63, "write": 64, "readv": 65, "writev": 66, "pselect6": 72,
        "ppoll": 73, "fstat": 80, "exit": 93, "exit_group": 94, "futex": 98, "nanosleep": 101, "clock_gettime": 113,
        "clock_getres": 114, "clock_nanosleep": 115, "sched_getaffinity": 123, "sched_yield": 124,
        "restart_syscall": 128, "kill": 129, "sigaltstack": 132, "rt_sigaction": 134, "rt_sigprocmask": 135,
        "rt_sigreturn": 139, "getrusage": 165, "gettimeofday": 169, "getpid": 172, "getppid": 173, "getuid": 174,
        "geteuid": 175, "getgid": 176, "getegid": 177, "gettid": 178, "socket": 198, "connect": 203, "brk": 214,
        "munmap": 215, "mremap": 216, "execve": 221, "mmap": 222, "mprotect": 226, "madvise": 233, "getrandom": 278,
        "rseq": 293,
    },
)  # fmt: skip

ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x80000000
"""Verdicts. A refused call fails with EPERM instead of killing, so that a program gets a line number."""

_LOAD, _JUMP_EQUAL, _JUMP_GREATER_EQUAL, _JUMP_SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_OFFSET, _ARCH_OFFSET, _THIRD_ARGUMENT_OFFSET = 0, 4, 32
_PROT_EXEC = 0x4


def _step(code: int, value: int, then: int = 0, other: int = 0) -> bytes:
    return struct.pack("=HBBI", code, then, other, value)


_ANSWER_ALLOW, _ANSWER_REFUSE = [_step(_RETURN, ALLOW)], [_step(_RETURN, REFUSE)]
_ANSWER_ASK = [
    _step(_LOAD, _THIRD_ARGUMENT_OFFSET),
    _step(_JUMP_SET, _PROT_EXEC, 0, 1),
    *_ANSWER_REFUSE,
    *_ANSWER_ALLOW,
]


def machine() -> Machine | None:
    """The tables of this machine; None for an unknown one."""
    if sys.platform != "linux" or struct.calcsize("P") != 8:
        return None
    return {"x86_64": X86_64, "aarch64": AARCH64}.get(platform.machine())


def filter_code(here: Machine) -> bytes:
    """BPF: other tables than this one are deadly, then a binary search. The kernel walks the filter once for every call
    there is when a process puts it in force, so that its length in steps is part of what each program costs."""
    verdicts = dict.fromkeys(here.allowed, _ANSWER_ALLOW) | dict.fromkeys(here.allowed_unless_executable, _ANSWER_ASK)
    # Where each run of equal verdicts begins; what no table has is refused.
    spans = [(0, _ANSWER_REFUSE)]
    for number in range(max(verdicts) + 2):
        if verdicts.get(number, _ANSWER_REFUSE) != spans[-1][1]:
            spans.append((number, verdicts.get(number, _ANSWER_REFUSE)))
    code = [_step(_LOAD, _ARCH_OFFSET), _step(_JUMP_EQUAL, here.audit_arch, 1, 0), _step(_RETURN, KILL)]
    code.append(_step(_LOAD, _NUMBER_OFFSET))
    if here.other_table is not None:
        code += [_step(_JUMP_GREATER_EQUAL, here.other_table, 0, 1), _step(_RETURN, KILL)]
    return b"".join(code + _search(spans))


def _search(spans: list[tuple[int, list[bytes]]]) -> list[bytes]:
    """Steps that find a call's span, given where each begins and the steps that answer in it."""
    if len(spans) == 1:
        return spans[0][1]
    middle = len(spans) // 2
    below, above = _search(spans[:middle]), _search(spans[middle:])
    return [_step(_JUMP_GREATER_EQUAL, spans[middle][0], len(below), 0), *below, *above]
