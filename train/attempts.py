"""What the policy wrote for each training task in the first round of every iteration, for the corrections board.

Only the first round has as many samples for every task; which of a task's programs are of it is told by the completions
on disk, since rollouts are of distinct programs, whatever round wrote them first.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from visrep.corrections.board import Attempt
from visrep.env import canonical, rollouts
from visrep.env.faults import UserFault
from visrep.env.types import Rollout, Task
from visrep.policy import Completion
from visrep.policy.prompt import Prompter
from visrep.train import blame
from visrep.train.grouped import Grouped
from visrep.train.rollout import read_completions
from visrep.train.run import Run
from visrep.train.split import Tasks


@dataclass(frozen=True, slots=True)
class _Iteration:
    """By task: completions of the first round, all rollouts, and (program's key, verdict) where blame was told."""

    written: Grouped[Completion]
    ran: Grouped[Rollout]
    blamed: Grouped[tuple[str, str]]


class Attempts:
    """Attempts at the tasks by the iterations whose first round is complete. Goes through tasks and disk again each
    time; memory holds one task's. Raises UserFault where no iteration has got as far."""

    def __init__(self, run: Run, tasks: Tasks) -> None:
        complete = (int(done.parent.name[-2:]) for done in run.folder.glob("iteration_[0-9][0-9]/sample_1.done.json"))
        self.iterations = sorted(complete)
        if not self.iterations:
            raise UserFault(f"{run.folder} has not sampled its tasks yet; continue it with visrep train --resume")
        self._tasks = tasks
        self._found = {number: _read(run, number) for number in self.iterations}
        # Cutting programs out of completions takes nothing of the prompt but the function's head, which the task has.
        self._prompter = Prompter(run.recipe.prompt.api, ())

    def __iter__(self) -> Iterator[tuple[Task, list[Attempt]]]:
        for task in self._tasks:
            yield task, self.of(task)

    def of(self, task: Task) -> list[Attempt]:
        """The attempts at one task, oldest first. A rollout on another number of instances was at another task."""
        return [attempt for number, found in self._found.items() for attempt in self._attempts(number, found, task)]

    def _attempts(self, number: int, found: _Iteration, task: Task) -> Iterator[Attempt]:
        question = task.question
        programs = (self._prompter.program(question, each.text) for each in found.written.of(question.id))
        times = Counter(map(canonical.form, programs))
        blamed = dict(found.blamed.of(question.id))
        ran = {canonical.form(rollout.program): rollout for rollout in found.ran.of(question.id)}
        for key, count in times.items():
            if key in ran and len(ran[key].executions) == len(task.instances):
                yield Attempt(number, ran[key], count, blamed.get(key))


def _read(run: Run, number: int) -> _Iteration:
    folder = run.iteration(number)
    return _Iteration(
        Grouped(read_completions(folder / "completions.jsonl", rounds=[0])),
        Grouped((rollout.task_id, rollout) for rollout in rollouts.read(folder / "rollouts.jsonl")),
        Grouped((each.task_id, (each.form, each.verdict)) for each in blame.read(folder, "training")),
    )
