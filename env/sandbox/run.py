"""One program on one instance, as the host sees it: what its process says, what its clock says, how it ended.

Only this side judges. A process can claim a value or a fault of its own doing (`CLAIMABLE`); that it ran too long,
crashed, broke the protocol or was lost is found out here, so that no program can have itself run again.
"""

import math
import re
import signal
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from os import WEXITSTATUS, WIFEXITED, WIFSIGNALED, WTERMSIG
from typing import Any, cast

from visrep.env.faults import UserFault
from visrep.env.judging import USUAL, Judging
from visrep.env.perception.picture import Picture
from visrep.env.replay import Replay
from visrep.env.sandbox import protocol
from visrep.env.sandbox.keeper import End
from visrep.env.sandbox.limits import Limits
from visrep.env.types import Call, Execution, Outcome
from visrep.env.visual_api import Exhausted, Misuse, Pending, Session, Unknown

CLAIMABLE = frozenset(
    {"ok", "wrong_type", "syntax_error", "no_entry", "forbidden", "runtime_error", "memory", "output_too_large"}
)
PARAMETERS = frozenset({"image", "images", "video", "options"})

_LONGEST_MESSAGE = 600
_LONGEST_TRACE = 256
_LAST_LINE = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """A program to be run once. `key` is the caller's; equal jobs give equal executions, times apart. The images of a
    video are its sampled frames.

    `seed` seeds the program's `random`; `trace` asks for the changed variables of every line. With `replay`, the calls
    are answered from that log of an earlier run, and no model is asked; else what models reply is judged by `judging`.
    """

    key: Any
    program: str
    images: Sequence[Picture]
    signature: str = "execute_command(image)"
    options: tuple[str, ...] = ()
    seed: int = 0
    trace: bool = False
    replay: tuple[Call, ...] | None = None
    judging: Judging = USUAL


class Run:
    """State of a job under way. The event loop feeds it, sends `unsent` and kills its process when it is condemned."""

    def __init__(self, job: Job, limits: Limits, number: int, connection: socket.socket) -> None:
        self.job = job
        self.number = number
        self.connection = connection
        session = partial(Session, judging=job.judging) if job.replay is None else partial(Replay, record=job.replay)
        self.session = session(job.images, limits.calls, limits.patches)
        self.unsent = protocol.frame(_packet(job, self.session))
        self.deadline = math.inf
        self.pending: Pending | None = None
        self.ready = False
        self.condemned = False
        self._limits = limits
        self._frames = protocol.Frames()
        self._verdict: tuple[Outcome, str] | None = None
        self._result: Execution | None = None
        self._trace: list[Any] = []
        self._since: float | None = None
        self._taken = 0
        self._spent = 0.0
        self._asked_seconds = 0.0
        self._allowed = limits.wall_seconds

    @property
    def over(self) -> bool:
        """Whether the outcome is settled, so that nothing the process still sends matters."""
        return self._result is not None or self._verdict is not None

    def start_clock(self, now: float) -> None:
        """The program computes from now on."""
        self._since = now
        self.deadline = now + self._allowed - self._spent

    def stop_clock(self, now: float) -> None:
        """The program waits for the host from now on, or has come to its end."""
        if self._since is not None:
            self._spent += now - self._since
        self._since = None
        self.deadline = math.inf

    def is_late(self, now: float, at_work: float) -> bool:
        """Whether the program has slept for longer than it may, having been at work for so many seconds. One that has
        not gets the rest."""
        self._allowed = self._limits.wall_seconds + at_work
        if self._since is None:
            return False
        left = self._allowed - self._spent - (now - self._since)
        self.deadline = now + left
        return left <= 0

    def condemn(self, outcome: Outcome, message: str) -> None:
        """Settle the outcome against the process, unless it is settled already; it has to be killed."""
        self.condemned = True
        if not self.over:
            self._verdict = (outcome, message)

    def take(self, data: bytes) -> None:
        """Digest what the process sent: a call becomes `pending` or is replied to, a result settles the outcome. What
        comes after that is dropped."""
        if self.over:
            return
        self._taken += len(data)
        if self._taken > self._limits.sent_bytes:
            self.condemn("call_limit", f"sent more than {self._limits.sent_bytes} bytes")
            return
        try:
            for message in self._frames.take(data):
                if self.over:
                    return
                self._digest(message)
        except (protocol.Violation, Unknown) as error:
            self.condemn("protocol", str(error))
        except Exhausted as error:
            self.condemn("call_limit", str(error))

    def reply(self, replies: Sequence[Any], seconds: float) -> None:
        """Finish the pending call with the models' replies, for which it has waited so many seconds; it stays pending
        where it has to ask more on account of them."""
        pending, self.pending = self.pending, None
        assert pending is not None
        self._asked_seconds += seconds
        try:
            self.pending = self.session.further(pending, replies)
            if self.pending is None:
                self._send(["ok", self.session.answer(pending, replies, self._asked_seconds)])
                self._asked_seconds = 0.0
        except Exhausted as error:
            self.condemn("call_limit", str(error))

    def execution(self, end: End) -> Execution:
        """What came of it, now that the process has ended."""
        settled = self._settle(end)
        return Execution(
            settled.outcome, settled.value, settled.message, settled.line,
            tuple(self.session.calls), end.cpu_seconds, self._spent,
            tuple(self._trace) if self.job.trace else None,
        )  # fmt: skip

    def _digest(self, message: Any) -> None:
        match message:
            case ["call", str(method), list(arguments)] if self.pending is None and self.ready:
                self._call(method, arguments)
            case ["result", str(outcome), value, str(text), line] if self.pending is None and _is_line(line):
                self._accept(outcome, value, text, line)
            case ["trace", [line, dict(changed)]] if self.job.trace and len(self._trace) < _LONGEST_TRACE:
                self._trace.append(_checked_step(line, changed))
            case ["ready"] if not self.ready:
                self.ready = True
            case _:
                raise protocol.Violation("a message that has no place here")

    def _call(self, method: str, arguments: list[Any]) -> None:
        try:
            pending = self.session.ask(method, arguments)
        except Misuse as error:
            self._send(["error", str(error)])
            return
        if pending.requests:
            self.pending = pending
        else:
            self._send(["ok", self.session.answer(pending, (), 0.0)])

    def _accept(self, outcome: str, value: Any, text: str, line: int | None) -> None:
        if outcome not in CLAIMABLE:
            raise protocol.Violation(f"a process cannot claim {outcome[:40]!r}")
        resolved = self.session.resolve(value) if outcome == "ok" else None
        message = _clean(text[:_LONGEST_MESSAGE])
        self._result = Execution(cast(Outcome, outcome), resolved, message, line)

    def _settle(self, end: End) -> Execution:
        if end.lost:
            return Execution("infrastructure", message="the sandbox's first process died or could not fork")
        if self._verdict is not None:
            return Execution(self._verdict[0], message=self._verdict[1])
        if end.cpu_seconds > self._limits.cpu_seconds or _killed_by(end, signal.SIGXCPU):
            return Execution("timeout", message=f"more than {self._limits.cpu_seconds:g} s of processor time")
        if self._result is not None:
            return self._result
        if not self.ready:
            return Execution("infrastructure", message="the process ended before it was locked")
        return self._death(end)

    def _death(self, end: End) -> Execution:
        """The outcome of a process that ended without a word: never a success, whatever its exit status."""
        if WIFEXITED(end.status):
            if WEXITSTATUS(end.status) == protocol.OUT_OF_MEMORY:
                return Execution("memory", message="out of memory")
            return Execution("crash", message=f"exit status {WEXITSTATUS(end.status)} without a result")
        if not _killed_by(end, signal.SIGKILL):
            return Execution("crash", message=f"killed by signal {WTERMSIG(end.status)}")
        # Nothing inside the lock can send SIGKILL, and the host's own are condemned: the kernel ran out of memory.
        if end.peak_bytes > self._limits.memory_mb * 2**20 // 4:
            return Execution("memory", message=f"killed while holding {end.peak_bytes // 2**20} MB")
        return Execution("infrastructure", message="killed from outside")

    def _send(self, value: Any) -> None:
        self.unsent += protocol.frame(value)


def _packet(job: Job, session: Session) -> dict[str, Any]:
    match = re.fullmatch(r"execute_command\(([\w, ]*)\)", job.signature)
    parameters = [name.strip() for name in match[1].split(",")] if match else []
    if not parameters or not PARAMETERS.issuperset(parameters):
        raise UserFault(
            f"signature {job.signature!r} cannot be run; expected execute_command(image), (images) or (video), "
            "each with or without options"
        )
    return {
        "program": job.program, "parameters": parameters, "images": session.images(),
        "options": job.options, "seed": job.seed, "trace": job.trace,
    }  # fmt: skip


def _killed_by(end: End, number: signal.Signals) -> bool:
    return WIFSIGNALED(end.status) and WTERMSIG(end.status) == number


def _checked_step(line: Any, changed: dict[str, Any]) -> list[Any]:
    """A claimed step: its line, and names with what is said to be shown of them."""
    if line is None or not _is_line(line) or not all(type(shown) is str for shown in changed.values()):
        raise protocol.Violation("a step of a trace is a line and texts")
    return [line, {_clean(name): _clean(shown) for name, shown in changed.items()}]


def _is_line(line: Any) -> bool:
    """Whether a line of the program can have this number; faults outside of its text have none."""
    return line is None or (type(line) is int and 0 < line <= _LAST_LINE)


def _clean(text: str) -> str:
    """The text as it can be stored and shown: on one line, no halves of surrogate pairs, no codes for terminals."""
    return "".join(letter if letter.isprintable() else " " if letter.isspace() else "?" for letter in text)
