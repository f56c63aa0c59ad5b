"""`visrep evaluate`: the greedy accuracy of a checkpoint, or of a run's iteration, on a split of a data set."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from visrep.env.faults import UserFault
from visrep.scripts import exported, terminal
from visrep.scripts.train import Set

if TYPE_CHECKING:
    from visrep.policy.prompt import Prompter
    from visrep.train.config import Recipe


def evaluate(
    policy: Annotated[Path, typer.Argument(help="Checkpoint, or run folder.", show_default=False)],
    split: Annotated[
        str | None, typer.Option(help="Which split (default: the recipe's test split)", show_default=False)
    ] = None,
    recipe: Annotated[
        str | None, typer.Option(help="Name or file. (default: what the policy was made with)", show_default=False)
    ] = None,
    iteration: Annotated[
        int | None, typer.Option(min=0, help="Of a run; 0 is the base policy. (default: the last)", show_default=False)
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Keep programs and rollouts in this new folder.")] = None,
    settings: Set = None,
    as_json: terminal.Json = False,
) -> None:
    """Let a policy write one greedy program per task and report how many are right on all images of their task."""
    from visrep.train.assess import assess

    with _folders(out) as (folder, scratch):
        found, prompter, own = _resolve(policy, iteration, recipe, settings or [], scratch)
        chosen = split or own.data.test
        result = assess(found, prompter, own, chosen, folder, terminal.console(as_json))
    evaluation = result["evaluation"]
    if as_json:
        terminal.print_json({"policy": str(policy), "split": chosen, **evaluation})
    else:
        terminal.console().print(_table(f"{policy} on {chosen}", evaluation))


@contextmanager
def _folders(out: Path | None) -> Iterator[tuple[Path, Path]]:
    """Where the evaluation goes, and a place for a checkpoint that is made for it and removed after it."""
    if out is not None and out.exists() and any(out.iterdir()):
        # What is there would be taken for the first part of this evaluation.
        raise UserFault(f"--out {out} is not empty; choose a new folder")
    with tempfile.TemporaryDirectory(prefix="visrep-evaluate-") as scratch:
        yield out or Path(scratch) / "evaluation", Path(scratch)


def _resolve(
    policy: Path, iteration: int | None, recipe: str | None, settings: list[str], scratch: Path
) -> tuple[Path, "Prompter", "Recipe"]:
    """Folder with whole weights, the prompt to use with them, and the recipe that names data and engine."""
    from visrep.policy.checkpoint import resolve
    from visrep.train import parts
    from visrep.train.config import load_recipe
    from visrep.train.export import export
    from visrep.train.run import Run

    if (policy / "recipe.toml").is_file():
        run = Run.open(policy)
        own = load_recipe(recipe or str(policy / "recipe.toml"), settings)
        base = resolve(run.recipe.policy.model, run.recipe.policy.revision)
        prompter = parts.build_prompter(run.recipe, base)
        return base if iteration == 0 else export(policy, scratch / "checkpoint", "merged", iteration), prompter, own
    if iteration is not None:
        raise UserFault(f"--iteration {iteration}: {policy} is no run folder; leave --iteration out for a checkpoint")
    folder = resolve(str(policy))
    if exported.describes(folder):
        described = exported.read(folder)
        own = load_recipe(recipe, settings) if recipe else exported.recipe(described, settings)
        return folder, exported.prompter(described, folder), own
    if recipe is None:
        raise UserFault(f"{policy} has no visrep.json that names its recipe; give one with --recipe")
    own = load_recipe(recipe, settings)
    return folder, parts.build_prompter(own, folder), own


def _table(title: str, evaluation: dict[str, Any]) -> Table:
    table = Table(title=title, title_justify="left")
    for column in ("category", "tasks", "right", "accuracy", "95 % interval"):
        table.add_column(column, justify="left" if column == "category" else "right")
    rows = [*evaluation["categories"].items(), ("all", evaluation["overall"])]
    for name, row in rows:
        if name == "all":
            table.add_section()
        interval = f"{row['low']:.1%} – {row['high']:.1%}"
        table.add_row(name, str(row["tasks"]), str(row["right"]), f"{row['accuracy']:.1%}", interval)
    outcomes = ", ".join(f"{outcome} {count}" for outcome, count in evaluation["outcomes"].items())
    table.caption = f"instances: {evaluation['instance_accuracy']:.1%} of {evaluation['instances']} right ({outcomes})"
    return table
