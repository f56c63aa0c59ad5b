"""The tables and the figure of the experiment, made from what is told of its seeds."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from visrep.env.faults import UserFault
from visrep.scripts.experiment_results import text, write

TASKS = {"count": ["c0", "c1", "c2", "c3"], "leftmost": ["l0", "l1", "l2", "l3"]}


def row(iteration: int, solved: list[str], **more: Any) -> dict[str, Any]:
    shares = {name: sum(task in solved for task in tasks) / 4 for name, tasks in TASKS.items()}
    accuracy = len(solved) / 8
    spent = {"completions": 100, "examples": 10, "seconds": 60}
    return {"iteration": iteration, "accuracy": accuracy, "by_category": shares} | spent | more


def seed(number: int, *arms: str) -> dict[str, Any]:
    counts = TASKS["count"]
    ends = {"naive": counts, "retry": [*counts, "l0"], "corrections": [*counts[1:], "l0", "l1", "l2"]}
    retry = {"retry": {"asked": 5, "solved": 2, "refused": 1}}
    rows = {name: [row(2, counts), row(3, end, **retry if name == "retry" else {})] for name, end in ends.items()}
    return {
        "seed": number,
        "corrections": 3,
        "stalled": 2,
        "tasks": TASKS,
        "trunk": {"rows": [row(0, []), row(1, counts[:2]), row(2, counts)], "solved": counts},
        "arms": {name: {"rows": rows[name], "solved": ends[name]} for name in arms},
    }


def test_arms_are_compared_task_by_task_over_all_seeds() -> None:
    lines = text([seed(0, "naive", "retry", "corrections"), seed(1, "naive", "retry", "corrections")]).splitlines()
    assert "| base | 0.0 % | 0.0 % | **0.0 %** |  |  |" in lines
    assert "| where it stalls | 50.0 % | 50.0 % | **50.0 %** |  |  |" in lines
    assert "| naive | 50.0 % | 50.0 % | **50.0 %** | +0 −0, p = 1 |  |" in lines
    # Six tasks won and two lost in both seeds together: p = 2 · (1 + 8 + 28) / 2⁸.
    assert "| corrections | 75.0 % | 75.0 % | **75.0 %** | +6 −2, p = 0.29 | +6 −2, p = 0.29 |" in lines
    assert "| count | 8 | 100% | 100% | 100% | 75% | +0 −0, p = 1 | +0 −2, p = 0.5 |" in lines
    leftmost = next(index for index, line in enumerate(lines) if line.startswith("| leftmost "))
    assert lines[leftmost + 1].startswith("| count "), "the category that is left worst comes first"
    assert "| completions | 100 | 100 | 100 |" in lines
    assert any("4 of 10 unsolved tasks were solved; 2 right programs were refused" in line for line in lines)
    assert any("stalled at iteration 2 (seed 0), 2 (seed 1)" in line and "3 corrections" in line for line in lines)


def test_an_arm_that_a_seed_has_not_is_left_out() -> None:
    told = text([seed(0, "naive", "retry", "corrections"), seed(1, "naive", "retry")])
    assert "\n| retry |" in told
    assert "corrections" not in told


def test_results_are_put_beside_what_the_file_says_already(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    for number in range(2):
        (tmp_path / f"results/seed_{number}.json").write_text(json.dumps(seed(number, "naive", "retry", "corrections")))
    (tmp_path / "results.md").write_text("# Results\n\nSomething else.\n")
    write(tmp_path)
    once = (tmp_path / "results.md").read_text()
    (tmp_path / "results.md").write_text(once + "\n## More\n")
    write(tmp_path)
    assert (tmp_path / "results.md").read_text() == once + "\n## More\n"
    assert once.startswith("# Results\n\nSomething else.\n\n<!--")
    assert "(results.svg)" in once


def test_the_figure_has_a_chart_for_all_tasks_and_one_for_each_category(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    for number in range(2):
        (tmp_path / f"results/seed_{number}.json").write_text(json.dumps(seed(number, "naive", "retry")))
    write(tmp_path)
    drawn = ElementTree.parse(tmp_path / "results.svg").getroot()
    name = "{http://www.w3.org/2000/svg}"
    panels = drawn.findall(f"{name}g")
    assert [panel.findtext(f"{name}text") for panel in panels] == ["all", "count", "leftmost"]
    # The trunk and two arms, each a mean; over all tasks a faint line for each seed too.
    assert [len(panel.findall(f"{name}polyline")) for panel in panels] == [9, 3, 3]
    assert [text.text for text in drawn.findall(f"{name}text")] == ["until it stalls", "naive", "retry"]
    steps = [text.text for text in panels[1].findall(f"{name}text")]
    assert {"-2", "0", "1"} <= set(steps), "iterations since the stall"


def test_without_results_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserFault, match=r"has no seed_N\.json"):
        write(tmp_path)
