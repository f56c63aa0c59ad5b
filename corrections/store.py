"""The store of corrections: right programs written by people, one JSON line each, only ever appended to.

The file is made for git: text, in the order of writing, and two people's additions merge line by line. A program
enters it only by earning reward 1 on every instance of its task, and each line says what it was verified with. A line
can be edited by hand all the same, so the whole file is read with the same care as a data set, and `check` runs
everything again: data, API and perception change under a store.
"""

import json
import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path

from visrep.env.canonical import canonical
from visrep.env.environment import Environment
from visrep.env.faults import MachineFault, UserFault, suggestion
from visrep.env.rollouts import BY_POLICY
from visrep.env.types import Rollout, Task


@dataclass(frozen=True, slots=True)
class Correction:
    """A program by a person that is right on its task. `date` is UTC in ISO 8601; `perception` is the identity of the
    backend and `recipe` the hash of the recipe it was verified with."""

    task_id: str
    program: str
    author: str
    date: str
    note: str
    perception: str
    recipe: str


def read(path: Path) -> list[Correction]:
    """All corrections, oldest first; none where there is no file yet. Raises UserFault with file and line where one
    is damaged: unlike a log of ours, a torn last line here is somebody's lost work."""
    if not path.exists():
        return []
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise UserFault(f"{path} is not UTF-8 text (byte {error.start}); restore it from version control") from None
    return [_parse(line, f"{path}:{number}") for number, line in enumerate(lines, 1) if line.strip()]


def add(
    path: Path, environment: Environment, task: Task, program: str, *, author: str, note: str, recipe: str
) -> Correction:
    """Verify a program and append it to the store. Raises UserFault, and writes nothing, unless it earns reward 1 on
    all instances, is by a named person and is new to the task."""
    if author.strip() in ("", *BY_POLICY):
        raise UserFault(f"found the author {author!r}, expected a person's name; say who wrote the program")
    known = {(each.task_id, _form(each.program)) for each in read(path)}
    if (task.question.id, _form(program)) in known:
        raise UserFault(f"{path} already has this program for task {task.question.id!r}; there is nothing to add")
    rollout = environment.step(task, program)
    if rollout.reward != 1:
        raise UserFault(_refusal(rollout, task))
    correction = Correction(
        task_id=task.question.id,
        program=program,
        author=author.strip(),
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        note=note,
        perception=environment.perception,
        recipe=recipe,
    )
    _append(path, correction)
    return correction


def check(
    corrections: Collection[Correction], environment: Environment, tasks: Iterable[Task]
) -> Iterator[tuple[Correction, Rollout | None]]:
    """Run corrections again, in their order: each with its rollout, under its author's name, as selection takes it.
    None stands for one whose task is not among `tasks`."""
    wanted = {correction.task_id for correction in corrections}
    by_id = {task.question.id: task for task in tasks if task.question.id in wanted}
    for correction in corrections:
        task = by_id.get(correction.task_id)
        rollout = environment.step(task, correction.program) if task else None
        yield correction, rollout and replace(rollout, author=correction.author)


def _form(program: str) -> str:
    return canonical(program) or program


def _refusal(rollout: Rollout, task: Task) -> str:
    """What the program did instead of being right, on the first instance where it was not."""
    wrong = next(number for number, score in enumerate(rollout.scores) if score.reward != 1)
    execution, score = rollout.executions[wrong], rollout.scores[wrong]
    if execution.outcome == "ok":
        said = f"returned {json.dumps(execution.value)}, expected one of {list(task.instances[wrong].answers)}"
    else:
        said = execution.message + (f" (line {execution.line})" if execution.line else "")
    right = sum(each.reward for each in rollout.scores)
    return (
        f"not stored: the program is right on {right} of {len(rollout.scores)} instances of task {rollout.task_id!r}; "
        f"on {task.instances[wrong].id!r} its outcome is {score.outcome}: {said}; correct it and add it again"
    )


def _parse(line: str, place: str) -> Correction:
    names = [field.name for field in fields(Correction)]
    try:
        data = json.loads(line)
    except json.JSONDecodeError as error:
        raise UserFault(f"{place}: not a JSON line ({error.msg}); restore it from version control") from None
    if not isinstance(data, dict):
        raise UserFault(f"{place}: found {type(data).__name__}, expected an object with {', '.join(names)}")
    for name in data:
        if name not in names:
            raise UserFault(f"{place}: unknown field {name!r}{suggestion(name, names)}; remove or rename it")
    for name in names:
        if not isinstance(data.get(name), str):
            raise UserFault(f"{place}: field {name!r} is {data.get(name)!r}, expected a text; restore the line")
    return Correction(**data)


def _append(path: Path, correction: Correction) -> None:
    """One write of whole lines, on disk before it returns. An editor may have left the last line without its end."""
    line = json.dumps(asdict(correction), ensure_ascii=False) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab+") as file:
            if file.tell() and _last_byte(path) != b"\n":
                line = "\n" + line
            file.write(line.encode(errors="backslashreplace"))  # a lone surrogate becomes its JSON escape
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise MachineFault(f"cannot write {path}: {error.strerror}; choose a writable place with free space") from error


def _last_byte(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read()
