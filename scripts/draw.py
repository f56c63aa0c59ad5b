"""`visrep draw`: drawn scenes in the official layout of a data set."""

from pathlib import Path
from typing import Annotated

import typer

from visrep.scripts import terminal

Tasks = Annotated[int, typer.Option(min=1, help="Tasks per category of this split.")]


def draw(
    folder: Annotated[Path, typer.Argument(help="Folder to make.", show_default=False)],
    dataset: Annotated[str, typer.Option(help="In whose layout: a module of visrep.env.drawn.")] = "gqa",
    seed: Annotated[int, typer.Option(min=0, help="Another seed draws other scenes.")] = 0,
    train: Tasks = 10,
    val: Tasks = 4,
    test: Tasks = 16,
    instances: Annotated[int, typer.Option(min=1, help="Scenes under one question, with different answers.")] = 4,
    as_json: terminal.Json = False,
) -> None:
    """Draw scenes with questions and annotation as a data set has them; does nothing if they are there already."""
    from visrep.train.config import DataSettings, DrawSettings
    from visrep.train.parts import draw_if_absent, writer

    settings = DrawSettings(seed=seed, train=train, val=val, test=test, instances=instances)
    draw_if_absent([DataSettings(dataset=dataset, root=str(folder), draw=settings)])
    files = sum(path.is_file() for path in folder.rglob("*"))
    splits = writer(dataset).SPLITS
    if as_json:
        terminal.print_json({"folder": str(folder), "files": files, "splits": splits, **settings.model_dump()})
    else:
        typer.echo(f"{folder}: {files} files, splits {', '.join(splits)}")
