"""Locks the calling process in, for good: no files, no network, no processes, bounded memory and processor time.

This is the security boundary; what `child.py` hides from a program's sight is only there for good messages. It is made
of resource limits, Landlock (deny all) and a seccomp allowlist in raw BPF, with the standard library and ctypes alone,
so that it needs no root, no system package and no build step. Linux on x86-64 and aarch64 (`syscalls.py`); elsewhere
`isolation` says what is left. Source: the kernel's documentation of Landlock and of seccomp filters.
"""

import ctypes
import errno
import math
import os
import resource
import signal
import struct
from collections.abc import Sequence

from visrep.env.sandbox import syscalls

_NOBODY = 65534

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_GET_SECCOMP, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 4, 21, 22, 38
_SECCOMP_MODE_FILTER = 2
_LANDLOCK_CREATE_RULESET, _LANDLOCK_RESTRICT_SELF = 444, 446  # the same on every processor
_LANDLOCK_VERSION = 1

_INHERITED = {
    resource.RLIMIT_FSIZE: (0, 0),
    resource.RLIMIT_CORE: (0, 0),
    resource.RLIMIT_NOFILE: (64, 64),
    resource.RLIMIT_MEMLOCK: (0, 0),
}

_libc = ctypes.CDLL(None, use_errno=True)


class Lock:
    """What one process prepares once so that each of its children can lock itself in quickly.

    Parts named in `without` ("seccomp", "landlock") are left out. Limits that the process can live with itself are put
    in force at once; its children inherit them.
    """

    def __init__(self, cpu_seconds: float, memory_mb: int, without: Sequence[str] = ()) -> None:
        for limit, (soft, hard) in _INHERITED.items():
            _set_limit(limit, soft, hard)
        self._limits = _resource_limits(cpu_seconds, memory_mb)
        here = syscalls.machine()
        seccomp = "seccomp" not in without and here is not None and _libc.prctl(_PR_GET_SECCOMP, 0, 0, 0, 0) >= 0
        self._filter = _Filter(syscalls.filter_code(here)) if here is not None and seccomp else None
        self.landlock_abi = 0 if "landlock" in without or here is None else _landlock_abi()
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
    """A seccomp filter, ready to be put in force."""

    def __init__(self, code: bytes) -> None:
        self._code = ctypes.create_string_buffer(code, len(code))
        self._program = ctypes.create_string_buffer(struct.pack("@HP", len(code) // 8, ctypes.addressof(self._code)))

    def install(self) -> None:
        _check(_libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(self._program), 0, 0))


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
