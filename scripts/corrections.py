"""`visrep corrections`: where self-training stalls, and the programs that people write there."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from visrep.corrections.board import LAST
from visrep.env.faults import UserFault
from visrep.scripts import terminal
from visrep.scripts.train import Set

if TYPE_CHECKING:
    from visrep.corrections.store import Correction
    from visrep.train.effect import Effect, Move

app = typer.Typer(help="Where self-training stalls, and right programs by people: find, write, verify, follow them.")

RunFolder = Annotated[Path, typer.Argument(help="Run folder.", show_default=False)]
RunOrRecipe = Annotated[
    str, typer.Argument(help="Run folder, or a recipe's name or file: says tasks and what sees.", show_default=False)
]
Author = Annotated[str, typer.Option(help="Who wrote the program.", show_default=False)]
Note = Annotated[str, typer.Option(help="What the policy gets wrong, and how this is right.")]
Store = Annotated[
    Path | None, typer.Option(help="JSONL file (default: the recipe's corrections.store)", show_default=False)
]


@app.command()
def board(
    run: RunFolder,
    last: Annotated[
        int, typer.Option(min=1, help="A task is stuck that was not solved in so many last iterations, in no sample.")
    ] = LAST,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Most groups. (default: 10; with --json, all)", show_default=False)
    ] = None,
    as_json: terminal.Json = False,
) -> None:
    """Rank the persistent errors of a run, and show how programs for a typical task of the first one fail.

    A group is a category and a way of failing. Its gain is how many tasks right programs there could move at most.
    """
    from visrep.scripts import show_board
    from visrep.train.run import Run

    show_board.board(Run.open(run), last, limit, as_json)


@app.command()
def write(
    run: RunFolder,
    author: Author,
    task: Annotated[
        str | None,
        typer.Option(help="Id of a training task (default: the typical one of the board's first)", show_default=False),
    ] = None,
    note: Note = "",
    siblings: Annotated[int, typer.Option(min=0, help="Similar tasks that the program is tried on as well.")] = 4,
    store: Store = None,
    as_json: terminal.Json = False,
) -> None:
    """Open a task in $VISUAL or $EDITOR with what the policy wrote for it, and keep what is right.

    On save the program runs on all of the task's instances; one that is wrong on any can be edited again. A program
    that is left unchanged, or a file that is emptied, cancels.
    """
    from visrep.scripts import write_correction
    from visrep.train import correcting
    from visrep.train.run import Run

    opened = Run.open(run)
    to = correcting.store_of(opened.recipe, store)
    writer = write_correction.Writer(author, note, to, siblings)
    _tell(write_correction.write(opened, task, writer, terminal.console(as_json)), to, as_json)


@app.command()
def add(
    run_or_recipe: RunOrRecipe,
    task: Annotated[str, typer.Option(help="Id of a training task.", show_default=False)],
    program: Annotated[Path, typer.Option(help="Python file with the program.", show_default=False)],
    author: Author,
    note: Note = "",
    store: Store = None,
    settings: Set = None,
    as_json: terminal.Json = False,
) -> None:
    """Run a program on all instances of a task and keep it if it is right on every one."""
    from visrep.scripts.execute import read_program
    from visrep.train import correcting, parts

    recipe = correcting.open_recipe(run_or_recipe, settings or ())
    to, source = correcting.store_of(recipe, store), read_program(program)
    found = correcting.find_task(recipe, task)
    with parts.build_environment(recipe) as environment:
        kept = correcting.keep(recipe, to, environment, found, source, author=author, note=note)
    _tell(kept, to, as_json)


@app.command("list")
def list_(store: Annotated[Path, typer.Argument(help="JSONL file.")], as_json: terminal.Json = False) -> None:
    """List the corrections of a store."""
    from visrep.corrections.store import read

    if not store.is_file():
        raise UserFault(f"store {store} is no file; `visrep corrections add` makes one")
    corrections = read(store)
    if as_json:
        for correction in corrections:
            terminal.print_json(dataclasses.asdict(correction))
        return
    table = Table(title=f"{len(corrections)} corrections in {store}", title_justify="left")
    for column in ("task", "author", "date", "note"):
        table.add_column(column, overflow="fold")
    for correction in corrections:
        table.add_row(correction.task_id, correction.author, correction.date, correction.note)
    terminal.console().print(table)


@app.command()
def check(
    run_or_recipe: RunOrRecipe, store: Store = None, settings: Set = None, as_json: terminal.Json = False
) -> None:
    """Run every correction again; exits 1 if one is no longer right: data, API and perception change under a store."""
    from visrep.corrections.store import changes
    from visrep.train import correcting, parts

    recipe = correcting.open_recipe(run_or_recipe, settings or ())
    path = correcting.store_of(recipe, store)
    with parts.build_environment(recipe) as environment:
        found = correcting.corrected(recipe, path, environment, correcting.training_tasks(recipe))
        now = {"api": correcting.api_version(), "perception": environment.perception}
    for each in found.checked:
        changed = changes(each, **now, recipe=correcting.recipe_hash(recipe))
        about = {"task": each.correction.task_id, "author": each.correction.author}
        if as_json:
            terminal.print_json(about | {"right": not each.why, "why": each.why, "changed": changed})
        else:
            since = f" (since it was verified, changed: {', '.join(changed)})" if changed else ""
            typer.echo(f"{about['task']}, by {about['author']}: {each.why or 'right'}{since}")
    if found.wrong:
        wrong = f"{len(found.wrong)} of {len(found.checked)} corrections"
        raise UserFault(f"{wrong} are no longer right; correct or remove their lines in {path}")


@app.command()
def stats(
    runs: Annotated[list[Path], typer.Argument(help="Run folders.", show_default=False)],
    as_json: terminal.Json = False,
) -> None:
    """Tell which adapters were trained with which corrections, and how held-out tasks moved with them.

    An iteration with corrections is compared with the last one before it without, by McNemar's exact test on the tasks
    that only one of the two solved.
    """
    from visrep.train.effect import effects
    from visrep.train.run import Run

    for run in [Run.open(folder) for folder in runs]:
        found = list(effects(run))
        if as_json:
            terminal.print_json({"run": str(run.folder), "effects": [dataclasses.asdict(effect) for effect in found]})
            continue
        if not found:
            typer.echo(f"{run.folder}: no finished iteration was trained with corrections")
        for effect in found:
            typer.echo(f"{run.folder}: {_headline(effect)}")
            terminal.console().print(_table(effect))


def _tell(kept: "Correction", store: Path, as_json: bool) -> None:
    if as_json:
        terminal.print_json(dataclasses.asdict(kept))
    else:
        typer.echo(f"kept in {store}: {kept.task_id}, by {kept.author}")


def _headline(effect: "Effect") -> str:
    authors = ", ".join(sorted({each.author for each in effect.corrections}))
    against = f"iteration {effect.against}" if effect.against else "the base policy"
    count = len(effect.corrections)
    learnt = f"{count} correction{'s' if count > 1 else ''} by {authors}"
    return f"iteration {effect.iteration}, trained with {learnt}, against {against}"


def _table(effect: "Effect") -> Table:
    table = Table()
    table.add_column("category")
    for column in ("corrections", "tasks", "before", "after", "solved anew", "forgotten", "p"):
        table.add_column(column, justify="right")
    for move in (effect.overall, *effect.categories):
        table.add_row(*_row(move))
    return table


def _row(move: "Move") -> tuple[Any, ...]:
    compared = move.comparison
    return (
        Text(move.category),
        str(move.corrections),
        str(compared.tasks),
        f"{move.before / compared.tasks:.0%}",
        f"{move.after / compared.tasks:.0%}",
        str(compared.only_second),
        str(compared.only_first),
        f"{compared.p_value:.2g}",
    )
