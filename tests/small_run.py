"""A run of 32 tasks with a scripted policy and a tiny model, all else real: for tests. Used through runpy."""

import json
import os
import runpy
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from visrep.env import jsonl
from visrep.env.drawn.gqa import draw
from visrep.env.tasks import gqa
from visrep.env.types import Question

HERE = Path(__file__).parent
RIGHT = runpy.run_path(str(HERE / "drawn_programs.py"))["program"]
write_model = runpy.run_path(str(HERE / "tiny_policy.py"))["write_model"]

DRAWN = (
    "data.draw.train=2",
    "data.draw.val=1",
    "data.draw.test=2",
    "data.draw.instances=2",
    "data.options={ instances = 2 }",
)
VISREP = Path(sys.executable).with_name("visrep")
WRONG = "\n    return 'nothing'"
BROKEN = "\n    return ("


def body(question: Question) -> str:
    """What the policy writes after the signature: the right program's text from there on."""
    return str(RIGHT(question.category, question.text)).partition("def execute_command(image):")[2].rstrip()


def prepare(folder: Path) -> Path:
    """A drawn data set, a tiny model, and a script that writes right programs for the questions of half the tasks."""
    write_model(folder / "model")
    counts = {"train": 2, "val": 1, "testdev": 2}
    draw(
        folder / "drawn",
        seed=0,
        scenes={"train": 60, "val": 60, "testdev": 60},
        tasks_per_category=counts,
        instances=2,
    )
    script: dict[str, list[str]] = {"": [WRONG]}
    for split in ("train", "testdev"):
        for number, task in enumerate(gqa.load(folder / "drawn", split, instances=2)):
            right = body(task.question)
            solvable = [right] if split == "testdev" else [WRONG, right, right + "  # again", BROKEN]
            script[task.question.text] = solvable if number % 2 else [WRONG, BROKEN]
    (folder / "script.json").write_text(json.dumps(script))
    return folder


def settings(folder: Path) -> list[str]:
    """Of the quickstart's recipe, to make it this run."""
    return [
        f"data.root={folder / 'drawn'}",
        *DRAWN,
        "policy.engine=scripted",
        f"policy.script={folder / 'script.json'}",
        f"policy.model={folder / 'model'}",
        "iterations=2",
        "sampling.n=4",
        "sampling.rounds=2",
        "clone.epochs=1.0",
    ]


def contents(run: Path) -> dict[str, Any]:
    """What a run came to, without its times."""
    kept = {}
    for path in sorted(run.glob("iteration_*/*.jsonl")):
        rows = list(jsonl.read(path))
        for row in rows:
            for execution in row.get("executions", []):
                del execution["cpu_seconds"], execution["wall_seconds"]
                for call in execution["calls"]:
                    del call["seconds"]
        kept[path.relative_to(run).as_posix()] = sorted(json.dumps(row, sort_keys=True) for row in rows)
    return kept


def drive(folder: Path, out: Path, *changes: str) -> subprocess.Popen[bytes]:
    """A driver in a process of its own, at work on this run with one iteration, or going on with it."""
    changed = [*settings(folder), "iterations=1", "evaluation.base_without_examples=false", *changes]
    words = [word for setting in changed for word in ("--set", setting)]
    command = [VISREP, "train", "quickstart", "--out", out, "--resume", *words]
    alone = os.environ | {"OMP_NUM_THREADS": "1"}  # a model this small gains nothing from more
    return subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=alone,
        start_new_session=True,
        # As at a terminal: shells start what they put into the background with interrupts ignored, these tests too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def finish(folder: Path, out: Path, *changes: str) -> Path:
    """Drive the run to its end."""
    with drive(folder, out, *changes) as driver:
        _, said = driver.communicate()
    assert driver.returncode == 0, said.decode()
    return out


def came_to(out: Path) -> dict[str, Any]:
    """Everything on disk that does not tell of the time or the machine."""
    metrics = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    weights = {path.parent.parent.name: path.read_bytes() for path in out.glob("*/adapter/adapter_model.safetensors")}
    exported = (out / "export/model.safetensors").read_bytes()
    return {"files": contents(out), "metrics": _timeless(metrics), "weights": weights, "exported": exported}


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {
            key: inner for key, inner in value.items() if "second" not in key and key not in ("rates", "row_tokens")
        }
        return {key: _timeless(inner) for key, inner in kept.items()}
    return [_timeless(inner) for inner in value] if isinstance(value, list) else value
