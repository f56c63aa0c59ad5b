"""The right program for any phrase about a drawn scene, told from its text alone.

It is the tests' own reading of the phrases, made without the generator's help: where it finds the annotated boxes on
every image, the text says all that a policy has to know.
"""

import re
from typing import Literal

_LIKE = r"((?:small |large )?(?:red |green |blue |yellow |purple |black )?(?:circle|square|triangle|object))s?"

_KEYS = {"left": "x.horizontal_center", "right": "-x.horizontal_center", "top": "-x.vertical_center",
         "bottom": "x.vertical_center", "smallest": "x.width", "largest": "-x.width"}  # fmt: skip
"""What to sort by, from each side and by size; "leftmost" is the first from the left."""

_HALVES = {"left": "horizontal_center <", "right": "horizontal_center >",
           "lower": "vertical_center <", "upper": "vertical_center >"}  # fmt: skip

_SIDES = {"left of": "horizontal_center <", "right of": "horizontal_center >", "above": "vertical_center >",
          "below": "vertical_center <", "larger than": "width >", "smaller than": "width <"}  # fmt: skip


def program(text: str, kind: Literal["ground", "detect"]) -> str:
    """The program for a phrase. Raises ValueError where it is read in no way."""
    one, several = _expressions(text)
    return f"def execute_command(image):\n    return {one if kind == 'ground' else several}"


def _expressions(text: str) -> tuple[str, str]:
    """Of the one patch that is meant, and of a list of all of them."""
    if match := re.fullmatch(rf"(leftmost|rightmost|topmost|bottommost|smallest|largest) {_LIKE}", text):
        sort = f'(image.find("{match[2]}"), key=lambda x: {_KEYS[match[1].removesuffix("most")]})'
        return f"min{sort}", f"sorted{sort}[:1]"
    if match := re.fullmatch(rf"(second|third) {_LIKE} from the (\w+)", text):
        place = {"second": 1, "third": 2}[match[1]]
        ranked = f'sorted(image.find("{match[2]}"), key=lambda x: {_KEYS[match[3]]})'
        return f"{ranked}[{place}]", f"{ranked}[{place}:{place + 1}]"
    several = _listed(text)
    return f"{several}[0]", several


def _listed(text: str) -> str:
    if match := re.fullmatch(_LIKE, text):
        return f'image.find("{match[1]}")'
    if match := re.fullmatch(rf"{_LIKE} that (?:is|are) not (\w+)", text):
        return f'[x for x in image.find("{match[1]}") if not x.exists("{match[2]} object")]'
    if match := re.fullmatch(rf"{_LIKE} in the (\w+) half", text):
        half = _HALVES[match[2]]
        return f'[x for x in image.find("{match[1]}") if x.{half} image.{half.split()[0]}]'
    if match := re.fullmatch(rf"{_LIKE} ({'|'.join(_SIDES)}) the {_LIKE}", text):
        side = _SIDES[match[2]]
        return f'[x for x in image.find("{match[1]}") if x.{side} image.find("{match[3]}")[0].{side.split()[0]}]'
    raise ValueError(f"no program for {text!r}")
