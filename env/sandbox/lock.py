"""Locks the calling process in, for good: no files, no network, no processes, bounded memory and processor time.

This is the security boundary; what `child.py` hides from a program's sight is only there for good messages. It is made
of resource limits, Landlock (deny all) and a seccomp allowlist in raw BPF, with the standard library and ctypes alone,
so that it needs no root, no system package and no build step. Linux on x86-64; elsewhere `isolation` says what is left.

Sources: the kernel's documentation of Landlock and of seccomp filters; system call numbers of
arch/x86/entry/syscalls/syscall_64.tbl.
"""

import ctypes
import errno
import math
import os
import platform
import resource
import signal
import struct
import sys

_NOBODY = 65534

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_GET_SECCOMP, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 4, 21, 22, 38
_SECCOMP_MODE_FILTER = 2
_LANDLOCK_CREATE_RULESET, _LANDLOCK_RESTRICT_SELF = 444, 446
_LANDLOCK_VERSION = 1

_ALLOWED = {
    "read": 0, "write": 1, "close": 3, "fstat": 5, "poll": 7, "lseek": 8, "munmap": 11, "brk": 12, "rt_sigaction": 13,
    "rt_sigprocmask": 14, "rt_sigreturn": 15, "readv": 19, "writev": 20, "select": 23, "sched_yield": 24, "mremap": 25,
    "madvise": 28, "nanosleep": 35, "getpid": 39, "exit": 60, "gettimeofday": 96, "getrusage": 98, "getuid": 102,
    "getgid": 104, "geteuid": 107, "getegid": 108, "getppid": 110, "sigaltstack": 131, "gettid": 186, "futex": 202,
    "sched_getaffinity": 204, "restart_syscall": 219, "clock_gettime": 228, "clock_getres": 229,
    "clock_nanosleep": 230, "exit_group": 231, "ppoll": 271, "getrandom": 318, "membarrier": 324, "rseq": 334,
}  # fmt: skip
_ALLOWED_UNLESS_EXECUTABLE = {"mmap": 9, "mprotect": 10}

_AUDIT_ARCH_X86_64 = 0xC000003E
_X32_BIT = 0x40000000
_LOAD, _JUMP_EQUAL, _JUMP_GREATER_EQUAL, _JUMP_SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x80000000
_NUMBER_OFFSET, _ARCH_OFFSET, _THIRD_ARGUMENT_OFFSET = 0, 4, 32

_libc = ctypes.CDLL(None, use_errno=True)


class Lock:
    """What one process prepares once so that each of its children can lock itself in quickly."""

    def __init__(self, cpu_seconds: float, memory_mb: int) -> None:
        self._limits = _resource_limits(cpu_seconds, memory_mb)
        supported = sys.platform == "linux" and platform.machine() == "x86_64"
        self._filter = _Filter() if supported and _libc.prctl(_PR_GET_SECCOMP, 0, 0, 0, 0) >= 0 else None
        self.landlock_abi = _landlock_abi() if supported else 0
        self.ruleset = _landlock_ruleset(self.landlock_abi) if self.landlock_abi else None

    @property
    def isolation(self) -> str:
        """What is in force, e.g. "seccomp+landlock7"; "none" where the kernel offers neither."""
        parts = ["seccomp"] if self._filter else []
        if self.landlock_abi:
            parts.append(f"landlock{self.landlock_abi}")
        return "+".join(parts) or "none"

    def apply(self, parent: int, ruleset: int | None) -> None:
        """Lock this process in; `ruleset` is the descriptor under which it holds the Landlock ruleset.

        Raises OSError when a part that is there cannot be put in force: the caller must then end the process.
        """
        os.setsid()
        _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        _become_nobody()
        _check(_libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0))
        # After the change of user, which clears it; then the parent may be gone already.
        _check(_libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0))
        if os.getppid() != parent:
            raise OSError(errno.ESRCH, "the zygote is gone")
        for limit, (soft, hard) in self._limits.items():
            _set_limit(limit, soft, hard)
        if ruleset is not None:
            _check(_libc.syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0))
            os.close(ruleset)
        if self._filter is not None:
            self._filter.install()


def _become_nobody() -> None:
    """Give up root. Best effort: a container may have no such user, and what follows does not build on it."""
    if os.geteuid() != 0:
        return
    try:
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    except OSError:
        return


class _Filter:
    """The seccomp allowlist. What is not on it fails with EPERM, so that a program gets a line number."""

    def __init__(self) -> None:
        code = _filter_code()
        self._code = ctypes.create_string_buffer(code, len(code))
        self._program = ctypes.create_string_buffer(struct.pack("@HP", len(code) // 8, ctypes.addressof(self._code)))

    def install(self) -> None:
        _check(_libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(self._program), 0, 0))


def _filter_code() -> bytes:
    """BPF: foreign architectures and x32 are killed, then a linear search (the kernel caches constant verdicts)."""

    def step(code: int, value: int, then: int = 0, other: int = 0) -> bytes:
        return struct.pack("=HBBI", code, then, other, value)

    code = [
        step(_LOAD, _ARCH_OFFSET), step(_JUMP_EQUAL, _AUDIT_ARCH_X86_64, 1, 0), step(_RETURN, _KILL),
        step(_LOAD, _NUMBER_OFFSET), step(_JUMP_GREATER_EQUAL, _X32_BIT, 0, 1), step(_RETURN, _KILL),
    ]  # fmt: skip
    for number in _ALLOWED.values():
        code += [step(_JUMP_EQUAL, number, 0, 1), step(_RETURN, _ALLOW)]
    for number in _ALLOWED_UNLESS_EXECUTABLE.values():
        code += [
            step(_JUMP_EQUAL, number, 0, 4),
            step(_LOAD, _THIRD_ARGUMENT_OFFSET), step(_JUMP_SET, 0x4, 0, 1),  # PROT_EXEC
            step(_RETURN, _REFUSE), step(_RETURN, _ALLOW),
        ]  # fmt: skip
    return b"".join([*code, step(_RETURN, _REFUSE)])


def _landlock_abi() -> int:
    """The kernel's Landlock version; 0 where it is absent or switched off."""
    return max(0, int(_libc.syscall(_LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), _LANDLOCK_VERSION)))


def _landlock_ruleset(abi: int) -> int:
    """Descriptor of a ruleset that handles everything this version knows and allows none of it."""
    rights = {1: 13, 2: 14, 3: 15, 4: 15}.get(abi, 16)  # how many kinds of access to files each version knows
    attributes = [(1 << rights) - 1]
    if abi >= 4:
        attributes.append(0b11)  # bind and connect TCP
    if abi >= 6:
        attributes.append(0b11)  # abstract UNIX sockets and signals, to processes outside
    packed = struct.pack(f"={len(attributes)}Q", *attributes)
    return _check(_libc.syscall(_LANDLOCK_CREATE_RULESET, packed, ctypes.c_size_t(len(packed)), 0))


def _resource_limits(cpu_seconds: float, memory_mb: int) -> dict[int, tuple[int, int]]:
    cpu, memory = math.ceil(cpu_seconds), memory_mb * 2**20
    return {
        resource.RLIMIT_AS: (memory, memory),
        resource.RLIMIT_CPU: (cpu, cpu + 1),  # at the second one no handler helps
        resource.RLIMIT_NPROC: (0, 0),
        resource.RLIMIT_FSIZE: (0, 0),
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_NOFILE: (64, 64),
        resource.RLIMIT_MEMLOCK: (0, 0),
    }


def _set_limit(limit: int, soft: int, hard: int) -> None:
    """Best effort: a limit that is already lower stays as it is."""
    current = resource.getrlimit(limit)[1]
    if current != resource.RLIM_INFINITY:
        soft, hard = min(soft, current), min(hard, current)
    try:
        resource.setrlimit(limit, (soft, hard))
    except (ValueError, OSError):
        return


def _check(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return int(result)
