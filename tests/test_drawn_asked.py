"""Drawn pictures with questions in the formats of VQA v2, OK-VQA, A-OKVQA and TallyQA: programs read off the texts are
right on the pixels, and people disagree as they should."""

import importlib
import json
import re
import runpy
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from PIL import Image

from visrep import reward
from visrep.env.drawn.annotators import agree, ten_answers, three_others
from visrep.env.drawn.asked import Asked, save_pictures
from visrep.env.drawn.questions import CATEGORIES, ask
from visrep.env.drawn.scene import generate
from visrep.env.environment import Environment
from visrep.env.faults import UserFault
from visrep.env.perception import shapes
from visrep.env.perception.picture import Picture
from visrep.env.perception.service import Service
from visrep.env.sandbox import Sandbox
from visrep.env.types import Task
from visrep.env.vqa import soft_scores
from visrep.train.config import check
from visrep.train.parts import load_tasks
from visrep.train.split import Reachable

told = runpy.run_path(str(Path(__file__).with_name("asked_programs.py")))
program = told["program"]

NAMES = ("aokvqa", "okvqa", "tallyqa", "vqav2")


def draw(name: str, root: Path, seed: int = 7, tasks: int = 3, instances: int = 2) -> Any:
    module = importlib.import_module(f"visrep.env.drawn.{name}")
    counts = dict.fromkeys(module.SPLITS, tasks)
    module.draw(root, seed=seed, tasks_per_category=counts, instances=instances)
    return module


def load(name: str, root: Path, split: str, **options: Any) -> list[Task]:
    return list(importlib.import_module(f"visrep.env.tasks.{name}").load(root, split, **options))


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("asked")
    for name in NAMES:
        draw(name, folder / name)
    return {name: folder / name for name in NAMES}


@pytest.fixture(scope="module")
def environment() -> Iterator[Environment]:
    with Sandbox() as sandbox:
        yield Environment(sandbox, Service(shapes.load()), reward.score)


@pytest.mark.parametrize(("name", "options"), [*((name, {}) for name in NAMES), ("aokvqa", {"multiple_choice": True})])
def test_a_program_read_off_the_text_is_right_on_the_pixels_wherever_an_answer_can_be(
    roots: dict[str, Path], environment: Environment, name: str, options: dict[str, Any]
) -> None:
    splits = importlib.import_module(f"visrep.env.drawn.{name}").SPLITS
    tasks = {task.question.id: task for split in splits for task in load(name, roots[name], split, **options)}
    for rollout in environment.run((task, program(task)) for task in tasks.values()):
        soft = tasks[rollout.task_id].instances[0].soft
        assert rollout.reward == (not soft or max(soft) >= 0.6), (tasks[rollout.task_id], rollout)


@pytest.mark.parametrize("name", NAMES)
def test_splits_share_no_question_and_no_picture(roots: dict[str, Path], name: str) -> None:
    module = importlib.import_module(f"visrep.env.drawn.{name}")
    splits = [load(name, roots[name], split) for split in module.SPLITS]
    texts = [{task.question.text for task in tasks} for tasks in splits]
    pictures = [{task.instances[0].images[0].read_bytes() for task in tasks} for tasks in splits]
    ids = [task.question.id for tasks in splits for task in tasks]
    assert len(set(ids)) == len(ids)
    for found in (texts, pictures):
        assert sum(map(len, found)) == len(set().union(*found))
        assert all(found)


@pytest.mark.parametrize("name", NAMES)
def test_each_text_is_asked_of_several_pictures_with_different_answers(roots: dict[str, Path], name: str) -> None:
    module = importlib.import_module(f"visrep.env.drawn.{name}")
    options = {"multiple_choice": True} if name == "aokvqa" else {}
    tasks = load(name, roots[name], module.SPLITS[0], **options)
    asked = Counter(task.question.text for task in tasks)
    assert set(asked.values()) == {2}
    assert len(asked) == 3 * {"aokvqa": 6, "okvqa": 3, "tallyqa": 2, "vqav2": len(CATEGORIES)}[name]
    answers = {(task.question.text, task.instances[0].answers[0]) for task in tasks}
    assert len(answers) == len(tasks) or name in ("okvqa", "vqav2"), "there, people may have agreed on neither"


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_draws_the_same_again_and_another_seed_something_else(tmp_path: Path, name: str) -> None:
    for folder, seed in (("first", 1), ("again", 1), ("other", 2)):
        draw(name, tmp_path / folder, seed, tasks=1)
    first, again, other = (
        {path.relative_to(tmp_path / folder): path.read_bytes() for path in (tmp_path / folder).rglob("*.*")}
        for folder in ("first", "again", "other")
    )
    assert first == again
    assert not set(first.values()) & set(other.values())


def test_drawing_again_does_nothing_and_never_overwrites(tmp_path: Path) -> None:
    draw("vqav2", tmp_path / "drawn", tasks=1)
    before = (tmp_path / "drawn" / "drawn.json").stat().st_mtime_ns
    draw("vqav2", tmp_path / "drawn", tasks=1)
    assert (tmp_path / "drawn" / "drawn.json").stat().st_mtime_ns == before
    with pytest.raises(UserFault, match="drawn with another seed"):
        draw("vqav2", tmp_path / "drawn", seed=8, tasks=1)
    with pytest.raises(UserFault, match="drawn with another dataset"):
        draw("tallyqa", tmp_path / "drawn", tasks=1)
    with pytest.raises(UserFault, match="at least 1"):
        draw("okvqa", tmp_path / "none", tasks=0)
    with pytest.raises(UserFault, match="'val2014', 'test2015'"):
        importlib.import_module("visrep.env.drawn.okvqa").draw(
            tmp_path / "none", seed=0, tasks_per_category={"test": 1}, instances=1
        )
    assert not (tmp_path / "none").exists()


def test_pictures_are_jpegs_in_which_shapes_sees_exactly_what_was_drawn(tmp_path: Path) -> None:
    form = ask("count", Random(0))
    asked = [Asked(number, number, generate(f"jpeg/{number}"), form, "0") for number in range(25)]
    save_pictures(asked, lambda image: tmp_path / f"{image}.jpg")
    for each in asked:
        path = tmp_path / f"{each.image}.jpg"
        with Image.open(path) as image:
            assert image.format == "JPEG"
        seen = {(thing.name, thing.attributes, thing.box) for thing in shapes.look(Picture(path)).objects}
        assert seen == {(thing.name, thing.attributes, thing.box) for thing in each.scene.objects}


@pytest.mark.parametrize("right", ["yes", "no", "3", "red", "small", "circle", "banana"])
def test_two_or_more_of_ten_people_are_right_and_nobody_is_with_another(right: str) -> None:
    random = Random(1)
    measures = set()
    for _ in range(200):
        scores = soft_scores(ten_answers(right, True, random))
        assert next(iter(scores)) == right
        assert all(score == 0.3 for said, score in scores.items() if said != right)
        measures.add(scores[right])
    assert measures == {0.6, 0.9, 1.0}


@pytest.mark.parametrize("right", ["yes", "3", "red", "circle", "banana"])
def test_where_people_do_not_agree_no_answer_is_right(right: str) -> None:
    random = Random(1)
    for _ in range(50):
        scores = soft_scores(ten_answers(right, False, random))
        assert set(scores.values()) == {0.3}
        assert len(scores) == 10
        assert right not in scores
    assert 0.02 < sum(not agree(random) for _ in range(2000)) / 2000 < 0.08


def test_questions_on_which_nobody_agrees_are_left_out_of_learning(roots: dict[str, Path]) -> None:
    tasks = load("vqav2", roots["vqav2"], "train2014")
    hopeless = [task for task in tasks if max(task.instances[0].soft) < 0.6]
    assert 0 < len(hopeless) < len(tasks) / 5
    reachable = Reachable(lambda: tasks, 0.6)
    assert list(reachable()) == [task for task in tasks if task not in hopeless]
    assert reachable.left_out == len(hopeless)
    places = {"dataset": "vqav2", "root": str(roots["vqav2"]), "train": "train2014", "test": "train2014"}
    recipe = check({"data": places, "prompt": {"api": ["ImagePatch.find"], "examples": "drawn"}})
    learnt, left_out = load_tasks(recipe, "train")
    assert (len(learnt), left_out) == (len(tasks) - len(hopeless), len(hopeless))
    for judged in (load_tasks(recipe, "test"), load_tasks(recipe, "train", split="train2014")):
        assert (len(judged[0]), judged[1]) == (len(tasks), 0), "results are reported on all"


def test_there_are_four_choices_of_a_kind() -> None:
    random = Random(0)
    for right in ("red", "7"):
        others = three_others(right, random)
        assert len({right, *others}) == 4
        assert all(other.isdigit() == right.isdigit() for other in others)


def test_files_are_written_as_the_official_ones_are(roots: dict[str, Path]) -> None:
    for name, prefix in (("vqav2", "v2_"), ("okvqa", "")):
        questions = json.loads((roots[name] / f"{prefix}OpenEnded_mscoco_train2014_questions.json").read_text())
        annotations = json.loads((roots[name] / f"{prefix}mscoco_train2014_annotations.json").read_text())
        assert questions["task_type"] == "Open-Ended"
        for question, annotation in zip(questions["questions"], annotations["annotations"], strict=True):
            assert question["question_id"] == annotation["question_id"]
            assert question["image_id"] == annotation["image_id"]
            assert [given["answer_id"] for given in annotation["answers"]] == list(range(1, 11))
            assert annotation["question_type"] in question["question"].lower() or name == "okvqa"
            assert annotation["answer_type"] in ("yes/no", "number", "other")
    rows = json.loads((roots["aokvqa"] / "aokvqa_v1p0_train.json").read_text())
    assert all(len(row["direct_answers"]) == 10 and len(set(row["choices"])) == 4 for row in rows)
    assert {row["correct_choice_idx"] for row in rows} == {0, 1, 2, 3}
    train, test = (json.loads((roots["tallyqa"] / f"{split}.json").read_text()) for split in ("train", "test"))
    assert {"issimple" in row for row in train} == {False}
    assert {row["issimple"] for row in test} == {True, False}
    assert all(row["issimple"] != bool(re.search("left|right|above|below", row["question"])) for row in test)
