"""GQA's loader on files in the official layout, whole, broken and huge."""

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from visrep.env.faults import UserFault
from visrep.env.tasks import gqa
from visrep.env.types import Box


def question(image: str = "1", text: str = "Is there a dog?", answer: str = "yes", **more: Any) -> dict[str, Any]:
    return {
        "semantic": [{"operation": "select", "dependencies": [], "argument": "dog (7)"}],
        "entailed": [],
        "equivalent": [],
        "question": text,
        "imageId": image,
        "isBalanced": True,
        "groups": {"global": None, "local": "13-dog"},
        "answer": answer,
        "semanticStr": "select: dog (7)",
        "annotations": {"answer": {}, "question": {}, "fullAnswer": {}},
        "types": {"detailed": "existC", "semantic": "obj", "structural": "verify"},
        "fullAnswer": "Yes, there is a dog.",
        **more,
    }


def thing(x: int = 10, y: int = 20, w: int = 30, h: int = 40, **more: Any) -> dict[str, Any]:
    return {"name": "dog", "x": x, "y": y, "w": w, "h": h, "attributes": ["brown"], "relations": [], **more}


def written(root: Path, questions: Any, graphs: Any = None, split: str = "val", suffix: str = ".jpg") -> Path:
    (root / "images").mkdir(exist_ok=True)
    (root / f"{split}_balanced_questions.json").write_text(json.dumps(questions), encoding="utf-8")
    if graphs is not None:
        (root / f"{split}_sceneGraphs.json").write_text(json.dumps(graphs, ensure_ascii=False), encoding="utf-8")
    for entry in questions.values():
        Image.new("RGB", (100, 80)).save(root / "images" / f"{entry['imageId']}{suffix}")
    return root


def graph(*things: dict[str, Any]) -> dict[str, Any]:
    return {"width": 100, "height": 80, "objects": {str(number): one for number, one in enumerate(things)}}


def test_a_question_becomes_a_task_of_its_detailed_type(tmp_path: Path) -> None:
    written(tmp_path, {"05515938": question("2405722")}, {"2405722": graph(thing())})
    (task,) = gqa.load(tmp_path, "val")
    assert (task.question.id, task.question.text) == ("05515938", "Is there a dog?")
    assert (task.question.kind, task.question.category) == ("answer", "existC")
    assert (task.dataset, task.split) == ("gqa", "val")
    (instance,) = task.instances
    assert instance.images == (tmp_path / "images" / "2405722.jpg",)
    assert instance.answers == ("yes",)


def test_boxes_are_turned_to_the_bottom_left_frame(tmp_path: Path) -> None:
    things = (thing(relations=[{"name": "to the left of", "object": "1"}]), thing(50, 0, 10, 10))
    written(tmp_path, {"a": question()}, {"1": graph(*things)})
    (task,) = gqa.load(tmp_path, "val")
    scene = task.instances[0].scenes[0]
    assert (scene.width, scene.height) == (100, 80)
    assert [one.box for one in scene.objects] == [Box(10, 20, 40, 60), Box(50, 70, 60, 80)]
    assert scene.objects[0].attributes == ("brown",)
    assert scene.objects[0].relations == (("to the left of", "1"),)


def test_boxes_that_reach_beyond_the_image_are_clipped_or_dropped(tmp_path: Path) -> None:
    things = (
        thing(90, 70, 30, 30, relations=[{"name": "near", "object": "1"}]),
        thing(100, 10, 5, 5),
        thing(3, 3, 0, 2),
    )
    written(tmp_path, {"a": question()}, {"1": graph(*things)})
    (task,) = gqa.load(tmp_path, "val")
    (only,) = task.instances[0].scenes[0].objects
    assert only.box == Box(90, 0, 100, 10)
    assert only.relations == ()


def test_a_split_without_scene_graphs_has_tasks_without_scenes(tmp_path: Path) -> None:
    written(tmp_path, {"a": question()}, split="testdev")
    (task,) = gqa.load(tmp_path, "testdev")
    assert task.instances[0].scenes == ()


def test_graphs_are_found_whatever_letters_stand_before_them(tmp_path: Path) -> None:
    graphs = {"0": graph(thing(name="café — 犬")), "1": graph(thing(name="naïve dog 🐕"), thing(name="cat"))}
    written(tmp_path, {"a": question("1"), "b": question("0")}, graphs)
    tasks = list(gqa.load(tmp_path, "val"))
    assert [one.name for one in tasks[0].instances[0].scenes[0].objects] == ["naïve dog 🐕", "cat"]
    assert tasks[1].instances[0].scenes[0].objects[0].name == "café — 犬"


def test_equal_questions_are_asked_of_several_images_with_differing_answers(tmp_path: Path) -> None:
    answers = ["yes", "yes", "yes", "no", "no"]
    rows = {str(number): question(str(number), answer=answer) for number, answer in enumerate(answers)}
    rows["cat"] = question("9", text="Is there a cat?")
    rows["other type"] = question("8", types={"detailed": "existRelS", "semantic": "rel", "structural": "verify"})
    tasks = list(gqa.load(written(tmp_path, rows), "val", instances=2))
    found = [[instance.id for instance in task.instances] for task in tasks]
    assert found == [["0", "3"], ["1", "4"], ["2"], ["cat"], ["other type"]]
    assert [task.question.id for task in tasks] == ["0", "1", "2", "cat", "other type"]
    assert [task.question.category for task in tasks][-1] == "existRelS"
    (first, *_) = gqa.load(tmp_path, "val", instances=4)
    assert sorted(instance.answers[0] for instance in first.instances) == ["no", "no", "yes", "yes"]


def test_questions_in_parts_are_read_in_the_parts_order(tmp_path: Path) -> None:
    written(tmp_path, {"x": question()})
    parts = tmp_path / "train_all_questions"
    parts.mkdir()
    for number in (10, 2, 1):
        path = parts / f"train_all_questions_{number}.json"
        path.write_text(json.dumps({f"q{number}": question()}))
    ids = [task.question.id for task in gqa.load(tmp_path, "train", variant="all")]
    assert ids == ["q1", "q2", "q10"]


def test_png_images_are_found_too(tmp_path: Path) -> None:
    (task,) = gqa.load(written(tmp_path, {"a": question()}, suffix=".png"), "val")
    assert task.instances[0].images[0].is_file()


def test_a_missing_split_is_named_with_what_there_is(tmp_path: Path) -> None:
    written(tmp_path, {"a": question()}, split="testdev")
    with pytest.raises(
        UserFault, match=r"no testdv_balanced_questions\.json; did you mean 'testdev_balanced_questions'"
    ):
        gqa.load(tmp_path, "testdv")


def test_missing_images_are_told_at_once(tmp_path: Path) -> None:
    written(tmp_path, {"a": question()})
    (tmp_path / "images" / "1.jpg").unlink()
    with pytest.raises(UserFault, match="images/1 is missing"):
        gqa.load(tmp_path, "val")


def test_a_truncated_file_gives_its_whole_rows_and_then_one_fault_with_file_and_row(tmp_path: Path) -> None:
    written(tmp_path, {str(number): question() for number in range(50)})
    path = tmp_path / "val_balanced_questions.json"
    text = path.read_text()
    for end in (len(text) - 1, len(text) - 40, text.index('"49"') + 3, text.index('"49"') - 1):
        path.write_text(text[:end])
        tasks = gqa.load(tmp_path, "val")
        assert [next(tasks).question.id for _ in range(49)] == [str(number) for number in range(49)]
        with pytest.raises(UserFault, match=r"val_balanced_questions\.json: entry (49|50) is cut off"):
            list(tasks)


@pytest.mark.parametrize(
    ("questions", "message"),
    [
        ({"a": question(), "b": question(answer=None)}, r"entry 2 \(b\) has answer None"),
        ({"a": question(), "b": question(types={})}, r"entry 2 \(b\) has detailed None"),
        ({"a": question(), "b": question("404")}, r"entry 2 \(b\) asks of image '404'"),
    ],
)
def test_an_inconsistent_row_is_one_fault_with_file_and_row(tmp_path: Path, questions: Any, message: str) -> None:
    written(tmp_path, questions, {"1": graph(thing())})
    tasks = gqa.load(tmp_path, "val")
    assert next(tasks).question.id == "a"
    with pytest.raises(UserFault, match=message):
        next(tasks)


def test_a_graph_that_is_none_is_one_fault(tmp_path: Path) -> None:
    written(tmp_path, {"a": question()}, {"1": graph({"name": "dog"})})
    with pytest.raises(UserFault, match=r"sceneGraphs\.json: the graph of image '1'.*KeyError"):
        list(gqa.load(tmp_path, "val"))


def test_tasks_stream_in_constant_memory(tmp_path: Path) -> None:
    written(tmp_path, {"a": question()})
    row = json.dumps(question(text="Is there a dog? " * 60))
    path = tmp_path / "val_balanced_questions.json"
    with path.open("w") as file:
        file.write("{" + ",".join(f'"{number}": {row}' for number in range(20000)) + "}")
    assert path.stat().st_size > 25e6
    tracemalloc.start()
    assert sum(1 for _ in gqa.load(tmp_path, "val")) == 20000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12e6
