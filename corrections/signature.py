"""In which way a program failed, said so that failures of one kind can be counted together.

Behind the outcome stands the nearest cause that can be told without a person:

* A fault is known by the API's member that is missing or was called wrongly, where its message names one, and otherwise
  by its message without what is particular to the program.
* Wrong answers are known by what is common to them on all images on which the program was wrong: "says 'no'", "off by
  one", "a patch instead of text". Where nothing is, the program's shape (its canonical form without literals) stands
  for it: the policy goes about such tasks in a wrong way.
"""

import re
from dataclasses import dataclass
from typing import Any

from visrep.env import image_patch, video_segment
from visrep.env.canonical import form, shape
from visrep.env.image_patch import ImagePatch
from visrep.env.types import Execution, Instance, Kind, Rollout, Score, Task
from visrep.env.video_segment import VideoSegment
from visrep.reward.normalise import is_plain, normalise
from visrep.reward.patches import is_patch

_LONGEST = 300
"""Characters of a pattern or shape: a policy that fails can write and return anything."""

_CLASSES = (ImagePatch, VideoSegment)
_MEMBERS = {name: f"{kind.__name__}.{name}" for kind in _CLASSES for name in vars(kind) if not name.startswith("_")}
_MEMBERS |= {name: name for module in (image_patch, video_segment) for name in module.__all__}
"""Everything in the API, as `Class.member` or alone, by the name that messages have for it."""

_NO_ATTRIBUTE = re.compile(r"AttributeError: (?:type object )?'(ImagePatch|VideoSegment)'.* has no attribute '(\w+)'")
_NO_NAME = re.compile(r"NameError: name '(\w+)' is not defined")
_CALLED = re.compile(r"TypeError: (?:(ImagePatch|VideoSegment)\.)?(\w+)\(\) ")
_REFUSED = re.compile(r"\w+Error: (\w+): ")
_WHOLE = re.compile(r"-?[0-9]{1,15}")
_NUMBER = re.compile(r"\b\d+\b")
_TELLING = ("SyntaxError", "IndentationError", "AttributeError", "TypeError", "ImportError", "forbidden")
_YES_NO = frozenset({"yes", "no"})
_WANTED = {
    "answer": "text",
    "choice": "an option",
    "verify": "yes or no",
    "ground": "a patch",
    "detect": "patches",
    "match": "an option or image",
}


@dataclass(frozen=True, slots=True, order=True)
class Signature:
    """A way of failing; of `member`, `pattern` and `shape` the one that is known first is not empty."""

    outcome: str
    member: str = ""
    pattern: str = ""
    shape: str = ""

    def __str__(self) -> str:
        """In one line, for a table."""
        if self.member:
            cause = f"{self.member} {'misused' if self.member in _MEMBERS.values() else 'does not exist'}"
        else:
            body = self.shape.partition("\n")[2].split("\n")
            cause = self.pattern or "; ".join(line.strip() for line in body)
        return cause if cause.startswith(self.outcome) else f"{self.outcome}: {cause}".removesuffix(": ")


def signature(rollout: Rollout, task: Task) -> Signature:
    """In which way a program that earned nothing failed on its task."""
    outcome = next(score.outcome for score in rollout.scores if score.outcome != "ok")
    runs = [
        run for run in zip(rollout.executions, rollout.scores, task.instances, strict=True) if run[1].outcome == outcome
    ]
    if outcome == "wrong_answer":
        pattern = _constant(rollout, task) or _common(task.question.kind, runs)
        return Signature(outcome, pattern=pattern, shape="" if pattern else _cut(shape(form(rollout.program))))
    if outcome == "wrong_type":
        return Signature(outcome, pattern=_cut(f"{_returned(runs[0][0])} instead of {_WANTED[task.question.kind]}"))
    message = runs[0][0].message
    member = _member(message, rollout.program)
    return Signature(outcome, member=member, pattern="" if member else _cut(_general(message)))


def _member(message: str, program: str) -> str:
    """The API's member that a fault is about; empty where it is about none."""
    if found := _NO_ATTRIBUTE.match(message):
        return f"{found[1]}.{found[2]}"
    if found := _NO_NAME.match(message):  # what is called is meant as a function of the API, what is not as a variable
        return found[1] if re.search(rf"\b{found[1]}\s*\(", program) else ""
    if found := _CALLED.match(message):
        return found[1] if found[2] == "__new__" else _MEMBERS.get(found[2], "")
    found = _REFUSED.match(message)
    return _MEMBERS.get(found[1], "") if found else ""


def _general(message: str) -> str:
    """A fault's message without what is the program's own: its numbers, texts and variables. Types and tokens stay:
    that a list has no `find` is the point."""
    kind = message.partition(":")[0]
    if kind == "KeyError":
        return kind
    return _NUMBER.sub("_", message) if kind in _TELLING else shape(message)


def _returned(execution: Execution) -> str:
    """The type of what a program returned."""
    value = execution.value
    if execution.outcome != "ok":  # of a type that does not leave the program's process; the message tells it
        return execution.message.removeprefix("returned ").replace("NoneType", "nothing")
    if type(value) is list:
        return "patches" if value and all(map(is_patch, value)) else "a list"
    names = {dict: "a patch", bool: "yes or no", int: "a number", float: "a number", str: "text"}
    return names.get(type(value), "nothing")


def _constant(rollout: Rollout, task: Task) -> str:
    """ "always 'no'" of a program that says one thing on several images, of which some have another answer."""
    values = [execution.value for execution in rollout.executions]
    if len(values) < 2 or not all(map(is_plain, values)) or len(set(map(normalise, values))) > 1:
        return ""
    accepted = [frozenset(map(normalise, instance.answers)) for instance in task.instances]
    return "" if frozenset.intersection(*accepted) else f"always {_cut(normalise(values[0]))!r}"


def _common(kind: Kind, runs: list[tuple[Execution, Score, Instance]]) -> str:
    """What is common to the wrong answers; empty where nothing is."""
    patterns = {_pattern(kind, execution.value, score, instance) for execution, score, instance in runs}
    return patterns.pop() if len(patterns) == 1 else ""


def _pattern(kind: Kind, value: Any, score: Score, instance: Instance) -> str:
    if kind == "ground":
        return "overlaps too little" if score.measure else "another place"
    if kind == "detect":
        surplus = len(value) - len(instance.boxes)
        if not value:
            return "finds nothing"
        return "finds too many" if surplus > 0 else "finds too few" if surplus < 0 else "finds others"
    if kind in ("answer", "verify") and is_plain(value):
        return _words(normalise(value), frozenset(map(normalise, instance.answers)))
    return ""


def _words(said: str, accepted: frozenset[str]) -> str:
    """How a wrong text or number differs from the accepted ones, all in normal form."""
    if accepted <= _YES_NO:
        return f"says {said!r}" if said in _YES_NO else "says neither yes nor no"
    if said in _YES_NO:
        return "says yes or no"
    if _WHOLE.fullmatch(said) and any(_WHOLE.fullmatch(each) and abs(int(said) - int(each)) == 1 for each in accepted):
        return "off by one"
    if any(f" {each} " in f" {said} " for each in accepted):
        return "says more than the answer"
    if any(f" {said} " in f" {each} " for each in accepted):
        return "says less than the answer"
    return ""


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + " …"
