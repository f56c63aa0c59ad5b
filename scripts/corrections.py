"""`visrep corrections`: programs that people write where self-training stalls, verified before they are kept."""

import dataclasses
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from visrep.env.faults import UserFault, suggestion
from visrep.scripts import terminal
from visrep.scripts.train import Set

if TYPE_CHECKING:
    from visrep.train.config import Recipe
    from visrep.train.split import Tasks

app = typer.Typer(help="Programs written by people: add one, list them, verify them again.")

RecipeName = Annotated[
    str, typer.Option("--recipe", help="Name or file; says the tasks and what sees.", show_default=False)
]
Store = Annotated[
    Path | None, typer.Option(help="JSONL file (default: the recipe's corrections.store)", show_default=False)
]


@app.command()
def add(
    task: Annotated[str, typer.Argument(help="Id of a training task (`visrep show`).", show_default=False)],
    program: Annotated[Path, typer.Argument(help="Python file with the program.", show_default=False)],
    recipe_name: RecipeName,
    author: Annotated[str, typer.Option(help="Who wrote the program.", show_default=False)],
    note: Annotated[str, typer.Option(help="What the policy gets wrong, and how this is right.")] = "",
    store: Store = None,
    settings: Set = None,
    as_json: terminal.Json = False,
) -> None:
    """Run a program on all images of its task and keep it if it is right on every one."""
    from visrep.corrections.store import add
    from visrep.scripts.execute import read_program
    from visrep.train import parts
    from visrep.train.config import load_recipe

    recipe = load_recipe(recipe_name, settings or ())
    to, source = _store(store, recipe), read_program(program)
    tasks = {found.question.id: found for found in _tasks(recipe)}
    if task not in tasks:
        near = suggestion(task, tasks) or "; `visrep show` names the tasks of a run"
        # Test tasks are left out on purpose: a correction is learnt from.
        splits = " or ".join(f"split {data.train!r} of {data.root}" for data in recipe.data)
        raise UserFault(f"{splits} has no task {task!r}{near}")
    with parts.build_environment(recipe) as environment:
        kept = add(to, environment, tasks[task], source, author=author, note=note, recipe=_hash(recipe))
    if as_json:
        terminal.print_json(dataclasses.asdict(kept))
    else:
        typer.echo(f"kept in {to}: {task}, by {kept.author}")


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
def check(recipe_name: RecipeName, store: Store = None, settings: Set = None, as_json: terminal.Json = False) -> None:
    """Run every correction again; exits 1 if one is no longer right: data, API and perception change under a store."""
    from visrep.corrections.store import check, read
    from visrep.train import parts
    from visrep.train.browse import outcome_of
    from visrep.train.config import load_recipe

    recipe = load_recipe(recipe_name, settings or ())
    corrections = read(_store(store, recipe))
    wrong = 0
    with parts.build_environment(recipe) as environment:
        for correction, rollout in check(corrections, environment, _tasks(recipe)):
            outcome = outcome_of(rollout) if rollout else "no such task"
            wrong += outcome != "ok"
            if as_json:
                terminal.print_json({"task": correction.task_id, "author": correction.author, "outcome": outcome})
            else:
                typer.echo(f"{correction.task_id}, by {correction.author}: {outcome}")
    if wrong:
        raise UserFault(f"{wrong} of {len(corrections)} corrections are no longer right; correct or remove their lines")


def _store(store: Path | None, recipe: "Recipe") -> Path:
    if store:
        return store
    if recipe.corrections.store:
        return Path(recipe.corrections.store)
    raise UserFault("the recipe names no corrections.store; give --store FILE")


def _tasks(recipe: "Recipe") -> "Tasks":
    from visrep.train.parts import load_tasks

    return load_tasks(recipe, "train", whole=True)[0]


def _hash(recipe: "Recipe") -> str:
    """Of everything in the recipe, defaults filled in, as it would be saved with a run."""
    from visrep.train.config import to_toml

    return hashlib.sha256(to_toml(recipe).encode()).hexdigest()[:16]
