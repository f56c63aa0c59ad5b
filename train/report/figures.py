"""A run's metrics as what the page's tables and charts show.

Records are read defensively: one that was written by an earlier version, or half-way through a run, lacks keys, and
shows as a gap. All lengths are in the charts' own units, which the page scales to its width.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from visrep.train import summary
from visrep.train.summary import STAGES, stage_seconds

Record = Mapping[str, Any]

WIDTH = 400
"""Of the charts: about a telephone's, so that their text is never smaller than the page's."""

_LEFT, _RIGHT, _TOP, _HEIGHT = 40, 390, 18, 160
_LABEL, _BAR, _TOTAL = 58, 22, 44
_MOST_LABELS = 8


@dataclass(frozen=True, slots=True)
class Point:
    """One policy's accuracy: its place, the ends of its interval, and what is written at it."""

    x: float
    y: float
    high: float
    low: float
    name: str
    label: tuple[str, str]
    value: str
    base: bool


@dataclass(frozen=True, slots=True)
class AccuracyChart:
    """Points from left to right, the line through the policies that share a prompt, and the grid."""

    points: tuple[Point, ...]
    line: str
    grid: tuple[tuple[float, str], ...]
    height: int = _TOP + _HEIGHT + 38


@dataclass(frozen=True, slots=True)
class Segment:
    """Part of a bar: where it is, and the number of its stage."""

    x: float
    width: float
    stage: int
    title: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One policy's seconds, stage by stage; None where a stage was not timed."""

    name: str
    label: str
    y: float
    segments: tuple[Segment, ...]
    seconds: tuple[float | None, ...]
    total: float


@dataclass(frozen=True, slots=True)
class Cell:
    """A number in a table with its share of a whole in [0, 1], which colours it; None where there is no number."""

    text: str
    share: float | None
    title: str = ""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table whose cells are coloured."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


def at(record: Any, *keys: str) -> Any:
    """The value under nested keys, None where one is absent."""
    for key in keys:
        record = record.get(key) if isinstance(record, Mapping) else None
    return record


def name_of(record: Record) -> str:
    """`base, 6 examples` or `iteration 2`."""
    iteration, examples = at(record, "iteration"), at(record, "examples")
    return f"iteration {iteration}" if iteration else f"base, {'–' if examples is None else examples} examples"


def measures(records: Iterable[Record]) -> list[str]:
    """What is measured of the policies beside accuracy, such as "mean_iou"."""
    return list(dict.fromkeys(name for record in records for name in at(record, "evaluation", "measures") or ()))


def percent(share: float | None) -> str:
    """`78.5 %`; a dash for what is not known."""
    return "–" if share is None else f"{share * 100:.1f}\N{NO-BREAK SPACE}%"


def headline(records: Sequence[Record]) -> str:
    """What the run came to, in a sentence."""
    known = [record for record in records if at(record, "evaluation", "accuracy") is not None]
    if not known:
        return "Nothing is evaluated yet."
    last, bases = known[-1], [record for record in known if not at(record, "iteration")]
    tasks = at(last, "evaluation", "tasks")
    told = f"{percent(at(last, 'evaluation', 'accuracy'))} of {'the' if tasks is None else tasks} held-out tasks right"
    if not bases or last is bases[-1]:
        return f"{told} before any training."
    before = percent(at(bases[-1], "evaluation", "accuracy"))
    return f"{told} after iteration {at(last, 'iteration')}; {before} before any training."


def accuracy_chart(records: Sequence[Record]) -> AccuracyChart:
    """Held-out accuracy of each policy with its 95 % interval."""
    known = [record for record in records if at(record, "evaluation", "accuracy") is not None]
    step = (_RIGHT - _LEFT) / max(len(known), 1)
    every = -(-len(known) // _MOST_LABELS)
    points = tuple(
        _point(record, _LEFT + step * (index + 0.5), written=(len(known) - 1 - index) % every == 0)
        for index, record in enumerate(known)
    )
    # The base policy without examples answers another prompt: no step of the same way.
    bases = sum(point.base for point in points)
    line = " ".join(f"{point.x:.1f},{point.y:.1f}" for point in points[max(bases - 1, 0) :])
    return AccuracyChart(points, line, tuple((_y(share), f"{share:.0%}") for share in (0, 0.25, 0.5, 0.75, 1)))


def _point(record: Record, x: float, written: bool) -> Point:
    accuracy = at(record, "evaluation", "accuracy")
    high, low = (at(record, "evaluation", key) for key in ("high", "low"))
    base = not at(record, "iteration")
    label = ("base", f"{at(record, 'examples')} ex.") if base else (f"it. {at(record, 'iteration')}", "")
    interval = f" ({percent(low)} to {percent(high)})" if None not in (low, high) else ""
    return Point(
        x,
        _y(accuracy),
        _y(accuracy if high is None else high),
        _y(accuracy if low is None else low),
        f"{name_of(record)}: {percent(accuracy)}{interval}",
        label if written else ("", ""),
        percent(accuracy) if written else "",
        base,
    )


def _y(share: float) -> float:
    return _TOP + _HEIGHT * (1 - share)


def time_bars(records: Iterable[Record]) -> list[Bar]:
    """Seconds of each stage, as long as the longest row allows."""
    timed = [(record, stage_seconds(record)) for record in records]
    longest = max((sum(filter(None, seconds)) for _, seconds in timed), default=0) or 1
    return [_bar(record, seconds, index, longest) for index, (record, seconds) in enumerate(timed)]


def _bar(record: Record, seconds: tuple[float | None, ...], index: int, longest: float) -> Bar:
    scale, x = (WIDTH - _LABEL - _TOTAL) / longest, float(_LABEL)
    segments = []
    for stage, spent in enumerate(seconds):
        if spent:
            segments.append(Segment(x, spent * scale, stage, f"{STAGES[stage]}: {spent:.0f} s"))
            x += spent * scale
    name = name_of(record)
    label = f"it. {record['iteration']}" if at(record, "iteration") else f"base, {at(record, 'examples')}"
    return Bar(name, label, index * _BAR, tuple(segments), seconds, sum(filter(None, seconds)))


def categories(records: Sequence[Record]) -> Grid:
    """Accuracy by category and policy, the hardest category of the last policy first."""
    tables = [at(record, "evaluation", "by_category") or {} for record in records]
    last = tables[-1] if tables else {}
    names = sorted({name for table in tables for name in table}, key=lambda name: (_share(last, name), name))
    rows = []
    for name in names:
        tasks = next((count for table in tables if (count := at(table, name, "tasks")) is not None), "–")
        rows.append((f"{name} ({tasks})", tuple(_accuracy_cell(table, name) for table in tables)))
    return Grid(tuple(map(name_of, records)), tuple(rows))


def _share(table: Mapping[str, Any], name: str) -> float:
    accuracy = at(table, name, "accuracy")
    return 0.0 if accuracy is None else float(accuracy)


def _accuracy_cell(table: Mapping[str, Any], name: str) -> Cell:
    accuracy = at(table, name, "accuracy")
    if accuracy is None:
        return Cell("–", None)
    return Cell(f"{accuracy:.0%}", accuracy, f"{at(table, name, 'right')} of {at(table, name, 'tasks')} right")


def counts(columns: Mapping[str, Mapping[str, int]]) -> Grid:
    """How often each outcome came, by policy; coloured by its share of all of that policy's."""
    totals = {name: sum(outcomes.values()) for name, outcomes in columns.items()}
    together: dict[str, int] = {}
    for outcomes in columns.values():
        for outcome, count in outcomes.items():
            together[outcome] = together.get(outcome, 0) + count
    rows = []
    for outcome in sorted(together, key=lambda name: (-together[name], name)):
        found = ((name, outcomes.get(outcome, 0)) for name, outcomes in columns.items())
        cells = (Cell(str(n), n / max(totals[name], 1), percent(n / max(totals[name], 1))) for name, n in found)
        rows.append((outcome, tuple(cells)))
    return Grid(tuple(columns), tuple(rows))


def faults(records: Sequence[Record]) -> Grid:
    """Whose fault it is that tasks are not solved, by category; coloured by the share of all tasks that are counted."""
    columns, rows = summary.faults(records)
    whole = sum(map(sum, rows.values())) or 1
    cells = {name: tuple(Cell(str(n), n / whole) for n in numbers) for name, numbers in rows.items()}
    return Grid(tuple(columns), tuple(cells.items()))
