"""NExT-QA's loader on files in the official layout: its own rows, written ones, broken ones and many."""

import csv
import json
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from visrep import reward
from visrep.env.faults import UserFault
from visrep.env.tasks import nextqa
from visrep.env.types import Rollout, Score, Task

OFFICIAL = Path(__file__).parents[2] / "shared" / "data" / "formats" / "nextqa" / "val_head.csv"


def row(video: str = "4010069381", **more: Any) -> dict[str, Any]:
    options = ("roll the handle", "tap their feet", "strum the string", "hit with sticks", "pat with hand")
    return {
        "video": video,
        "frame_count": 369,
        "width": 640,
        "height": 480,
        "question": "how do the two man play the instrument",
        "answer": 0,
        "qid": 6,
        "type": "CH",
        **{f"a{number}": option for number, option in enumerate(options)},
        **more,
    }


def written(root: Path, *rows: dict[str, Any], split: str = "val") -> Path:
    (root / "videos").mkdir(exist_ok=True)
    with (root / f"{split}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, nextqa.COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    for each in rows:
        (root / "videos" / f"{each['video']}.mp4").touch()
    return root


def test_a_row_becomes_a_task_of_its_type(tmp_path: Path) -> None:
    (task,) = nextqa.load(written(tmp_path, row(answer=3)), "val")
    assert (task.question.id, task.question.kind, task.question.category) == ("4010069381_6", "choice", "CH")
    assert task.question.text == "how do the two man play the instrument"
    assert task.question.options == (
        "roll the handle", "tap their feet", "strum the string", "hit with sticks", "pat with hand",
    )  # fmt: skip
    assert task.question.signature == "execute_command(video, options)"
    (instance,) = task.instances
    assert (instance.images, instance.video) == ((), tmp_path / "videos" / "4010069381.mp4")
    assert instance.answers == ("hit with sticks",)
    assert [reward.score(task, instance, number).reward for number in range(5)] == [0, 0, 0, 1, 0]
    assert reward.score(task, instance, "Hit with the sticks").reward == 1


def test_the_official_rows_load_whole(tmp_path: Path) -> None:
    if not OFFICIAL.is_file():
        pytest.skip(f"{OFFICIAL} is absent")
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "4010069381.mp4").touch()
    (tmp_path / "val.csv").write_bytes(OFFICIAL.read_bytes())
    tasks = list(nextqa.load(tmp_path, "val"))
    assert len(tasks) == len({task.question.id for task in tasks}) == 199
    counts = Counter(task.question.category for task in tasks)
    assert counts == {"CW": 75, "TN": 44, "TC": 25, "CH": 25, "DO": 11, "DL": 10, "DC": 7, "TP": 2}
    first, second, *_ = tasks
    assert first.instances[0].answers == ("roll the handle",)
    assert second.instances[0].answers == ("unwrap it",)


def test_videos_are_found_through_vidors_map(tmp_path: Path) -> None:
    written(tmp_path, row("7", qid=0), row("8", qid=1))
    (tmp_path / "map_vid_vidorID.json").write_text(json.dumps({"7": "1164/7", "8": "0016/8"}))
    (tmp_path / "videos" / "1164").mkdir()
    with pytest.raises(UserFault, match=r"videos/1164/7\.mp4 is missing; put VidOR's videos into .*/videos$"):
        nextqa.load(tmp_path, "val")
    (tmp_path / "videos" / "1164" / "7.mp4").touch()
    places = [task.instances[0].video for task in nextqa.load(tmp_path, "val")]
    assert places == [tmp_path / "videos" / "1164" / "7.mp4", tmp_path / "videos" / "0016" / "8.mp4"]


def test_a_video_that_the_map_lacks_and_a_map_that_is_none_are_faults(tmp_path: Path) -> None:
    written(tmp_path, row("7"), row("9"))
    path = tmp_path / "map_vid_vidorID.json"
    path.write_text('{"7": "7"}')
    tasks = nextqa.load(tmp_path, "val")
    assert next(tasks).question.id == "7_6"
    with pytest.raises(UserFault, match=r"val\.csv:3 asks of video '9', which .*map_vid_vidorID\.json lacks"):
        next(tasks)
    for damaged in ('{"7": ', '["7"]', '{"7": 7}'):
        path.write_text(damaged)
        with pytest.raises(UserFault, match=r"map_vid_vidorID\.json is no"):
            nextqa.load(tmp_path, "val")


def test_equal_questions_are_asked_of_several_videos_with_differing_answers(tmp_path: Path) -> None:
    rows = [row(str(number), qid=0, answer=answer) for number, answer in enumerate((1, 1, 2, 1))]
    rows += [row("4", a0="play"), row("5", type="CW"), row("6", question="how")]
    written(tmp_path, *rows)
    found = [[instance.id for instance in task.instances] for task in nextqa.load(tmp_path, "val", instances=2)]
    assert found == [["0_0", "2_0"], ["1_0", "3_0"], ["4_6"], ["5_6"], ["6_6"]]


def test_a_missing_split_is_named_with_what_there_is(tmp_path: Path) -> None:
    written(tmp_path, row(), split="train")
    with pytest.raises(UserFault, match=r"val\.csv is missing; splits of .*: train"):
        nextqa.load(tmp_path, "val")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"answer": 5}, r"val\.csv:3 has the answer '5', expected 0 to 4; take a split with annotations"),
        ({"answer": ""}, r"val\.csv:3 has the answer ''"),
        ({"type": "XX"}, r"val\.csv:3 has the type 'XX', expected one of CW, CH"),
        ({"question": " "}, r"val\.csv:3 has no video, question or right option"),
        ({"a0": ""}, r"val\.csv:3 has no video, question or right option"),
    ],
)
def test_a_damaged_row_is_one_fault_with_file_and_line(tmp_path: Path, more: dict[str, Any], message: str) -> None:
    written(tmp_path, row("7"), row("8", **more))
    tasks = nextqa.load(tmp_path, "val")
    assert next(tasks).question.id == "7_6"
    with pytest.raises(UserFault, match=message):
        next(tasks)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"val\.csv:1: no column 'video'"),
        (
            "video,question,answer\n",
            r"val\.csv:1: no column 'frame_count'; expected those of NExT-QA",
        ),
        ("{header}\n1,2,3\n", r"val\.csv:2 has 3 fields, expected 13"),
        ('{header}\n1,2,3,4,"what', r"val\.csv:2: unexpected end of data; the file is damaged"),
        ("{header}\n\udcff", r"val\.csv is not UTF-8 text somewhere after line 0"),
    ],
)
def test_a_file_that_is_no_table_of_questions_is_told_at_once(tmp_path: Path, text: str, message: str) -> None:
    content = text.replace("{header}", ",".join(nextqa.COLUMNS))
    (tmp_path / "val.csv").write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(UserFault, match=message):
        nextqa.load(tmp_path, "val")


def test_accuracies_are_those_of_the_three_groups_of_types(tmp_path: Path) -> None:
    types = ("CW", "CH", "TN", "TC", "TP", "DC")
    tasks = list(nextqa.load(written(tmp_path, *(row(str(n), type=kind) for n, kind in enumerate(types))), "val"))

    def rollout(task: Task, right: int) -> Rollout:
        score = Score(right, float(right), "ok")
        return Rollout(task.question.id, task.question.category, "", (), (score,), right)

    pairs = [(task, rollout(task, right)) for task, right in zip(tasks, (1, 0, 1, 1, 0, 1), strict=True)]
    expected = {"accuracy_causal": 1 / 2, "accuracy_temporal": 2 / 3, "accuracy_descriptive": 1.0}
    assert nextqa.metrics(pairs) == expected
    assert nextqa.metrics([*pairs[:5], (tasks[5], None)]) == expected | {"accuracy_descriptive": 0.0}


def test_tasks_stream_in_constant_memory(tmp_path: Path) -> None:
    written(tmp_path, row())
    line = ",".join(str(field) for field in row(question="why " * 200).values())
    with (tmp_path / "val.csv").open("a") as file:
        file.writelines(f"{line}\n" for _ in range(20000))
    assert (tmp_path / "val.csv").stat().st_size > 16e6
    tracemalloc.start()
    assert sum(1 for _ in nextqa.load(tmp_path, "val")) == 20001
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2e6
