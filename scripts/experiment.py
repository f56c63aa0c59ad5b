"""Where self-training stalls, and what carries it on: one run until it no longer gains, then three ways from there.

    python -m visrep.scripts.experiment                    # recipe `stalled`, seeds 0, 1 and 2
    python -m visrep.scripts.experiment --seed 0 --further 4

The arms start from copies of the same run and get the same: as many further iterations, as many completions asked for,
as many examples to learn from.

    naive        goes on as before
    retry        asks about unsolved tasks with the answers in the prompt, in place of the last round of sampling
    corrections  learns from programs by people, in place of as many of the policy's

Everything resumes: started again, it goes on where it stopped. The corrections are written between two starts, for what
the first shows to be stuck (`visrep corrections add`); until they are there, that arm is left out. What a seed came to
is DOCS/results/seed_N.json; the table and figure in DOCS/results.md are made from those files after each seed.
"""

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from visrep.corrections import store as corrections_store
from visrep.env import jsonl, rollouts
from visrep.env.faults import Fault, UserFault
from visrep.scripts.experiment_results import ARMS, write
from visrep.train import browse
from visrep.train.branch import branch
from visrep.train.config import Recipe, load_recipe
from visrep.train.loop import train
from visrep.train.parts import load_tasks
from visrep.train.run import Run
from visrep.train.saturation import saturation
from visrep.train.summary import stage_seconds

MOST_CORRECTIONS = 20


def main(
    recipe: Annotated[str, typer.Argument(help="A shipped recipe or a TOML file.")] = "stalled",
    out: Annotated[Path, typer.Option(help="Folder of the runs.")] = Path("runs/stalled"),
    docs: Annotated[Path, typer.Option(help="Folder of the results.")] = Path("docs"),
    seed: Annotated[list[int] | None, typer.Option(help="May be given again. (default: 0, 1 and 2)")] = None,
    further: Annotated[int, typer.Option(min=1, help="Iterations after the stall.")] = 3,
    least: Annotated[int, typer.Option(min=1, help="Iterations in all, at least.")] = 6,
    store: Annotated[Path, typer.Option(help="The programs by people.")] = Path("train/recipes/stalled.jsonl"),
    settings: Annotated[list[str] | None, typer.Option("--set", help="Change a setting of the recipe.")] = None,
) -> None:
    """Run what is not there yet, and tell what it came to."""
    console = Console()
    for number in seed or (0, 1, 2):
        named = [recipe, *(settings or []), f"seed={number}"]
        experiment = Experiment(named, out / f"seed_{number}", (further, least), store)
        file = docs / "results" / f"seed_{number}.json"
        if experiment.is_told(file):
            console.print(f"seed {number}: told in {file}; remove it to have it told anew", highlight=False)
        else:
            jsonl.write_whole(file, json.dumps(experiment.run(console), indent=1) + "\n")
        write(docs)
    console.print(f"results: {docs / 'results.md'}", highlight=False)


class Experiment:
    """One seed: its trunk and its arms, in folders of that name under `folder`. `named` is a recipe and what is changed
    in it, `length` the iterations after the stall and those in all, both at least. Raises UserFault where these
    settings cannot give the arms the same."""

    def __init__(self, named: list[str], folder: Path, length: tuple[int, int], store: Path) -> None:
        self.named, self.folder, self.store = named, folder, store
        self.further, self.least = length
        self.corrections = len(corrections_store.read(store))
        if self.corrections > MOST_CORRECTIONS:
            raise UserFault(f"{store} has {self.corrections} programs; expected {MOST_CORRECTIONS} at most")
        self.recipe = self._recipe()
        if self.recipe.sampling.rounds < 2 or self.recipe.selection.limit <= self.corrections:
            raise UserFault(
                f"the arms need sampling.rounds of 2 or more, found {self.recipe.sampling.rounds}, and selection.limit "
                f"above the number of corrections, {self.corrections}, found {self.recipe.selection.limit}"
            )

    def is_told(self, file: Path) -> bool:
        """Whether the file has all arms. Raises UserFault where it is of other settings."""
        if not file.exists():
            return False
        found = json.loads(file.read_text(encoding="utf-8"))
        if Recipe.model_validate(found["settings"]) != self.recipe:  # settings that are newer have their defaults
            raise UserFault(f"{file} is of other settings; remove it, or name other folders with --out and --docs")
        return set(found["arms"]) == set(ARMS)

    def run(self, console: Console) -> dict[str, Any]:
        """Train what is not there yet; what the seed came to."""
        trunk = train(self.recipe, self.folder / "trunk", resume=True, console=console)
        stalled = trunk.finished_iterations()[-1]
        last = max(stalled + self.further, self.least)
        arms = {}
        for name, changes in self._arms().items():
            console.rule(f"seed {self.recipe.seed}, {name}, from iteration {stalled} to {last}")
            on = [f"iterations={last}", f"saturation.patience={last}", *changes]
            arms[name] = self._go_on(trunk, name, on, console)
        if "corrections" not in arms:
            console.print(f"no corrections yet: {self.store} has none; write them and start again", highlight=False)
        tasks = defaultdict(list)
        for task in load_tasks(self.recipe, "test")[0]:
            tasks[task.question.category].append(task.question.id)
        records = [record for record in trunk.metrics() if record["iteration"]]
        return {
            "seed": self.recipe.seed,
            "settings": self.recipe.model_dump(mode="json", exclude_none=True),
            "corrections": self.corrections,
            "stalled": stalled,
            "reason": saturation(records, self.recipe.saturation) or f"iterations = {stalled}",
            "tasks": dict(sorted(tasks.items())),
            "trunk": _told(trunk, 0),
            "arms": {name: _told(run, stalled) for name, run in arms.items()},
        }

    def _arms(self) -> dict[str, list[str]]:
        sampling, selection = self.recipe.sampling, self.recipe.selection
        found: dict[str, list[str]] = {
            "naive": [],
            "retry": [f"sampling.rounds={sampling.rounds - 1}", f"retry.n={sampling.more}"],
        }
        if self.corrections:
            limit = selection.limit - self.corrections
            found["corrections"] = [f"corrections.store={json.dumps(str(self.store))}", f"selection.limit={limit}"]
        return found

    def _go_on(self, trunk: Run, name: str, changes: list[str], console: Console) -> Run:
        folder = self.folder / name
        if not (folder / "recipe.toml").exists():
            branch(trunk, folder)
        return train(self._recipe(*changes), folder, resume=True, console=console)

    def _recipe(self, *changes: str) -> Recipe:
        recipe, *settings = self.named
        return load_recipe(recipe, [*settings, *changes])


def _told(run: Run, after: int) -> dict[str, Any]:
    """A run's evaluations from iteration `after` on (0 is the base policy, with the recipe's examples), and which tasks
    the last solves."""
    records = (each for each in run.metrics() if each["examples"] == run.recipe.prompt.count)
    rows = [_row(record) for record in records if record["iteration"] >= after]
    last = browse.evaluation(run, run.finished_iterations()[-1])
    solved = sorted(rollout.task_id for rollout in rollouts.read(last) if rollout.reward == 1)
    return {"rows": rows, "solved": solved}


def _row(record: dict[str, Any]) -> dict[str, Any]:
    evaluation, sampling = record["evaluation"], record.get("sampling", {})
    row = {
        "iteration": record["iteration"],
        "accuracy": evaluation["accuracy"],
        "by_category": {name: found["accuracy"] for name, found in evaluation["by_category"].items()},
        "seconds": round(sum(filter(None, stage_seconds(record)))),
    }
    if not sampling:
        return row
    asked = [each["completions"] for each in sampling.values() if isinstance(each, dict) and "completions" in each]
    row |= {
        "pass_at_1": sampling["pass_at_k"]["1"],
        "solved": sampling["solved"],
        "completions": sum(asked),
        "examples": record["selection"]["examples"],
        "authors": record["selection"]["authors"],
    }
    if "retry" in sampling:
        row["retry"] = {key: sampling["retry"][key] for key in ("asked", "solved", "refused")}
    return row


if __name__ == "__main__":
    try:
        typer.run(main)
    except Fault as fault:
        sys.exit(f"experiment: {fault}")
