"""The event loop: starts processes, gathers their calls, answers them in batches and hears how they end.

One thread, any number of programs in flight, and nothing in it waits for a program. Calls that need a model are
gathered while other programs still compute and are answered in one go, so that models can work in batches; replies that
are remembered are given at once.
"""

import selectors
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from visrep.env.faults import MachineFault
from visrep.env.perception import Request
from visrep.env.sandbox.keeper import AtWork, End, Inbox, Keeper
from visrep.env.sandbox.limits import Limits
from visrep.env.sandbox.run import Job, Run
from visrep.env.types import Execution
from visrep.env.visual_api import Pending

Answer = Callable[[list[Request]], list[Any]]
"""Replies to requests, in order: to find a tuple of detections, to query an Answer, to match a tuple of floats, to
depth a float, to complete a text."""

Remembered = Callable[[Sequence[Request]], list[Any] | None]
"""Replies that are there at once, without a model; None where one is missing."""

_START_SECONDS = 60.0
_GRACE_SECONDS = 1.0  # for a process to end after its result
_LINGER_SECONDS = 0.001  # for programs that still compute to join a batch
_READ_BYTES = 65536
_STARVED_SECONDS = 0.01  # between two looks for a job, where there was none yet
_NO_MORE = object()


class Loop:
    """One call of `Sandbox.run`.

    Its clock stands still while the host is in a model, in the source of jobs or with the caller: none of that is the
    programs' time.
    """

    def __init__(
        self,
        keeper: Keeper,
        limits: Limits,
        parallel: int,
        jobs: Iterator[Job | None],
        answer: Answer,
        remembered: Remembered,
    ) -> None:
        self.idle_seconds = 0.0
        self._keeper = keeper
        self._limits = limits
        self._parallel = parallel
        self._jobs = jobs
        self._answer = answer
        self._remembered = remembered
        self._exhausted = self._starved = False
        self._away = 0.0
        self._inbox: Inbox = deque()
        self._runs: dict[int, Run] = {}
        self._waiting: dict[int, Run] = {}
        self._done: deque[tuple[Job, Execution]] = deque()
        self._selector = selectors.DefaultSelector()
        self._watched: socket.socket | None = None

    def __iter__(self) -> Iterator[tuple[Job, Execution]]:
        try:
            while True:
                self._fill()
                while self._done:
                    finished = self._done.popleft()
                    left = time.monotonic()
                    yield finished
                    self._away += time.monotonic() - left
                if self._runs:
                    self._step()
                elif self._exhausted:
                    return
                elif self._starved:
                    idle = time.monotonic()
                    time.sleep(_STARVED_SECONDS)
                    self.idle_seconds += time.monotonic() - idle
        finally:
            self._abandon()

    def _now(self) -> float:
        return time.monotonic() - self._away

    def _fill(self) -> None:
        """Start jobs while there is room."""
        self._starved = False
        while not (self._exhausted or self._starved) and len(self._runs) + len(self._done) < self._parallel:
            left = time.monotonic()
            job = next(self._jobs, _NO_MORE)
            if isinstance(job, Job):
                self._start(job)
            else:
                self._exhausted, self._starved = job is _NO_MORE, job is None
            self._away += time.monotonic() - left

    def _start(self, job: Job) -> None:
        size = len(job.program.encode("utf-8", "surrogatepass"))
        if size > self._limits.source_bytes:
            message = f"{size} bytes; at most {self._limits.source_bytes}"
            self._done.append((job, Execution("source_too_large", message=message)))
            return
        number, connection = self._keeper.spawn(self._inbox)
        try:
            run = Run(job, self._limits, number, connection)
        except BaseException:
            connection.close()
            raise
        connection.setblocking(False)
        run.deadline = self._now() + _START_SECONDS
        self._runs[number] = run
        self._selector.register(connection, selectors.EVENT_READ, run)
        self._send(run)

    def _step(self) -> None:
        """Wait for something to happen, and see to it."""
        self._watch_keeper()
        events = self._selector.select(self._patience())
        for key, mask in events:
            if key.data is None:
                self._keeper.read()
            else:
                self._serve(key.data, mask)
        while self._inbox:
            self._hear(self._inbox.popleft())
        if self._waiting and (not events or len(self._waiting) == len(self._runs)):
            self._answer_waiting()
        now = self._now()
        for run in [run for run in self._runs.values() if run.deadline <= now]:
            self._overdue(run, now)

    def _watch_keeper(self) -> None:
        if self._watched is not self._keeper.control:
            if self._watched is not None:
                self._selector.unregister(self._watched)
            self._watched = self._keeper.control
            self._selector.register(self._watched, selectors.EVENT_READ, None)

    def _patience(self) -> float:
        """How long to wait for the next event, in seconds."""
        if self._inbox:
            return 0.0
        if self._waiting:
            return _LINGER_SECONDS if len(self._waiting) < len(self._runs) else 0.0
        soonest = min(run.deadline for run in self._runs.values())
        longest = _STARVED_SECONDS if self._starved else _START_SECONDS  # epoll refuses an infinite one
        return min(max(0.0, soonest - self._now()), longest)

    def _serve(self, run: Run, mask: int) -> None:
        if mask & selectors.EVENT_WRITE:
            self._send(run)
        if mask & selectors.EVENT_READ and not self._receive(run):
            self._selector.unregister(run.connection)

    def _receive(self, run: Run) -> bool:
        """Read once what the process sent, and act on it; False when there is nothing and never will be."""
        try:
            data = run.connection.recv(_READ_BYTES)
        except BlockingIOError:
            return True
        except OSError:
            data = b""
        if not data:
            return False
        was_ready = run.ready
        run.take(data)
        if run.ready and not was_ready:
            run.start_clock(self._now())
        if run.over:
            run.stop_clock(self._now())
            if run.condemned:
                self._keeper.kill(run.number)
            else:
                run.deadline = self._now() + _GRACE_SECONDS
            return False  # nothing that it still sends matters
        if run.pending is not None and run.number not in self._waiting:
            self._ask(run, run.pending)
        elif run.unsent:
            self._send(run)
        return True

    def _ask(self, run: Run, pending: Pending) -> None:
        """Reply to a call at once if that is remembered, or have the program wait for the models."""
        left = time.monotonic()
        replies = self._remembered(pending.requests)
        self._away += time.monotonic() - left  # a frame of a video may have had to be decoded
        if replies is None:
            run.stop_clock(self._now())
            self._waiting[run.number] = run
        else:
            self._reply(run, replies, 0.0)

    def _reply(self, run: Run, replies: list[Any], seconds: float) -> None:
        run.reply(replies, seconds)
        if run.condemned:
            run.stop_clock(self._now())
            self._keeper.kill(run.number)
        elif run.pending is not None:
            self._ask(run, run.pending)
        else:
            self._send(run)

    def _send(self, run: Run) -> None:
        """Send what the socket takes, and the rest when it takes more."""
        watched = self._selector.get_map().get(run.connection)
        if watched is None:  # the process has closed its end, with a call pending: nobody would read
            run.unsent = b""
            return
        writing = bool(watched.events & selectors.EVENT_WRITE)
        try:
            run.unsent = run.unsent[run.connection.send(run.unsent, socket.MSG_NOSIGNAL) :]
        except BlockingIOError:
            pass
        except OSError:  # the process is gone; its end is on the way
            run.unsent = b""
        if bool(run.unsent) != writing:
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if run.unsent else 0)
            self._selector.modify(run.connection, events, run)

    def _hear(self, news: End | AtWork) -> None:
        run = self._runs.get(news.number)
        if run is None:
            return
        if isinstance(news, End):
            self._conclude(run, news)
        elif not run.over and run.is_late(self._now(), news.seconds):
            run.condemn("timeout", f"more than {self._limits.wall_seconds:g} s")
            self._keeper.kill(run.number)

    def _conclude(self, run: Run, end: End) -> None:
        """Read what the process sent before it ended, then settle."""
        while self._receive_last(run):
            pass
        run.stop_clock(self._now())
        self._drop(run)
        self._done.append((run.job, run.execution(end)))

    def _receive_last(self, run: Run) -> bool:
        try:
            data = run.connection.recv(_READ_BYTES)
        except OSError:
            return False
        run.take(data)
        return bool(data)

    def _drop(self, run: Run) -> None:
        del self._runs[run.number]
        self._waiting.pop(run.number, None)
        if run.connection in self._selector.get_map():
            self._selector.unregister(run.connection)
        run.connection.close()

    def _answer_waiting(self) -> None:
        """Ask the models once for all programs that wait."""
        waiting, self._waiting = self._waiting, {}
        pending = [run.pending.requests if run.pending else () for run in waiting.values()]
        requests = [request for group in pending for request in group]
        left = time.monotonic()
        replies = iter(self._answer(requests))
        seconds = time.monotonic() - left
        self._away += seconds
        for run, group in zip(waiting.values(), pending, strict=True):
            try:
                own = [next(replies) for _ in group]
            except StopIteration:
                raise MachineFault(f"perception gave fewer than {len(requests)} replies") from None
            run.start_clock(self._now())
            self._reply(run, own, seconds)

    def _overdue(self, run: Run, now: float) -> None:
        run.deadline = float("inf")
        if run.over:
            self._keeper.kill(run.number)
        elif not run.ready:
            run.condemn("infrastructure", f"the process did not start within {_START_SECONDS:g} s")
            self._keeper.kill(run.number)
        else:
            self._keeper.inquire(run.number)

    def _abandon(self) -> None:
        """Nobody wants the rest."""
        for run in list(self._runs.values()):
            self._keeper.kill(run.number)
            self._drop(run)
        self._selector.close()
