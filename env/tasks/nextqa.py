"""NExT-QA (Xiao et al., CVPR 2021), multiple choice, in its official layout; drawn videos are written in the same.

    ROOT/{split}.csv                 video,frame_count,width,height,question,answer,qid,type,a0,a1,a2,a3,a4
    ROOT/map_vid_vidorID.json        if it is there, {video: its place among VidOR's, such as "1164/3637809797"}
    ROOT/videos/{place}.mp4          {video}.mp4 without that file

From https://github.com/doc-doc/NExT-QA; the videos are VidOR's. `answer` is the number of the right one of the five
options. A task's category is the question's type: causal (CW why, CH how), temporal (TN next, TC at that time,
TP before) or descriptive (DC count, DL place, DO other).
"""

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from visrep.env.faults import UserFault
from visrep.env.formats.grouping import grouped
from visrep.env.types import Instance, Question, Rollout, Task

COLUMNS = (
    *("video", "frame_count", "width", "height", "question", "answer", "qid", "type"),
    *("a0", "a1", "a2", "a3", "a4"),
)

TYPES = ("CW", "CH", "TN", "TC", "TP", "DC", "DL", "DO")

MAP = "map_vid_vidorID.json"

_GROUPS = {"C": "causal", "T": "temporal", "D": "descriptive"}
"""By a type's first letter."""


@dataclass(frozen=True, slots=True)
class _Row:
    """What is kept of a row; `answer` is the right option's text."""

    id: str
    video: str
    text: str
    category: str
    options: tuple[str, ...]
    answer: str
    where: str


def load(root: Path, split: str, *, instances: int = 1) -> Iterator[Task]:
    """The tasks of a split ("train", "val", "test"), kind `choice`, in the file's order.

    With `instances` above 1, rows of equal question, type and options become tasks of up to that many videos, those of
    different answers together where there are such: drawn videos have them. This holds the split's texts in memory;
    with 1, tasks stream.

    Raises UserFault: at once when a file or the first video is missing, while reading, with file and line, when a row
    is damaged or names a video that the map lacks.
    """
    path = root / f"{split}.csv"
    if not path.is_file():
        there = ", ".join(sorted(file.stem for file in root.glob("*.csv"))) or "none"
        raise UserFault(f"{path} is missing; splits of {root}: {there}")
    places = _places(root / MAP)
    first = next(_rows(path), None)
    if first is not None and not (video := _video(root, places, first)).is_file():
        raise UserFault(f"video {video} is missing; put VidOR's videos into {root / 'videos'}")
    groups = grouped(_rows(path), instances, question=lambda row: (row.category, row.text, row.options))
    return (_task(root, split, places, group) for group in groups)


def metrics(pairs: Iterable[tuple[Task, Rollout | None]]) -> dict[str, float]:
    """Accuracies over the videos of causal, temporal and descriptive questions, in [0, 1], as the official eval_mc.py
    (https://github.com/doc-doc/NExT-QA) groups them; a video without a rollout is answered wrong."""
    asked: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for task, rollout in pairs:
        kind = task.question.category.rpartition("/")[2]  # among several data sets the set's name stands before it
        group = f"accuracy_{_GROUPS[kind[0]]}"
        asked[group] += len(task.instances)
        right[group] += sum(score.reward for score in rollout.scores) if rollout else 0
    return {group: right[group] / asked[group] for group in sorted(asked)}


def _task(root: Path, split: str, places: dict[str, str] | None, group: list[_Row]) -> Task:
    row = group[0]
    question = Question(row.id, row.text, "choice", row.category, row.options, "execute_command(video, options)")
    videos = (Instance(row.id, video=_video(root, places, row), answers=(row.answer,)) for row in group)
    return Task(question, tuple(videos), dataset="nextqa", split=split)


def _video(root: Path, places: dict[str, str] | None, row: _Row) -> Path:
    if places is not None and row.video not in places:
        raise UserFault(f"{row.where} asks of video {row.video!r}, which {root / MAP} lacks; fetch both again")
    return root / "videos" / f"{row.video if places is None else places[row.video]}.mp4"


def _places(path: Path) -> dict[str, str] | None:
    """Where each video lies; None where the map is not there."""
    if not path.is_file():
        return None
    try:
        places = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserFault(f"{path} is no JSON ({error}); fetch the file again") from None
    if not isinstance(places, dict) or not all(isinstance(place, str) for place in places.values()):
        raise UserFault(f"{path} is not a place for each video, all of them texts; fetch the file again")
    return places


def _rows(path: Path) -> Iterator[_Row]:
    with path.open(encoding="utf-8", newline="") as file:
        lines = csv.reader(file, strict=True)
        try:
            header = next(lines, [])
            if not set(header) >= set(COLUMNS):
                lacking = next(column for column in COLUMNS if column not in header)
                raise UserFault(f"{path}:1: no column {lacking!r}; expected those of NExT-QA's multiple choice")
            for line in lines:
                yield _row(header, line, f"{path}:{lines.line_num}")
        except csv.Error as error:
            raise UserFault(f"{path}:{lines.line_num}: {error}; the file is damaged: fetch it again") from None
        except UnicodeDecodeError as error:  # lines are decoded many at a time
            raise UserFault(
                f"{path} is not UTF-8 text somewhere after line {lines.line_num} ({error.reason}); fetch it again"
            ) from None


def _row(header: list[str], line: list[str], where: str) -> _Row:
    if len(line) != len(header):
        raise UserFault(f"{where} has {len(line)} fields, expected {len(header)}; fetch the file again")
    row = {column: field.strip() for column, field in zip(header, line, strict=True)}
    options = tuple(row[f"a{number}"] for number in range(5))
    if row["answer"] not in ("0", "1", "2", "3", "4"):
        raise UserFault(f"{where} has the answer {row['answer']!r}, expected 0 to 4; take a split with annotations")
    if row["type"] not in TYPES:
        raise UserFault(f"{where} has the type {row['type']!r}, expected one of {', '.join(TYPES)}; fetch it again")
    answer = options[int(row["answer"])]
    if not row["video"] or not row["question"] or not answer:
        raise UserFault(f"{where} has no video, question or right option; fetch the file again")
    own = f"{row['video']}_{row['qid']}"  # as predictions are named for the official evaluation
    return _Row(own, row["video"], row["question"], row["type"], options, answer, where)
