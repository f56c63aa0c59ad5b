"""NLVR's loader on the corpus itself, where it is at hand, and on broken files."""

import json
import re
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from visrep import reward
from visrep.env.environment import Environment
from visrep.env.faults import UserFault
from visrep.env.perception import scene as annotated
from visrep.env.perception import shapes
from visrep.env.perception.service import Service
from visrep.env.sandbox import Sandbox
from visrep.env.tasks import nlvr
from visrep.env.types import Box, Task

CORPUS = Path(__file__).parents[2] / "shared" / "data" / "nlvr"

COLOURS = {"yellow": (255, 255, 0), "black": (0, 0, 0), "blue": (0, 153, 255)}

PROGRAMS = {
    r"There are (\d) (\w+) (circle|triangle)s": """
    return len(image.find("{1} {2}")) == {0}""",
    r"one of the grey \w+ (?:has|contains) exactly (\w+) objects?": """
    return any(len(box.find("object")) == {0} for box in image.find("box"))""",
    r"There is a tower with (\w+) blocks": """
    return any(len(tower.find("block")) == {0} for tower in image.find("tower"))""",
    r"There (?:is|are) (\d) towers? with a (\w+) block at the top": """
    tops = [max(tower.find("block"), key=lambda x: x.upper) for tower in image.find("tower")]
    return len([top for top in tops if top.simple_query("What color is this?") == "{1}"]) == {0}""",
    r"There is a tower with a (\w+) block (?:over|above) a (\w+) block": """
    towers = [sorted(tower.find("block"), key=lambda x: x.lower) for tower in image.find("tower")]
    pairs = [pair for tower in towers for pair in zip(tower, tower[1:])]
    return any(y.verify_property("block", "{0}") and x.verify_property("block", "{1}") for x, y in pairs)""",
    r"There is a (\w+ \w+) closely touching the bottom of a box": """
    return any(item.lower - box.lower < 1 for box in image.find("box") for item in box.find("{0}"))""",
    r"There is a box with items of only one color": """
    boxes = [{{item.simple_query("What color is this?") for item in box.find("item")}} for box in image.find("box")]
    return any(len(colors) == 1 for colors in boxes)""",
}
"""Sentences of a regular form, and what they mean as a program."""

NUMBERS = {"one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7"}


def program(sentence: str) -> str | None:
    for pattern, body in PROGRAMS.items():
        found = re.fullmatch(pattern, sentence.rstrip(". "), re.IGNORECASE)
        if found:
            return "def execute_command(image):" + body.format(*(NUMBERS.get(word, word) for word in found.groups()))
    return None


@pytest.fixture(scope="module")
def tasks() -> list[Task]:
    if not CORPUS.is_dir():
        pytest.skip(f"{CORPUS} is absent")
    return [task for split in ("dev", "test") for task in nlvr.load(CORPUS, split)]


def row(identifier: str = "7-0", **more: Any) -> dict[str, Any]:
    thing = {"y_loc": 80, "type": "square", "color": "Yellow", "x_loc": 13, "size": 20}
    return {
        "sentence": "There is a yellow square. ",
        "label": "true",
        "identifier": identifier,
        "directory": "2",
        "evals": {"r0": "true"},
        "structured_rep": [[], [thing], [{**thing, "color": "#0099ff", "type": "circle", "size": 10}]],
        **more,
    }


def written(root: Path, *rows: Any) -> Path:
    images = root / "dev" / "images" / "2"
    images.mkdir(parents=True)
    (root / "dev" / "dev.json").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for one in rows:
        Image.new("RGB", (400, 100)).save(images / f"dev-{one['identifier']}-0.png")
    return root


def test_a_sentence_is_one_task_on_all_its_images(tasks: list[Task]) -> None:
    assert len(tasks) == 267 + 266
    assert sum(len(task.instances) for task in tasks) == 989 + 990
    assert max(len(task.instances) for task in tasks) == 4
    assert all(isinstance(instance.answers[0], bool) for task in tasks for instance in task.instances)


def test_annotated_objects_are_where_the_pixels_have_their_colour(tasks: list[Task]) -> None:
    for task in tasks[::5]:
        for instance in task.instances:
            pixels = np.asarray(Image.open(instance.images[0]).convert("RGB")).astype(int)
            for thing in instance.scenes[0].objects:
                box, colour = thing.box, COLOURS[thing.attributes[0]]
                x, y = int(box.left + box.right) // 2, 100 - int(box.lower + box.upper) // 2
                assert np.abs(pixels[y, x] - colour).sum() < 60
                if thing.name == "square":  # fills its box, and the box ends where it does
                    top, bottom = 100 - int(box.upper), 100 - int(box.lower)
                    inside = pixels[top:bottom, int(box.left) : int(box.right)]
                    assert (np.abs(inside - colour).sum(axis=2) < 60).mean() > 0.9
                    assert np.abs(pixels[y, int(box.left) - 1] - colour).sum() > 60 or box.left in nlvr.BOX_LEFT


def test_categories_are_few_and_none_is_rare(tasks: list[Task]) -> None:
    for split in ("dev", "test"):
        counted = Counter(task.question.category for task in tasks if task.split == split)
        assert set(counted) == {"touch", "order", "place", "color", "tower", "box", "count"}
        assert min(counted.values()) >= 10
        assert max(counted.values()) < 0.4 * counted.total()


@pytest.mark.parametrize(
    ("sentence", "category"),
    [
        ("there are two black triangles not touching any edge", "touch"),
        ("There is a blue block on a black block.", "order"),
        ("There is a yellow block as the top of a tower.", "place"),
        ("There is a box with items of only one color.", "color"),
        ("There is a tower with four blocks.", "tower"),
        ("One box has 2 yellow squares", "box"),
        ("There are 2 black circles", "count"),
    ],
)
def test_a_category_is_what_a_program_has_to_look_at(sentence: str, category: str) -> None:
    assert nlvr.category(sentence) == category


def test_programs_that_mean_the_sentence_are_right(tasks: list[Task]) -> None:
    pairs = [(task, text) for task in tasks if (text := program(task.question.text))]
    assert len(pairs) >= 30
    with Sandbox() as sandbox:
        for backend in (annotated.load(), shapes.load()):
            rollouts = list(Environment(sandbox, Service(backend), reward.score).run(pairs))
            wrong = [rollout.program for rollout in rollouts if not rollout.reward]
            assert len(rollouts) == len(pairs)
            assert len(wrong) <= 0.1 * len(pairs), "\n".join(wrong)  # people's judgements are not all consistent


def test_no_sentence_of_the_corpus_is_an_example(tasks: list[Task]) -> None:
    path = Path(__file__).parents[1] / "policy" / "examples" / "nlvr.toml"
    examples = tomllib.loads(path.read_text())["example"]
    assert len(examples) == 6
    asked = {task.question.text.lower().rstrip(".") for task in tasks}
    for example in examples:
        assert example["question"].lower().rstrip(".") not in asked
        assert nlvr.category(example["question"]) == example["category"]


def test_rows_become_instances_in_the_bottom_left_frame(tmp_path: Path) -> None:
    (task,) = nlvr.load(written(tmp_path, row("7-0"), row("7-3", label="false")), "dev")
    assert (task.question.id, task.question.kind) == ("dev-7", "verify")
    assert task.question.text == "There is a yellow square."
    assert [instance.answers for instance in task.instances] == [(True,), (False,)]
    assert task.instances[1].images == (tmp_path / "dev" / "images" / "2" / "dev-7-3-0.png",)
    yellow, blue = task.instances[0].scenes[0].objects
    assert (yellow.name, yellow.attributes, yellow.box) == ("square", ("yellow", "medium"), Box(163, 0, 183, 20))
    assert (blue.name, blue.attributes, blue.box) == ("circle", ("blue", "small"), Box(313, 10, 323, 20))


@pytest.mark.parametrize(
    "change", [{"label": "maybe"}, {"structured_rep": [[], []]}, {"structured_rep": [[{}], [], []]}, {"sentence": None}]
)
def test_a_row_that_is_not_nlvrs_is_a_fault_with_file_and_line(tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(UserFault, match=r"dev\.json:2: not a row of NLVR"):
        nlvr.load(written(tmp_path, row(), row("7-1", **change)), "dev")


def test_a_torn_file_is_a_fault_with_file_and_line(tmp_path: Path) -> None:
    path = written(tmp_path, row(), row("7-1")) / "dev" / "dev.json"
    path.write_text(path.read_text()[:-30])
    with pytest.raises(UserFault, match=r"dev\.json:2"):
        nlvr.load(tmp_path, "dev")


def test_images_that_share_an_identifier_share_the_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserFault, match="'7' differ in their sentence"):
        nlvr.load(written(tmp_path, row("7-0"), row("7-1", sentence="There is a tower.")), "dev")


def test_missing_files_are_told_at_once(tmp_path: Path) -> None:
    root = written(tmp_path, row())
    with pytest.raises(UserFault, match=r"train\.json is missing; splits of .*: dev"):
        nlvr.load(root, "train")
    (root / "dev" / "images" / "2" / "dev-7-0-0.png").unlink()
    with pytest.raises(UserFault, match=r"dev-7-0-0\.png is missing"):
        nlvr.load(root, "dev")
