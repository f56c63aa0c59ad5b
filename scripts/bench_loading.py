"""How fast data sets are read, and with how much memory: generated files of a million questions in official layouts.

    python -m visrep.scripts.bench_loading                 # up to 0.9 GB in the temporary folder at a time: minutes
    python -m visrep.scripts.bench_loading --rows 20000 --json

VQA v2 is read twice: with its questions and annotations in the same order, as they come, and with the annotations in
another one, where their places are held. GQA is read without scene graphs. Memory is what this process has more at most
than before it began to read.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from PIL import Image
from rich.table import Table

from visrep.env.faults import Fault
from visrep.env.tasks import gqa, vqav2
from visrep.env.types import Task
from visrep.scripts import terminal

SPLIT = "val2014"

_PRIME = 1_000_003
"""Questions are gone through in steps of this for another order: all come once as long as it does not divide them."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What it took to read all tasks of a data set's files."""

    data: str
    tasks: int
    file_mb: float
    first_task_seconds: float
    tasks_per_second: float
    memory_mb: float


def main(
    rows: Annotated[int, typer.Option(min=1, max=_PRIME - 1, help="Generated questions of each data set.")] = 1_000_000,
    as_json: terminal.Json = False,
) -> None:
    """Say seconds, tasks per second and memory of each."""
    with tempfile.TemporaryDirectory() as folder:
        readings = list(read_all(Path(folder), rows))
    if as_json:
        print(json.dumps([asdict(reading) for reading in readings], indent=1))
    else:
        terminal.console().print(_table(readings))


def read_all(folder: Path, rows: int) -> Iterator[Reading]:
    """Generate and read each data set in turn; only one lies in the folder at a time."""
    writers: list[tuple[str, Callable[[Path, int], None], Callable[[Path], Iterable[Task]]]] = [
        ("vqav2", write_vqav2, lambda root: vqav2.load(root, SPLIT)),
        ("vqav2, reordered", write_shuffled, lambda root: vqav2.load(root, SPLIT)),
        ("gqa", write_gqa, lambda root: gqa.load(root, "val")),
    ]
    for name, write, load in writers:
        with tempfile.TemporaryDirectory(dir=folder) as root:
            write(Path(root), rows)
            yield _read(name, Path(root), rows, load)


def _read(name: str, root: Path, rows: int, load: Callable[[Path], Iterable[Task]]) -> Reading:
    size = sum(path.stat().st_size for path in root.glob("*.json"))
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted anew
    before, started = _peak_mb(), time.perf_counter()
    tasks = iter(load(root))
    next(tasks)
    first = time.perf_counter() - started
    count = 1 + sum(1 for _ in tasks)
    seconds = time.perf_counter() - started
    if count != rows:
        raise SystemExit(f"bench_loading: read {count} tasks of {rows}")
    rate = round(count / seconds)
    return Reading(name, count, round(size / 1e6, 1), round(first, 3), rate, round(_peak_mb() - before, 1))


def _peak_mb() -> float:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def write_vqav2(root: Path, rows: int, step: int = 1) -> None:
    """Questions and annotations of VQA v2, the latter in steps of `step` through the questions."""
    (root / SPLIT).mkdir()
    Image.new("RGB", (8, 8)).save(root / SPLIT / f"COCO_{SPLIT}_000000000001.jpg")
    head = {"info": {"version": "2.0"}, "data_subtype": SPLIT}
    questions = ({"image_id": 1, "question": "How many dogs are there?", "question_id": n} for n in range(rows))
    answers = ["2"] * 6 + ["two", "3", "many", "1"]
    given = [{"answer": said, "answer_confidence": "yes", "answer_id": n} for n, said in enumerate(answers, 1)]
    annotations = (
        {"question_type": "how many", "multiple_choice_answer": "2", "answers": given, "image_id": 1,
         "answer_type": "number", "question_id": (n * step + step - 1) % rows}
        for n in range(rows)
    )  # fmt: skip
    for file, of, items in zip(vqav2.FILES, ("questions", "annotations"), (questions, annotations), strict=True):
        members = (f"{json.dumps(key)}: {json.dumps(value)}" for key, value in head.items())
        _write(root / file.format(SPLIT), f'{{{", ".join(members)}, "{of}": [', map(json.dumps, items), "]}")


def write_shuffled(root: Path, rows: int) -> None:
    """The same with the annotations in another order."""
    write_vqav2(root, rows, _PRIME)


def write_gqa(root: Path, rows: int) -> None:
    """Questions of GQA."""
    (root / "images").mkdir()
    Image.new("RGB", (8, 8)).save(root / "images" / "1.jpg")
    row: dict[str, Any] = {
        "semantic": [{"operation": "select", "dependencies": [], "argument": "dog (7)"}],
        "entailed": ["02930152", "02930158", "02930159"],
        "equivalent": ["02930152"],
        "question": "Is there a dog to the left of the fence?",
        "imageId": "1",
        "isBalanced": True,
        "groups": {"global": None, "local": "13-dog"},
        "answer": "yes",
        "semanticStr": "select: fence (1)->relate: dog,to the left of,s (7)->exist: ? [1]",
        "annotations": {"answer": {}, "question": {"3": "7"}, "fullAnswer": {"3": "7"}},
        "types": {"detailed": "existRelS", "semantic": "rel", "structural": "verify"},
        "fullAnswer": "Yes, there is a dog to the left of the fence.",
    }
    text = json.dumps(row)
    _write(root / "val_balanced_questions.json", "{", (f'"{n:08}": {text}' for n in range(rows)), "}")


def _write(path: Path, before: str, rows: Iterable[str], after: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(before)
        for number, row in enumerate(rows):
            file.write(f", {row}" if number else row)
        file.write(after)


def _table(readings: list[Reading]) -> Table:
    table = Table(title="Reading data sets", title_justify="left")
    for column in ("", "tasks", "MB of files", "s to the first", "tasks/s", "MB of memory"):
        table.add_column(column, justify="right" if column else "left")
    for each in readings:
        table.add_row(
            each.data,
            f"{each.tasks:,}",
            f"{each.file_mb:,.0f}",
            f"{each.first_task_seconds:.3f}",
            f"{each.tasks_per_second:,}",
            f"{each.memory_mb:,.1f}",
        )
    return table


if __name__ == "__main__":
    try:
        typer.run(main)
    except Fault as fault:
        sys.exit(f"bench_loading: {fault}")
