"""What a person does at a run: see where it stalls, look at programs, try one, keep it."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from visrep.corrections import store
from visrep.corrections.board import Attempt, Group, board, failing, is_stuck, nearest
from visrep.corrections.store import Correction
from visrep.env.environment import Environment
from visrep.env.faults import Fault, UserFault
from visrep.env.retrace import retrace
from visrep.env.sandbox import Sandbox
from visrep.env.types import Rollout, Task
from visrep.train.attempts import Attempts
from visrep.train.correcting import check_form, course, find_task, keep
from visrep.train.parts import build_environment, build_sandbox, frame_rate, load_tasks
from visrep.train.run import Run

PAGE = 8
"""Groups, and tasks of a group, that are shown at a time, however many a run has."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A program with what came of it, and its course on each instance, as `visrep.env.retrace` has it: None where it is
    not known. `said` is why, where none could be had."""

    rollout: Rollout
    courses: tuple[tuple[Any, ...] | None, ...]
    said: str = ""


class Desk:
    """A run as it is worked on. For one thread, the one that made it: sandbox, perception and files belong to it.

    Reads the iterations that have sampled their tasks, so that a run may still be training. Raises UserFault where none
    has, for an author who is no person, and for a damaged store.
    """

    def __init__(self, run: Run, path: Path, author: str, last: int) -> None:
        store.check_author(author)
        self.run, self.store, self.author = run, path, author
        self.corrected()  # a damaged store is told now, and not when there is something to keep
        self._last = last
        self._owned = ExitStack()
        self._read()

    def _read(self) -> None:
        self._stages = self._finished()
        self._tasks, _ = load_tasks(self.run.recipe, "train")
        self._attempts = Attempts(self.run, self._tasks)
        self.board = board(self._attempts, self._attempts.iterations[-self._last :])
        self._groups = {name_of(group): group for group in self.board.groups}
        typical = {group.typical for group in self.board.groups}
        self._known = {task.question.id: task for task in self._tasks if task.question.id in typical}
        self._members: dict[str, tuple[list[Task], Iterator[Task]]] = {}

    def refresh(self) -> None:
        """Read the run again if it has got further."""
        if self._finished() != self._stages:
            self._read()

    def close(self) -> None:
        """End the processes of sandbox and perception."""
        self._owned.close()

    def group(self, name: str) -> Group:
        """The group of this name. Raises UserFault where the board has none such (any more)."""
        if name not in self._groups:
            raise UserFault(f"the board has no group {name!r} any more; load the page again")
        return self._groups[name]

    def members(self, group: Group, page: int) -> list[Task]:
        """A page of the stuck tasks that fail as the group does, the typical one first. Of the run no more is read than
        it takes to find them."""
        found, more = self._members.setdefault(name_of(group), ([], self._failing(group)))
        found.extend(islice(more, max(0, (page + 1) * PAGE - len(found))))
        self._known |= {task.question.id: task for task in found}
        return found[page * PAGE : (page + 1) * PAGE]

    def task(self, task_id: str) -> Task:
        """The training task of this id. Raises UserFault for a test task and for an unknown one."""
        if task_id not in self._known:
            self._known[task_id] = find_task(self.run.recipe, task_id)
        return self._known[task_id]

    def corrected(self) -> dict[str, str]:
        """Ids of the tasks that the store has corrections for, with the last one's author."""
        return {each.task_id: each.author for each in store.read(self.store)}

    def attempts(self, task: Task) -> list[Attempt]:
        """The policy's programs for a task, of the latest iteration first."""
        return sorted(self._attempts.of(task), key=lambda attempt: -attempt.iteration)

    def nearest(self, attempts: list[Attempt]) -> int:
        """The index of the recent failed one that comes nearest to being right, of the first where there is none."""
        best = nearest((each for each in attempts if each.iteration in self.board.iterations), 1)
        return next((index for index, each in enumerate(attempts) if best and each.rollout is best[0]), 0)

    def recorded(self, task: Task, attempt: Attempt) -> Ran:
        """One of the policy's programs, line by line where it failed: it runs again on the replies that it got."""
        rollout = attempt.rollout
        try:
            courses = retrace(self._sandbox, rollout, task, frame_rate(self.run.recipe.video))
        except Fault as fault:  # what is recorded can be shown without
            return Ran(rollout, (None,) * len(rollout.scores), f"no programs line by line: {fault}")
        return Ran(rollout, tuple(courses))

    def try_out(self, task: Task, program: str) -> Ran:
        """Run a program on all instances of a task."""
        rollout = self._environment.step(task, program)
        instances = range(len(rollout.scores))
        return Ran(rollout, tuple(course(self._environment, task, index, program) for index in instances))

    def check(self, task: Task, program: str) -> None:
        """Raise UserFault for a program that could not be kept even if it is right."""
        check_form(self.run.recipe, task, program)
        store.check_new(self.store, task, program, self.author)

    def keep(self, task_id: str, program: str, note: str) -> Correction:
        """Verify a program once more, and put it into the store. Raises UserFault, and writes nothing, for a task that
        may not be corrected, for a program that is not right on all its instances, and where nothing can learn it."""
        about = {"author": self.author, "note": note}
        return keep(self.run.recipe, self.store, self._environment, self.task(task_id), program, **about)

    @cached_property
    def _sandbox(self) -> Sandbox:
        """For programs on record: none of them needs the models that `_environment` starts."""
        return self._owned.enter_context(build_sandbox(self.run.recipe.sandbox))

    @cached_property
    def _environment(self) -> Environment:
        return self._owned.enter_context(build_environment(self.run.recipe))

    def _failing(self, group: Group) -> Iterator[Task]:
        yield self._known[group.typical]
        for task in self._tasks:
            if task.question.category == group.category and task.question.id != group.typical:
                recent = [each for each in self._attempts.of(task) if each.iteration in self.board.iterations]
                if is_stuck(recent) and any(failing(task, recent, group.signature)):
                    yield task

    def _finished(self) -> list[Path]:
        """Manifests of all stages that are complete."""
        return sorted(self.run.folder.glob("iteration_[0-9][0-9]/*.done.json"))


def name_of(group: Group) -> str:
    """What a group is called, whatever its place on the board."""
    return f"{group.category}, {group.signature}"
