"""What a run's records say of perception, in print."""

from typing import Any

from rich.console import Console

from visrep.train.summary import _perception, lines, perception


def figures(calls: int, hits: int, batches: int) -> dict[str, float]:
    waited = {"seconds": 1.25 * batches, "waited": 1.5 * batches}
    return {"calls": calls, "hits": hits, "batches": batches, "batched": calls - hits, "restarts": 1} | waited


def record(*rounds: dict[str, dict[str, float]]) -> dict[str, Any]:
    sampling = {
        f"round_{number}": {"completions": 8, "seconds": 2.0, "executing_seconds": 1.0, "rates": {"perception": found}}
        for number, found in enumerate(rounds, 1)
    }
    right = {"accuracy": 0.5, "low": 0.4, "high": 0.6, "tasks": 10}
    return {"iteration": 1, "evaluation": right, "sampling": sampling, "selection": {"examples": 3}, "seconds": 1.0}


def test_an_iteration_s_figures_are_those_of_its_rounds_together() -> None:
    both = record({"find": figures(100, 80, 4)}, {"find": figures(50, 50, 0), "query": figures(10, 0, 2)})
    assert perception(both) == {
        "find": figures(150, 130, 4) | {"restarts": 2},
        "query": figures(10, 0, 2),
    }
    assert lines(both)[1].endswith(", models 7.5 s in batches of 5.0")
    shown = Console(width=200)
    with shown.capture() as captured:
        shown.print(_perception([both]))
    assert "".join(captured.get().split("│")[1:]).split("\n")[0].split() == [
        "iteration", "1", "find", "150", "87%", "20", "4", "5.0", "5.0", "6.0", "2",
    ]  # fmt: skip


def test_records_of_older_versions_say_nothing_of_it() -> None:
    older = record({})
    del older["sampling"]["round_1"]["rates"]["perception"]
    assert perception(older) == {}
    assert "batches" not in lines(older)[1]
