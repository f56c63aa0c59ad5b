"""What a run came to, as tables for the terminal, made from its metrics alone."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from visrep.train.blame import SETS, VERDICTS
from visrep.train.run import Run

_SHARES = {
    "prefix_hits": "prefix cached",
    "cache_hits": "calls cached",
    "policy_idle": "policy idle",
    "sandbox_idle": "sandbox idle",
}
"""Shares that a round records, and what they are called in print: of prompt tokens that the engine did not have to
read again, of perception calls that no model was asked for, of the time in which a part had nothing to do."""

STAGES = ("sampling", "executing", "selecting", "training", "evaluating")
"""What an iteration's time goes to, in order."""


def tables(run: Run) -> list[Table]:
    """Accuracy by iteration, accuracy by category, whose fault failures are, seconds by stage, how busy the parts were,
    and what was asked of perception."""
    records = run.metrics()
    if not records:
        return []
    return [
        _accuracy(records),
        _categories(records),
        *_blame(records),
        _seconds(records),
        _rates(records),
        _perception(records),
    ]


def lines(record: dict[str, Any]) -> list[str]:
    """A record in a line or, for an iteration, some: how good the policy is, where the time went, and where failures
    were judged, whose fault they are."""
    evaluation = record["evaluation"]
    interval = f"{evaluation['low']:.1%} – {evaluation['high']:.1%}"
    first = f"{name_of(record)}: {evaluation['accuracy']:.1%} of {evaluation['tasks']} held-out tasks ({interval})"
    first += "".join(f", {_words(name)} {value:.3f}" for name, value in evaluation.get("measures", {}).items())
    if not record["iteration"]:
        return [f"{first}, {record['seconds']:.0f} s"]
    stages = [f"{name} {seconds or 0:.0f} s" for name, seconds in zip(STAGES, stage_seconds(record), strict=True)]
    found = rates(record)
    speeds = [f"{_number(found[f'{name}_per_second'])} {name}/s" for name in ("tokens", "programs", "calls")]
    shares = [f"{_share(found[key])} {name}" for key, name in _SHARES.items()]
    asked = list(perception(record).values())
    if batches := sum(figures["batches"] for figures in asked):
        seconds, batched = (sum(figures[name] for figures in asked) for name in ("seconds", "batched"))
        shares.append(f"models {seconds:.1f} s in batches of {batched / batches:.1f}")
    learnt = f", learnt from {record['selection']['examples']} programs"
    if retry := record["sampling"].get("retry"):
        learnt += f"; asked again about {retry['asked']} unsolved tasks, of which {retry['solved']} are solved then"
    second = f"  {', '.join(stages)}; while sampling {', '.join([*speeds, *shares])}"
    return [first + learnt, second, *_blame_line(record)]


def name_of(record: dict[str, Any]) -> str:
    """`base, 6 examples` or `iteration 2`."""
    if record["iteration"]:
        return f"iteration {record['iteration']}"
    return f"base, {record['examples']} examples"


def _accuracy(records: list[dict[str, Any]]) -> Table:
    table = Table(title="Held-out accuracy, greedy, and what it was learnt from", title_justify="left")
    measures = list(dict.fromkeys(name for record in records for name in record["evaluation"].get("measures", {})))
    learnt = ("pass@1", "pass@k", "right programs", "learnt from")
    for column in ("policy", "accuracy", "95 % interval", "tasks", *map(_words, measures), *learnt):
        table.add_column(column, justify="left" if column == "policy" else "right")
    for record in records:
        evaluation = record["evaluation"]
        row = [
            name_of(record),
            f"{evaluation['accuracy']:.1%}",
            f"{evaluation['low']:.1%} – {evaluation['high']:.1%}",
            str(evaluation["tasks"]),
            *(f"{evaluation.get('measures', {}).get(name, math.nan):.3f}" for name in measures),
        ]
        if record["iteration"]:
            pass_at_k = record["sampling"]["pass_at_k"]
            largest = max(pass_at_k, key=int)
            row += [f"{pass_at_k['1']:.1%}", f"{pass_at_k[largest]:.1%} (k = {largest})"]
            row += [str(record["selection"]["pool"]), str(record["selection"]["examples"])]
        table.add_row(*row)
    return table


def _words(measure: str) -> str:
    """ "mean_iou" as it is printed."""
    return measure.replace("_", " ")


def _categories(records: list[dict[str, Any]]) -> Table:
    table = Table(title="Held-out accuracy by category, and programs learnt from", title_justify="left")
    table.add_column("category")
    table.add_column("tasks", justify="right")
    for record in records:
        table.add_column(name_of(record), justify="right")
    last = records[-1]["evaluation"]["by_category"]
    for category in sorted(last, key=lambda name: last[name]["accuracy"]):
        table.add_row(category, str(last[category]["tasks"]), *(_cell(record, category) for record in records))
    return table


def _cell(record: dict[str, Any], category: str) -> str:
    accuracy = f"{record['evaluation']['by_category'][category]['accuracy']:.0%}"
    if not record["iteration"]:
        return accuracy
    return f"{accuracy}  {record['selection']['categories'].get(category, 0):>3}"


def faults(records: Sequence[Mapping[str, Any]]) -> tuple[list[str], dict[str, list[int]]]:
    """Whose fault it is that tasks are not solved, by the last record: what is counted ("held out: program", …),
    and the numbers of each category, the one with the most tasks first. Both are empty where nothing was judged."""
    last = _judged(records[-1]) if records else {}
    columns = [f"{_words(name)}: {verdict}" for name in last for verdict in VERDICTS]
    rows = {
        category: [found.get(category, {}).get(verdict, 0) for found in last.values() for verdict in VERDICTS]
        for category in sorted({category for found in last.values() for category in found})
    }
    return columns, dict(sorted(rows.items(), key=lambda row: -sum(row[1])))


def _judged(record: Mapping[str, Any]) -> dict[str, Mapping[str, Mapping[str, int]]]:
    """How many tasks of each category are whose fault, by set of tasks, of those sets of which some were judged."""
    found = record.get("blame", {})
    return {name: found[name] for name in SETS if found.get(name)}


def _blame_line(record: Mapping[str, Any]) -> list[str]:
    told = []
    for name, found in _judged(record).items():
        sums: Counter[str] = sum(map(Counter, found.values()), Counter())
        told.append(f"{_words(name)} {', '.join(f'{sums[verdict]} {verdict}' for verdict in VERDICTS)}")
    return [f"  whose fault failures are: {'; '.join(told)}"] if told else []


def _blame(records: list[dict[str, Any]]) -> list[Table]:
    columns, rows = faults(records)
    table = Table(title="Whose fault it is that tasks are not solved, in the last iteration", title_justify="left")
    table.add_column("category")
    for column in columns:
        table.add_column(column, justify="right")
    for category, numbers in rows.items():
        table.add_row(category, *map(str, numbers))
    return [table] if rows else []


def stage_seconds(record: Mapping[str, Any]) -> tuple[float | None, ...]:
    """Seconds of each of `STAGES`; None for one that the record does not tell. The base policy is only evaluated."""
    rounds: list[Any] = _rounds(record)
    both, executing = ([each.get(key) for each in rounds] for key in ("seconds", "executing_seconds"))
    known = rounds and None not in (*both, *executing)
    return (
        sum(both) - sum(executing) if known else None,
        sum(executing) if known else None,
        record.get("selection", {}).get("seconds"),
        record.get("training", {}).get("seconds"),
        record.get("seconds"),
    )


def _seconds(records: list[dict[str, Any]]) -> Table:
    table = Table(title="Seconds by stage", title_justify="left")
    for column in ("policy", *STAGES, "all"):
        table.add_column(column, justify="left" if column == "policy" else "right")
    for record in records:
        seconds = [value or 0.0 for value in stage_seconds(record)]
        table.add_row(name_of(record), *(f"{value:.0f}" for value in (*seconds, sum(seconds))))
    return table


def _rates(records: list[dict[str, Any]]) -> Table:
    table = Table(title="Rates while sampling for training", title_justify="left")
    for column in ("policy", "completions", "tokens/s", "programs/s", "calls/s", *_SHARES.values()):
        table.add_column(column, justify="left" if column == "policy" else "right")
    for record in records:
        if record["iteration"]:
            found = rates(record)
            table.add_row(
                name_of(record),
                str(sum(round_["completions"] for round_ in _rounds(record))),
                *(_number(found[f"{name}_per_second"]) for name in ("tokens", "programs", "calls")),
                *(_share(found[name]) for name in _SHARES),
            )
    return table


def _perception(records: list[dict[str, Any]]) -> Table:
    table = Table(title="Perception while sampling for training", title_justify="left")
    columns = ("calls", "cached", "asked of models", "batches", "mean batch", "models, s", "waited, s", "restarts")
    for column in ("policy", "method", *columns):
        table.add_column(column, justify="left" if column in ("policy", "method") else "right")
    for record in records:
        for method, figures in perception(record).items():
            calls, batches = figures["calls"], figures["batches"]
            table.add_row(
                name_of(record),
                method,
                f"{calls:.0f}",
                _share(figures["hits"] / calls if calls else math.nan),
                f"{calls - figures['hits']:.0f}",
                f"{batches:.0f}",
                f"{figures['batched'] / batches:.1f}" if batches else "–",
                f"{figures['seconds']:.1f}",
                f"{figures['waited']:.1f}",
                f"{figures['restarts']:.0f}",
            )
    return table


def perception(record: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """An iteration's figures of perception by method, see `Service.statistics`: the sums over its rounds. None where a
    record does not tell, as one of an older version."""
    found: dict[str, dict[str, float]] = {}
    for round_ in _rounds(record):
        for method, figures in round_.get("rates", {}).get("perception", {}).items():
            known = found.get(method, {})
            found[method] = {name: value + known.get(name, 0) for name, value in figures.items()}
    return found


def rates(record: dict[str, Any]) -> dict[str, float]:
    """An iteration's rates and shares: those of its rounds, each counted by how long it took. NaN is what a round does
    not tell, as one of an older version, or of an engine that keeps no count."""
    names = ("tokens_per_second", "programs_per_second", "calls_per_second", *_SHARES)
    rounds = _rounds(record)
    seconds = sum(round_["seconds"] for round_ in rounds) or 1.0
    known = [(_told(round_), round_["seconds"] / seconds) for round_ in rounds]
    return {name: sum(found.get(name, math.nan) * share for found, share in known) for name in names}


def _told(round_: dict[str, Any]) -> dict[str, Any]:
    """What a round records of rates, the engine's among them."""
    found: dict[str, Any] = round_.get("rates", {})
    engine = found.get("engine", {})
    return found | ({"prefix_hits": engine["prefix_cache_hits"]} if "prefix_cache_hits" in engine else {})


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.0f}"


def _share(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.0%}"


def _rounds(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What each round of sampling came to, and that of asking again about what they left."""
    return [value for key, value in record.get("sampling", {}).items() if key.startswith("round_") or key == "retry"]
