"""A user's own data: rows of every kind, one line for whatever is wrong with one, and the documentation's example."""

import json
import re
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from visrep import reward
from visrep.env.drawn.scene import BACKGROUND, COLOURS
from visrep.env.faults import UserFault
from visrep.env.tasks import own
from visrep.env.types import Box
from visrep.train import parts
from visrep.train.config import load_recipe

PAGE = (Path(__file__).parents[1] / "docs" / "own_data.md").read_text(encoding="utf-8")
ROWS, RECIPE = (re.findall(f"```{kind}\n(.*?)```", PAGE, re.DOTALL)[0] for kind in ("jsonl", "toml"))

BODIES = {
    "What color is the square?": 'image.find("square")[0].simple_query("What color is this?")',
    "What is left of the square?": "image.crop(0, 0, 120, 224).best_text_match(options)",
    "There is a blue circle.": 'image.exists("blue circle")',
    "The red square": 'image.find("red square")[0]',
    "Find all triangles.": 'image.find("triangle")',
    "Which image shows a triangle?": 'next(x for x in images if x.exists("triangle"))',
    "Which caption is right?": 'options[0] if len(image.find("circle")) == 2 else options[1]',
    "Is there a triangle?": 'bool_to_yesno(image.exists("triangle"))',
}
"""What right programs for the page's questions return."""


def row(**changes: Any) -> dict[str, Any]:
    """A row that is right, with changes; a key that is changed to None is left out."""
    whole = {"id": "1", "images": ["a.png"], "kind": "answer", "question": "What color?", "answers": ["red"]} | changes
    return {key: value for key, value in whole.items() if value is not None}


def written(root: Path, *rows: Any) -> Path:
    for name in ("a", "b"):
        Image.new("RGB", (100, 80)).save(root / f"{name}.png")
    (root / "clip.mp4").write_bytes(b"a video")
    (root / "train.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    return root


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the page describes, with its rows as both splits and drawings that fit them."""
    photos = tmp_path / "data" / "mine" / "photos"
    photos.mkdir(parents=True)
    for name in ("train", "test"):
        (photos.parent / f"{name}.jsonl").write_text(ROWS)
    desk, shelf = Image.new("RGB", (224, 224), BACKGROUND), Image.new("RGB", (224, 224), BACKGROUND)
    ImageDraw.Draw(desk).rectangle((120, 90, 159, 129), fill=COLOURS["red"])
    ImageDraw.Draw(desk).ellipse((40, 40, 80, 80), fill=COLOURS["blue"])
    ImageDraw.Draw(shelf).polygon([(100, 60), (80, 100), (120, 100)], fill=COLOURS["green"])
    desk.save(photos / "desk.png")
    shelf.save(photos / "shelf.png")
    (tmp_path / "mine.toml").write_text(RECIPE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_pages_recipe_runs_as_it_stands(page: Path) -> None:
    recipe = load_recipe("mine.toml")
    assert len(parts.load_tasks(recipe, "test")[0]) == len(BODIES)
    tasks, left_out = parts.load_tasks(recipe, "train")
    prompter = parts.build_prompter(recipe)
    written = [(task, prompter.program(task.question, f"\n    return {BODIES[task.question.text]}")) for task in tasks]
    with parts.build_environment(recipe) as environment:
        rollouts = list(environment.run(written))
    assert left_out == 0
    assert [rollout.program for rollout in rollouts if not rollout.reward] == []
    assert len(rollouts) == len(BODIES)


def test_the_pages_table_of_kinds_is_what_the_reward_takes(page: Path) -> None:
    tasks = {task.question.id: task for task in own.load(page / "data" / "mine", "train")}
    square, image = {"image": 0, "box": [120, 94, 160, 134]}, {"image": 1, "box": [0, 0, 224, 224]}
    returned = {
        "1": ["red", "dark red"],
        "2": ["a circle", 0],
        "3": [True, "yes"],
        "4": [square],
        "5": [[]],
        "6": [image, 1],
        "7": ["a triangle", 1],
        "8": [False, "no"],
    }
    assert {name: tasks[name].question.kind for name in returned} == {
        "1": "answer", "2": "choice", "3": "verify", "4": "ground", "5": "detect", "6": "match", "7": "match",
        "8": "verify",
    }  # fmt: skip
    for name, values in returned.items():
        task = tasks[name]
        assert [reward.score(task, task.instances[0], value).reward for value in values] == [1] * len(values)


def test_rows_of_one_task_become_its_instances(tmp_path: Path) -> None:
    more = {"task": "t", "kind": "verify", "category": "there", "group": "g"}
    rows = [row(id="x", answers=[True], **more), row(id="y", answers=[False], **more), row(id="z")]
    first, second = own.load(written(tmp_path, *rows), "train")
    assert (first.question.id, first.question.category, first.group) == ("t", "there", "g")
    assert [(one.id, one.answers) for one in first.instances] == [("x", (True,)), ("y", (False,))]
    assert (second.question.id, second.question.category, second.group) == ("z", "answer", None)


@pytest.mark.parametrize(
    ("changes", "signature"),
    [
        ({}, "execute_command(image)"),
        ({"images": ["a.png", "b.png"]}, "execute_command(images)"),
        ({"images": None, "video": "clip.mp4"}, "execute_command(video)"),
        ({"kind": "choice", "options": ["red", "blue"]}, "execute_command(image, options)"),
        (
            {"kind": "choice", "options": ["red", "blue"], "images": None, "video": "clip.mp4"},
            "execute_command(video, options)",
        ),
    ],
)
def test_the_signature_is_that_of_the_inputs(tmp_path: Path, changes: dict[str, Any], signature: str) -> None:
    (task,) = own.load(written(tmp_path, row(**changes)), "train")
    assert task.question.signature == signature
    assert (task.instances[0].video is None) == ("video" not in signature)


def test_boxes_are_turned_to_the_bottom_left_frame_and_clipped(tmp_path: Path) -> None:
    boxes = [[10, 20, 30, 40], [90.5, 70, 30, 30]]
    (task,) = own.load(written(tmp_path, row(kind="detect", answers=None, boxes=boxes)), "train")
    assert task.instances[0].boxes == (Box(10, 20, 40, 60), Box(90.5, 0, 100, 10))
    (empty,) = own.load(written(tmp_path, row(kind="detect", answers=None, boxes=[])), "train")
    assert empty.instances[0].boxes == ()


def test_the_index_of_an_option_stands_for_it(tmp_path: Path) -> None:
    (task,) = own.load(written(tmp_path, row(kind="choice", options=["red", "blue"], answers=[1])), "train")
    assert task.instances[0].answers == ("blue",)


@pytest.mark.parametrize(
    ("changes", "found", "expected"),
    [
        ({"id": None}, "id None", "a text"),
        ({"id": "0"}, "id '0' a second time", "an id of the row's own"),
        ({"question": "  "}, "question '  '", "a text"),
        ({"kind": "chioce"}, "kind 'chioce'", "one of answer, choice, .*; did you mean 'choice'?"),
        ({"kind": ["answer"]}, r"kind \['answer'\]", "one of answer, choice"),
        ({"awnsers": ["x"]}, "the key 'awnsers'", "did you mean 'answers'?"),
        ({"images": None}, "neither images nor video", "one of the two"),
        ({"video": "clip.mp4"}, "both images and video", "one of the two"),
        ({"images": "a.png"}, "images 'a.png'", "a list of texts"),
        ({"images": []}, "no images", "one or more"),
        ({"images": ["c.png"]}, "no file .*/c.png", "the image or video that the row names"),
        ({"answers": None}, "answers None", "a list of what is right"),
        ({"answers": "red"}, "answers 'red'", "a list of what is right"),
        ({"answers": [2.5]}, "the answer 2.5", "a text, a whole number, true or false"),
        ({"boxes": [[0, 0, 1, 1]]}, "boxes", "answers, as 'answer' is annotated with them"),
        ({"options": ["red", "blue"]}, "options", "none, as 'answer' is not answered with one"),
        ({"kind": "verify"}, r"answers \['red'\]", r"\[true\] or \[false\]"),
        ({"kind": "verify", "answers": [1]}, r"answers \[1\]", r"\[true\] or \[false\]"),
        ({"kind": "choice"}, r"options \[\]", "two or more that differ"),
        ({"kind": "choice", "options": ["red", "red"]}, r"options \['red', 'red'\]", "two or more that differ"),
        ({"kind": "choice", "options": ["x", "y"]}, r"answers \['red'\]", r"one of \['x', 'y'\] or its index"),
        ({"kind": "choice", "options": ["x", "y"], "answers": [2]}, r"answers \[2\]", "or its index"),
        ({"kind": "choice", "options": ["x", "y"], "answers": ["x", "y"]}, r"answers \['x', 'y'\]", "or its index"),
        ({"kind": "match", "answers": [0]}, "1 images and no options", "options, or two or more images"),
        ({"kind": "match", "images": ["a.png", "b.png"], "answers": [2]}, r"answers \[2\]", r"an index of \[0, 1\]"),
        ({"kind": "match", "images": ["a.png", "b.png"], "answers": [True]}, r"answers \[True\]", "an index of"),
        ({"kind": "ground"}, "answers", "boxes, as 'ground' is annotated with them"),
        ({"kind": "ground", "answers": None}, "boxes None", "a list of one box"),
        ({"kind": "ground", "answers": None, "boxes": []}, r"boxes \[\]", "a list of one box"),
        ({"kind": "ground", "answers": None, "boxes": [[0, 0, 1]]}, r"the box \[0, 0, 1\]", r"\[x, y, width, height\]"),
        ({"kind": "ground", "answers": None, "boxes": [[200, 0, 9, 9]]}, "the box", "within 100 x 80"),
        ({"kind": "ground", "answers": None, "boxes": [[9, 9, -5, 9]]}, "the box", "within 100 x 80"),
        ({"kind": "detect", "answers": None, "images": ["a.png", "b.png"], "boxes": []}, "2 images", "one, as boxes"),
        ({"kind": "detect", "answers": None, "images": ["clip.mp4"], "boxes": []}, "unreadable", "an image file"),
        ({"task": 3}, "task 3", "a text"),
        ({"task": "0"}, "task '0' with text 'What color", r"'Where is it\?' as in its first row"),
        ({"task": "0", "id": "0"}, "id '0' a second time", "an id of the row's own"),
    ],
)
def test_a_wrong_row_is_one_line_with_file_line_what_was_found_and_what_was_expected(
    tmp_path: Path, changes: dict[str, Any], found: str, expected: str
) -> None:
    tasks = own.load(written(tmp_path, row(id="0", question="Where is it?"), row(**changes)), "train")
    with pytest.raises(UserFault) as fault:
        list(tasks)
    assert re.search(rf"train\.jsonl:2: found .*{found}.*, expected .*{expected}", str(fault.value)), fault.value
    assert "\n" not in str(fault.value)


def test_rows_of_a_task_have_to_stand_together(tmp_path: Path) -> None:
    for last, found in ((row(id="z", task="t"), "task 't'"), (row(id="t"), "id 't'")):
        written(tmp_path, row(id="x", task="t"), row(id="y"), last)
        with pytest.raises(UserFault, match=rf"train\.jsonl:3: found {found} a second time.*next to each other"):
            list(own.load(tmp_path, "train"))


def test_a_line_that_is_no_row_is_told_and_blank_ones_are_not(tmp_path: Path) -> None:
    path = written(tmp_path, row()) / "train.jsonl"
    path.write_text(path.read_text() + "\n[1]\n")
    tasks = own.load(tmp_path, "train")
    with pytest.raises(UserFault, match=r"train\.jsonl:3: found \[1\], expected a JSON object"):
        list(tasks)
    path.write_text(json.dumps(row())[:-4])
    with pytest.raises(UserFault, match=r"train\.jsonl:1: no JSON line"):
        own.load(tmp_path, "train")


def test_a_missing_split_is_told_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(UserFault, match=r"test\.jsonl is missing; splits of .*: train"):
        own.load(written(tmp_path, row()), "test")


def test_tasks_stream_in_flat_memory(tmp_path: Path) -> None:
    written(tmp_path, row())
    with (tmp_path / "train.jsonl").open("w") as file:
        for number in range(20_000):
            file.write(json.dumps(row(id=f"row {number}", question="What color is it? " * 60)) + "\n")
    assert (tmp_path / "train.jsonl").stat().st_size > 20e6
    tracemalloc.start()
    assert sum(1 for _ in own.load(tmp_path, "train")) == 20_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5e6
