"""Memory of the driver while generated tasks stream through sampling, execution in the sandbox, tally and selection.

    python scripts/bench_memory.py                            # 200,000 tasks: minutes
    python scripts/bench_memory.py --tasks 12288 --instances 2    # the guard as well

The policy is the scripted engine, which writes another program for every task; no two tasks share a shape, so nothing
that is kept per program or per shape stays small by luck. Everything is done twice, the second time going on from the
first: with the first tasks, as many as an engine is given at a time, and with all. What the second takes more is what
tasks cost. With one instance the guard is left out: it would run every right program on many other images. Memory is
that of this process, the programs' own not counted.
"""

import json
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from PIL import Image
from rich.console import Console

from visrep import reward
from visrep.env import rollouts
from visrep.env.canonical import canonical
from visrep.env.environment import Environment
from visrep.env.faults import Fault
from visrep.env.perception import scripted
from visrep.env.perception.service import Service
from visrep.env.sandbox import Limits, Sandbox
from visrep.env.types import Instance, Question, Task
from visrep.policy.prompt import Prompter
from visrep.policy.scripted import Scripted
from visrep.train.guard import guard
from visrep.train.rollout import BLOCK, Bench, Files, Sampling, collect, tally
from visrep.train.runner import Author
from visrep.train.select import select
from visrep.train.split import Split

_PICTURES, _CATEGORIES = 16, 16
_ROWS = 10  # while all tasks are sampled
API = ["ImagePatch.find", "ImagePatch.exists", "ImagePatch.simple_query", "ImagePatch.verify_property", "distance"]


@dataclass(frozen=True, slots=True)
class Row:
    """What the driver held when so many tasks had been through a stage, and at most since the row before; MB."""

    stage: str
    tasks: int
    rss: float
    peak: float
    seconds: float


class Meter:
    """Makes rows, and says them unless it is `quiet`."""

    def __init__(self, quiet: bool) -> None:
        self.rows: list[Row] = []
        self._quiet = quiet
        self._started = time.monotonic()
        if not quiet:
            print(f"{'stage':<10} {'tasks so far':>12} {'RSS MB':>8} {'peak MB':>8} {'seconds':>8}")

    def row(self, stage: str, tasks: int) -> None:
        """One row, now."""
        status = Path("/proc/self/status").read_text()
        rss, peak = (int(re.findall(rf"{key}:\s+(\d+) kB", status)[0]) / 1024 for key in ("VmRSS", "VmHWM"))
        row = Row(stage, tasks, round(rss, 1), round(peak, 1), round(time.monotonic() - self._started, 1))
        Path("/proc/self/clear_refs").write_text("5")  # the peak is counted anew
        self.rows.append(row)
        if not self._quiet:
            print(f"{stage:<10} {tasks:>12,} {row.rss:>8} {row.peak:>8} {row.seconds:>8.0f}", flush=True)


def main(
    tasks: Annotated[int, typer.Option(min=BLOCK + 1, help="Generated tasks.")] = 200_000,
    instances: Annotated[int, typer.Option(min=1, max=4, help="Images of a task.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
) -> None:
    """Say memory by stage and number of tasks, and what a task more costs."""
    meter = Meter(quiet=as_json)
    peaks = []
    with tempfile.TemporaryDirectory() as folder:
        fill_caches()
        for some in (BLOCK, tasks):
            before = len(meter.rows)
            run(Path(folder), some, instances, meter)
            peaks.append(max(row.peak for row in meter.rows[before:]))
    bytes_per_task = round((peaks[1] - peaks[0]) * 2**20 / (tasks - BLOCK), 1)
    if as_json:
        print(json.dumps({"rows": [asdict(row) for row in meter.rows], "bytes_per_task": bytes_per_task}))
    else:
        print(f"{bytes_per_task} bytes for each task after the first {BLOCK:,}")


def fill_caches() -> None:
    """Caches of limited size are no growth."""
    for number in range(canonical.cache_parameters()["maxsize"] or 0):
        canonical(program(-number - 1))


def run(folder: Path, tasks: int, instances: int, meter: Meter) -> None:
    """One round of sampling over so many tasks, then tally and selection; what is in the folder is not done again."""
    files = Files(folder / "completions.jsonl", folder / "rollouts.jsonl")
    prompter = Prompter(API, [])
    source = Split(lambda: generated(folder, range(tasks), instances))

    def script(prompt: str, n: int, seed: int) -> list[str]:
        number = asked(prompt)
        if number % (tasks // _ROWS) == 0:
            meter.row("sampling", number)
        return [completion(number)]

    with make_environment() as environment, make_environment() as perturbed:
        bench = Bench(Scripted(script), prompter, environment, source)
        sampling = Sampling("sampling", number=0, n=1, temperature=1.0, seed=0)
        collect(bench, sampling, files, Author(1, "base"), Console(quiet=True))
        meter.row("sampling", tasks)
        solved = sum(right > 0 for _, right, _ in tally(prompter, source, files, rounds=[0]))
        meter.row("tally", tasks)
        refused = guard(environment, perturbed, source, rollouts.read(files.rollouts)) if instances > 1 else ()
        selection = select(rollouts.read(files.rollouts), source, per_task=2, refused=refused, seed=0)
        meter.row("selection", tasks)
    if not solved == selection.right == sum(number % 4 > 0 for number in range(tasks)):
        raise SystemExit(f"bench_memory: {solved} tasks solved, {selection.right} programs right")


def generated(folder: Path, numbers: range, instances: int) -> Iterator[Task]:
    """The tasks, made one by one; their pictures have widths that make the right answers differ."""
    for place in range(_PICTURES):
        path = folder / f"{place}.png"
        if not path.exists():
            Image.new("RGB", (30 * (place + 1), 20), "white").save(path)
    for number in numbers:
        places = [(number + each) % _PICTURES for each in range(instances)]
        question = Question(f"train-{number:08}", f"How wide is a third of photograph {number}?", "answer",
                            f"category {number % _CATEGORIES}")  # fmt: skip
        pictured = (
            Instance(f"{number}/{place}", (folder / f"{place}.png",), answers=(str(10 * (place + 1)),))
            for place in places
        )
        yield Task(question, tuple(pictured), "generated", "train")


def program(number: int) -> str:
    """The program for a task: of a shape of its own, and wrong for every fourth."""
    steps = "".join(" + 0" if bit == "1" else " - 0" for bit in f"{abs(number):b}")
    wrong = "" if number % 4 else " + 1"
    return f'def execute_command(image):\n    return str(int(image.find("cup")[0].width){steps}{wrong})'


def asked(prompt: str) -> int:
    """The number of the task that a prompt is about."""
    return int(prompt.rpartition("photograph ")[2].partition("?")[0])


def completion(number: int) -> str:
    """What the policy writes to have the program."""
    return program(number).partition("def execute_command(image):")[2]


def make_environment() -> Environment:
    """The real sandbox, and three strips found in every picture."""
    return Environment(Sandbox(Limits()), Service(scripted.load()), reward.score)


if __name__ == "__main__":
    try:
        typer.run(main)
    except Fault as fault:
        sys.exit(f"bench_memory: {fault}")
