"""What a run came to, as tables for the terminal, made from its metrics alone."""

from typing import Any

from rich.table import Table

from visrep.train.run import Run


def tables(run: Run) -> list[Table]:
    """Accuracy by iteration, accuracy by category, seconds by stage, and how busy the parts were."""
    records = run.metrics()
    if not records:
        return []
    return [_accuracy(records), _categories(records), _seconds(records), _rates(records)]


def name_of(record: dict[str, Any]) -> str:
    """`base, 6 examples` or `iteration 2`."""
    if record["iteration"]:
        return f"iteration {record['iteration']}"
    return f"base, {record['examples']} examples"


def _accuracy(records: list[dict[str, Any]]) -> Table:
    table = Table(title="Held-out accuracy, greedy, and what it was learnt from", title_justify="left")
    for column in ("policy", "accuracy", "95 % interval", "tasks", "pass@1", "pass@k", "right programs", "learnt from"):
        table.add_column(column, justify="left" if column == "policy" else "right")
    for record in records:
        evaluation = record["evaluation"]
        row = [
            name_of(record),
            f"{evaluation['accuracy']:.1%}",
            f"{evaluation['low']:.1%} – {evaluation['high']:.1%}",
            str(evaluation["tasks"]),
        ]
        if record["iteration"]:
            pass_at_k = record["sampling"]["pass_at_k"]
            largest = max(pass_at_k, key=int)
            row += [f"{pass_at_k['1']:.1%}", f"{pass_at_k[largest]:.1%} (k = {largest})"]
            row += [str(record["selection"]["pool"]), str(record["selection"]["examples"])]
        table.add_row(*row)
    return table


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


def _seconds(records: list[dict[str, Any]]) -> Table:
    table = Table(title="Seconds by stage", title_justify="left")
    for column in ("policy", "sampling", "executing", "selecting", "training", "evaluating", "all"):
        table.add_column(column, justify="left" if column == "policy" else "right")
    for record in records:
        rounds = [value for key, value in record.get("sampling", {}).items() if key.startswith("round_")]
        seconds = [
            sum(round_["seconds"] - round_["executing_seconds"] for round_ in rounds),
            sum(round_["executing_seconds"] for round_ in rounds),
            record.get("selection", {}).get("seconds", 0.0),
            record.get("training", {}).get("seconds", 0.0),
            record["seconds"],
        ]
        table.add_row(name_of(record), *(f"{value:.0f}" for value in (*seconds, sum(seconds))))
    return table


def _rates(records: list[dict[str, Any]]) -> Table:
    table = Table(title="Rates while sampling for training", title_justify="left")
    for column in ("policy", "completions", "tokens/s", "cache hits", "programs run", "sandbox idle"):
        table.add_column(column, justify="left" if column == "policy" else "right")
    for record in records:
        rounds = [value for key, value in record.get("sampling", {}).items() if key.startswith("round_")]
        if not rounds:
            continue
        seconds = [round_["sampling_seconds"] for round_ in rounds]
        whole = [round_["sampling_seconds"] + round_["executing_seconds"] for round_ in rounds]
        hits = [r["engine"]["prefix_cache_hits"] for r in rounds if "prefix_cache_hits" in r.get("engine", {})]
        idle = sum(share * each for share, each in zip((r["sandbox_idle"] for r in rounds), whole, strict=True))
        table.add_row(
            name_of(record),
            str(sum(round_["completions"] for round_ in rounds)),
            f"{sum(round_['tokens'] for round_ in rounds) / max(sum(seconds), 1e-9):.0f}",
            f"{sum(hits) / len(hits):.0%}" if hits else "",
            str(sum(round_["programs"] for round_ in rounds)),
            f"{idle / max(sum(whole), 1e-9):.0%}",
        )
    return table
