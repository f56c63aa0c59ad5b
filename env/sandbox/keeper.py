"""The host's handle on the zygote: starts it, tests the lock, asks for processes and hears of their ends."""

import itertools
import json
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visrep.env.faults import MachineFault, UserFault
from visrep.env.sandbox import protocol, zygote
from visrep.env.sandbox.limits import Limits
from visrep.env.sandbox.outer import Outer, wrapped

PARTS = ("seccomp", "landlock")
"""What the kernel has to offer for the lock."""

_ENVIRONMENT = {
    "PYTHONHASHSEED": "0",
    "OPENBLAS_NUM_THREADS": "1",
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",  # large blocks in huge pages: they are given back 10 times as fast
    "LD_BIND_NOW": "1",  # else every child looks up the functions of the C library anew
}

_START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class End:
    """How a process ended; `lost` where nobody can know, because the zygote went with it or could not fork."""

    number: int
    status: int = 0
    cpu_seconds: float = 0.0
    peak_bytes: int = 0
    lost: bool = False


@dataclass(frozen=True, slots=True)
class AtWork:
    """Reply to `inquire`: how long the process has been on a processor or waited for one."""

    number: int
    seconds: float


Inbox = deque[End | AtWork]


class Keeper:
    """Keeps one zygote alive. Raises MachineFault when none can be started, UserFault when it cannot be locked."""

    def __init__(self, limits: Limits, numpy: bool, outer: Outer, without: Sequence[str]) -> None:
        folders = [str(Path(__file__).resolve().parent.parent)] + ([_numpy_folder()] if numpy else [])
        self._settings = {
            "env": folders[0],
            "numpy": folders[1] if numpy else None,
            "cpu_seconds": limits.cpu_seconds,
            "memory_mb": limits.memory_mb,
            "without": list(without),
        }
        # -I would ignore the seed of hashes, -S and -s keep site-packages (and this program) out.
        command = [sys.executable, "-s", "-P", "-S", "-B", zygote.__file__]
        self._command_line = command if outer == "none" else wrapped(command, folders)
        self._outer = outer
        self._without = frozenset(without)
        self._numbers = itertools.count(1)
        self._inboxes: dict[int, Inbox] = {}
        self._start()
        self._refuse_unless_locked()

    @property
    def control(self) -> socket.socket:
        """The socket to watch; another one after the zygote was replaced."""
        return self._control

    @property
    def first_process(self) -> int:
        """Number of the zygote, or of the outer wall around it."""
        return self._process.pid

    def spawn(self, inbox: Inbox) -> tuple[int, socket.socket]:
        """Ask for a locked process: its number, under which its end comes to `inbox`, and the socket to it."""
        return self._spawn(zygote.START, inbox)

    def kill(self, number: int) -> None:
        self._command(zygote.KILL, number)

    def inquire(self, number: int) -> None:
        """Ask how long the process has been at work; `AtWork` comes to its inbox, or its end."""
        self._command(zygote.INQUIRE, number)

    def read(self) -> None:
        """Put what the zygote has reported into the inboxes. A zygote that died is replaced, its processes lost."""
        while True:
            try:
                data = self._control.recv(zygote.REPORT.size, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            except ConnectionError:
                data = b""
            if not data:
                self._replace()
                return
            kind, number, status, seconds, peak = zygote.REPORT.unpack(data)
            if kind == zygote.AT_WORK:
                self._inboxes[number].append(AtWork(number, seconds))
            else:
                self._inboxes.pop(number).append(End(number, status, seconds, peak, status == zygote.NOT_STARTED))

    def close(self) -> None:
        self._control.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _start(self) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            settings = json.dumps({**self._settings, "control": theirs.fileno()})
            self._process = subprocess.Popen(
                [*self._command_line, settings],
                env=_ENVIRONMENT,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        inner: str = self._hello()["isolation"]
        self.isolation = inner if self._outer == "none" else f"{self._outer}+{inner}"

    def _hello(self) -> dict[str, Any]:
        self._control.settimeout(_START_SECONDS)
        try:
            hello: dict[str, Any] = json.loads(self._control.recv(4096) or b'{"error": "it ended at once"}')
        except TimeoutError:
            hello = {"error": f"not ready after {_START_SECONDS:.0f} s"}
        self._control.settimeout(None)
        if "error" in hello:
            self.close()
            raise MachineFault(f"the sandbox's first process does not start: {hello['error']}")
        return hello

    def _refuse_unless_locked(self) -> None:
        """Fail closed: what the kernel lacks or the self-test got out of is accepted only where the user says so."""
        missing = [part for part in PARTS if part not in self.isolation]
        unasked = [part for part in missing if part not in self._without]
        escapes = self._escapes()
        if escapes:
            self.isolation += " (open: " + ", ".join(escapes) + ")"
        if unasked or (escapes and not self._without):
            self.close()
            found = (
                f"no {' and no '.join(unasked)}"
                if unasked
                else f"a locked process got through with {', '.join(escapes)}"
            )
            raise UserFault(
                f"programs cannot be locked in on this machine: {found}; run on Linux 5.13 or later on x86-64 or "
                "aarch64 with Landlock switched on, or do without that part (sandbox.without) if you trust the programs"
            )

    def _escapes(self) -> list[str]:
        """What a locked throw-away process can still do; "report" where it could not even say."""
        inbox: Inbox = deque()
        _, connection = self._spawn(zygote.PROBE, inbox)
        connection.settimeout(_START_SECONDS)
        frames, messages = protocol.Frames(), list[Any]()
        with connection:
            try:
                while data := connection.recv(4096):
                    messages.extend(frames.take(data))
            except (TimeoutError, ConnectionError, protocol.Violation):
                messages.clear()
        return list(messages[0][1]) if messages else ["report"]

    def _spawn(self, kind: bytes, inbox: Inbox) -> tuple[int, socket.socket]:
        number = next(self._numbers)
        ours, theirs = socket.socketpair()
        with theirs:
            self._inboxes[number] = inbox
            self._command(kind, number, theirs)
        return number, ours

    def _command(self, kind: bytes, number: int, connection: socket.socket | None = None) -> None:
        message = [zygote.COMMAND.pack(kind, number)]
        try:
            if connection is None:
                self._control.sendmsg(message)
            else:
                socket.send_fds(self._control, message, [connection.fileno()])
        except OSError:
            return  # gone, or closed for good: `read` will find out, and the process's end is told as lost

    def _replace(self) -> None:
        lost, self._inboxes = self._inboxes, {}
        for number, inbox in lost.items():
            inbox.append(End(number, lost=True))
        self.close()
        self._start()


def _numpy_folder() -> str:
    import numpy

    return str(Path(numpy.__file__).resolve().parent.parent)
