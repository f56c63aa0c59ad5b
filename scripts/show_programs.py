"""`visrep show` with filters: programs one by one, with their question, outcomes, values, calls, and how they went."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from typing import Any

from rich.console import Group
from rich.panel import Panel
from rich.syntax import Syntax
from rich.text import Text

from visrep.env import rollouts
from visrep.env.faults import Fault
from visrep.env.retrace import retrace
from visrep.env.sandbox import Sandbox
from visrep.env.types import Execution, Rollout, Score, Task
from visrep.scripts import terminal
from visrep.train import browse
from visrep.train.browse import Wanted, outcome_of
from visrep.train.parts import build_sandbox, frame_rate
from visrep.train.run import Run

Course = list[tuple[Any, ...] | None]
"""A program's steps on each instance it failed on, `[line, {name: shown value}]`."""

_MOST_STEPS = 40


def programs(run: Run, wanted: Wanted, limit: int, trace: bool, as_json: bool) -> None:
    """Print the first programs that are wanted, and how many there are."""
    browse.check_words(wanted, [source.file for source in browse.sources(run, wanted.iteration, wanted.held_out)])
    ahead = browse.programs(run, wanted)
    tasks = browse.tasks_of(run, islice(ahead, limit), wanted.held_out or wanted.iteration == 0)
    shown = with_courses(run, islice(browse.programs(run, wanted), limit), tasks, trace)
    verdict = browse.verdicts(run, wanted)
    if as_json:
        for rollout, course in shown:
            data = rollouts.to_json(rollout) | {"outcome": outcome_of(rollout), "blame": verdict(rollout)}
            terminal.print_json(data | ({"traces": course} if course else {}))
        return
    console = terminal.console()
    number = 0
    for rollout, course in shown:
        console.print(panel(rollout, tasks.get(rollout.task_id), course, verdict(rollout)))
        number += 1
    count = number + sum(1 for _ in ahead)
    console.print(f"{number} of {count} programs; --limit shows more", highlight=False)


def with_courses(
    run: Run, found: Iterable[Rollout], tasks: dict[str, Task], trace: bool
) -> Iterator[tuple[Rollout, Course | None]]:
    """How each program went, None for those that earned their reward and where the task is no longer there."""
    with ExitStack() as stack:
        sandbox: Sandbox | None = None
        for rollout in found:
            course: Course | None = None
            if trace and not rollout.reward and rollout.task_id in tasks:
                try:
                    sandbox = sandbox or stack.enter_context(build_sandbox(run.recipe.sandbox))
                    course = retrace(sandbox, rollout, tasks[rollout.task_id], frame_rate(run.recipe.video))
                except Fault as fault:  # what is recorded can be shown without
                    terminal.console(True).print(f"no programs line by line: {fault}", highlight=False)
                    trace = False
            yield rollout, course


def panel(rollout: Rollout, task: Task | None, course: Course | None, verdict: str | None = None) -> Panel:
    author = rollout.policy or rollout.author
    parts: list[Any] = [Text(task.question.text, style="bold")] if task else []
    parts.append(Syntax(rollout.program, "python", background_color="default", word_wrap=True))
    for index, (execution, score) in enumerate(zip(rollout.executions, rollout.scores, strict=True)):
        parts.extend(_instance_lines(index, execution, score, task))
        parts.extend(_steps((course[index] if course else None) or ()))
    title = f"{rollout.task_id} · {rollout.category} · {outcome_of(rollout)} · reward {rollout.reward} · by {author}"
    title += f" · at fault: {verdict}" if verdict else ""
    return Panel(
        Group(*parts), title=Text(title), title_align="left", border_style="green" if rollout.reward else "red"
    )


def _instance_lines(index: int, execution: Execution, score: Score, task: Task | None) -> Iterator[Text]:
    line = f"instance {index + 1}: {score.outcome}"
    if execution.outcome == "ok":
        line += f", returned {execution.value!r}"
    else:
        line += f": {execution.message}" + (f" (line {execution.line})" if execution.line else "")
    if task:
        instance = task.instances[index]
        inputs = ", ".join(map(str, instance.images)) or instance.video
        line += f"; annotated {' or '.join(map(repr, instance.answers))}; {inputs}"
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
