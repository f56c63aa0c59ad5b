"""The text that a person edits: what is known of a task as comments, and below it the program, which alone is kept."""

import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

from visrep.env.faults import UserFault
from visrep.env.types import Execution, Instance, Rollout, Task

MARK = "# ==== The program. Nothing above this line is kept. ===="

_LONGEST = 300
"""Characters of a value or message: a policy that fails can return anything."""


def compose(task: Task, api: str, program: str, ran: Rollout | None) -> str:
    """A draft: the task with its annotation, what the program came to where it ran, the API, and the program."""
    question = task.question
    comments = [
        f"Task {question.id}, category {question.category}. Change the program at the end so that it is right on all",
        f"{len(task.instances)} instances, save it, and close the editor. To cancel, leave it as it is, or nothing.",
        "",
        question.text,
        *([f"Options: {list(question.options)}"] if question.options else []),
        "",
        *(_instance_line(task, index, ran) for index in range(len(task.instances))),
        "",
        "What it can use:",
        "",
        *api.rstrip().split("\n"),
    ]
    return "\n".join([*(f"# {_one_line(line)}".rstrip() for line in comments), "", MARK, program, ""])


def skeleton(task: Task) -> str:
    """A program for where there is none to start from."""
    return f"def {task.question.signature}:\n    return None"


def program_of(text: str) -> str:
    """The program of a draft; all of the text where the line above it has gone."""
    above, line, below = f"{text}\n".partition(f"\n{MARK}\n")
    return (below if line else above).strip()


def edit(path: Path) -> None:
    """Open a draft in the editor that VISUAL or EDITOR names, and wait until it is closed. Raises UserFault where there
    is none, and where it fails."""
    command = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not command:
        raise UserFault(
            "neither VISUAL nor EDITOR names an editor; set one, or write the program into a file of your own and give "
            "it to `visrep corrections add`"
        )
    try:
        status = subprocess.run([*shlex.split(command), str(path)]).returncode
    except (OSError, ValueError) as error:
        raise UserFault(f"the editor {command!r} does not start ({error}); set VISUAL or EDITOR to another") from None
    if status:
        raise UserFault(f"the editor {command!r} ended with status {status}; nothing is kept; the text is in {path}")


def annotated(instance: Instance) -> str:
    """The accepted answers, or the boxes, in pixels from the bottom-left."""
    if instance.answers:
        return " or ".join(map(repr, instance.answers))
    boxes = ", ".join(f"({box.left:g}, {box.lower:g}, {box.right:g}, {box.upper:g})" for box in instance.boxes)
    return f"(left, lower, right, upper) {boxes}" if boxes else "nothing"


def told(execution: Execution) -> str:
    """What came of a program on one instance."""
    if execution.outcome == "ok":
        return f"returned {_cut(repr(execution.value))}"
    return f"{execution.outcome}: {_cut(execution.message)}" + (f" (line {execution.line})" if execution.line else "")


def _instance_line(task: Task, index: int, ran: Rollout | None) -> str:
    instance = task.instances[index]
    line = f"{index + 1}. {', '.join(map(str, _inputs(instance)))}: annotated {annotated(instance)}"
    if ran is None:
        return line
    return f"{line}; the program {'is right' if ran.scores[index].reward else told(ran.executions[index])}"


def _inputs(instance: Instance) -> Iterator[Path]:
    yield from instance.images
    if instance.video is not None:
        yield instance.video


def _one_line(text: str) -> str:
    """Without line breaks, which would end the comment; indentation stays."""
    return " ".join(text.splitlines())


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + " …"
