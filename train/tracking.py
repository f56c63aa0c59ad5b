"""Metrics to Weights & Biases, where a recipe asks for it; metrics.jsonl is written in any case."""

from collections.abc import Iterator
from typing import Any

from visrep.env.faults import MachineFault
from visrep.train.run import Run


def publish(run: Run, record: dict[str, Any], step: int) -> None:
    """Log one record of a run's metrics. All records of a run go under one id, so that a resumed run goes on there."""
    settings = run.recipe.tracking
    if settings.wandb == "disabled":
        return
    import wandb  # seconds to import, and most runs do not need it

    try:
        tracked = wandb.init(
            project=settings.project,
            name=run.folder.name,
            id=f"{run.folder.name}-{run.stamp()['started']}".replace(":", "").replace("+", "-"),
            resume="allow",
            mode=settings.wandb,
            dir=run.folder,
            config=run.recipe.model_dump(),
            settings=wandb.Settings(silent=True),
        )
    except wandb.errors.Error as error:
        raise MachineFault(f"wandb refused the run: {error}; set tracking.wandb=offline and sync later") from None
    tracked.log(dict(_flat(record)), step=step)
    tracked.finish()
    # finish() can return before wandb's service process has written its file; it has once that process has ended.
    wandb.teardown()


def _flat(record: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in record.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}/")
        else:
            yield prefix + key, value
