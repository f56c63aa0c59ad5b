"""What the parts of the studio's page show. Questions, programs, values and file names are text that anybody may have
written: the templates escape all of it."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from visrep.corrections.board import Attempt, Group, summary
from visrep.env.perception.video import FrameRate
from visrep.env.types import Task
from visrep.policy.prompt import api_text
from visrep.train.browse import outcome_of
from visrep.train.report.pictures import COLOURS
from visrep.train.report.samples import ran as instance_ran
from visrep.train.report.templates import rendered, templates
from visrep.train.run import Run
from visrep.train.studio.desk import Desk, Ran

_IMAGE = 800
"""Most pixels of an image in either direction: about twice what it is shown at."""

_MOST_INSTANCES, _MOST_VISITS = 24, 3
_ITERATIONS = 4
_LONGEST_QUESTION = 90

_templates = templates()


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a program, and beside it what had changed by the time that the next one ran, each time that it ran."""

    number: int
    code: str
    fault: bool
    changes: tuple[str, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class Listing:
    """A program's lines as they went on the instance of this number, counted from 1."""

    number: int
    outcome: str
    lines: tuple[Line, ...]


def page_head() -> str:
    """Styles and keys of the page, for its head."""
    return _rendered("studio/head.html")


def top(desk: Desk) -> str:
    """What is worked on, by whom, and where it stands."""
    return _rendered(
        "studio/top.html",
        name=desk.run.folder.resolve().name,
        summary=summary(desk.board),
        author=desk.author,
        store=desk.store,
    )


def group_label(group: Group) -> str:
    """A group of the board in three lines: category, error, and its numbers."""
    latest = " → ".join(f"{share:.0%}" for share in list(group.trend.values())[-_ITERATIONS:])
    blame = ", ".join(f"{verdict} {count}" for verdict, count in group.blame.items())
    numbers = f"gain {group.gain} · {group.tasks} fail so · {group.share:.0%} of failures · {latest}"
    named = f"{group.category}, {group.stuck} of {group.of} stuck\n{group.signature}\n{numbers}"
    return named + (f" · fault of {blame}" if blame else "")


def task_label(task: Task, author: str | None) -> str:
    """A task in two lines: its question and its id, with who has corrected it, if anybody has."""
    text = " ".join(task.question.text.split())
    cut = text if len(text) <= _LONGEST_QUESTION else text[:_LONGEST_QUESTION] + " …"
    return f"{cut}\n{task.question.id}" + (f" · ✓ by {author}" if author else "")


def attempt_label(attempt: Attempt) -> str:
    """One of the policy's programs: when and how often it was written, and what came of it."""
    rollout = attempt.rollout
    right = sum(score.reward for score in rollout.scores)
    came_to = "right" if rollout.reward else f"{outcome_of(rollout)}, right on {right} of {len(rollout.scores)}"
    blame = f", fault of {attempt.blame}" if attempt.blame else ""
    return f"iteration {attempt.iteration}, written {attempt.times} ×: {came_to}{blame}"


def task(found: Task, author: str | None) -> str:
    """The question, and what kind of answer it wants."""
    return _rendered("studio/task.html", question=found.question, instances=len(found.instances), author=author)


def program(title: str, found: Ran, of: Task, rate: FrameRate) -> str:
    """A program: its run on each instance with the boxes of its calls, and its lines with what changed there. `rate` is
    that at which it saw videos."""
    rollout = found.rollout
    runs = list(zip(rollout.executions, rollout.scores, of.instances, strict=True))
    return _rendered(
        "studio/program.html",
        title=title,
        right=rollout.reward == 1,
        said=found.said,
        runs=[instance_ran(*each, rate, _IMAGE) for each in runs[:_MOST_INSTANCES]],
        runs_left_out=max(0, len(runs) - _MOST_INSTANCES),
        listings=list(_listings(found)),
        colours=COLOURS,
    )


def api(run: Run, of: Task) -> str:
    """What a program for this task can use, as the policy was told."""
    offered = run.recipe.prompt.kinds.get(of.question.kind, run.recipe.prompt)
    return _rendered("studio/api.html", text=api_text(offered.api))


def said(text: str, good: bool) -> str:
    """One line in answer to what was done."""
    return _rendered("studio/said.html", text=text, good=good)


def _listings(found: Ran) -> Iterator[Listing]:
    """One for each instance whose course is known; where none is, the program as it is."""
    rollout = found.rollout
    known = [index for index, course in enumerate(found.courses) if course is not None][:_MOST_INSTANCES]
    for index in known or range(1):
        line = rollout.executions[index].line
        lines = _lines(rollout.program, found.courses[index] or (), line)
        yield Listing(index + 1, rollout.scores[index].outcome, tuple(lines))


def _lines(source: str, course: Sequence[Any], fault: int | None) -> Iterator[Line]:
    """A step of a course tells what had changed before its line ran, which is beside the line that ran before it: what
    a function is called with beside its head."""
    changes: defaultdict[int, list[str]] = defaultdict(list)
    ran = 1
    for line, changed in course:
        if changed:
            changes[ran].append(", ".join(f"{name} = {shown}" for name, shown in changed.items()))
        ran = line or ran
    for number, code in enumerate(source.split("\n"), 1):
        visits = changes[number]
        yield Line(number, code, number == fault, tuple(visits[:_MOST_VISITS]), max(0, len(visits) - _MOST_VISITS))


def _rendered(template: str, **values: Any) -> str:
    return rendered(_templates, template, values)
