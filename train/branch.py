"""Another way on from where a run stands: a copy of its folder, which is then resumed with other settings.

What is finished is shared history; the copy's `run.json` says what it is a copy of. Nothing of it names the folder that
it lies in, so that it can be gone on with wherever it is.
"""

import json
import shutil
from pathlib import Path

from visrep.env import jsonl
from visrep.env.faults import MachineFault, UserFault
from visrep.train.run import Run

_ITS_OWN = ("export", "export.done.json", "report.html", "log", "merged", "driver.lock", "wandb", ".*")
"""What a run makes anew when it goes on, and what belongs to the process that drives it."""


def branch(run: Run, to: Path) -> None:
    """Copy a run into the new folder `to`, which appears whole or not at all. Raises UserFault where there is a run at
    `to`, where an iteration is half-way, or while the run is being driven; MachineFault where the disk refuses."""
    if (to / "recipe.toml").exists():
        raise UserFault(f"{to} holds a run already; choose another folder to branch to")
    finished = max(run.finished_iterations(), default=0)
    if run.iteration(finished + 1).exists():
        raise UserFault(f"iteration {finished + 1} of {run.folder} is half-way; finish it before you branch from it")
    partial = to.with_name(f".{to.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        with run.lock():
            shutil.copytree(run.folder, partial, ignore=shutil.ignore_patterns(*_ITS_OWN))
        stamp = run.stamp() | {"branched": {"from": str(run.folder), "after_iteration": finished}}
        jsonl.write_whole(partial / "run.json", json.dumps(stamp, indent=2) + "\n")
        partial.rename(to)
    except (OSError, shutil.Error) as error:
        raise MachineFault(f"cannot copy {run.folder} to {to} ({error}); free the disk, or choose another") from None
