"""`visrep show`: a run's iterations, and the programs in it with what they saw, returned and earned."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import ndiff
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group
from rich.panel import Panel
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from visrep.env.faults import Fault, UserFault, suggestion
from visrep.env.types import Execution, Rollout, Score, Task
from visrep.scripts import terminal

if TYPE_CHECKING:
    from visrep.train.changes import Change
    from visrep.train.run import Run

Course = list[tuple[Any, ...] | None]
"""A program's steps on each instance it failed on, `[line, {name: shown value}]`."""

_MOST_STEPS = 40


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which programs to show: None lets everything through."""

    iteration: int | None
    category: str | None
    task: str | None
    outcome: str | None

    def __bool__(self) -> bool:
        return any(value is not None for value in (self.iteration, self.category, self.task, self.outcome))

    def lets_through(self, rollout: Rollout) -> bool:
        return (
            (self.category is None or self.category == rollout.category)
            and (self.task is None or self.task == rollout.task_id)
            and (self.outcome is None or self.outcome == outcome_of(rollout))
        )


def show(
    run: Annotated[Path, typer.Argument(help="Run folder.", show_default=False)],
    iteration: Annotated[int | None, typer.Option(min=0, help="Programs of it; 0 is the base policy.")] = None,
    category: Annotated[str | None, typer.Option(help="Programs for questions of this category.")] = None,
    task: Annotated[str | None, typer.Option(help="Programs for the task of this id.")] = None,
    outcome: Annotated[str | None, typer.Option(help="Programs that came out so: ok, wrong_answer, timeout …")] = None,
    held_out: Annotated[bool, typer.Option("--held-out", help="Programs of the evaluations, not of sampling.")] = False,
    changed: Annotated[
        bool, typer.Option("--changed", help="Held-out tasks that the iteration solved anew or forgot.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="Most programs to show.")] = 10,
    trace: Annotated[bool, typer.Option(help="Run failed programs again on recorded replies; tell each line.")] = True,
    as_json: terminal.Json = False,
) -> None:
    """Browse a run: without a filter its results, with one the programs, their outcomes, values and calls."""
    from visrep.env import rollouts  # builds its validators when imported, which `--help` need not wait for
    from visrep.train.run import Run

    opened = Run.open(run)
    if changed:
        _show_changes(opened, iteration, as_json)
        return
    wanted = Wanted(iteration, category, task, outcome)
    if not wanted and not held_out:
        _show_run(opened, as_json)
        return
    files = _files(opened, iteration, held_out or iteration == 0)
    found, count = _find(files, wanted, limit)
    tasks = _tasks(opened, {rollout.task_id for rollout in found})
    courses = _courses(opened, found, tasks) if trace else [None] * len(found)
    if as_json:
        for rollout, course in zip(found, courses, strict=True):
            shown = rollouts.to_json(rollout) | {"outcome": outcome_of(rollout)}
            terminal.print_json(shown | ({"traces": course} if course else {}))
        return
    console = terminal.console()
    for rollout, course in zip(found, courses, strict=True):
        console.print(_panel(rollout, tasks.get(rollout.task_id), course))
    console.print(f"{len(found)} of {count} programs; --limit shows more", highlight=False)


def _show_changes(run: "Run", iteration: int | None, as_json: bool) -> None:
    """Tasks that an iteration (the last, unless named) solved anew or forgot, with both programs."""
    from visrep.env import rollouts
    from visrep.train.changes import changes

    finished = run.finished_iterations()
    number = iteration or max(finished, default=0)
    if number not in finished:
        raise UserFault(
            f"{run.folder} has no finished iteration {number}; it has {', '.join(map(str, finished)) or 'none'}"
        )
    before = [_evaluation(run, number - 1), _evaluation(run, number)]
    found = changes(*(rollouts.read(file) for file in before))
    if as_json:
        for change in found:
            programs = {"before": change.before.program, "after": change.after.program}
            about = {"task": change.after.task_id, "category": change.after.category, "solved": change.solved}
            terminal.print_json(about | programs)
        return
    tasks = _tasks(run, {change.after.task_id for change in found})
    console = terminal.console()
    for change in found:
        task = tasks.get(change.after.task_id)
        title = f"{'solved anew' if change.solved else 'forgotten'} · {change.after.task_id} · {change.after.category}"
        shown = [Text(task.question.text, style="bold")] if task else []
        style = "green" if change.solved else "red"
        console.print(Panel(Group(*shown, *_diff(change)), title=title, title_align="left", border_style=style))
    solved = sum(change.solved for change in found)
    console.print(f"iteration {number}: {solved} solved anew, {len(found) - solved} forgotten", highlight=False)


def _evaluation(run: "Run", number: int) -> Path:
    """Rollouts of an iteration's evaluation; 0 is the base policy with the recipe's examples."""
    if number:
        return run.iteration(number) / "evaluate.rollouts.jsonl"
    return run.folder / "base" / f"examples_{run.recipe.prompt.count}.rollouts.jsonl"


def _diff(change: "Change") -> Iterator[Text]:
    """The lines of both programs: gone, new and common ones."""
    styles = {"-": "red", "+": "green", " ": ""}
    for line in ndiff(change.before.program.splitlines(), change.after.program.splitlines()):
        if line[0] in styles:
            yield Text(line, style=styles[line[0]])


def outcome_of(rollout: Rollout) -> str:
    """Its first outcome that is not "ok": what kept it from its reward."""
    return next((score.outcome for score in rollout.scores if score.outcome != "ok"), "ok")


def _show_run(run: "Run", as_json: bool) -> None:
    from visrep.train.summary import tables

    sampled = {number: _outcomes(run.iteration(number) / "rollouts.jsonl") for number in _begun(run)}
    if as_json:
        outcomes = {str(number): dict(counts) for number, counts in sampled.items()}
        terminal.print_json({"run": str(run.folder), **run.stamp(), "metrics": run.metrics(), "outcomes": outcomes})
        return
    console = terminal.console()
    stamp = run.stamp()
    console.print(f"{run.folder}: begun {stamp['started']}, isolation {stamp['isolation']}", highlight=False)
    finished, planned = len(run.finished_iterations()), run.recipe.iterations
    console.print(f"{finished} of {planned} iterations finished", highlight=False)
    for table in (*tables(run), _outcome_table(sampled)):
        console.print(table)


def _outcome_table(sampled: dict[int, Counter[str]]) -> Table:
    table = Table(title="Outcomes of distinct sampled programs", title_justify="left")
    table.add_column("outcome")
    for number in sampled:
        table.add_column(f"it. {number}", justify="right")
    together: Counter[str] = sum(sampled.values(), Counter())
    for outcome, _ in together.most_common():
        table.add_row(outcome, *(str(counts[outcome]) for counts in sampled.values()))
    return table


def _outcomes(file: Path) -> Counter[str]:
    from visrep.env import rollouts

    return Counter(outcome_of(rollout) for rollout in rollouts.read(file))


def _begun(run: "Run") -> list[int]:
    return sorted(int(folder.name[-2:]) for folder in run.folder.glob("iteration_[0-9][0-9]"))


def _files(run: "Run", iteration: int | None, held_out: bool) -> list[Path]:
    """Files of rollouts, oldest first."""
    begun = _begun(run)
    if iteration is not None and iteration not in (0, *begun):
        raise UserFault(f"{run.folder} has no iteration {iteration}; it has 0 to {max(begun, default=0)}")
    base = sorted((run.folder / "base").glob("*.rollouts.jsonl")) if held_out and not iteration else []
    numbers = begun if iteration is None else [iteration] if iteration else []
    name = "evaluate.rollouts.jsonl" if held_out else "rollouts.jsonl"
    return base + [run.iteration(number) / name for number in numbers]


def _find(files: list[Path], wanted: Wanted, limit: int) -> tuple[list[Rollout], int]:
    """The first programs that pass, and how many do. Refuses a word that nothing has, with the nearest that exists."""
    from visrep.env import rollouts

    found: list[Rollout] = []
    count = 0
    known: dict[str, set[str]] = {"category": set(), "task": set(), "outcome": set()}
    for rollout in (rollout for file in files for rollout in rollouts.read(file)):
        known["category"].add(rollout.category)
        known["task"].add(rollout.task_id)
        known["outcome"].add(outcome_of(rollout))
        if wanted.lets_through(rollout):
            count += 1
            if count <= limit:
                found.append(rollout)
    for name, words in known.items():
        word = getattr(wanted, name)
        if word is not None and word not in words:
            near = suggestion(word, words) or f"; there are: {', '.join(islice(sorted(words), 20)) or 'none'}"
            raise UserFault(f"no program with {name} {word!r} here{near}")
    return found, count


def _tasks(run: "Run", ids: set[str]) -> dict[str, Task]:
    """Tasks by id, as far as the data set is still where the recipe says."""
    from visrep.train.parts import load_tasks

    data = run.recipe.data
    try:
        found = (task for split in (data.train, data.test) for task in load_tasks(data, split, None, 0))
        return {task.question.id: task for task in found if task.question.id in ids}
    except UserFault:
        return {}


def _courses(run: "Run", found: list[Rollout], tasks: dict[str, Task]) -> list[Course | None]:
    """How each program went, None for those that earned their reward and where the task is no longer there."""
    from visrep.env.retrace import retrace
    from visrep.train.parts import build_sandbox

    courses: list[Course | None] = [None] * len(found)
    failed = [index for index, rollout in enumerate(found) if not rollout.reward and rollout.task_id in tasks]
    if failed:
        try:
            with build_sandbox(run.recipe.sandbox) as sandbox:
                for index in failed:
                    courses[index] = retrace(sandbox, found[index], tasks[found[index].task_id])
        except Fault as fault:  # what is recorded can be shown without
            terminal.console(True).print(f"no programs line by line: {fault}", highlight=False)
    return courses


def _panel(rollout: Rollout, task: Task | None, course: Course | None) -> Panel:
    author = rollout.policy or rollout.author
    parts: list[Any] = [Text(task.question.text, style="bold")] if task else []
    parts.append(Syntax(rollout.program, "python", background_color="default", word_wrap=True))
    for index, (execution, score) in enumerate(zip(rollout.executions, rollout.scores, strict=True)):
        parts.extend(_instance_lines(index, execution, score, task))
        parts.extend(_steps((course[index] if course else None) or ()))
    title = f"{rollout.task_id} · {rollout.category} · {outcome_of(rollout)} · reward {rollout.reward} · by {author}"
    return Panel(Group(*parts), title=title, title_align="left", border_style="green" if rollout.reward else "red")


def _instance_lines(index: int, execution: Execution, score: Score, task: Task | None) -> Iterator[Text]:
    line = f"instance {index + 1}: {score.outcome}"
    if execution.outcome == "ok":
        line += f", returned {execution.value!r}"
    else:
        line += f": {execution.message}" + (f" (line {execution.line})" if execution.line else "")
    if task:
        instance = task.instances[index]
        line += f"; annotated {' or '.join(map(repr, instance.answers))}; {', '.join(map(str, instance.images))}"
    yield Text(line)
    for call in execution.calls:
        arguments = ", ".join(map(repr, call.arguments))
        yield Text(f"    {call.method}({arguments}) -> {call.error or call.result}", style="dim")


def _steps(steps: Sequence[Any]) -> Iterator[Text]:
    """The course of a program: what had changed before each line ran."""
    for line, changed in steps[:_MOST_STEPS]:
        yield Text(
            f"    line {line}: " + ", ".join(f"{name} = {shown}" for name, shown in changed.items()), style="cyan"
        )
    if len(steps) > _MOST_STEPS:
        yield Text(f"    … {len(steps)} lines in all; --json has them", style="cyan")
