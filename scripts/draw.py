"""`visrep draw`: a data set of drawn scenes in GQA's layout."""

from pathlib import Path
from typing import Annotated

import typer

from visrep.scripts import terminal

Tasks = Annotated[int, typer.Option(min=1, help="Tasks per category of this split.")]


def draw(
    folder: Annotated[Path, typer.Argument(help="Folder to make.", show_default=False)],
    seed: Annotated[int, typer.Option(min=0, help="Another seed draws other scenes.")] = 0,
    train: Tasks = 10,
    val: Tasks = 4,
    testdev: Tasks = 16,
    instances: Annotated[int, typer.Option(min=1, help="Scenes under one question, with different answers.")] = 4,
    as_json: terminal.Json = False,
) -> None:
    """Draw scenes with questions and annotation in GQA's official layout; does nothing if they are there already."""
    from visrep.train.config import DataSettings, DrawSettings
    from visrep.train.parts import draw_if_absent

    settings = DrawSettings(seed=seed, train=train, val=val, testdev=testdev, instances=instances)
    draw_if_absent(DataSettings(dataset="gqa", root=str(folder), draw=settings))
    images = len(list((folder / "images").iterdir()))
    if as_json:
        terminal.print_json({"folder": str(folder), "images": images, **settings.model_dump()})
    else:
        typer.echo(f"{folder}: {images} scenes, splits train, val and testdev")
