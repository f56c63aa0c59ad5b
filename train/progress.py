"""Progress of long work: a live bar on a terminal, a line now and then in a log file."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

Advance = Callable[..., None]
"""`advance(by=1, rate="")`: so many units are done; `rate` is shown beside the bar, for example "310 tokens/s"."""

LOG_EVERY_SECONDS = 20.0


@contextmanager
def bar(console: Console, label: str, total: int, done: int = 0) -> Iterator[Advance]:
    """Show how much of `total` units is done until the block ends; `done` of them were done by an earlier run."""
    with (_live if console.is_terminal else _lines)(console, label, total, done) as advance:
        yield advance


@contextmanager
def _live(console: Console, label: str, total: int, done: int) -> Iterator[Advance]:
    columns = (
        TextColumn("{task.description:<24}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[rate]}"),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(label, total=total, completed=done, rate="")

        def advance(by: int = 1, rate: str = "") -> None:
            if rate:
                progress.update(task, rate=rate)
            progress.advance(task, by)

        yield advance


@contextmanager
def _lines(console: Console, label: str, total: int, done: int) -> Iterator[Advance]:
    started = last = time.monotonic()
    now_done, last_rate = done, ""

    def line() -> None:
        seconds = time.monotonic() - started
        console.print(f"{label:<24} {now_done}/{total}  {seconds:.0f} s  {last_rate}".rstrip(), highlight=False)

    def advance(by: int = 1, rate: str = "") -> None:
        nonlocal now_done, last, last_rate
        now_done, last_rate = now_done + by, rate or last_rate
        if time.monotonic() - last > LOG_EVERY_SECONDS:
            last = time.monotonic()
            line()

    yield advance
    line()
