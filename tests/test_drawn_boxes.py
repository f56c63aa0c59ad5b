"""Drawn data sets whose answers are boxes: what is written is what is seen, and every phrase has a short program."""

import json
import pickle
import pickletools
import re
import runpy
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from visrep import reward
from visrep.env.drawn import coco, omnilabel, refcoco
from visrep.env.drawn.phrases import FORMS, phrase
from visrep.env.drawn.scene import SHAPES, generate
from visrep.env.environment import Environment
from visrep.env.faults import UserFault
from visrep.env.formats import plain_pickle
from visrep.env.perception import Perception, shapes
from visrep.env.perception import scene as annotated
from visrep.env.perception.service import Service
from visrep.env.sandbox import Sandbox
from visrep.env.tasks import coco as coco_tasks
from visrep.env.tasks import omnilabel as omnilabel_tasks
from visrep.env.tasks import refcoco as refcoco_tasks
from visrep.env.types import Task
from visrep.policy.prompt import load_examples
from visrep.train.config import load_recipe
from visrep.train.parts import draw_if_absent, load_tasks

program = runpy.run_path(str(Path(__file__).with_name("drawn_phrases.py")))["program"]

WRITERS: dict[str, Any] = {"refcoco": refcoco, "coco": coco, "omnilabel": omnilabel}
LOADERS: dict[str, Any] = {"refcoco": refcoco_tasks, "coco": coco_tasks, "omnilabel": omnilabel_tasks}


def counts(name: str) -> dict[str, int]:
    train, _, test = WRITERS[name].SPLITS
    return {train: 4, test: 3}


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A drawn data set of each format, two sentences or images to a reference, category or description."""
    folder = tmp_path_factory.mktemp("drawn")
    for name, writer in WRITERS.items():
        writer.draw(folder / name, seed=5, tasks_per_category=counts(name), instances=2)
    return {name: folder / name for name in WRITERS}


@pytest.fixture(scope="module")
def tasks(roots: dict[str, Path]) -> dict[str, list[Task]]:
    return {
        name: [task for split in counts(name) for task in LOADERS[name].load(root, split)]
        for name, root in roots.items()
    }


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.mark.parametrize("perception", [annotated.load(), shapes.load()], ids=["scene", "shapes"])
@pytest.mark.parametrize("name", list(WRITERS))
def test_a_program_read_off_the_text_finds_what_is_annotated(
    tasks: dict[str, list[Task]], sandbox: Sandbox, perception: Perception, name: str
) -> None:
    environment = Environment(sandbox, Service(perception), reward.score)
    pairs = [(task, program(task.question.text, task.question.kind)) for task in tasks[name]]
    rollouts = list(environment.run(pairs))
    assert len(rollouts) == len(pairs)
    wrong = [
        (each.task_id, each.program, each.scores, each.executions) for each in rollouts if each.scores[0].measure < 1
    ]
    assert not wrong


@pytest.mark.parametrize("name", list(WRITERS))
def test_annotated_boxes_are_those_of_the_scenes(tasks: dict[str, list[Task]], name: str) -> None:
    for task in tasks[name]:
        for instance in task.instances:
            assert {*instance.boxes} <= {thing.box for thing in instance.scenes[0].objects}
            assert all(len(thing.attributes) == 2 for thing in instance.scenes[0].objects)


def test_each_shape_has_its_references_and_each_of_them_its_sentences(roots: dict[str, Path]) -> None:
    for split, count in counts("refcoco").items():
        found = list(refcoco_tasks.load(roots["refcoco"], split))
        assert Counter(task.question.category for task in found) == dict.fromkeys(SHAPES, 2 * count)
        assert set(Counter(task.instances[0].boxes for task in found).values()) == {2}


def test_sentences_are_of_all_forms(roots: dict[str, Path]) -> None:
    texts = [task.question.text for split in counts("refcoco") for task in refcoco_tasks.load(roots["refcoco"], split)]
    sign = {"negation": " not ", "half": " half", "order": " from ", "comparison": " than ", "extreme": "most|est "}
    sign |= {"relation": " (left|right) of |above|below"}
    found = {form: sum(bool(re.search(pattern, text)) for text in texts) for form, pattern in sign.items()}
    found["attribute"] = len(texts) - sum(found.values())
    assert set(found) == set(FORMS)
    assert min(found.values()) >= len(texts) / len(FORMS) / 2


def test_each_shape_is_in_as_many_images_as_are_asked_for(roots: dict[str, Path]) -> None:
    for split, count in counts("coco").items():
        found = Counter(task.question.category for task in coco_tasks.load(roots["coco"], split))
        assert set(found) == set(SHAPES)
        assert min(found.values()) == 2 * count


def test_descriptions_of_each_form_are_asked_of_their_images_some_of_which_lack_them(roots: dict[str, Path]) -> None:
    for split, count in counts("omnilabel").items():
        pairs = list(omnilabel_tasks.load(roots["omnilabel"], split))
        described = [task for task in pairs if task.question.category == "object_description"]
        assert len(described) == 2 * count * len(FORMS)
        assert len({task.question.text for task in described}) == count * len(FORMS)
        empty = sum(not task.instances[0].boxes for task in described)
        assert empty == len(described) // 3
        assert {task.question.text for task in pairs if task not in described} == set(SHAPES)


@pytest.mark.parametrize("name", list(WRITERS))
def test_splits_share_no_picture_and_no_phrase(roots: dict[str, Path], tasks: dict[str, list[Task]], name: str) -> None:
    train, test = ([task for task in tasks[name] if task.split == split] for split in counts(name))
    pictures = [{task.instances[0].images[0].read_bytes() for task in part} for part in (train, test)]
    assert not pictures[0] & pictures[1]
    if name != "coco":  # whose categories are the same everywhere
        texts = [{task.question.text for task in part} - set(SHAPES) for part in (train, test)]
        assert not texts[0] & texts[1]


def test_a_phrases_noun_alone_would_mean_more() -> None:
    scenes = [generate(f"needed/{number}") for number in range(60)]
    for form in FORMS:
        named = 0
        for number in range(60):
            tried = phrase(form, Random(number))
            for scene in scenes:
                meant = tried.meant(scene)
                if meant and form != "attribute":
                    named += 1
                    noun = re.search(r"circle|square|triangle|object", tried.one)
                    assert noun is not None
                    alike = [thing for thing in scene.objects if noun[0] in ("object", thing.name)]
                    assert len(alike) > len(meant), (tried.one, scene)
        assert form == "attribute" or named > 20


def test_the_references_are_a_pickle_of_plain_data_as_python_2_writes_it(roots: dict[str, Path]) -> None:
    path = roots["refcoco"] / "refcoco" / "refs(unc).p"
    content = path.read_bytes()
    assert content[:2] == b"\x80\x02"
    assert max(opcode.proto for opcode, _, _ in pickletools.genops(content)) <= 2
    rows = pickle.loads(content)
    assert rows == plain_pickle.read(path)
    objects = json.loads((path.parent / "instances.json").read_text())
    boxes = {row["id"]: row for row in objects["annotations"]}
    images = {row["id"]: row["file_name"] for row in objects["images"]}
    for row in rows:
        assert set(row) == {
            "sent_ids", "file_name", "ann_id", "ref_id", "image_id", "split", "sentences", "category_id"
        }  # fmt: skip
        assert boxes[row["ann_id"]]["image_id"] == row["image_id"]
        assert boxes[row["ann_id"]]["category_id"] == row["category_id"]
        assert row["sent_ids"] == [sentence["sent_id"] for sentence in row["sentences"]]
        assert all(set(sentence) == {"tokens", "raw", "sent", "sent_id"} for sentence in row["sentences"])
        assert row["file_name"].startswith(images[row["image_id"]].removesuffix(".png"))


@pytest.mark.parametrize("name", list(WRITERS))
def test_a_seed_draws_the_same_again_and_another_seed_something_else(tmp_path: Path, name: str) -> None:
    one = {WRITERS[name].SPLITS[2]: 1}
    for folder, seed in (("first", 1), ("again", 1), ("other", 2)):
        WRITERS[name].draw(tmp_path / folder, seed=seed, tasks_per_category=one, instances=1)
    files = {
        folder: {path.relative_to(tmp_path / folder): path.read_bytes() for path in (tmp_path / folder).rglob("*.*")}
        for folder in ("first", "again", "other")
    }
    assert files["first"] == files["again"]
    assert not set(files["first"].values()) & set(files["other"].values())


@pytest.mark.parametrize("name", list(WRITERS))
def test_what_is_drawn_is_never_overwritten(roots: dict[str, Path], name: str) -> None:
    before = (roots[name] / "drawn.json").stat().st_mtime_ns
    WRITERS[name].draw(roots[name], seed=5, tasks_per_category=counts(name), instances=2)
    assert (roots[name] / "drawn.json").stat().st_mtime_ns == before
    with pytest.raises(UserFault, match="another instances"):
        WRITERS[name].draw(roots[name], seed=5, tasks_per_category=counts(name), instances=3)
    with pytest.raises(UserFault, match="splits to draw are"):
        WRITERS[name].draw(roots[name], seed=5, tasks_per_category={"testdev": 1}, instances=2)


@pytest.mark.parametrize(("name", "count", "instances"), [("refcoco", 1, 400), ("omnilabel", 90, 1)])
def test_more_than_there_are_phrases_for_is_refused(tmp_path: Path, name: str, count: int, instances: int) -> None:
    with pytest.raises(UserFault, match="ask for fewer"):
        WRITERS[name].draw(tmp_path / "drawn", seed=0, tasks_per_category={"train": count}, instances=instances)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["ground", "detect"])
def test_no_example_of_a_prompt_can_be_drawn_and_all_are_right(tasks: dict[str, list[Task]], kind: str) -> None:
    drawn = {"star": "circle", "ring": "square", "orange": "red", "gray": "blue"}
    words = {word for each in tasks.values() for task in each for word in re.findall(r"\w+", task.question.text)}
    assert not {word.removesuffix("s") for word in words} & set(drawn)
    examples = load_examples(kind)
    assert len({example.category for example in examples} & set(FORMS)) == len(examples) == 6
    for example in examples:
        question, code = (
            re.sub("|".join(drawn), lambda found: drawn[found[0]], text) for text in (example.question, example.program)
        )
        assert question != example.question, "its words are not drawn ones"
        assert code == program(question, kind), "programs of that form are right: see above"


@pytest.mark.parametrize(("name", "dataset"), [("ground", "refcoco"), ("detect", "omnilabel")])
def test_recipes_hold_out_100_tasks_or_more(tmp_path: Path, name: str, dataset: str) -> None:
    recipe = load_recipe(name, [f"data.root={tmp_path / 'drawn'}"])
    assert recipe.data[0].dataset == dataset
    draw_if_absent(recipe.data)
    for part in ("train", "test"):
        tasks, left_out = load_tasks(recipe, part)
        assert (len(tasks) >= 100, left_out) == (True, 0)
        assert {task.question.kind for task in tasks} == {name}
