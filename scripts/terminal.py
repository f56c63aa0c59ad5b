"""What the commands share in talking to a terminal: the `--json` option, and where progress and tables go."""

import json
from typing import Annotated, Any

import typer
from rich.console import Console

Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output; progress goes to standard error.")]

PIPED_WIDTH = 140
"""Columns of a table that goes to a file or a pipe, where rich would squeeze it into 80."""


def console(as_json: bool = False) -> Console:
    """Standard output, or standard error where standard output is kept for JSON."""
    made = Console(stderr=as_json)
    return made if made.is_terminal else Console(stderr=as_json, width=PIPED_WIDTH)


def print_json(value: Any) -> None:
    """One JSON value on one line of standard output."""
    typer.echo(json.dumps(value, ensure_ascii=False))
