"""`visrep corrections write`: a task in a person's editor, tried out on save, kept once it is right."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import typer
from rich.console import Console
from rich.text import Text

from visrep.corrections import draft
from visrep.corrections.board import LAST, board, nearest
from visrep.corrections.store import Correction, check_author, check_new, shortfall
from visrep.env.environment import Environment
from visrep.env.faults import UserFault
from visrep.env.types import Rollout, Task
from visrep.policy.prompt import api_text
from visrep.scripts.show_programs import panel
from visrep.train import parts
from visrep.train.attempts import Attempts
from visrep.train.correcting import check_form, course, find_task, keep, siblings, training_tasks
from visrep.train.run import Run


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes, why, into which store, and on how many similar tasks the program is tried as well."""

    author: str
    note: str
    store: Path
    siblings: int


def write(run: Run, task_id: str | None, writer: Writer, console: Console) -> Correction:
    """Have a program written for the task of this id, or for the typical one of the board's first group, until it is
    right, and keep it. Raises UserFault where the person gives up, and says where the text is."""
    check_author(writer.author)
    task, ran = _task(run, task_id)
    others = siblings(training_tasks(run.recipe), task, writer.siblings)
    program = found = ran.program if ran else draft.skeleton(task)
    with tempfile.NamedTemporaryFile(prefix="correction-", suffix=".py", delete=False) as file:
        path = Path(file.name)
    with parts.build_environment(run.recipe) as environment:
        while True:
            written = _edited(path, run, task, program, ran)
            if not written or written.splitlines() == program.splitlines():
                raise _cancelled(path, emptied=not written, untouched=program == found)
            ran = _tried(run, environment, task, written, writer, console)
            if ran and ran.reward == 1:
                break
            if not typer.confirm(f"Nothing is kept yet; the text is in {path}. Edit again?", default=True, err=True):
                raise UserFault(f"nothing is kept; the text is in {path}")
            program = written
        _try_siblings(environment, others, written, console)
        kept = keep(run.recipe, writer.store, environment, task, written, author=writer.author, note=writer.note)
    path.unlink()
    return kept


def _task(run: Run, task_id: str | None) -> tuple[Task, Rollout | None]:
    """The task to be corrected, and of what the policy wrote for it the program that came nearest to being right."""
    named = find_task(run.recipe, task_id) if task_id else None
    attempts = Attempts(run, parts.load_tasks(run.recipe, "train")[0])
    recent = attempts.iterations[-LAST:]
    task = named or _worst(run, attempts, recent)
    programs = nearest((attempt for attempt in attempts.of(task) if attempt.iteration in recent), 1)
    return task, programs[0] if programs else None


def _worst(run: Run, attempts: Attempts, recent: Sequence[int]) -> Task:
    groups = board(attempts, recent).groups
    if not groups:
        raise UserFault("all training tasks were solved in the last iterations; name the one to correct with --task ID")
    return find_task(run.recipe, groups[0].typical)


def _edited(path: Path, run: Run, task: Task, program: str, ran: Rollout | None) -> str:
    """What the person makes of the program; `ran` is what it came to, where it could run."""
    offered = run.recipe.prompt.kinds.get(task.question.kind, run.recipe.prompt)
    path.write_text(draft.compose(task, api_text(offered.api), program, ran), encoding="utf-8", errors="replace")
    draft.edit(path)
    return draft.program_of(path.read_text(encoding="utf-8", errors="replace"))


def _cancelled(path: Path, emptied: bool, untouched: bool) -> UserFault:
    """Why nothing is kept. A text that the person has worked on stays, unless it was emptied."""
    if emptied or untouched:
        path.unlink()
        return UserFault(f"cancelled: the program was {'emptied' if emptied else 'left as it is'}; nothing is kept")
    return UserFault(f"cancelled: the program was left as it is; nothing is kept, and the text is in {path}")


def _tried(
    run: Run, environment: Environment, task: Task, program: str, writer: Writer, console: Console
) -> Rollout | None:
    """What the program comes to on all instances of the task, which is shown; None for one that cannot be a
    correction."""
    try:
        check_form(run.recipe, task, program)
        check_new(writer.store, task, program, writer.author)
    except UserFault as fault:
        console.print(Text(str(fault), style="red"), soft_wrap=True)
        return None
    rollout = replace(environment.step(task, program), author=writer.author)
    courses = [
        None if score.reward else course(environment, task, index, program)
        for index, score in enumerate(rollout.scores)
    ]
    console.print(panel(rollout, task, courses))
    return rollout


def _try_siblings(environment: Environment, others: Sequence[Task], program: str, console: Console) -> None:
    """Show how the program does on similar tasks. It was written for another question: what is wrong is a hint only."""
    for task in others:
        rollout = environment.step(task, program)
        said = "right here too" if rollout.reward == 1 else shortfall(rollout, task)
        console.print(Text(f"{task.question.id}, {task.question.text!r}: {said}"), soft_wrap=True)
