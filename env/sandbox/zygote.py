"""The process that all programs' processes are forked from. Run as a script by `keeper.py`; it imports no host code.

It was started by exec with an empty environment, so that nothing of the host (annotations above all) is in its
memory; it has the standard library preloaded, because a locked process can open no file; it never sees a program. It
forks, kills and reaps on the host's command, so that no process number is used again before its end was noticed.

Messages on the control socket (SEQPACKET, so one message is one read):

    host to zygote   COMMAND: a letter and a number the host chose; start and probe carry the child's socket
    zygote to host   one JSON text when ready, then REPORT: a letter, the number, wait status, seconds, peak memory;
                     the seconds of a process that ended are those of the processor, those of one that was inquired
                     after also count its waits for a processor
"""

import array
import ctypes
import fcntl
import gc
import json
import os
import select
import signal
import socket
import struct
import sys
import types
import warnings
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from visrep.env.sandbox.lock import Lock

START, PROBE, KILL, INQUIRE = b"s", b"p", b"k", b"i"
ENDED, AT_WORK = b"x", b"w"
COMMAND = struct.Struct("<cQ")
REPORT = struct.Struct("<cQidQ")
NOT_STARTED = -1
"""In place of a wait status: the system would not fork."""

CONNECTION, RULESET = 3, 4
"""Descriptors of a child: its socket, and the Landlock ruleset until it is in force."""


class Zygote:
    """Serves the control socket until the host closes it, then kills every child and ends."""

    def __init__(self, control: socket.socket, lock: "Lock") -> None:
        # Here and not in a child, which even a module that is there already would cost an eighth of a millisecond.
        from visrep.env.sandbox import child, probes, protocol

        self._child, self._probes, self._protocol = child, probes, protocol
        self._control = control
        self._lock = lock
        # Out of the way of the low descriptors that a child's own are moved to.
        self._ruleset = None if lock.ruleset is None else fcntl.fcntl(lock.ruleset, fcntl.F_DUPFD, 10)
        self._numbers: dict[int, int] = {}
        self._pids: dict[int, int] = {}
        self._unsent: deque[bytes] = deque()
        self._wake, self._woken = socket.socketpair()
        for end in (self._wake, self._woken, control):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._woken.fileno(), warn_on_full_buffer=False)

    def serve(self) -> None:
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        try:
            while True:
                # Reports never block: the host may be away in a model for minutes, and commands must still be read.
                poll.register(self._control, select.POLLIN | (select.POLLOUT if self._unsent else 0))
                ready = {descriptor for descriptor, _ in poll.poll()}
                if self._control.fileno() in ready and not self._obey():
                    return
                if self._wake.fileno() in ready:
                    self._wake.recv(4096)
                    self._reap()
                self._send()
        finally:
            for pid in self._numbers:
                os.kill(pid, signal.SIGKILL)

    def _obey(self) -> bool:
        """Carry out all commands that are here; False once the host has closed its end."""
        while True:
            try:
                data, ancillary, _, _ = self._control.recvmsg(COMMAND.size, socket.CMSG_SPACE(4))
            except BlockingIOError:
                return True
            except ConnectionError:
                return False
            if not data:
                return False
            kind, number = COMMAND.unpack(data)
            if kind in (START, PROBE):
                descriptors = array.array("i", ancillary[0][2])
                self._start(number, descriptors[0], kind == PROBE)
            elif number in self._pids:
                self._stop_or_tell(self._pids[number], number, kind == KILL)

    def _start(self, number: int, connection: int, probe: bool) -> None:
        parent = os.getpid()
        try:
            pid = _fork()
        except OSError:
            self._unsent.append(REPORT.pack(ENDED, number, NOT_STARTED, 0.0, 0))
        else:
            if pid == 0:
                self._become_child(parent, connection, probe)
            self._numbers[pid], self._pids[number] = number, pid
        os.close(connection)

    def _become_child(self, parent: int, connection: int, probe: bool) -> NoReturn:
        """Keep nothing but the socket, lock up, and only then read the job."""
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.dup2(connection, CONNECTION)
            if self._ruleset is not None:
                os.dup2(self._ruleset, RULESET)
            os.closerange(RULESET + (self._ruleset is not None), 65536)
            self._lock.apply(parent, None if self._ruleset is None else RULESET)
            if probe:
                found = self._probes.escapes(parent, CONNECTION)
                os.write(CONNECTION, self._protocol.frame(["probe", found]))
            else:
                self._child.serve(CONNECTION)
        finally:
            os._exit(1)

    def _stop_or_tell(self, pid: int, number: int, stop: bool) -> None:
        if stop:
            os.kill(pid, signal.SIGKILL)
        else:
            self._unsent.append(REPORT.pack(AT_WORK, number, 0, _seconds_at_work(pid), 0))

    def _reap(self) -> None:
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            number = self._numbers.pop(pid)
            del self._pids[number]
            cpu = usage.ru_utime + usage.ru_stime
            self._unsent.append(REPORT.pack(ENDED, number, status, cpu, usage.ru_maxrss * 1024))

    def _send(self) -> None:
        while self._unsent:
            try:
                self._control.send(self._unsent[0])
            except BlockingIOError:
                return
            self._unsent.popleft()


_libc = ctypes.PyDLL(None, use_errno=True)


def _fork() -> int:
    """The C library's fork. Python's own also runs what modules registered for it (`random` seeds itself) and sets
    locks right that no other thread of this process can hold: a third of what a child costs before it runs."""
    pid: int = _libc.fork()
    if pid < 0:
        raise OSError(ctypes.get_errno(), "fork")
    return pid


def _seconds_at_work(pid: int) -> float:
    """How long the process has been on a processor or waited for one, rather than slept; 0 where the kernel keeps no
    such account."""
    try:
        ran, waited, _ = Path(f"/proc/{pid}/schedstat").read_text().split()
    except (OSError, ValueError):
        return 0.0
    return (int(ran) + int(waited)) / 1e9


def _stand_in_packages(env: str) -> None:
    """Make `visrep.env...` importable without running any `__init__` of it: those import the host's side."""
    for name, folder in (("visrep", ""), ("visrep.env", env), ("visrep.env.sandbox", f"{env}/sandbox")):
        package = types.ModuleType(name)
        package.__path__ = [folder]
        sys.modules[name] = package


def _preload(numpy_folder: str | None) -> None:
    if numpy_folder is not None:
        sys.path.append(numpy_folder)
    from visrep.env.sandbox import child, probes  # noqa: F401  (probes: for a child, which can import nothing)

    child.preload(numpy_folder is not None)
    warnings.simplefilter("ignore")


def _volunteer_for_the_killer() -> None:
    """Where memory runs out, the kernel should end a program rather than the host."""
    try:
        Path("/proc/self/oom_score_adj").write_text("500")
    except OSError:
        return


def main() -> None:
    settings: dict[str, Any] = json.loads(sys.argv[1])
    control = socket.socket(fileno=settings["control"])
    _volunteer_for_the_killer()
    _stand_in_packages(settings["env"])
    try:
        from visrep.env.sandbox.lock import Lock

        _preload(settings["numpy"])
        lock = Lock(settings["cpu_seconds"], settings["memory_mb"], settings["without"])
    except Exception as error:  # said where somebody can hear it: this process has no standard error
        control.send(json.dumps({"error": f"{type(error).__name__}: {error}"[:500]}).encode())
        return
    os.environ.clear()
    control.send(json.dumps({"isolation": lock.isolation}).encode())
    gc.collect()
    gc.freeze()  # else a child's first collection copies every page
    Zygote(control, lock).serve()


if __name__ == "__main__":
    main()
