"""The self-test: a locked throw-away process tries to get out, and reports what was not refused."""

import ctypes
import errno
import os
from collections.abc import Callable

from visrep.env.sandbox import syscalls

_REFUSALS = (errno.EPERM, errno.EACCES)

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def escapes(parent: int, connection: int) -> list[str]:
    """Names of the ways out that are open; an empty list is what a locked process has to give.

    `parent` is the process that a signal is sent to (signal 0, which does nothing) and `connection` a socket.
    """
    here = syscalls.machine()
    if here is None:
        return ["a system call table that is not known"]
    number = here.numbers
    address = b"\x02\x00\x00\x09\x7f\x00\x00\x01" + bytes(8)  # 127.0.0.1:9
    tries: dict[str, Callable[[], int]] = {
        "open": lambda: _call(number["openat"], -100, b"/etc/passwd", 0, 0),
        "socket": lambda: _call(number["socket"], 2, 1, 0),
        "connect": lambda: _call(number["connect"], connection, address, len(address)),
        "kill": lambda: _call(number["kill"], parent, 0),
        "executable mmap": lambda: _call(number["mmap"], None, ctypes.c_size_t(4096), 7, 0x22, -1, ctypes.c_long(0)),
        "fork": _fork,
        # Last: where it is not refused, this process becomes another one and never reports.
        "execve": lambda: _call(number["execve"], b"/proc/self/exe", None, None),
    }
    return [name for name, attempt in tries.items() if attempt() not in _REFUSALS]


def _call(number: int, *arguments: object) -> int:
    """The system call's error number; 0 where it went through."""
    ctypes.set_errno(0)
    return ctypes.get_errno() if _libc.syscall(number, *arguments) == -1 else 0


def _fork() -> int:
    ctypes.set_errno(0)
    child = _libc.fork()
    if child == 0:
        os._exit(0)
    return ctypes.get_errno() if child == -1 else 0
