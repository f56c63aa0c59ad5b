"""`visrep show --by-task`: how many programs each task got, how many of them are distinct, and how many are right."""

from itertools import islice

from rich.table import Table
from rich.text import Text

from visrep.scripts import terminal
from visrep.train import browse
from visrep.train.browse import Wanted
from visrep.train.distinct import Programs, by_task
from visrep.train.run import Run


def tasks(run: Run, wanted: Wanted, limit: int, as_json: bool) -> None:
    """Print the first of the wanted tasks, by category, and how many there are."""
    sources = browse.sources(run, wanted.iteration, wanted.held_out)
    browse.check_words(wanted, [source.file for source in sources])
    found = by_task(sources, wanted)
    if as_json:
        for task_id, programs in islice(found, limit):
            category = next(iter(programs.values())).category
            counts = {name: _counts(each) for name, each in programs.items()}
            terminal.print_json({"task": task_id, "category": category, "programs": counts})
        return
    table = Table(title="Programs written / distinct / distinct and right", title_justify="left")
    table.add_column("task")
    table.add_column("category")
    for source in sources:
        table.add_column(source.name, justify="right")
    for task_id, programs in islice(found, limit):
        category = next(iter(programs.values())).category
        table.add_row(Text(task_id), Text(category), *(_cell(programs.get(source.name)) for source in sources))
    console = terminal.console()
    console.print(table)
    count = table.row_count + sum(1 for _ in found)
    console.print(f"{table.row_count} of {count} tasks; --limit shows more", highlight=False)


def _counts(programs: Programs) -> dict[str, int | None]:
    return {"written": programs.written, "distinct": programs.distinct, "right": programs.right}


def _cell(programs: Programs | None) -> str:
    if programs is None:
        return "–"
    return " / ".join("–" if count is None else str(count) for count in _counts(programs).values())
