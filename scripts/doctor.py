"""`visrep doctor`: what this machine has for visrep, what a recipe's run needs, what is missing, and how to get it."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from visrep.scripts import terminal
from visrep.scripts.train import Set

if TYPE_CHECKING:
    from visrep.train.machine import Finding

_COLOURS = {"ok": "green", "absent": "yellow", "unknown": "yellow", "missing": "red"}


def doctor(
    recipe: Annotated[
        str | None,
        typer.Argument(
            help="Also what a run of it needs: a shipped recipe's name, or a TOML file.", show_default=False
        ),
    ] = None,
    settings: Set = None,
    as_json: terminal.Json = False,
) -> None:
    """Say what this machine has for visrep and how to get what it lacks; exits 1 if something needed is missing.

    With a recipe, also what a run of it needs: data, weights and where they come from, memory, disk. Nothing is drawn
    or fetched for that; data sets that are there are read through, which takes minutes for the largest.
    """
    from visrep.train.config import load_recipe

    loaded = load_recipe(recipe, settings or ()) if recipe else None
    from visrep.train.machine import machine  # after the recipe, whose mistakes are then said at once

    findings = {"This machine": list(machine())}
    if loaded:
        from visrep.train.needs import needs

        findings[f"A run of {recipe}"] = list(needs(loaded))
    if as_json:
        terminal.print_json([dataclasses.asdict(finding) for part in findings.values() for finding in part])
    else:
        for title, part in findings.items():
            _print(title, part)
    if any(finding.state == "missing" for part in findings.values() for finding in part):
        raise typer.Exit(1)


def _print(title: str, findings: "Sequence[Finding]") -> None:
    table = Table(title=title, title_justify="left")
    for column in ("what", "state", "found", "what to do"):
        table.add_column(column, overflow="fold")
    for finding in findings:
        state = f"[{_COLOURS[finding.state]}]{finding.state}"
        table.add_row(finding.name, state, escape(finding.found), escape(finding.remedy))
    terminal.console().print(table)
