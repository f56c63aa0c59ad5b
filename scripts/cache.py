"""`visrep cache`: the file in which runs share replies of perception."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from visrep.env.faults import UserFault
from visrep.scripts import terminal

if TYPE_CHECKING:
    from visrep.env.perception.cache import Cache

app = typer.Typer(help="Replies of perception models, kept for later runs: what there is, and removing it.")

File = Annotated[
    Path | None,
    typer.Argument(help="A recipe's perception.cache (default: the one that recipes share)", show_default=False),
]


@app.command()
def stats(file: File = None, as_json: terminal.Json = False) -> None:
    """Show a cache's size and, by model and method, its replies and how often they were read."""
    path = _existing(file)
    cache = _opened(path)
    try:
        contents, size = cache.contents(), cache.file_bytes()
    finally:
        cache.close()
    if as_json:
        held = [dataclasses.asdict(each) for each in contents]
        terminal.print_json({"file": str(path), "bytes": size, "contents": held})
        return
    replies = sum(each.replies for each in contents)
    typer.echo(f"{path}: {replies} replies, {_megabytes(size)}")
    table = Table()
    table.add_column("model", overflow="fold")
    for column in ("method", "replies", "size", "read"):
        table.add_column(column, justify="left" if column == "method" else "right")
    for each in contents:
        table.add_row(each.model, each.method, str(each.replies), _megabytes(each.bytes), str(each.hits))
    terminal.console().print(table)


@app.command()
def clear(file: File = None, as_json: terminal.Json = False) -> None:
    """Remove all replies of a cache. Runs that use it go on, and ask models again."""
    path = _existing(file)
    cache = _opened(path)
    try:
        replies, before = sum(each.replies for each in cache.contents()), cache.file_bytes()
        cache.clear()
        freed = max(0, before - cache.file_bytes())
    finally:
        cache.close()
    if as_json:
        terminal.print_json({"file": str(path), "replies": replies, "freed_bytes": freed})
    else:
        typer.echo(f"{path}: {replies} replies removed, {_megabytes(freed)} freed")


def _existing(file: Path | None) -> Path:
    """The file. Raises UserFault where there is none, which opening it would make."""
    from visrep.train.parts import default_cache

    path = file or default_cache()
    if not path.is_file():
        raise UserFault(f"{path} is no file: no run has kept replies there; name the perception.cache of a recipe")
    return path


def _opened(path: Path) -> "Cache":
    from visrep.env.perception.cache import Cache

    return Cache(path)


def _megabytes(size: int) -> str:
    return f"{size / 2**20:.1f} MB"
