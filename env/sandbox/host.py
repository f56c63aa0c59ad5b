"""The sandbox as the rest of the host uses it."""

from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType

from visrep.env.faults import UserFault
from visrep.env.sandbox.keeper import Keeper
from visrep.env.sandbox.limits import DEFAULT, Limits
from visrep.env.sandbox.loop import Answer, Loop, Remembered
from visrep.env.sandbox.outer import Outer
from visrep.env.sandbox.run import Job
from visrep.env.types import Execution

MOST_PARALLEL = 256


class Sandbox:
    """Runs untrusted programs, each in its own locked process. For one thread; runs may be nested.

    `parallel` is how many programs are in flight. `numpy` lets programs import it. `outer` puts a second wall around
    all of them. `without` names parts of the lock ("seccomp", "landlock") to do without, where a kernel lacks them or
    to see what they keep out: only for programs that are trusted. Raises UserFault where the lock cannot be had,
    MachineFault where no process can be started.
    """

    def __init__(
        self,
        limits: Limits = DEFAULT,
        parallel: int = 64,
        *,
        numpy: bool = False,
        outer: Outer = "none",
        without: Sequence[str] = (),
    ) -> None:
        if not 1 <= parallel <= MOST_PARALLEL:
            raise UserFault(f"{parallel} programs in flight; expected 1 to {MOST_PARALLEL}")
        self.limits = limits
        self.parallel = parallel
        self.idle_seconds = 0.0
        """How long runs have had no program to run, waiting for jobs that were not there yet."""
        self._keeper = Keeper(limits, numpy, outer, without)

    @property
    def isolation(self) -> str:
        """What is in force, e.g. "seccomp+landlock7"."""
        return self._keeper.isolation

    @property
    def first_process(self) -> int:
        """Number of the process that all programs' processes are forked from; another one after it was replaced."""
        return self._keeper.first_process

    def run(
        self, jobs: Iterable[Job | None], answer: Answer, remembered: Remembered = lambda requests: None
    ) -> Iterator[tuple[Job, Execution]]:
        """Executions in the order in which they are done. Jobs are taken as there is room for them; None among them
        says that there is no job yet but may soon be one."""
        loop = Loop(self._keeper, self.limits, self.parallel, iter(jobs), answer, remembered)
        try:
            yield from loop
        finally:
            self.idle_seconds += loop.idle_seconds

    def close(self) -> None:
        """End all processes."""
        self._keeper.close()

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
