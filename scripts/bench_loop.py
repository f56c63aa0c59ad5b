"""What an iteration costs: the first of a recipe's run by visrep, and the same put together from public libraries
(`usual_loop.py`), one after the other, with the same budget, prompts, seeds and learning settings.

    pip install --no-deps trl==1.16.0       # beside visrep; it is no dependency
    python -m visrep.scripts.bench_loop
    python -m visrep.scripts.bench_loop --set sampling.rounds=1 --set data.train_per_category=2 --set clone.epochs=1

Not counted: drawing the data set, and evaluating the base. visrep starts one server for each iteration, before its
evaluation, and samples the next one's programs with it; so the one that writes this iteration's programs was started
for the base's evaluation, and the one that is started for this iteration's evaluation is counted.
"""

import importlib.util
import json
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from visrep.env.faults import Fault, UserFault
from visrep.scripts.usual_loop import UsualLoop
from visrep.train.config import Recipe, load_recipe
from visrep.train.evaluate import wilson
from visrep.train.loop import train
from visrep.train.parts import draw_if_absent
from visrep.train.summary import STAGES, stage_seconds

_ONE_ITERATION = ["iterations=1", "evaluation.base_without_examples=false", "policy.engine=vllm"]


def main(
    recipe: Annotated[str, typer.Argument(help="A shipped recipe or a TOML file.")] = "quickstart",
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Change a setting of the recipe, for both: sampling.rounds=1")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
) -> None:
    """Compare the seconds of each stage of one iteration."""
    if importlib.util.find_spec("trl") is None:
        raise UserFault("TRL is not installed here; pip install --no-deps trl==1.16.0")
    chosen = load_recipe(recipe, [*(settings or []), *_ONE_ITERATION])
    draw_if_absent(chosen.data)
    with tempfile.TemporaryDirectory() as scratch:
        visrep = _visrep(chosen, Path(scratch) / "visrep")
        usual = _usual(chosen, Path(scratch) / "usual")
    result = {"visrep": visrep, "usual": usual, "ratio": _ratios(visrep["seconds"], usual["seconds"])}
    if as_json:
        print(json.dumps(result, indent=1))
    else:
        Console().print(_table(result))


def _visrep(recipe: Recipe, folder: Path) -> dict[str, Any]:
    record = train(recipe, folder, resume=False, console=Console(stderr=True)).metrics()[-1]
    rounds = [value for key, value in record["sampling"].items() if key.startswith("round_")]
    seconds = {stage: value or 0.0 for stage, value in zip(STAGES, stage_seconds(record), strict=True)}
    counts = {
        "completions": sum(each["completions"] for each in rounds),
        "programs": sum(each["programs"] for each in rounds) + record["evaluating"]["programs"],
        "vllm_starts": sum(each["rates"]["engine"]["starts"] for each in [*rounds, record["evaluating"]]),
        "examples": record["training"]["examples"],
        "trained_tokens": record["training"]["tokens"],
    }
    return _side(seconds, counts, record["evaluation"]["right"], record["evaluation"]["tasks"])


def _usual(recipe: Recipe, folder: Path) -> dict[str, Any]:
    loop = UsualLoop(recipe, folder)
    right = loop.run()
    return _side(dict(loop.seconds), dict(loop.counts), right, len(loop.test_tasks))


def _side(seconds: dict[str, float], counts: dict[str, int], right: int, tasks: int) -> dict[str, Any]:
    low, high = wilson(right, tasks)
    seconds["all"] = sum(seconds.values())
    return {
        "seconds": {stage: round(value, 1) for stage, value in seconds.items()},
        "counts": counts,
        "accuracy": {"right": right, "tasks": tasks, "share": right / tasks, "low": low, "high": high},
    }


def _ratios(ours: dict[str, float], theirs: dict[str, float]) -> dict[str, float]:
    return {stage: round(theirs[stage] / ours[stage], 2) for stage in (*STAGES, "all") if theirs.get(stage)}


def _table(result: dict[str, Any]) -> Table:
    sides = result["visrep"], result["usual"]
    table = Table(title="One iteration, in seconds", title_justify="left")
    for column in ("", "visrep", "public libraries", "ratio", "saved"):
        table.add_column(column, justify="right" if column else "left")
    ours, theirs = (side["seconds"] for side in sides)
    saved = theirs["all"] - ours["all"]
    for stage in (*STAGES, "all"):
        one, other = ours.get(stage, 0.0), theirs.get(stage, 0.0)
        ratio = result["ratio"].get(stage)
        share = f"{(other - one) / saved:.0%}" if saved > 0 else ""
        table.add_row(stage, f"{one:,.0f}", f"{other:,.0f}", f"{ratio:.1f}" if ratio else "", share)
    table.add_section()
    for name in sides[0]["counts"]:
        one, other = (side["counts"][name] for side in sides)
        table.add_row(name.replace("_", " "), f"{one:,}", f"{other:,}", f"{other / one:.1f}" if one else "", "")
    accuracies = (side["accuracy"] for side in sides)
    table.add_row("accuracy", *(f"{a['share']:.1%} [{a['low']:.1%} – {a['high']:.1%}]" for a in accuracies), "", "")
    return table


if __name__ == "__main__":
    try:
        typer.run(main)
    except Fault as fault:
        sys.exit(f"bench_loop: {fault}")
