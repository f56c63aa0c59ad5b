"""The right program for any task of any drawn set: each data set's questions are read by their own file."""

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

from visrep.env.types import Task


def _told(name: str) -> dict[str, Any]:
    return runpy.run_path(str(Path(__file__).with_name(f"{name}_programs.py")))


_asked, _drawn, _match, _story = (_told(name)["program"] for name in ("asked", "drawn", "match", "story"))
_own, _boxes = _told("match")["of_own"], _told("match")["of_boxes"]
_phrase = runpy.run_path(str(Path(__file__).with_name("drawn_phrases.py")))["program"]


def _of_phrase(task: Task) -> str:
    return str(_phrase(task.question.text, task.question.kind))


_BY_DATA_SET: dict[str, Callable[[Task], str]] = {
    "aokvqa": _asked,
    "coco": _of_phrase,
    "gqa": lambda task: _drawn(task.question.category, task.question.text),
    "nextqa": lambda task: _story(task.question.category, task.question.text),
    "nlvr": lambda task: _boxes(task.question),
    "nlvr2": lambda task: _match(task.question),
    "okvqa": _asked,
    "omnilabel": _of_phrase,
    "own": lambda task: _own(task.question),
    "refcoco": _of_phrase,
    "sugarcrepe": lambda task: _match(task.question),
    "tallyqa": _asked,
    "vqav2": _asked,
    "winoground": lambda task: _match(task.question),
}


def program(task: Task) -> str:
    """The program; a data set that is new here has to be added above."""
    return _BY_DATA_SET[task.dataset](task)


def body(task: Task) -> str:
    """What a policy writes after the signature."""
    return program(task).partition(f"def {task.question.signature}:")[2].rstrip()
