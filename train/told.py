"""Whether a program says the answer that its author was shown, in place of looking for it in the image.

A policy that is asked with the right answers in the prompt (`visrep.train.retry`) can write them down. Such a program
earns its reward and teaches nothing, so it is refused. The rule is about literals: none may say an annotated answer of
any of the task's instances. A text says it where the answer's words, in normal form, stand in it one after the other
("red" in "the red circle" too); a number or bool where both have one normal form. That is stricter than a look at what
is returned, and loses a few honest programs, such as one that offers all colours to `best_text_match`; what is kept
is learnt from. What every program needs, or what nobody has to be shown, says nothing:

* words of the question itself, and of the visual API ("left", "above");
* numbers in brackets, which pick an item (`found[0]`), but for the option or image that is the answer to a choice;
* 0, 1, yes, no, True and False, unless they are returned as they stand (`return 1`, `return "yes" if … else …`);
* one of several alternatives, an option of the question, an image, yes or no, where the program also says another.

For boxes no number above 2 may stand in the program, but in brackets: that would be a coordinate.

The guard (`visrep.train.guard`) is the other half: it runs programs on other images, and finds constants however they
are put together.
"""

import ast
import re
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

from visrep.env import canonical
from visrep.env.image_patch import ImagePatch
from visrep.env.types import Question, Rollout, Task
from visrep.env.video_segment import VideoSegment
from visrep.reward.choice import chosen
from visrep.reward.normalise import Plain, is_plain, normalise
from visrep.train.grouped import Grouped

TOLD = "answer_as_constant"

_WORD = re.compile(r"\w+")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_LARGEST = 2.0  # of numbers in programs for boxes: they halve and double, and compare with shares
_SMALL = ("0", "1", "yes", "no")
_API = frozenset(
    word
    for kind in (ImagePatch, VideoSegment)
    for name in dir(kind)
    if not name.startswith("_")
    for word in name.split("_")
)


def refused(tasks: Iterable[Task], rollouts: Iterable[Rollout]) -> Iterator[tuple[tuple[str, str], str]]:
    """The programs by "retry" that earned 1 and say an answer: (task id, form) and the reason, as the guard has them. A
    form that somebody wrote for the task who was not shown the answers is not refused."""
    right = Grouped(
        (each.task_id, (each.author, canonical.form(each.program), each.program))
        for each in rollouts
        if each.reward == 1
    )
    for task in tasks:
        found = list(right.of(task.question.id))
        unaided = {known_by for author, known_by, _ in found if author != "retry"}
        for author, known_by, program in found:
            if author == "retry" and known_by not in unaided and says_answer(program, task):
                yield (task.question.id, known_by), TOLD


def says_answer(program: str, task: Task) -> bool:
    """Whether a literal of a program that parses says an annotated answer, by the rule above."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd escapes in a sampled program are not ours to report
        literals = list(_literals(ast.parse(program), _chosen_from(task.question)))
    if task.question.kind in ("ground", "detect"):
        return any(float(number) > _LARGEST for each in literals for number in _NUMBER.findall(str(each)))
    said = [_words(normalise(each)) for each in literals]

    def says(words: str) -> bool:
        return any(f" {words} " in f" {text} " for text in said)

    alternatives = _alternatives(task)
    for answer in {answer for instance in task.instances for answer in instance.answers}:
        own = next((forms for forms in alternatives if _form(task.question, answer) in forms), None)
        if own is None:
            words = _words(normalise(answer))
            given = says(words) and not _is_known(task.question, words)
        else:
            others = [words for forms in alternatives if forms is not own for words in forms]
            given = any(map(says, own)) and not any(map(says, others))
        if given:
            return True
    return False


def _literals(tree: ast.Module, chosen_from: str | None) -> Iterator[Plain]:
    """The plain literals that could say an answer; `chosen_from` is the list whose items are the alternatives."""
    ignored: set[int] = set()
    returned: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            ignored.add(id(node.value))  # a docstring
        elif isinstance(node, ast.Subscript) and not _is_name(node.value, chosen_from):
            ignored |= {id(leaf) for leaf in ast.walk(node.slice) if _is_number(leaf)}
        elif isinstance(node, ast.Subscript):
            returned |= {id(leaf) for leaf in ast.walk(node.slice)}
        elif isinstance(node, ast.Return):
            returned |= {id(leaf) for leaf in _branches(node.value)}
    for leaf in ast.walk(tree):
        value: Any = leaf.value if isinstance(leaf, ast.Constant) else None
        if is_plain(value) and id(leaf) not in ignored and (id(leaf) in returned or normalise(value) not in _SMALL):
            yield value


def _branches(value: ast.expr | None) -> Iterator[ast.AST]:
    """What an expression may come to as it stands."""
    match value:
        case ast.IfExp():
            yield from _branches(value.body)
            yield from _branches(value.orelse)
        case ast.BoolOp():
            for each in value.values:
                yield from _branches(each)
        case ast.expr():
            yield value


def _is_name(value: ast.expr, name: str | None) -> bool:
    return isinstance(value, ast.Name) and value.id == name


def _is_number(leaf: ast.AST) -> bool:
    return isinstance(leaf, ast.Constant) and type(leaf.value) in (int, float)


def _chosen_from(question: Question) -> str | None:
    """The parameter that holds the alternatives of a choice."""
    if question.kind not in ("choice", "match"):
        return None
    return "options" if question.options else "images"


def _alternatives(task: Task) -> list[tuple[str, ...]]:
    """What there is to choose from, each as the words it can be said with."""
    question = task.question
    if question.options:
        texts = [_words(normalise(option)) for option in question.options]
        if all(map(_NUMBER.fullmatch, question.options)):  # then a number is one of them and no index
            return [(text,) for text in texts]
        return [(text, str(index)) for index, text in enumerate(texts)]
    if question.kind in ("choice", "match"):
        return [(str(index),) for index in range(max(len(instance.images) for instance in task.instances))]
    return [("yes",), ("no",)]


def _form(question: Question, answer: Plain) -> str:
    """Words of an annotated answer; of an option, those that it is among the alternatives with."""
    index = chosen(question.options, 0, answer) if question.options else None
    return _words(normalise(answer if index is None else question.options[index]))


def _is_known(question: Question, words: str) -> bool:
    return f" {words} " in f" {_words(normalise(question.text))} " or words in _API


def _words(text: str) -> str:
    """Words apart, without what punctuates them; a text of nothing else stands for itself."""
    return " ".join(_WORD.findall(text)) or text
