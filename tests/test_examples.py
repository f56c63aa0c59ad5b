"""The in-context examples for photographs: each is a program that runs, and returns what its kind of question asks for.

Those for drawn scenes are tested on drawn scenes, where they are right.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from visrep import reward
from visrep.env.drawn.nextqa import draw
from visrep.env.environment import Environment
from visrep.env.perception import scripted
from visrep.env.perception.service import Service
from visrep.env.sandbox import Sandbox
from visrep.env.types import Instance, Question
from visrep.policy.prompt import Example, load_examples

FILES = sorted(path.stem for path in (Path(__file__).parents[1] / "policy" / "examples").glob("photos*.toml"))


@pytest.fixture(scope="module")
def environment() -> Iterator[Environment]:
    with Environment(Sandbox(), Service(scripted.load()), reward.score) as made:
        yield made


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Instance]:
    """What programs get, by the name of their first parameter."""
    folder = tmp_path_factory.mktemp("inputs")
    images = tuple(folder / f"{name}.png" for name in ("left", "right"))
    for path in images:
        Image.new("RGB", (120, 80), "white").save(path)
    draw(folder / "videos", seed=0, tasks_per_category={"test": 1}, instances=1)
    video = next((folder / "videos").rglob("*.mp4"))
    return {
        "image": Instance("image", images[:1]),
        "images": Instance("images", images),
        "video": Instance("video", video=video),
    }


def asked(example: Example) -> Question:
    """The question, with its options as a prompt has them."""
    text, _, options = example.question.partition(" Options: ")
    signature = re.findall(r"def (\w+\(.*?\)):", example.program)[0]
    return Question("example", text, "answer", "", tuple(ast.literal_eval(options)) if options else (), signature)


def fits(value: Any, question: Question, file: str) -> bool:
    of_file = file.rpartition("_")[2]
    match of_file:
        case "ground":
            return type(value) is dict
        case "detect":
            return isinstance(value, list) and all(type(each) is dict for each in value)
        case "verify":
            return isinstance(value, bool)
    if question.options:
        return value in question.options or of_file == "choice"  # which may say what it saw, in its own words
    return type(value) is dict if of_file == "match" else isinstance(value, str | int)


@pytest.mark.parametrize("file", FILES)
def test_an_example_is_a_program_that_runs_and_returns_what_is_asked_for(
    file: str, environment: Environment, inputs: dict[str, Instance]
) -> None:
    for example in load_examples(file):
        question = asked(example)
        subject = re.findall(r"\((\w+)", question.signature)[0]
        ((_, execution),) = environment.execute([example.program], inputs[subject], question)
        assert execution.outcome == "ok", (example, execution.message)
        assert execution.calls
        assert fits(execution.value, question, file), (example, execution.value)
