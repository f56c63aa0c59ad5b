"""Label-conditioned retry: what an iteration's rounds leave unsolved is asked once more, with the answers shown.

Beside the right answers the prompt holds the best program that failed, what it came to, and its course line by line.
Knowing what has to come out, a policy writes programs that it would seldom sample (STaR's rationalisation, Zelikman et
al. 2022, arXiv 2203.14465; for visual programs DWIM, Ke et al. 2025, arXiv 2503.19263). The hint cannot help a program
when it runs, as programs get images and nothing else, but it can be copied: `visrep.train.told` refuses those that say
an answer. What is learnt is the program behind the prompt without the hint.

Completions and rollouts are files of their own, apart from the rounds', so that pass@k and what counts as solved are
those of a policy that was shown nothing.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console

from visrep.env import rollouts
from visrep.env.perception.video import DEFAULT, FrameRate
from visrep.env.retrace import retrace
from visrep.env.sandbox import Sandbox
from visrep.env.types import Instance, Rollout, Task
from visrep.reward.normalise import normalise
from visrep.train.grouped import Grouped
from visrep.train.rollout import Bench, Files, Sampling, collect
from visrep.train.runner import Author
from visrep.train.told import says_answer

REQUEST = "Look for the answer in each input. A right program for it:"
"""The last line of every hint; the question follows."""

_GIVEN = ("image", "images", "video", "options")
_ANSWER, _PROGRAM, _MESSAGE, _COURSE = 60, 800, 200, 400
"""Characters at most. A hint comes on top of a prompt that fills most of a small model's context."""


def retry(bench: Bench, sampling: Sampling, files: Files, author: Author, console: Console) -> dict[str, Any]:
    """`collect` for the bench's tasks, with how many were asked about, how many of them are solved now, and how many
    right programs do not count because they say an answer. The same, however often it was cut short before."""
    done = collect(bench, sampling, files, author, console)
    right = Grouped((each.task_id, each.program) for each in rollouts.read(files.rollouts) if each.reward == 1)
    solved = refused = 0
    for task in bench.tasks:
        told = [says_answer(program, task) for program in right.of(task.question.id)]
        solved += not all(told)
        refused += sum(told)
    return {"asked": len(bench.tasks), "solved": solved, "refused": refused} | done


class Hints:
    """What the prompt of a task says beside its question, from the programs of an iteration's rounds. Failed ones run
    again in the sandbox, on the replies they got then; videos are sampled at `rate`, as they were then. For one
    thread."""

    def __init__(self, attempts: Path, sandbox: Sandbox, rate: FrameRate = DEFAULT) -> None:
        self._failed = Grouped((each.task_id, each) for each in rollouts.read(attempts) if each.reward == 0)
        self._sandbox = sandbox
        self._rate = rate

    def of(self, task: Task) -> str:
        """The hint: a few lines, the same whatever order the programs were logged in."""
        best = min(self._failed.of(task.question.id), key=_preference, default=None)
        failure = [] if best is None else self._failure(task, best)
        return "\n".join([_answers(task), *failure, REQUEST])

    def _failure(self, task: Task, rollout: Rollout) -> Iterator[str]:
        """The program, and what it came to on the first instance where it is wrong."""
        index = next(index for index, score in enumerate(rollout.scores) if score.reward == 0)
        execution, instance = rollout.executions[index], task.instances[index]
        course = retrace(self._sandbox, rollout, task, self._rate)[index] or ()
        yield "This program is wrong:"
        yield from _cut(rollout.program, _PROGRAM).splitlines()
        if execution.outcome == "ok":
            said = f"it returns {_cut(json.dumps(execution.value), _ANSWER)}, not {_answer(task, instance)}"
        else:
            said = _cut(f"{execution.outcome}: {execution.message}", _MESSAGE)
            said += f" (line {execution.line})" if execution.line else ""
        yield f"Input {index + 1}: {said}."
        yield from _cut("\n".join(_steps(course)), _COURSE).splitlines()


def _preference(rollout: Rollout) -> tuple[int, int, int, str]:
    """Smallest for the program that comes nearest: right on most inputs, then returning something on most."""
    right = sum(score.reward for score in rollout.scores)
    returned = sum(execution.outcome == "ok" for execution in rollout.executions)
    return -right, -returned, len(rollout.program), rollout.program


def _answers(task: Task) -> str:
    shown = [_answer(task, instance) for instance in task.instances]
    if len(set(shown)) == 1:
        return f"The right answer to the next question is {shown[0]}."
    return f"The right answers to the next question for its {len(shown)} inputs are: {', '.join(shown)}."


def _answer(task: Task, instance: Instance) -> str:
    """The annotation, the best of several accepted answers, as a program should return it."""
    if task.question.kind in ("ground", "detect"):
        edges = (f"({box.left:.0f}, {box.lower:.0f}, {box.right:.0f}, {box.upper:.0f})" for box in instance.boxes)
        return _cut(" and ".join(edges), _MESSAGE) or "no object"
    best = instance.answers[0]
    return _cut(best if isinstance(best, str) else normalise(best), _ANSWER)


def _steps(course: Iterable[Any]) -> Iterator[str]:
    """The variables that changed before each line, without what the program was given."""
    for line, changed in course:
        told = [f"{name} = {shown}" for name, shown in changed.items() if name not in _GIVEN]
        if told:
            yield f"Before line {line}: {', '.join(told)}"


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]} …"
