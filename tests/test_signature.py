"""In which ways programs fail: faults come from a real sandbox, wrong answers from the real rewards."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from visrep import reward
from visrep.corrections.signature import Signature, signature
from visrep.env.environment import Environment
from visrep.env.perception import scripted
from visrep.env.perception.service import Service
from visrep.env.sandbox import Limits, Sandbox
from visrep.env.types import Box, Execution, Instance, Kind, Question, Rollout, Score, Task

ONE, OTHER = Box(0, 0, 10, 10), Box(20, 0, 30, 10)


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Signature]]:
    """Runs the body of a program on one image, of which "3" is asked."""
    path = tmp_path_factory.mktemp("images") / "image.png"
    Image.new("RGB", (30, 20)).save(path)
    task = Task(Question("t", "?", "answer", "count"), (Instance("t", (path,), answers=("3",)),), "drawn", "train")
    with Environment(Sandbox(Limits(cpu_seconds=0.5), parallel=2), Service(scripted.load()), reward.score) as made:

        def run(body: str) -> Signature:
            return signature(made.step(task, f"def execute_command(image):\n    {body}"), task)

        yield run


@pytest.mark.parametrize(
    ("body", "member", "shown"),
    [
        ("return image.find_all('cup')", "ImagePatch.find_all", "runtime_error: ImagePatch.find_all does not exist"),
        ("return detect(image, 'cup')", "detect", "runtime_error: detect does not exist"),
        ("return image.find()", "ImagePatch.find", "runtime_error: ImagePatch.find misused"),
        ("return image.find(3)", "ImagePatch.find", "runtime_error: ImagePatch.find misused"),
        ("return image.crop(9, 0, 1, 5)", "ImagePatch.crop", "runtime_error: ImagePatch.crop misused"),
        ("return distance(image)", "distance", "runtime_error: distance misused"),
        ("return ImagePatch(3)", "ImagePatch", "runtime_error: ImagePatch misused"),
        ("return ImagePatch(1, 2, 3, 4, 5, 6, 7)", "ImagePatch", "runtime_error: ImagePatch misused"),
        ("return coerce_to_numeric('many')", "coerce_to_numeric", "runtime_error: coerce_to_numeric misused"),
    ],
)
def test_a_fault_is_known_by_the_apis_member(
    failed: Callable[[str], Signature], body: str, member: str, shown: str
) -> None:
    found = failed(body)
    assert found == Signature("runtime_error", member=member)
    assert str(found) == shown


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("return image.find('unicorn')[0]", "runtime_error: IndexError: list index out of range"),
        ("return image.find('cup').width", "runtime_error: AttributeError: 'list' object has no attribute 'width'"),
        ("return {'a': 1}['red cup']", "runtime_error: KeyError"),
        ("return cups", "runtime_error: NameError: name _ is not defined"),
        ("return int('three')", "runtime_error: ValueError: invalid literal for int() with base _: _"),
        ("return open('file')", "forbidden: open"),
        ("import os", "forbidden: import os"),
        ("return (", "syntax_error: SyntaxError: '(' was never closed"),
    ],
)
def test_other_faults_are_known_by_their_message_in_general(
    failed: Callable[[str], Signature], body: str, shown: str
) -> None:
    assert str(failed(body)) == shown


def test_faults_that_differ_in_particulars_are_one() -> None:
    task = make_task("answer", [Instance("1", answers=("3",))])
    messages = ("used more than 2.0 seconds", "used more than 0.5 seconds")
    runs = [Execution("timeout", message=message) for message in messages]
    assert signature(judged(task, [runs[0]]), task) == signature(judged(task, [runs[1]]), task)


def make_task(kind: Kind, instances: list[Instance], options: tuple[str, ...] = ()) -> Task:
    return Task(Question("t", "?", kind, "some", options), tuple(instances), "drawn", "train")


def judged(task: Task, executions: list[Execution]) -> Rollout:
    scores = tuple(
        reward.score(task, instance, execution.value) if execution.outcome == "ok" else Score(0, 0.0, execution.outcome)
        for instance, execution in zip(task.instances, executions, strict=True)
    )
    program = "def execute_command(image):\n    return 7"
    return Rollout("t", "some", program, tuple(executions), scores, 0)


def answered(kind: Kind, values: list[Any], answers: list[Any], options: tuple[str, ...] = ()) -> Signature:
    """Of a program that returned these values on one instance each."""
    boxes = kind in ("ground", "detect")
    instances = [
        Instance(str(n), images=(Path("x"),) * 2, boxes=tuple(each)) if boxes else Instance(str(n), answers=(each,))
        for n, each in enumerate(answers)
    ]
    task = make_task(kind, instances, options)
    return signature(judged(task, [Execution("ok", value) for value in values]), task)


def patch(box: Box) -> dict[str, Any]:
    return {"image": 0, "box": [box.left, box.lower, box.right, box.upper]}


@pytest.mark.parametrize(
    ("kind", "values", "answers", "pattern"),
    [
        ("verify", [False, False], [True, False], "always 'no'"),
        ("answer", ["no", "no"], ["yes", "no"], "always 'no'"),
        ("answer", ["red", "red", "red"], ["red", "blue", "red"], "always 'red'"),
        ("answer", ["no"], ["yes"], "says 'no'"),
        ("verify", ["no", "yes", "no"], [True, True, True], "says 'no'"),
        ("answer", ["a dog"], ["yes"], "says neither yes nor no"),
        ("answer", [True], ["red"], "says yes or no"),
        ("answer", [3, 5], ["2", "6"], "off by one"),
        ("answer", ["It is red."], ["red"], ""),
        ("answer", ["it is red"], ["red"], "says more than the answer"),
        ("answer", ["dog"], ["black dog"], "says less than the answer"),
        ("answer", ["blue"], ["red"], ""),
        ("answer", [3, 9], ["2", "6"], ""),
        ("ground", [patch(OTHER)], [[ONE]], "another place"),
        ("ground", [patch(Box(0, 0, 10, 2))], [[ONE]], "overlaps too little"),
        ("detect", [[]], [[ONE]], "finds nothing"),
        ("detect", [[patch(OTHER), patch(OTHER)]], [[ONE]], "finds too many"),
        ("detect", [[patch(OTHER)]], [[ONE, ONE]], "finds too few"),
        ("detect", [[patch(OTHER)]], [[ONE]], "finds others"),
    ],
)
def test_wrong_answers_are_known_by_what_is_common_to_them(
    kind: Kind, values: list[Any], answers: list[Any], pattern: str
) -> None:
    found = answered(kind, values, answers)
    assert (found.outcome, found.pattern) == ("wrong_answer", pattern)
    assert bool(found.shape) != bool(pattern)


def test_one_value_for_images_of_one_answer_is_no_constant() -> None:
    assert answered("answer", ["3", "3"], ["2", "2"]).pattern == "off by one"


@pytest.mark.parametrize(
    ("kind", "value", "pattern"),
    [
        ("answer", patch(ONE), "a patch instead of text"),
        ("answer", [patch(ONE)], "patches instead of text"),
        ("answer", ["red"], "a list instead of text"),
        ("verify", 3, "a number instead of yes or no"),
        ("ground", "red", "text instead of a patch"),
        ("ground", [patch(ONE)], "patches instead of a patch"),
        ("detect", patch(ONE), "a patch instead of patches"),
        ("choice", "green", "text instead of an option"),
    ],
)
def test_a_wrong_type_is_named_beside_the_right_one(kind: Kind, value: Any, pattern: str) -> None:
    right: Any = [ONE] if kind in ("ground", "detect") else True if kind == "verify" else "red"
    found = answered(kind, [value], [right], ("red", "blue") if kind == "choice" else ())
    assert found == Signature("wrong_type", pattern=pattern)


def test_what_cannot_be_returned_is_a_wrong_type_too(failed: Callable[[str], Signature]) -> None:
    assert str(failed("image.find('cup')")) == "wrong_type: nothing instead of text"


def test_wrong_answers_without_a_pattern_are_known_by_the_programs_shape(failed: Callable[[str], Signature]) -> None:
    found = failed("cups = image.find('cup')\n    return 'many' if cups else 'none'")
    assert str(found) == "wrong_answer: v1 = v0.find(_); return _ if v1 else _"
    assert found == failed("it = image.find('plate')\n    return 'some' if it else 'no plate'")
    assert found != failed("return 'many'")
