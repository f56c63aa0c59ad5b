"""Whose fault it is that tasks are not solved: the programs' or perception's.

Where images have annotated scenes, programs that earned nothing run again, in a sandbox like the first one, on
`visrep.env.perception.scene`, which answers from the annotation. So one sees of each category whether people should
write corrections for it, or whether no program can do better with what sees for it. The verdicts:

* "perception": right on all instances now. As with any reward, luck can have a hand in it.
* "unclear": wrong again, but it asked what an annotation does not tell (a depth, a text of a language model, a phrase
  or a question that is not understood) and was told something else before.
* "program": wrong all the same, or it never looked; then it does not run again.

Scenes are what people wrote down: an object that they left out or called otherwise counts against the program.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal

from visrep.env import canonical, jsonl, rollouts
from visrep.env.environment import Environment
from visrep.env.perception import scene
from visrep.env.perception.objects import UNKNOWN
from visrep.env.perception.words import phrase
from visrep.env.types import Call, Rollout, Task
from visrep.train import parts
from visrep.train.config import Recipe
from visrep.train.grouped import Grouped
from visrep.train.guard import looks
from visrep.train.split import Tasks

Verdict = Literal["program", "unclear", "perception"]

VERDICTS: tuple[Verdict, ...] = ("program", "unclear", "perception")
"""A task with several programs has the last of these that one of them has."""

SETS = ("held_out", "training")
"""Tasks that the iteration's greedy programs were wrong on, and those that none of its sampled programs solved."""

TASKS, PROGRAMS = 200, 4
"""Of each category the first so many tasks are judged, and of each task so many programs: shares can be told from that,
and it costs seconds, where all programs of a large data set would take as long as they did the first time."""

_FILE = "blame.jsonl"


@dataclass(frozen=True, slots=True)
class Blame:
    """The verdict on a program that earned nothing; `form` is its canonical form."""

    task_id: str
    category: str
    form: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class _Tried:
    """What matters of a rollout; `untold` as `_untold` gives it."""

    form: str
    program: str
    right: bool
    looks: bool
    untold: frozenset[str]


def blame(recipe: Recipe, perception: str, sets: Mapping[str, tuple[Tasks, Path]], folder: Path) -> dict[str, Any]:
    """Judge the programs of an iteration for these sets of tasks, each with the file of its rollouts; how many tasks
    are whose fault, by set, category and verdict. Leaves every verdict in the folder.

    `perception` is the identity of what the programs were answered by. Nothing is judged where that is the annotated
    scenes themselves, nor of tasks without them. Raises MachineFault when the sandbox does.
    """
    found: dict[str, list[Blame]] = {name: [] for name in sets}
    if perception != scene.load().identity and any(_has_scenes(task) for tasks, _ in sets.values() for task in tasks):
        with parts.build_annotated(recipe) as annotated:
            for name, (tasks, file) in sets.items():
                found[name] = sorted(judge(annotated, tasks, rollouts.read(file)), key=attrgetter("task_id", "form"))
    jsonl.write_lines(folder / _FILE, ({"of": name} | asdict(each) for name in found for each in found[name]))
    return {name: counts(each) for name, each in found.items()}


def read(folder: Path, name: str) -> Iterator[Blame]:
    """The verdicts on an iteration's programs for a set of tasks; none where nothing was judged."""
    for row in jsonl.read(folder / _FILE):
        if row.pop("of") == name:
            yield Blame(**row)


def judge(annotated: Environment, tasks: Tasks, tried: Iterable[Rollout]) -> Iterator[Blame]:
    """Verdicts on programs of tasks that have a scene to each image and were not solved by any of these rollouts, as
    many as TASKS and PROGRAMS say. `annotated` is an environment on the annotated scenes."""
    programs = Grouped((rollout.task_id, _tried(rollout)) for rollout in tried)
    blind: list[Blame] = []
    untold: dict[tuple[str, str], frozenset[str]] = {}

    def again() -> Iterator[tuple[Task, str]]:
        for task, each in _failed(tasks, programs):
            if each.looks:
                untold[task.question.id, each.form] = each.untold
                yield task, each.program
            else:
                blind.append(Blame(task.question.id, task.question.category, each.form, "program"))

    for rollout in annotated.run(again()):
        form = canonical.form(rollout.program)
        verdict = _verdict(rollout, untold.pop((rollout.task_id, form)))
        yield Blame(rollout.task_id, rollout.category, form, verdict)
    yield from blind


def counts(found: Iterable[Blame]) -> dict[str, dict[str, int]]:
    """How many tasks of each category are whose fault: each verdict's number."""
    last: dict[str, Blame] = {}
    for each in found:
        before = last.setdefault(each.task_id, each)
        if VERDICTS.index(each.verdict) > VERDICTS.index(before.verdict):
            last[each.task_id] = each
    numbers: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for each in last.values():
        numbers[each.category][each.verdict] += 1
    return {category: {verdict: numbers[category][verdict] for verdict in VERDICTS} for category in sorted(numbers)}


def _failed(tasks: Tasks, programs: Grouped[_Tried]) -> Iterator[tuple[Task, _Tried]]:
    """The programs to be judged, task by task. Which ones depends on their text alone: the order in which they were
    run differs from run to run. Those that looked come first, as there is nothing to learn from the others."""
    taken: Counter[str] = Counter()
    for task in tasks:
        if taken[task.question.category] == TASKS or not _has_scenes(task):
            continue
        distinct = {each.form: each for each in programs.of(task.question.id)}.values()
        own = sorted(distinct, key=lambda each: (not each.looks, _digest(each.form)))
        if own and not any(each.right for each in own):
            taken[task.question.category] += 1
            yield from ((task, each) for each in own[:PROGRAMS])


def _has_scenes(task: Task) -> bool:
    return all(instance.scenes for instance in task.instances)


def _tried(rollout: Rollout) -> _Tried:
    form, right = canonical.form(rollout.program), rollout.reward == 1
    return _Tried(form, rollout.program, right, looks(rollout), frozenset() if right else _untold(rollout))


def _verdict(again: Rollout, untold: frozenset[str]) -> Verdict:
    """Of a program that runs again; `untold` is what it was told before of such things."""
    if again.reward == 1:
        return "perception"
    return "program" if _untold(again) <= untold else "unclear"


def _untold(rollout: Rollout) -> frozenset[str]:
    """The calls that an annotation has no answer to, each with the reply that it got all the same."""
    calls = (call for execution in rollout.executions for call in execution.calls)
    return frozenset(
        # As JSON, since calls hold lists, which a set cannot.
        json.dumps([call.method, call.arguments, call.result])
        for call in calls
        if call.error is None and not _told(call)
    )


def _told(call: Call) -> bool:
    """Whether annotated objects, with their names and attributes, can answer the call."""
    match call.method, call.arguments:
        case "crop", _:
            return True
        case "simple_query", _:
            return bool(call.result != UNKNOWN)
        case "find" | "exists", (name,):
            texts = [name]
        case "verify_property", (name, visual_property):
            texts = [f"{visual_property} {name}"]
        case "best_text_match", (options, prefix):
            texts = [f"{prefix or ''} {option}" for option in options]
        case "best_image_match", (_, contents):
            texts = contents
        case _:
            return False  # a depth, or what a language model says
    return all(phrase(text) is not None for text in texts)


def _digest(form: str) -> bytes:
    return hashlib.sha256(form.encode(errors="backslashreplace")).digest()
