"""One HTML file that shows a run: its results, where its time went, and some of its programs with what they saw.

The file needs nothing else: no script, no font, no network, and a policy in its head forbids browsers all of these.
Programs and questions are text that anybody may have written; they are escaped where the template puts them in.
"""

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment

from visrep.env import jsonl
from visrep.env.faults import UserFault
from visrep.env.types import Task
from visrep.train import browse
from visrep.train.changes import Change, Turn, changes, lines, turns
from visrep.train.config import to_toml
from visrep.train.parts import frame_rate
from visrep.train.report import figures, pictures
from visrep.train.report.samples import choose, samples
from visrep.train.report.templates import rendered, templates
from visrep.train.run import Run
from visrep.train.summary import STAGES

_MOST_CHANGES = 10
"""Shown of each kind, newly solved and forgotten."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A held-out task that the last iteration solved anew or forgot: the question, if it is there, and the lines of
    both programs with their signs."""

    task_id: str
    category: str
    question: str | None
    solved: bool
    lines: tuple[tuple[str, str], ...]


def write(run: Run, to: Path) -> None:
    """Write the report of a run, finished or not. Reads each file of rollouts once or twice and keeps little of it."""
    if to.is_dir():
        raise UserFault(f"{to} is a folder; name the file to write, for example {to / 'report.html'}")
    jsonl.write_whole(to, rendered(_templates(), "report/page.html", _facts(run) | _results(run) | _programs(run)))


def _templates() -> Environment:
    environment = templates()
    environment.filters["percent"] = figures.percent
    environment.globals["at"] = figures.at
    environment.globals["name_of"] = figures.name_of
    environment.globals["measures"] = figures.measures
    return environment


def _facts(run: Run) -> dict[str, Any]:
    """What the run is: the page's head."""
    stamp = run.folder / "run.json"
    return {
        "name": run.folder.resolve().name,
        "stamp": run.stamp() if stamp.is_file() else {},
        "settings": run.recipe,
        "recipe": to_toml(run.recipe),
        "finished": len(run.finished_iterations()),
    }


def _results(run: Run) -> dict[str, Any]:
    """What it came to, from its metrics, and what became of the sampled programs."""
    records = run.metrics()
    held_out = {figures.name_of(record): figures.at(record, "evaluation", "outcomes") or {} for record in records}
    sampled = {source.name: _outcomes(source.file) for source in browse.sources(run, None, held_out=False)}
    return {
        "records": records,
        "headline": figures.headline(records),
        "width": figures.WIDTH,
        "stages": STAGES,
        "accuracy": figures.accuracy_chart(records),
        "bars": figures.time_bars(records),
        "categories": figures.categories(records),
        "outcomes": figures.counts(held_out),
        "sampled": figures.counts(sampled),
        "faults": figures.faults(records),
    }


def _outcomes(file: Path) -> Mapping[str, int]:
    return Counter(browse.outcome_of(rollout) for rollout in browse.read([file]))


def _programs(run: Run) -> dict[str, Any]:
    """Samples of the last evaluation, and what it changed against the one before."""
    last = max(run.finished_iterations(), default=0)
    after = browse.evaluation(run, last)
    turned: list[Turn] = []
    changed: list[Change] = []
    if last:
        before = browse.evaluation(run, last - 1)
        turned = turns(before, after, browse.Wanted())
        kinds = ([turn for turn in turned if turn.solved is solved] for solved in (True, False))
        shown = [turn for kind in kinds for turn in _some(kind, run.recipe.seed)]
        changed = list(changes(before, after, shown))
    chosen = choose(browse.read([after]), run.recipe.seed)
    tasks = browse.tasks_of(run, [*chosen, *(change.after for change in changed)], held_out=True)
    return {
        "last": last,
        "colours": pictures.COLOURS,
        "solved": sum(turn.solved for turn in turned),
        "forgotten": sum(not turn.solved for turn in turned),
        "changed": list(_changed(changed, tasks)),
        "samples": samples(chosen, tasks, frame_rate(run.recipe.video)),
    }


def _some(found: list[Turn], seed: int) -> list[Turn]:
    """Not the first, which would all be of one category; in the same order."""
    chosen = set(random.Random(seed).sample(range(len(found)), min(_MOST_CHANGES, len(found))))
    return [turn for index, turn in enumerate(found) if index in chosen]


def _changed(found: Iterable[Change], tasks: Mapping[str, Task]) -> Iterable[Changed]:
    for change in found:
        rollout, task = change.after, tasks.get(change.after.task_id)
        both = tuple(lines(change.before.program, rollout.program))
        question = task.question.text if task else None
        yield Changed(rollout.task_id, rollout.category, question, change.solved, both)
