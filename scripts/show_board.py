"""`visrep corrections board`: the persistent errors of a run, ranked, each with a typical task and its programs."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import chain, islice
from typing import Any

from rich.table import Table
from rich.text import Text

from visrep.corrections.board import Board, Group, failing, nearest, summary
from visrep.corrections.board import board as rank
from visrep.corrections.draft import annotated
from visrep.env import rollouts
from visrep.env.types import Rollout, Task
from visrep.scripts import terminal
from visrep.scripts.show_programs import Course, panel, with_courses
from visrep.train.attempts import Attempts
from visrep.train.browse import outcome_of
from visrep.train.parts import load_tasks
from visrep.train.run import Run

_ROWS = 10
_PROGRAMS = 3
"""Of a typical task, those that came nearest to being right."""

_ITERATIONS_SHOWN = 4
_VERDICTS = ("program", "unclear", "perception")


def board(run: Run, last: int, limit: int | None, as_json: bool) -> None:
    """Print the groups and, for people, the programs of the first one's typical task."""
    tasks, _ = load_tasks(run.recipe, "train")
    attempts = Attempts(run, tasks)
    found = rank(attempts, attempts.iterations[-last:])
    if as_json:
        groups = found.groups[:limit]
        described = list(_described(run, attempts, groups, found, _typical(tasks, groups)))
        terminal.print_json({"run": str(run.folder)} | asdict(found) | {"groups": described})
        return
    console = terminal.console()
    console.print(summary(found), highlight=False, soft_wrap=True)
    if not found.groups:
        return
    shown = found.groups[: limit or _ROWS]
    console.print(_table(shown))
    if len(shown) < len(found.groups):
        console.print(f"{len(shown)} of {len(found.groups)} groups; --limit shows more", highlight=False)
    by_id = _typical(tasks, shown[:1])
    for rollout, course in with_courses(run, _programs(attempts, shown[0], found, by_id), by_id, trace=True):
        console.print(panel(rollout, by_id[rollout.task_id], course))
    hint = f"`visrep corrections write {run.folder}` opens {shown[0].typical}, typical of the first, in an editor"
    console.print(hint, highlight=False, soft_wrap=True)


def _table(groups: Sequence[Group]) -> Table:
    blame = any(group.blame for group in groups)
    table = Table(title="Persistent errors, by the tasks that a correction could move at most", title_justify="left")
    table.add_column("category")
    table.add_column("stuck", justify="right")
    table.add_column("error", ratio=1)
    for column in ("gain", "fail so", "of failures", "by iteration"):
        table.add_column(column, justify="right")
    if blame:
        table.add_column("fault of")
    table.add_column("typical task", overflow="fold")
    for group in groups:
        latest = list(group.trend.values())[-_ITERATIONS_SHOWN:]
        table.add_row(
            Text(group.category),
            f"{group.stuck} of {group.of}",
            Text(str(group.signature)),
            str(group.gain),
            str(group.tasks),
            f"{group.share:.0%}",
            " → ".join(f"{share:.0%}" for share in latest),
            *([_faults(group)] if blame else []),
            Text(group.typical),
        )
    return table


def _faults(group: Group) -> str:
    return ", ".join(f"{verdict} {group.blame[verdict]}" for verdict in _VERDICTS if verdict in group.blame) or "–"


def _typical(tasks: Iterable[Task], groups: Sequence[Group]) -> dict[str, Task]:
    """The groups' typical tasks by id."""
    wanted = {group.typical for group in groups}
    return {task.question.id: task for task in tasks if task.question.id in wanted}


def _programs(attempts: Attempts, group: Group, found: Board, by_id: dict[str, Task]) -> list[Rollout]:
    """The programs of the group's typical task that failed as the group does."""
    task = by_id[group.typical]
    recent = (attempt for attempt in attempts.of(task) if attempt.iteration in found.iterations)
    return nearest(failing(task, recent, group.signature), _PROGRAMS)


def _described(
    run: Run, attempts: Attempts, groups: Sequence[Group], found: Board, by_id: dict[str, Task]
) -> Iterator[dict[str, Any]]:
    """The groups as JSON data, each with its typical task and how that one's programs went."""
    programs = [_programs(attempts, group, found, by_id) for group in groups]
    ran = with_courses(run, chain.from_iterable(programs), by_id, trace=True)
    for group, own in zip(groups, programs, strict=True):
        task = by_id[group.typical]
        typical = {
            "task": group.typical,
            "question": task.question.text,
            "options": list(task.question.options),
            "annotated": [annotated(instance) for instance in task.instances],
            "programs": [_program(*each) for each in islice(ran, len(own))],
        }
        yield asdict(group) | {"error": str(group.signature), "typical": typical}


def _program(rollout: Rollout, course: Course | None) -> dict[str, Any]:
    return rollouts.to_json(rollout) | {"outcome": outcome_of(rollout), "traces": course}
