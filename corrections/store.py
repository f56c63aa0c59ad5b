"""The store of corrections: right programs written by people, one JSON line each, only ever appended to.

The file is made for git: text, in the order of writing. Where two people have added lines, git takes both, told so by a
`.gitattributes` beside a store that is begun in a repository. A program enters it only by earning reward 1 on every
instance of its task, and each line says what it was verified with. A line can be edited by hand all the same, so the
whole file is read with the same care as a data set, and `check` runs everything again: data, API and perception change
under a store.
"""

import hashlib
import json
import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from visrep.env.canonical import form
from visrep.env.environment import Environment
from visrep.env.faults import MachineFault, UserFault, suggestion
from visrep.env.rollouts import BY_POLICY
from visrep.env.types import Rollout, Task

_UNION = "merge=union"
"""Git's driver that keeps the lines of both sides; its usual one calls any two additions at the end a conflict."""


@dataclass(frozen=True, slots=True)
class Correction:
    """A program by a person that is right on its task. `date` is UTC in ISO 8601. It was verified with this `api` (a
    hash of the visual API's text), the `perception` backend of this identity and the `recipe` of this hash; `outcome`
    is a hash of the values that it returned then."""

    task_id: str
    program: str
    author: str
    date: str
    note: str
    api: str
    perception: str
    recipe: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Checked:
    """A correction that was run again: its rollout, under its author's name, None where its task is not there; `why` it
    is no longer right, empty where it is."""

    correction: Correction
    rollout: Rollout | None
    why: str


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
    path: Path, environment: Environment, task: Task, program: str, *, author: str, note: str, api: str, recipe: str
) -> Correction:
    """Verify a program and append it to the store. Raises UserFault, and writes nothing, unless it earns reward 1 on
    all instances, is by a named person and is new to the task."""
    check_new(path, task, program, author)
    rollout = environment.step(task, program)
    if rollout.reward != 1:
        raise UserFault(f"not stored: {shortfall(rollout, task)}; correct it and add it again")
    correction = Correction(
        task_id=task.question.id,
        program=program,
        author=author.strip(),
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        note=note,
        api=api,
        perception=environment.perception,
        recipe=recipe,
        outcome=_outcome(rollout),
    )
    if not path.exists():
        _tell_git(path)
    _append(path, correction)
    return correction


def check_author(author: str) -> None:
    """Raise UserFault for a name that is no person's."""
    if author.strip() in ("", *BY_POLICY):
        raise UserFault(f"found the author {author!r}, expected a person's name; say who wrote the program")


def check_new(path: Path, task: Task, program: str, author: str) -> None:
    """Raise UserFault for a program that the store has for this task already, and for one that is by nobody."""
    check_author(author)
    known = {(each.task_id, form(each.program)) for each in read(path)}
    if (task.question.id, form(program)) in known:
        raise UserFault(f"{path} already has this program for task {task.question.id!r}; there is nothing to add")


def check(corrections: Collection[Correction], environment: Environment, tasks: Iterable[Task]) -> Iterator[Checked]:
    """Run corrections again, in their order, each on its task among `tasks`."""
    wanted = {correction.task_id for correction in corrections}
    by_id = {task.question.id: task for task in tasks if task.question.id in wanted}
    for correction in corrections:
        task = by_id.get(correction.task_id)
        if task is None:
            yield Checked(correction, None, f"there is no training task {correction.task_id!r}")
            continue
        rollout = replace(environment.step(task, correction.program), author=correction.author)
        yield Checked(correction, rollout, "" if rollout.reward == 1 else shortfall(rollout, task))


def changes(checked: Checked, *, api: str, perception: str, recipe: str) -> list[str]:
    """Which of the things that a correction was verified with are others now, by their fields' names; "outcome" where
    it returns other values."""
    now = {"api": api, "perception": perception, "recipe": recipe}
    if checked.rollout is not None:
        now["outcome"] = _outcome(checked.rollout)
    return [name for name, value in now.items() if getattr(checked.correction, name) != value]


def shortfall(rollout: Rollout, task: Task) -> str:
    """What a program did instead of being right, on the first instance where it was not."""
    wrong = next(number for number, score in enumerate(rollout.scores) if score.reward != 1)
    execution, score, instance = rollout.executions[wrong], rollout.scores[wrong], task.instances[wrong]
    if execution.outcome == "ok":
        expected: list[Any] = list(instance.answers) or [list(asdict(box).values()) for box in instance.boxes]
        said = f"returned {json.dumps(execution.value)}, expected {'one of ' if instance.answers else ''}{expected}"
    else:
        said = execution.message + (f" (line {execution.line})" if execution.line else "")
    right = sum(each.reward for each in rollout.scores)
    return (
        f"the program is right on {right} of {len(rollout.scores)} instances of task {rollout.task_id!r}; "
        f"on {instance.id!r} its outcome is {score.outcome}: {said}"
    )


def _outcome(rollout: Rollout) -> str:
    """A hash of what the program returned on each instance."""
    values = json.dumps([execution.value for execution in rollout.executions], sort_keys=True)
    return hashlib.sha256(values.encode()).hexdigest()[:16]


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
        if name not in data:
            raise UserFault(f"{place}: field {name!r} is missing; restore the line, or remove it and add it anew")
        if not isinstance(data[name], str):
            raise UserFault(f"{place}: field {name!r} is {data[name]!r}, expected a text; restore the line")
    return Correction(**data)


def _tell_git(path: Path) -> None:
    """Have git take the lines of both sides of a merge, where the store is about to be begun in a repository."""
    folder = path.resolve().parent
    if not any((above / ".git").exists() for above in (folder, *folder.parents)):
        return
    attributes, line = folder / ".gitattributes", f"{path.name} {_UNION}"
    if not attributes.is_file() or line not in attributes.read_text(encoding="utf-8").splitlines():
        _append_line(attributes, line)


def _append(path: Path, correction: Correction) -> None:
    _append_line(path, json.dumps(asdict(correction), ensure_ascii=False))


def _append_line(path: Path, line: str) -> None:
    """One write of a whole line, on disk before it returns. An editor may have left the last line without its end."""
    line += "\n"
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
