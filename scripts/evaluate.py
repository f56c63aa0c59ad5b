"""`visrep evaluate`: the greedy accuracy of a checkpoint, or of a run's iteration, on a split of a data set."""

import dataclasses
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from visrep.env.faults import UserFault
from visrep.env.scratch import scratch
from visrep.scripts import exported, terminal
from visrep.scripts.train import Set

if TYPE_CHECKING:
    from visrep.policy.prompt import Prompter
    from visrep.train.assess import Assessment
    from visrep.train.config import Recipe


def evaluate(
    policy: Annotated[Path, typer.Argument(help="Checkpoint, or run.", show_default=False)],
    split: Annotated[
        str | None, typer.Option(help="Which split (default: the recipe's test split)", show_default=False)
    ] = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="All tasks of the split, not so many of each category as the recipe says.")
    ] = False,
    recipe: Annotated[
        str | None, typer.Option(help="Name or file. (default: what the policy was made with)", show_default=False)
    ] = None,
    iteration: Annotated[
        int | None, typer.Option(min=0, help="Of a run; 0 is the base policy. (default: the last)", show_default=False)
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(help="Compare with: checkpoint, run, RUN/iteration_NN, RUN/base.", show_default=False),
    ] = None,
    votes: Annotated[
        int | None,
        typer.Option(
            min=2, help="Also sample so many programs per task, and take the value most agree on.", show_default=False
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Keep programs and rollouts in this new folder.")] = None,
    settings: Set = None,
    as_json: terminal.Json = False,
) -> None:
    """Let a policy write one greedy program per task and report how many are right on all images of their task.

    With --against, a second policy does the same, and the two are compared task by task (McNemar's exact test). With
    --votes, the accuracy of what several sampled programs agree on has a column of its own.
    """
    from visrep.train.assess import assess, load_test_tasks
    from visrep.train.evaluate import mcnemar

    with _folders(out) as (folder, scratch):
        subject = _subject(policy, iteration, recipe, settings or [], scratch / "first")
        chosen = split or " and ".join(dict.fromkeys(data.test for data in subject.recipe.data))
        console = terminal.console(as_json)
        tasks = load_test_tasks(subject.recipe, split, whole)
        first = assess(subject.weights, subject.prompter, subject.recipe, tasks, folder, console, votes)
        report: dict[str, Any] = {"policy": str(policy), "split": chosen, **_told(first)}
        if against is not None:
            other = _subject(against, None, recipe, settings or [], scratch / "second")
            # On the first one's recipe: both have to answer the same tasks under the same limits.
            second = assess(other.weights, other.prompter, subject.recipe, tasks, folder / "against", console, votes)
            report["against"] = {"policy": str(against), **_told(second)}
            report["comparison"] = dataclasses.asdict(mcnemar(first.solved, second.solved))
    if as_json:
        terminal.print_json(report)
    else:
        _print(report)


def _told(found: "Assessment") -> dict[str, Any]:
    return found.evaluation | ({"agreement": found.agreement} if found.agreement else {})


@dataclass(frozen=True, slots=True)
class Subject:
    """What is evaluated: a folder with whole weights, the prompt they are used with, and the recipe that names data
    and engine."""

    weights: Path
    prompter: "Prompter"
    recipe: "Recipe"


@contextmanager
def _folders(out: Path | None) -> Iterator[tuple[Path, Path]]:
    """Where the evaluation goes, and a place for a checkpoint that is made for it and removed after it."""
    if out is not None and out.exists() and any(out.iterdir()):
        # What is there would be taken for the first part of this evaluation.
        raise UserFault(f"--out {out} is not empty; choose a new folder")
    with scratch("evaluate") as folder:
        yield out or folder / "evaluation", folder


def _subject(policy: Path, iteration: int | None, recipe: str | None, settings: list[str], scratch: Path) -> Subject:
    """A run's policy, last or of an iteration, or a checkpoint's."""
    part = re.fullmatch(r"base|iteration_(\d+)", policy.name)
    if part and _is_run(policy.parent):
        if iteration is not None:
            raise UserFault(f"--iteration {iteration}: {policy} says already which one; leave --iteration out")
        policy, iteration = policy.parent, int(part[1] or 0)
    if _is_run(policy):
        return _of_run(policy, iteration, recipe, settings, scratch)
    if iteration is not None:
        raise UserFault(f"--iteration {iteration}: {policy} is no run folder; leave --iteration out for a checkpoint")
    return _of_checkpoint(policy, recipe, settings, scratch)


def _is_run(folder: Path) -> bool:
    return (folder / "recipe.toml").is_file()


def _of_run(folder: Path, iteration: int | None, recipe: str | None, settings: list[str], scratch: Path) -> Subject:
    from visrep.policy.checkpoint import resolve
    from visrep.train.config import load_recipe
    from visrep.train.export import export
    from visrep.train.parts import build_prompter
    from visrep.train.run import Run

    made_with = Run.open(folder).recipe
    base = resolve(made_with.policy.model, made_with.policy.revision)
    weights = base
    if iteration != 0:
        weights = export(folder, scratch / "checkpoint", "merged", iteration, terminal.console(as_json=True))
    return Subject(
        weights, build_prompter(made_with, base), load_recipe(recipe or str(folder / "recipe.toml"), settings)
    )


def _of_checkpoint(folder: Path, recipe: str | None, settings: list[str], scratch: Path) -> Subject:
    from visrep.policy.checkpoint import resolve
    from visrep.policy.merge import merge
    from visrep.train.config import load_recipe
    from visrep.train.parts import build_prompter

    if exported.describes(folder):
        described = exported.read(folder)
        weights = exported.base(described, folder)
        if weights != folder:
            merge(weights, folder, scratch / "checkpoint")
            weights = scratch / "checkpoint"
        own = load_recipe(recipe, settings) if recipe else exported.recipe(described, settings)
        return Subject(weights, exported.prompter(described, weights), own)
    weights = resolve(str(folder))
    if recipe is None:
        raise UserFault(f"{folder} has no visrep.json that names its recipe; give one with --recipe")
    own = load_recipe(recipe, settings)
    return Subject(weights, build_prompter(own, weights), own)


def _print(report: dict[str, Any]) -> None:
    console = terminal.console()
    console.print(_table(f"{report['policy']} on {report['split']}", report))
    if "against" in report:
        against, comparison = report["against"], report["comparison"]
        console.print(_table(f"{against['policy']} on {report['split']}", against))
        console.print(
            f"of {comparison['tasks']} tasks, {comparison['only_first']} are solved by {report['policy']} alone and "
            f"{comparison['only_second']} by {against['policy']} alone; p = {comparison['p_value']:.2g} "
            "(McNemar's exact test, two-sided)",
            highlight=False,
        )


def _table(title: str, evaluation: dict[str, Any]) -> Table:
    table = Table(title=title, title_justify="left")
    agreement = evaluation.get("agreement")
    columns = ["category", "tasks", "right", "accuracy", "95 % interval"]
    for column in [*columns, f"{agreement['votes']} agreeing", "95 % interval"] if agreement else columns:
        table.add_column(column, justify="left" if column == "category" else "right")
    rows = [*evaluation["by_category"].items(), ("all", evaluation)]
    for name, row in rows:
        if name == "all":
            table.add_section()
        cells = [name, str(row["tasks"]), str(row["right"]), *_accuracy(row)]
        if agreement:
            cells += _accuracy(agreement if name == "all" else agreement["by_category"][name])
        table.add_row(*cells)
    outcomes = ", ".join(f"{outcome} {count}" for outcome, count in evaluation["outcomes"].items())
    measures = "".join(f", {name.replace('_', ' ')} {value:.3f}" for name, value in evaluation["measures"].items())
    share = f"{evaluation['instance_accuracy']:.1%} of {evaluation['instances']} right"
    table.caption = f"instances: {share} ({outcomes}){measures}"
    return table


def _accuracy(row: dict[str, Any]) -> list[str]:
    return [f"{row['accuracy']:.1%}", f"{row['low']:.1%} – {row['high']:.1%}"]
