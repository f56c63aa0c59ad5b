"""Winoground's loader on files in the official layout, and its scores by the paper's definition."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from visrep.env.faults import UserFault
from visrep.env.tasks import winoground
from visrep.env.types import Execution, Rollout, Score, Task


def row(number: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "image_0": f"ex_{number}_img_0",
        "image_1": f"ex_{number}_img_1",
        "caption_0": f"plants surround bulb {number}",
        "caption_1": f"a bulb {number} surrounds plants ",
        "tag": "Noun Phrase, Determiner-Numeral",
        "secondary_tag": "",
        "num_main_preds": 1,
        "collapsed_tag": "Object",
        **more,
    }


def written(root: Path, *rows: dict[str, Any], images: str = "images") -> Path:
    (root / "data").mkdir(exist_ok=True)
    (root / images).mkdir()
    (root / "data" / "examples.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    for one in rows:
        for key in ("image_0", "image_1"):
            if one.get(key):
                Image.new("RGB", (30, 20)).save(root / images / f"{one[key]}.png")
    return root


def test_matching_asks_for_the_caption_and_for_the_image_with_no_constant_right(tmp_path: Path) -> None:
    text, first, second = winoground.load(written(tmp_path, row(3)), "test")
    captions = ("plants surround bulb 3", "a bulb 3 surrounds plants")
    images = tuple(tmp_path / "images" / f"ex_3_img_{place}.png" for place in (0, 1))
    assert {task.group for task in (text, first, second)} == {"3"}
    assert {task.question.category for task in (text, first, second)} == {"Object"}
    assert (text.question.kind, text.question.options) == ("match", captions)
    assert text.question.signature == "execute_command(image, options)"
    assert [(one.images, one.answers) for one in text.instances] == [
        (images[:1], captions[:1]),
        (images[1:], captions[1:]),
    ]
    assert captions[0] in first.question.text
    assert captions[1] in second.question.text
    assert first.question.signature == "execute_command(images)"
    assert [(one.images, one.answers) for one in first.instances] == [(images, (0,)), (images[::-1], (1,))]
    assert [(one.images, one.answers) for one in second.instances] == [(images, (1,)), (images[::-1], (0,))]


def test_verifying_asks_of_each_caption_whether_it_is_true_of_each_image(tmp_path: Path) -> None:
    first, second = winoground.load(written(tmp_path, row(3)), "test", kind="verify")
    assert "plants surround bulb 3" in first.question.text
    assert (first.question.kind, first.question.signature) == ("verify", "execute_command(image)")
    assert [one.answers for one in first.instances] == [(True,), (False,)]
    assert [one.answers for one in second.instances] == [(False,), (True,)]
    assert [one.images for one in first.instances] == [one.images for one in second.instances]
    assert first.group == second.group == "3"


def test_images_may_lie_beside_the_examples(tmp_path: Path) -> None:
    task = next(winoground.load(written(tmp_path, row(), images="data/images"), "test"))
    assert task.instances[0].images[0].is_file()


def rollout(task: Task, reward: int) -> Rollout:
    right = tuple(Score(reward, float(reward), "ok" if reward else "wrong_answer") for _ in task.instances)
    execution = tuple(Execution("ok", 0) for _ in task.instances)
    return Rollout(task.question.id, task.question.category, "", execution, right, reward)


def scores(tasks: list[Task], rewards: str) -> tuple[float, ...]:
    """Text, image and group score of these rewards; "-" is a task without a rollout."""
    pairs = [
        (task, None if reward == "-" else rollout(task, int(reward)))
        for task, reward in zip(tasks, rewards, strict=True)
    ]
    found = winoground.metrics(iter(pairs))
    return found["text_score"], found["image_score"], found["group_score"]


def test_scores_are_those_of_the_paper(tmp_path: Path) -> None:
    tasks = list(winoground.load(written(tmp_path, row(0), row(1)), "test"))
    assert scores(tasks, "111111") == (1.0, 1.0, 1.0)
    assert scores(tasks, "111100") == (1.0, 0.5, 0.5)  # one item's images are not told apart
    assert scores(tasks, "100011") == (0.5, 0.5, 0.0)  # either text or image, never both
    assert scores(tasks, "110110") == (1.0, 0.0, 0.0)  # both captions have to find their image
    assert scores(tasks, "1-1---") == (0.5, 0.0, 0.0)
    assert winoground.metrics(iter(())) == {}


def test_verdicts_have_to_tell_both_captions_apart(tmp_path: Path) -> None:
    tasks = list(winoground.load(written(tmp_path, row(0), row(1)), "test", kind="verify"))
    assert scores(tasks, "1111") == (1.0, 1.0, 1.0)
    assert scores(tasks, "1110") == (0.5, 0.5, 0.5)
    assert scores(tasks, "1001") == (0.0, 0.0, 0.0)


def test_a_part_becomes_training_data_and_leaves_the_test_split(tmp_path: Path) -> None:
    written(tmp_path, *(row(number) for number in range(60)))
    groups = [{task.group for task in winoground.load(tmp_path, split, train_share=0.5)} for split in ("train", "test")]
    assert not groups[0] & groups[1]
    assert len(groups[0] | groups[1]) == 60
    assert 20 <= len(groups[0]) <= 40
    with pytest.raises(UserFault, match="no split 'train'; expected 'test', 'train' with the option train_share"):
        winoground.load(tmp_path, "train")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"caption_1": " "}, r"examples\.jsonl:2: found caption_1 ' ', expected a text"),
        ({"caption_1": "plants surround bulb 0"}, r"examples\.jsonl:2: both captions are 'plants surround bulb 0'"),
        ({"collapsed_tag": None}, r"examples\.jsonl:2: found collapsed_tag None"),
        ({"image_1": None}, r"examples\.jsonl:2: found image_1 None"),
        ({"id": "7"}, r"examples\.jsonl:2: found id '7', expected a whole number"),
    ],
)
def test_a_damaged_row_is_a_fault_with_file_and_line(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    tasks = winoground.load(written(tmp_path, row(7), row(0, **change)), "test")
    assert [next(tasks).group for _ in range(3)] == ["7", "7", "7"]
    with pytest.raises(UserFault, match=message):
        next(tasks)


def test_a_torn_file_gives_its_whole_rows_and_then_a_fault(tmp_path: Path) -> None:
    path = written(tmp_path, row(0), row(1)) / "data" / "examples.jsonl"
    path.write_text(path.read_text()[:-40])
    tasks = winoground.load(tmp_path, "test")
    assert len([next(tasks) for _ in range(3)]) == 3
    with pytest.raises(UserFault, match=r"examples\.jsonl:2: no JSON line"):
        next(tasks)


def test_what_is_missing_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(UserFault, match=r"examples\.jsonl is missing"):
        winoground.load(tmp_path, "test")
    written(tmp_path, row())
    with pytest.raises(UserFault, match="kind is 'choose'; expected one of: match, verify"):
        winoground.load(tmp_path, "test", kind="choose")
    (tmp_path / "images" / "ex_0_img_1.png").unlink()
    with pytest.raises(UserFault, match=r"ex_0_img_1\.png is missing"):
        winoground.load(tmp_path, "test")
