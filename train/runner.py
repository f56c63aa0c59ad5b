"""Runs programs in the background while more of them are being written."""

import dataclasses
import queue
import threading
import time
from collections.abc import Iterable, Iterator
from types import TracebackType

from rich.console import Console

from visrep.env import canonical, jsonl, rollouts
from visrep.env.environment import Environment
from visrep.env.types import Execution, Rollout, Score, Task
from visrep.policy import Completion
from visrep.policy.prompt import Prompter
from visrep.train import progress
from visrep.train.grouped import Grouped

UNFINISHED = Execution(outcome="syntax_error", message="cut off at the token limit")
"""A program that hit the token limit is not run: what stands there is not what the policy meant to write."""

_LOOK_SECONDS = 0.05

WAITING = 1024
"""Programs that wait to be run, at most; then whoever writes more has to wait, or they would fill the memory."""


@dataclasses.dataclass(frozen=True, slots=True)
class Author:
    """Whose programs these are: stamped on every rollout. `name` is what it has as its author."""

    iteration: int
    policy: str
    name: str = "policy"


class Runner:
    """Appends a rollout to the log for every distinct program it is given, in a thread of its own: nobody else may use
    the environment meanwhile. `ran` has the keys of each task's programs that have one already; `done` counts those
    run, `distinct` the distinct programs given, `waited` the seconds for which there was no room for more."""

    def __init__(
        self, environment: Environment, prompter: Prompter, ran: Grouped[str], log: jsonl.Log, author: Author
    ) -> None:
        self.done = self.distinct = 0
        self.waited = 0.0
        self._environment = environment
        self._prompter = prompter
        self._ran = ran
        self._log = log
        self._author = author
        self._given = 0
        self._queue: queue.Queue[tuple[Task, str, bool] | None] = queue.Queue(WAITING)
        self._abandoned = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="programs", daemon=True)

    def give(self, task: Task, completions: Iterable[Completion]) -> None:
        """Have all completions of a task run; waits while too many are before them. Raises what running those came
        to, if it failed."""
        self._raise()
        ran = set(self._ran.of(task.question.id))
        given: set[str] = set()
        for completion in completions:
            program = self._prompter.program(task.question, completion.text)
            key = canonical.form(program)
            if key not in ran | given:
                self._given += 1
                self._put((task, program, completion.finished))
            given.add(key)
        self.distinct += len(given)

    def finish(self, console: Console) -> None:
        """Wait until all are done. Raises what running them came to, if it failed."""
        self._put(None)
        shown = self.done
        with progress.bar(console, "executing programs", self._given, shown) as advance:
            while self._thread.is_alive():
                self._thread.join(_LOOK_SECONDS)
                advance(self.done - shown)
                shown = self.done
        self._raise()

    def __enter__(self) -> "Runner":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._abandoned = True
        self._thread.join()

    def _put(self, given: tuple[Task, str, bool] | None) -> None:
        while True:
            self._raise()  # a thread that has failed takes nothing any more
            started = time.monotonic()
            try:
                return self._queue.put(given, timeout=_LOOK_SECONDS)
            except queue.Full:
                continue
            finally:
                self.waited += time.monotonic() - started

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        try:
            for rollout in self._environment.run(self._pairs()):
                self._keep(rollout)
                if self._abandoned:
                    return
        except BaseException as error:
            self._error = error  # raised where the programs come from

    def _pairs(self) -> Iterator[tuple[Task, str] | None]:
        while not self._abandoned:
            try:
                given = self._queue.get_nowait()
            except queue.Empty:
                yield None
                continue
            if given is None:
                return
            task, program, finished = given
            if finished:
                yield task, program
            else:
                self._keep(_unfinished(task, program))

    def _keep(self, rollout: Rollout) -> None:
        author = self._author
        stamped = dataclasses.replace(rollout, author=author.name, iteration=author.iteration, policy=author.policy)
        self._log.append(rollouts.to_json(stamped))
        self.done += 1


def _unfinished(task: Task, program: str) -> Rollout:
    count = len(task.instances)
    return Rollout(
        task_id=task.question.id,
        category=task.question.category,
        program=program,
        executions=(UNFINISHED,) * count,
        scores=(Score(reward=0, measure=0.0, outcome=UNFINISHED.outcome),) * count,
        reward=0,
    )
