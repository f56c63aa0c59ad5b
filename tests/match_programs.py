"""The right program for any question of the drawn sets that match captions and images, told from its text alone.

It is the tests' own reading of the texts, made without the writers' help: where it earns the annotated answer on every
instance, the text says all that a policy has to know.
"""

import re

from visrep.env.types import Question

NOUN = r"(?:(?:small|large) )?(?:(?:red|green|blue|yellow|purple|black) )?(?:circle|square|triangle|object)"

_SIDES = {
    "left of": ("horizontal_center", "<"),
    "right of": ("horizontal_center", ">"),
    "above": ("vertical_center", ">"),
    "below": ("vertical_center", "<"),
}


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
