"""What a run came to, as tables for the terminal, made from its metrics alone."""

from typing import Any

from rich.table import Table

from visrep.train.run import Run

_SHARES = {"cache_hits": "from cache", "policy_idle": "policy idle", "sandbox_idle": "sandbox idle"}
"""Shares that a round records, and what they are called in print."""


def tables(run: Run) -> list[Table]:
    """Accuracy by iteration, accuracy by category, seconds by stage, and how busy the parts were."""
    records = run.metrics()
    if not records:
        return []
    return [_accuracy(records), _categories(records), _seconds(records), _rates(records)]


def lines(record: dict[str, Any]) -> list[str]:
    """A record in a line or, for an iteration, two: how good the policy is, and where the time went."""
    evaluation = record["evaluation"]
    interval = f"{evaluation['low']:.1%} – {evaluation['high']:.1%}"
    first = f"{name_of(record)}: {evaluation['accuracy']:.1%} of {evaluation['tasks']} held-out tasks ({interval})"
    if not record["iteration"]:
        return [f"{first}, {record['seconds']:.0f} s"]
    found = rates(record)
    speeds = [f"{found[f'{name}_per_second']:.0f} {name}/s" for name in ("tokens", "programs", "calls")]
    shares = [f"{found[key]:.0%} {name}" for key, name in _SHARES.items()]
    stages = [f"{name} {seconds:.0f} s" for name, seconds in _stages(record).items()]
    learnt = f", learnt from {record['selection']['examples']} programs"
    return [first + learnt, f"  {', '.join(stages)}; while sampling {', '.join([*speeds, *shares])}"]


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
    table.add_column("policy")
    for stage in (*_stages(records[0]), "all"):
        table.add_column(stage, justify="right")
    for record in records:
        seconds = _stages(record).values()
        table.add_row(name_of(record), *(f"{value:.0f}" for value in (*seconds, sum(seconds))))
    return table


def _stages(record: dict[str, Any]) -> dict[str, float]:
    """Seconds of each stage; programs that ran beside sampling cost it none of their own."""
    rounds = _rounds(record)
    return {
        "sampling": sum(round_["seconds"] - round_["executing_seconds"] for round_ in rounds),
        "executing": sum(round_["executing_seconds"] for round_ in rounds),
        "selecting": record.get("selection", {}).get("seconds", 0.0),
        "training": record.get("training", {}).get("seconds", 0.0),
        "evaluating": record["seconds"],
    }


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
                *(f"{found[name]:.0f}" for name in ("tokens_per_second", "programs_per_second", "calls_per_second")),
                *(f"{found[name]:.0%}" for name in _SHARES),
            )
    return table


def rates(record: dict[str, Any]) -> dict[str, float]:
    """An iteration's rates and shares: those of its rounds, each counted by how long it took."""
    names = ("tokens_per_second", "programs_per_second", "calls_per_second", *_SHARES)
    rounds = _rounds(record)
    seconds = sum(round_["seconds"] for round_ in rounds) or 1.0
    return {name: sum(round_["rates"][name] * round_["seconds"] for round_ in rounds) / seconds for name in names}


def _rounds(record: dict[str, Any]) -> list[dict[str, Any]]:
    return [value for key, value in record.get("sampling", {}).items() if key.startswith("round_")]
