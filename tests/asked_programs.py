"""The right program for any question of the drawn sets in VQA's manner, told from its text, and for OK-VQA from what
everybody knows.

It is the tests' own reading of the questions, made without the writers' help.
"""

import re
import runpy
from pathlib import Path

from visrep.env.types import Task

drawn = runpy.run_path(str(Path(__file__).with_name("drawn_programs.py")))

KNOWN = {
    "cooking_and_food": {"red": "strawberry", "green": "lime", "blue": "blueberry", "yellow": "banana",
                         "purple": "plum", "black": "blackberry"},
    "science_and_technology": {"circle": 0, "triangle": 3, "square": 4},
    "vehicles_and_transportation": {"red": "stop", "green": "go", "yellow": "slow down"},
}  # fmt: skip

FORMS = (
    ("compare_count", "more|fewer"),
    ("same_color", "same color"),
    ("exist_not", "that (is|are) not"),
    ("exist_and", "both"),
    ("exist_or", r"(there|see) (either )?an? .* or an? "),
    ("count_relation", "(how many|number).*(left|right|above|below)"),
    ("count", "how many|number"),
    ("exist", "(is there|do you see) a"),
    ("leftmost", "(left|right)most"),
    ("topmost", "(top|bottom)most"),
    ("largest", "largest|smallest"),
    ("left_right", "(left|right) (side )?of"),
    ("above_below", "above|below|higher|lower"),
    ("query_color", "color|is the .*(red|green|blue|yellow|purple|black) or "),
    ("query_shape", "shape|(circle|square|triangle) or "),
    ("query_size", "."),
)
"""Categories of drawn questions by their texts; the first that fits."""


def program(task: Task) -> str:
    """For a question of VQA v2's, OK-VQA's, A-OKVQA's or TallyQA's layout."""
    text = task.question.text
    known = KNOWN[task.question.category] if task.dataset == "okvqa" else None
    if known:
        asked = "shape" if "circle" in known else "color"
        extremes = (form for form in ("leftmost", "topmost", "largest") if re.search(dict(FORMS)[form], text))
        body = drawn["program"](next(extremes, f"query_{asked}"), f"{text} {asked}")
    else:
        body = drawn["program"](next(form for form, pattern in FORMS if re.search(pattern, text.lower())), text)
    head, _, value = body.rpartition("return ")
    if known:
        return f"{head}return {known}[{value}]"
    if task.question.options:  # a number would be the index of an option
        return f"{head.replace('(image):', '(image, options):')}return str({value})"
    return f"{head}return {value}"
