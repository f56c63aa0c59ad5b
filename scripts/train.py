"""`visrep train`: a whole run from a recipe."""

from pathlib import Path
from typing import Annotated

import typer

from visrep.scripts import terminal

Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="A.B=VALUE", help="Change a setting of the recipe; may be given again."),
]


def train(
    recipe: Annotated[str, typer.Argument(help="A shipped recipe's name, or a TOML file.", show_default=False)],
    out: Annotated[Path | None, typer.Option(help="Run folder. (default: runs/<recipe>)", show_default=False)] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in the folder, if there is one.")
    ] = False,
    settings: Set = None,
    as_json: terminal.Json = False,
) -> None:
    """Sample, execute, reward, select, clone and evaluate, again and again; print what it came to.

    The run so far is in report.html in its folder, after each iteration.
    A run that was stopped anywhere goes on with --resume; one that is finished says so at once.
    """
    from visrep.train.config import load_recipe

    loaded = load_recipe(recipe, settings or ())
    from visrep.train.loop import train  # after the recipe, whose mistakes are then said at once

    run = train(loaded, out or Path("runs") / Path(recipe).stem, resume, terminal.console(as_json))
    if as_json:
        terminal.print_json({"run": str(run.folder), "metrics": run.metrics()})
