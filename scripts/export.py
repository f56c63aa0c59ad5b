"""`visrep export`: a run's policy as a checkpoint of its own."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from visrep.scripts import terminal


def export(
    run: Annotated[Path, typer.Argument(help="Run folder.", show_default=False)],
    to: Annotated[Path, typer.Option(help="Folder to make; it must not exist.", show_default=False)],
    form: Annotated[
        Literal["merged", "adapter"],
        typer.Option("--format", help="A whole model that any engine loads, or the LoRA adapter alone."),
    ] = "merged",
    iteration: Annotated[int | None, typer.Option(min=1, help="Which. (default: the last)", show_default=False)] = None,
    as_json: terminal.Json = False,
) -> None:
    """Write the policy of a finished iteration as a checkpoint with tokenizer, prompt, recipe and model card.

    It appears only if it was found to be base and adapter, tensor by tensor, and to write the programs that the adapter
    writes; `checked` in its visrep.json says what was compared.
    """
    from visrep.train.export import export
    from visrep.train.run import Run

    made = export(Run.open(run).folder, to, form, iteration, terminal.console(as_json))
    if as_json:
        terminal.print_json({"checkpoint": str(made), "format": form})
    else:
        typer.echo(f"exported checkpoint: {made}")
