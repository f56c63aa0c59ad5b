"""`visrep report`: a run as one HTML file."""

from pathlib import Path
from typing import Annotated

import typer

from visrep.scripts import terminal


def report(
    run: Annotated[Path, typer.Argument(help="Run folder, finished or not.", show_default=False)],
    to: Annotated[
        Path | None, typer.Option(metavar="FILE", help="HTML file. (default: RUN/report.html)", show_default=False)
    ] = None,
    as_json: terminal.Json = False,
) -> None:
    """Write what a run came to as one HTML file that needs nothing else: accuracies, time, outcomes, programs.

    `visrep train` writes it after each iteration. Images are embedded, if the data set is where the recipe says.
    """
    from visrep.train.report import page
    from visrep.train.run import Run

    file = to or run / "report.html"
    page.write(Run.open(run), file)
    if as_json:
        terminal.print_json({"report": str(file), "bytes": file.stat().st_size})
    else:
        terminal.console().print(f"report: {file}", highlight=False, soft_wrap=True)
