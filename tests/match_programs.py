"""The right program for any question of the drawn sets that match captions and images, of those in NLVR's layout and of
those in a user's own, told from its text alone.

It is the tests' own reading of the texts, made without the writers' help: where it earns the annotated answer on every
instance, the text says all that a policy has to know.
"""

import re
import runpy
from pathlib import Path

from visrep.env.types import Question

of_scene = runpy.run_path(str(Path(__file__).with_name("drawn_programs.py")))["program"]

NOUN = r"(?:(?:small|large) )?(?:(?:red|green|blue|yellow|purple|black) )?(?:circle|square|triangle|object)"

_SIDES = {
    "left of": ("horizontal_center", "<"),
    "right of": ("horizontal_center", ">"),
    "above": ("vertical_center", ">"),
    "below": ("vertical_center", "<"),
}

_NUMBERS = ("zero", "one", "two", "three", "four", "five")
_SIGNS = {"exactly": "==", "at least": ">=", "at most": "<="}


def program(question: Question) -> str:
    """For a question of Winoground's, SugarCrepe's or NLVR2's layout."""
    if question.options:
        value = f"options[0] if {holds(question.options[0])} else options[1]"
    elif question.kind == "match":
        value = f"next(x for x in images if {holds(question.text.partition(': ')[2], 'x')})"
    elif question.signature == "execute_command(images)":
        value = _of_pair(question.text)
    else:
        value = holds(question.text.partition(": ")[2])
    return f"def {question.signature}:\n    return {value}"


def holds(caption: str, image: str = "image") -> str:
    """An expression that is true if the caption is of the image."""
    nouns = re.findall(NOUN, caption)
    if caption.startswith("more "):
        return f'len({image}.find("{nouns[0]}")) > len({image}.find("{nouns[1]}"))'
    side = re.search(f" is ({'|'.join(_SIDES)}) ", caption)
    if side is None:
        return " and ".join(f'{image}.exists("{noun}")' for noun in nouns)
    centre, sign = _SIDES[side[1]]
    return f'{image}.find("{nouns[0]}")[0].{centre} {sign} {image}.find("{nouns[1]}")[0].{centre}'


def _of_pair(sentence: str) -> str:
    """An expression that is true if the sentence is of the pair of images."""
    (noun, *_) = re.findall(NOUN, sentence)
    if sentence.startswith("The "):
        first = 0 if sentence.startswith("The left") else 1
        return f'len(images[{first}].find("{noun}")) > len(images[{1 - first}].find("{noun}"))'
    if sentence.startswith("Exactly one"):
        return f'sum(x.exists("{noun}") for x in images) == 1'
    total = re.match(r"There are (exactly|at least) (\d)", sentence)
    if total:
        return f'sum(len(x.find("{noun}")) for x in images) {"==" if total[1] == "exactly" else ">="} {total[2]}'
    return f'all(x.exists("{noun}") for x in images)'


def of_boxes(question: Question) -> str:
    """The program for a sentence about boxes and towers."""
    text = question.text
    bounds = [f"{_SIGNS[one]} {_NUMBERS.index(two)}" for one, two in re.findall(f"({'|'.join(_SIGNS)}) (\\w+)", text)]
    nouns = re.findall("(?:(?:small|medium|large) )?(?:(?:yellow|black|blue) )?(?:circle|square|triangle|item)", text)
    colours = re.findall("yellow|black|blue", text)
    some = bounds[0] if not text.startswith("There is a ") else ">= 1"
    match question.category:
        case "count":
            return f'def execute_command(image):\n    return len(image.find("{nouns[0]}")) {bounds[0]}'
        case "touch":
            edge = "x.lower < 2" if "bottom" in text else "x.upper > 98"
            return f'def execute_command(image):\n    return any({edge} for x in image.find("{nouns[0]}"))'
        case "box":
            fits = f'len(x.find("{nouns[0]}")) {bounds[-1]}'
        case "color":
            number = f'len(x.find("{colours[0]} item"))'
            least = '== len(x.find("item"))' if "only" in text else "== 0" if "no items" in text else "> 0"
            fits = f"{number} {least}"
        case "tower":
            fits = f'len(x.find("block")) {bounds[-1]}'
        case "place":
            end = "max" if "top" in text else "min"
            fits = f'{end}(x.find("block"), key=lambda y: y.lower).exists("{colours[0]} block")'
        case "order":
            over, under = (f'x.find("{colour} block")' for colour in colours)
            fits = f"any(0 <= a.lower - b.upper < 5 for a in {over} for b in {under})"
    group = "box" if question.category in ("box", "color") else "tower"
    return f'def execute_command(image):\n    return sum({fits} for x in image.find("{group}")) {some}'


def of_own(question: Question) -> str:
    """The program for a question of own data."""
    (noun, *_) = re.findall(NOUN, question.text)
    value = {
        "choice": f'image.find("{noun}")[0].simple_query("What shape is this?")',
        "verify": f'image.exists("{noun}")',
        "ground": f'image.find("{noun}")[0]',
        "detect": f'image.find("{noun}")',
        "match": f'max(images, key=lambda x: len(x.find("{noun}")))',
    }
    if question.kind == "answer":
        counts = re.search("number|many", question.text)
        return str(of_scene("count" if counts else "query_color", question.text))
    return f"def {question.signature}:\n    return {value[question.kind]}"
