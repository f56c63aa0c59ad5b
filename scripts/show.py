"""`visrep show`: a run's iterations, and the programs in it with what they saw, returned and earned."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from visrep.env.faults import UserFault
from visrep.scripts import terminal

if TYPE_CHECKING:
    from visrep.train.browse import Wanted
    from visrep.train.run import Run

_REFUSED = {
    "--changed": ("outcome", "solved", "blame"),
    "--diff": ("iteration", "category", "outcome", "solved", "blame"),
    "--by-task": ("outcome", "blame"),
}
"""Filters that mean nothing in a view: it has its own answer to what they ask."""


def show(
    run: Annotated[Path, typer.Argument(help="Run folder.", show_default=False)],
    iteration: Annotated[int | None, typer.Option(min=0, help="Programs of it; 0 is the base policy.")] = None,
    category: Annotated[str | None, typer.Option(help="Programs for questions of this category.")] = None,
    task: Annotated[str | None, typer.Option(help="Programs for the task of this id.")] = None,
    outcome: Annotated[str | None, typer.Option(help="Programs that came out so: ok, wrong_answer, timeout …")] = None,
    solved: Annotated[
        bool | None,
        typer.Option(
            "--solved/--unsolved",
            help="Programs of tasks with (or without) one that earned 1, among those looked at: of --iteration or of "
            "all, sampled or --held-out.",
        ),
    ] = None,
    blame: Annotated[
        str | None,
        typer.Option(help="Programs that failed by whose fault: program, perception, unclear (see train/blame.py)."),
    ] = None,
    held_out: Annotated[bool, typer.Option("--held-out", help="Programs of the evaluations, not of sampling.")] = False,
    changed: Annotated[
        bool, typer.Option("--changed", help="Held-out tasks that --iteration (or the last) solved anew or forgot.")
    ] = False,
    diff: Annotated[
        tuple[int, int] | None,
        typer.Option(
            metavar="A B",
            min=0,
            help="What iterations A and B wrote for --task: the distinct programs sampled in A alone, in B alone and "
            "in both; with --held-out, or where one is 0, line by line the two programs of the evaluations.",
        ),
    ] = None,
    by_task: Annotated[
        bool, typer.Option("--by-task", help="How many programs each task got, distinct ones, distinct right ones.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="Most programs or tasks to show; --diff shows all.")] = 10,
    trace: Annotated[bool, typer.Option(help="Run failed programs again on recorded replies; tell each line.")] = True,
    as_json: terminal.Json = False,
) -> None:
    """Browse a run: without a filter its results, with one the programs, their outcomes, values and calls.

    --changed, --diff and --by-task are views of their own. With --json, each program, task or change is one line.
    """
    from visrep.train.browse import Wanted  # with what else reads rollouts, which `--help` need not wait for
    from visrep.train.run import Run

    views = [name for name, given in (("--changed", changed), ("--diff", diff), ("--by-task", by_task)) if given]
    wanted = Wanted(iteration, category, task, outcome, solved, held_out, blame)
    _check(views, wanted)
    opened = Run.open(run)
    if not views and wanted == Wanted():
        _overview(opened, as_json)
        return
    from visrep.scripts import show_changes, show_programs, show_tasks

    if changed:
        show_changes.changed(opened, wanted, limit, as_json)
    elif diff:
        show_changes.differing(opened, wanted, diff, as_json)
    elif by_task:
        show_tasks.tasks(opened, wanted, limit, as_json)
    else:
        show_programs.programs(opened, wanted, limit, trace, as_json)


def _check(views: list[str], wanted: "Wanted") -> None:
    """Raise UserFault for a verdict that there is not, and for options that do not go together."""
    from visrep.train.blame import VERDICTS

    if wanted.blame is not None and wanted.blame not in VERDICTS:
        raise UserFault(f"--blame is {wanted.blame!r}; expected one of: {', '.join(VERDICTS)}")
    if len(views) > 1:
        raise UserFault(f"{views[0]} and {views[1]} are two views of a run; give one of them")
    for name in _REFUSED[views[0]] if views else ():
        value = getattr(wanted, name)
        if value is not None:
            option = "--unsolved" if value is False else f"--{name}"
            raise UserFault(f"{option} is no filter of {views[0]}; leave one of the two out")
    if views == ["--diff"] and wanted.task is None:
        raise UserFault("--diff compares the programs of one task; name it with --task")


def _overview(run: "Run", as_json: bool) -> None:
    from visrep.train.browse import begun, outcome_of, read
    from visrep.train.summary import tables

    sampled = {
        number: Counter(outcome_of(rollout) for rollout in read([run.iteration(number) / "rollouts.jsonl"]))
        for number in begun(run)
    }
    stamp = run.stamp()
    if as_json:
        outcomes = {str(number): dict(counts) for number, counts in sampled.items()}
        terminal.print_json({"run": str(run.folder), **stamp, "metrics": run.metrics(), "outcomes": outcomes})
        return
    console = terminal.console()
    console.print(f"{run.folder}: begun {stamp['started']}, isolation {stamp['isolation']}", highlight=False)
    finished, planned = len(run.finished_iterations()), run.recipe.iterations
    console.print(f"{finished} of {planned} iterations finished", highlight=False)
    for table in (*tables(run), _outcome_table(sampled)):
        console.print(table)


def _outcome_table(sampled: dict[int, Counter[str]]) -> Table:
    table = Table(title="Outcomes of distinct sampled programs", title_justify="left")
    table.add_column("outcome")
    for number in sampled:
        table.add_column(f"it. {number}", justify="right")
    together: Counter[str] = sum(sampled.values(), Counter())
    for outcome, _ in together.most_common():
        table.add_row(outcome, *(str(counts[outcome]) for counts in sampled.values()))
    return table
