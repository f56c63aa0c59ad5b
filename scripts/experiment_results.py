"""The tables and the figure of the experiment, from what is told of each seed.

    python -m visrep.scripts.experiment_results docs       # DOCS/results/seed_N.json to results.md and results.svg

Seeds stall at different iterations, so they are put together by the iterations since then.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Annotated, Any

import typer

from visrep.env import jsonl
from visrep.env.faults import Fault, UserFault
from visrep.train.evaluate import Comparison, mcnemar
from visrep.train.report.curves import Line, Panel, svg

ARMS = ("naive", "retry", "corrections")

_BEGIN, _END = "<!-- experiment: begin -->", "<!-- experiment: end -->"

Seed = Mapping[str, Any]
"""What a file tells."""

Solved = Mapping[str, bool]
"""Whether each held-out task of each seed is solved."""


def main(docs: Annotated[Path, typer.Argument(help="Folder of the results.")] = Path("docs")) -> None:
    """Write the results once more."""
    write(docs)


def write(docs: Path) -> None:
    """Put what is told in `docs`/results into its results.md, whose other text stays, and draw results.svg. Raises
    UserFault where nothing is told."""
    seeds = [json.loads(file.read_text(encoding="utf-8")) for file in sorted((docs / "results").glob("seed_*.json"))]
    if not seeds:
        raise UserFault(f"{docs / 'results'} has no seed_N.json; `python -m visrep.scripts.experiment` makes them")
    jsonl.write_whole(docs / "results.svg", figure(seeds))
    file = docs / "results.md"
    known = file.read_text(encoding="utf-8") if file.exists() else f"# Results\n\n{_BEGIN}\n{_END}\n"
    if _BEGIN not in known:
        known = f"{known.rstrip()}\n\n{_BEGIN}\n{_END}\n"
    before, _, rest = known.partition(_BEGIN)
    after = rest.partition(_END)[2]
    jsonl.write_whole(file, f"{before}{_BEGIN}\n{text(seeds)}{_END}{after}")


def text(seeds: Sequence[Seed]) -> str:
    """The section of results.md."""
    arms = _arms(seeds)
    people = max(seed["corrections"] for seed in seeds)
    stalls = ", ".join(f"{seed['stalled']} (seed {seed['seed']})" for seed in seeds)
    tasks = sum(map(len, seeds[0]["tasks"].values()))
    return "\n".join(
        [
            "## Where self-training stalls, and what carries it on",
            "",
            f"`python -m visrep.scripts.experiment`: {tasks} held-out tasks of {len(seeds[0]['tasks'])} categories; "
            f"naive self-training stalled at iteration {stalls}. From there {', '.join(arms)}, each with as many "
            f"iterations, completions and examples{f'; {people} corrections' if 'corrections' in arms else ''}.",
            "",
            "![Accuracy by iteration since the stall, over all tasks and by category](results.svg)",
            "",
            *_overall(seeds, arms),
            "",
            *_categories(seeds, arms),
            "",
            *_spent(seeds, arms),
            "",
        ]
    )


def figure(seeds: Sequence[Seed]) -> str:
    """Accuracy by iteration since the stall: over all tasks, where a faint line is one seed, and in each category."""
    arms = _arms(seeds)
    ways = ("trunk", *ARMS)

    def lines(category: str | None) -> Iterator[Line]:
        for name in ("trunk", *arms):
            each = [_points(seed, name, category) for seed in seeds]
            if category is None and len(each) > 1:
                yield from (Line(ways.index(name), points, faint=True) for points in each)
            yield Line(ways.index(name), _means(each))

    panels = [Panel("all", list(lines(None))), *(Panel(name, list(lines(name))) for name in seeds[0]["tasks"])]
    named = ("until it stalls", *ARMS)[: 1 + max(ARMS.index(arm) + 1 for arm in arms)]
    return svg(panels, named, "Accuracy on held-out tasks by iterations since the stall")


def _arms(seeds: Sequence[Seed]) -> list[str]:
    """Those that every seed has."""
    return [arm for arm in ARMS if all(arm in seed["arms"] for seed in seeds)]


def _part(seed: Seed, name: str) -> Mapping[str, Any]:
    part: Mapping[str, Any] = seed["trunk"] if name == "trunk" else seed["arms"][name]
    return part


def _points(seed: Seed, name: str, category: str | None) -> list[tuple[int, float]]:
    return [
        (row["iteration"] - seed["stalled"], row["accuracy"] if category is None else row["by_category"][category])
        for row in _part(seed, name)["rows"]
    ]


def _means(each: Iterable[Sequence[tuple[int, float]]]) -> list[tuple[int, float]]:
    """Of the seeds that have the step."""
    shares: dict[int, list[float]] = {}
    for points in each:
        for step, share in points:
            shares.setdefault(step, []).append(share)
    return [(step, mean(shares[step])) for step in sorted(shares)]


def _solved(seeds: Sequence[Seed], name: str, category: str | None = None) -> Solved:
    """At the end of this part, each seed's tasks apart: together they make one paired test."""
    return {
        f"{seed['seed']}/{task}": task in right
        for seed in seeds
        for right in [frozenset(_part(seed, name)["solved"])]
        for own, tasks in seed["tasks"].items()
        if category in (None, own)
        for task in tasks
    }


def _overall(seeds: Sequence[Seed], arms: Sequence[str]) -> Iterator[str]:
    yield _row("policy", *(f"seed {seed['seed']}" for seed in seeds), "mean", "since the stall", "against naive")
    yield _row("---", *("---:" for _ in seeds), "---:", "---", "---")
    stalled = _solved(seeds, "trunk")
    for name in ("base", "trunk", *arms):
        rows = [_part(seed, "trunk" if name == "base" else name)["rows"][0 if name == "base" else -1] for seed in seeds]
        accuracies = [row["accuracy"] for row in rows]
        since = against = ""
        if name in arms:
            since = _said(mcnemar(stalled, _solved(seeds, name)))
            if name != "naive":
                against = _said(mcnemar(_solved(seeds, "naive"), _solved(seeds, name)))
        label = {"base": "base", "trunk": "where it stalls"}.get(name, name)
        yield _row(label, *map(_percent, accuracies), f"**{_percent(mean(accuracies))}**", since, against)
    yield ""
    yield "Paired over all seeds' tasks (McNemar's exact test, two-sided): tasks won, tasks lost, p."


def _categories(seeds: Sequence[Seed], arms: Sequence[str]) -> Iterator[str]:
    tests = [name for name in arms if name != "naive"]
    yield _row("category", "tasks", "where it stalls", *arms, *(f"{name} against naive" for name in tests))
    yield _row("---", "---:", "---:", *("---:" for _ in arms), *("---" for _ in tests))

    def share(name: str, category: str) -> float:
        return mean(_solved(seeds, name, category).values())

    for category in sorted(seeds[0]["tasks"], key=lambda category: (share("trunk", category), category)):
        shares = (f"{share(name, category):.0%}" for name in ("trunk", *arms))
        naive = _solved(seeds, "naive", category)
        paired = (_said(mcnemar(naive, _solved(seeds, name, category))) for name in tests)
        yield _row(category, str(len(naive)), *shares, *paired)


def _spent(seeds: Sequence[Seed], arms: Sequence[str]) -> Iterator[str]:
    yield _row("an iteration, in the mean", *arms)
    yield _row("---", *("---:" for _ in arms))
    after = {name: [row for seed in seeds for row in _part(seed, name)["rows"][1:]] for name in arms}
    for key in ("completions", "examples", "seconds"):
        yield _row(key, *(f"{mean(row[key] for row in after[name]):,.0f}" for name in arms))
    asked = [row["retry"] for row in after.get("retry", ())]
    if asked:
        yield ""
        counts = {key: sum(each[key] for each in asked) for key in ("asked", "solved", "refused")}
        yield (
            f"With the answers in the prompt, {counts['solved']} of {counts['asked']} unsolved tasks were solved; "
            f"{counts['refused']} right programs were refused for saying an answer."
        )


def _said(found: Comparison) -> str:
    p = "< 0.0001" if found.p_value < 1e-4 else f"= {found.p_value:.2g}"
    return f"+{found.only_second} −{found.only_first}, p {p}"


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    try:
        typer.run(main)
    except Fault as fault:
        sys.exit(f"experiment_results: {fault}")
