"""Whether execution is reproducible: the programs of a run's iteration once more, compared with what is on record.

    python scripts/reexecute.py runs/quickstart --iteration 1

Outcomes, values, calls with their results, and rewards have to be equal; seconds differ. Programs that read the clock
are the only ones that may differ. Prints one JSON object, and a line for each program that differs.
"""

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from visrep.env import rollouts
from visrep.env.faults import Fault, UserFault
from visrep.env.types import Rollout, Task
from visrep.train.parts import build_environment, load_tasks
from visrep.train.run import Run
from visrep.train.runner import UNFINISHED


def main(
    run: Annotated[Path, typer.Argument(help="Run folder.", show_default=False)],
    iteration: Annotated[int, typer.Option(min=1, help="Whose programs.")] = 1,
    times: Annotated[int, typer.Option(min=1, help="How often.")] = 2,
) -> None:
    """Execute an iteration's programs again; exit 1 where anything but seconds differs."""
    opened = Run.open(run)
    recorded = {
        (rollout.task_id, rollout.program): rollout
        for rollout in rollouts.read(opened.iteration(iteration) / "rollouts.jsonl")
        if all(execution.message != UNFINISHED.message for execution in rollout.executions)
    }
    if not recorded:
        raise UserFault(f"{run} has no programs of iteration {iteration}; name an iteration that was executed")
    tasks = {task.question.id: task for task in load_tasks(opened.recipe, "train", whole=True)[0]}
    differing, outcomes, seconds = [], 0, []
    for _ in range(times):
        started = time.monotonic()
        with build_environment(opened.recipe) as environment:
            for rollout in environment.run(_pairs(recorded, tasks)):
                outcomes += len(rollout.executions)
                stored = rollouts.from_json(rollouts.to_json(rollout))  # reading turns whole coordinates into floats
                if _result(stored) != _result(recorded[rollout.task_id, rollout.program]):
                    differing.append(rollout)
        seconds.append(round(time.monotonic() - started, 1))
    for rollout in differing:
        print(json.dumps({"task": rollout.task_id, "program": rollout.program}))
    counts = {"programs": len(recorded), "executions_compared": outcomes, "differing": len(differing)}
    print(json.dumps(counts | {"seconds": seconds}))
    if differing:
        raise SystemExit(1)


def _pairs(recorded: dict[tuple[str, str], Rollout], tasks: dict[str, Task]) -> Iterator[tuple[Task, str]]:
    for task_id, program in recorded:
        if task_id not in tasks:
            raise UserFault(f"task {task_id!r} is no longer in the data set; draw or fetch it as it was")
        yield tasks[task_id], program


def _result(rollout: Rollout) -> Any:
    """Everything but seconds, as JSON."""
    executions = []
    for execution in rollout.executions:
        fields = asdict(execution)
        calls = [{name: value for name, value in call.items() if name != "seconds"} for call in fields["calls"]]
        kept = {name: fields[name] for name in ("outcome", "value", "message", "line")}
        executions.append(kept | {"calls": calls})
    return json.dumps([executions, [asdict(score) for score in rollout.scores], rollout.reward])


if __name__ == "__main__":
    try:
        typer.run(main)
    except Fault as fault:
        sys.exit(f"reexecute: {fault}")
