"""`visrep show --changed` and `--diff`: what an iteration solved and forgot, and how a task's programs differ."""

from collections.abc import Iterator

from rich.console import Group
from rich.panel import Panel
from rich.text import Text

from visrep.env import rollouts
from visrep.env.faults import UserFault
from visrep.env.types import Rollout
from visrep.scripts import terminal
from visrep.train import browse
from visrep.train.browse import Wanted, evaluation, outcome_of
from visrep.train.changes import Difference, changes, difference, lines, turns
from visrep.train.run import Run

_STYLES = {"-": "red", "+": "green", " ": ""}


def changed(run: Run, wanted: Wanted, limit: int, as_json: bool) -> None:
    """Print tasks that an iteration (the last, unless named) solved anew or forgot, with both programs."""
    finished = run.finished_iterations()
    number = max(finished, default=1) if wanted.iteration is None else wanted.iteration
    if number == 0:
        raise UserFault("--iteration 0 is the base policy, which nothing comes before; name a later one for --changed")
    if number not in finished:
        raise UserFault(
            f"{run.folder} has no finished iteration {number}; it has {', '.join(map(str, finished)) or 'none'}"
        )
    before, after = evaluation(run, number - 1), evaluation(run, number)
    browse.check_words(wanted, [before, after])
    found = turns(before, after, wanted)
    shown = list(changes(before, after, found[:limit]))
    if as_json:
        for change in shown:
            programs = {"before": change.before.program, "after": change.after.program}
            about = {"task": change.after.task_id, "category": change.after.category, "solved": change.solved}
            terminal.print_json(about | programs)
        return
    questions = _questions(run, [change.after for change in shown], held_out=True)
    console = terminal.console()
    for change in shown:
        title = f"{'solved anew' if change.solved else 'forgotten'} · {change.after.task_id} · {change.after.category}"
        parts = [*questions.get(change.after.task_id, []), *_line_by_line(change.before.program, change.after.program)]
        style = "green" if change.solved else "red"
        console.print(Panel(Group(*parts), title=Text(title), title_align="left", border_style=style))
    solved = sum(turn.solved for turn in found)
    rest = f"; {limit} shown, --limit shows more" if len(found) > limit else ""
    console.print(f"iteration {number}: {solved} solved anew, {len(found) - solved} forgotten{rest}", highlight=False)


def differing(run: Run, wanted: Wanted, numbers: tuple[int, int], as_json: bool) -> None:
    """Print how the programs of two iterations for one task differ."""
    held_out = wanted.held_out or 0 in numbers
    first, second = (_programs(run, wanted, number, held_out) for number in numbers)
    if not first and not second:
        among = "were not evaluated on" if held_out else "sampled no program for"
        remedy = "leave out --held-out and 0 for a task to learn from" if held_out else "add --held-out for a test task"
        raise UserFault(f"iterations {numbers[0]} and {numbers[1]} {among} task {wanted.task!r}; {remedy}")
    if held_out:
        _print_greedy(run, numbers, first, second, as_json)
    else:
        _print_sets(run, numbers, difference(first, second), as_json)


def _programs(run: Run, wanted: Wanted, number: int, held_out: bool) -> list[Rollout]:
    """A task's programs in one iteration. Of the base policy's two evaluations the last has the recipe's examples."""
    files = [source.file for source in browse.sources(run, number, held_out)]
    files = files if number else files[-1:]
    return [rollout for rollout in browse.read(files) if rollout.task_id == wanted.task]


def _print_greedy(
    run: Run, numbers: tuple[int, int], first: list[Rollout], second: list[Rollout], as_json: bool
) -> None:
    sides = list(zip(numbers, (first, second), strict=True))
    if as_json:
        terminal.print_json({str(number): rollouts.to_json(found[0]) if found else None for number, found in sides})
        return
    told = [f"iteration {number}: {outcome_of(found[0]) if found else 'no program'}" for number, found in sides]
    old, new = (found[0].program if found else "" for found in (first, second))
    questions = _questions(run, first + second, held_out=True)
    task_id = (first + second)[0].task_id
    parts = [*questions.get(task_id, []), Text("  →  ".join(told)), *_line_by_line(old, new)]
    terminal.console().print(Panel(Group(*parts), title=Text(task_id), title_align="left"))


def _print_sets(run: Run, numbers: tuple[int, int], found: Difference, as_json: bool) -> None:
    sides = {
        f"only in iteration {numbers[0]}": ("gone", "-", found.gone),
        f"only in iteration {numbers[1]}": ("new", "+", found.new),
        "in both": ("kept", " ", found.kept),
    }
    if as_json:
        terminal.print_json({key: [_short(rollout) for rollout in programs] for key, _, programs in sides.values()})
        return
    console = terminal.console()
    everything = found.gone + found.new + found.kept
    for question in _questions(run, everything, held_out=False).get(everything[0].task_id, []):
        console.print(question)
    for title, (_, sign, programs) in sides.items():
        console.print(Text(f"{title}: {len(programs)}", style="bold"))
        for rollout in programs:
            console.print(Text(f"  {outcome_of(rollout)}, reward {rollout.reward}"))
            for line in rollout.program.splitlines():
                console.print(Text(f"{sign} {line}", style=_STYLES[sign]))


def _short(rollout: Rollout) -> dict[str, object]:
    return {"program": rollout.program, "outcome": outcome_of(rollout), "reward": rollout.reward}


def _questions(run: Run, programs: list[Rollout], held_out: bool) -> dict[str, list[Text]]:
    """What was asked, by task, as far as the data set is still there."""
    tasks = browse.tasks_of(run, programs, held_out)
    return {name: [Text(task.question.text, style="bold")] for name, task in tasks.items()}


def _line_by_line(before: str, after: str) -> Iterator[Text]:
    """The lines of both programs: gone, new and common ones."""
    for sign, line in lines(before, after):
        yield Text(f"{sign} {line}", style=_STYLES[sign])
