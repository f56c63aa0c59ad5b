"""Rewards: one file per kind of answer, chosen by the kind of the task's question."""

from typing import Any

from visrep.env.types import Instance, Score, Task
from visrep.reward import answer, choice, detect, ground, verify
from visrep.reward.rules import Rules

_KINDS = {
    "answer": answer.score,
    "choice": choice.score,
    "verify": verify.score,
    "ground": ground.score,
    "detect": detect.score,
    "match": choice.score,
}


_RULES = Rules()


def score(task: Task, instance: Instance, value: Any, rules: Rules = _RULES) -> Score:
    """Score of a value a program returned on one instance. `value` is plain data parsed by the host; it is judged by
    its exact type first. Raises UserFault for an annotation that fits no value."""
    return _KINDS[task.question.kind](task, instance, value, rules)
