"""The right program for any question about a drawn scene, told from the question's text alone.

It is the tests' own reading of the questions, made without the generator's help: where it earns the annotated answer on
every image, the text says all that a policy has to know.
"""

import re

_NOUN = r"(?:(?:small|large) )?(?:(?:red|green|blue|yellow|purple|black) )?(?:circle|square|triangle|object)"

_SIDES = {
    "to the left of": ("horizontal_center", "<"),
    "on the left side of": ("horizontal_center", "<"),
    "to the right of": ("horizontal_center", ">"),
    "on the right side of": ("horizontal_center", ">"),
    "above": ("vertical_center", ">"),
    "higher than": ("vertical_center", ">"),
    "below": ("vertical_center", "<"),
    "lower than": ("vertical_center", "<"),
}

_SUPERLATIVES = {
    "leftmost": ("min", "horizontal_center"),
    "rightmost": ("max", "horizontal_center"),
    "bottommost": ("min", "vertical_center"),
    "topmost": ("max", "vertical_center"),
    "smallest": ("min", "width"),
    "largest": ("max", "width"),
}


def program(category: str, text: str) -> str:
    """The program, from the category and the text of a question."""
    nouns = re.findall(_NOUN, text)
    one, other = nouns[0], nouns[-1]
    match category:
        case "exist":
            return _written(f'image.exists("{one}")')
        case "exist_and" | "exist_or":
            return _written(f'image.exists("{one}") {category.removeprefix("exist_")} image.exists("{other}")')
        case "exist_not":
            word = _found(r"not (\w+)", text)
            return _written(f'len(image.find("{one}")) > len(image.find("{word} {one}"))')
        case "count":
            return _written(f'len(image.find("{one}"))')
        case "query_color" | "query_shape" | "query_size":
            asked = category.removeprefix("query_")
            return _written(f'image.find("{one}")[0].simple_query("What {asked} is this?")')
        case "left_right" | "above_below":
            centre, sign = _SIDES[_found(f"({'|'.join(_SIDES)})", text)]
            return _written(f'image.find("{one}")[0].{centre} {sign} image.find("{other}")[0].{centre}')
        case "compare_count":
            sign = {"more": ">", "fewer": "<"}[_found("(more|fewer)", text)]
            return _written(f'len(image.find("{one}")) {sign} len(image.find("{other}"))')
        case "leftmost" | "topmost" | "largest":
            best, key = _SUPERLATIVES[_found(f"({'|'.join(_SUPERLATIVES)})", text)]
            asked = _found("(color|shape|size)", text)
            return _written(f'{best}(image.find("{one}"), key=lambda x: x.{key}).simple_query("What {asked} is this?")')
        case "same_color":
            asked = '[0].simple_query("What color is this?")'
            return _written(f'image.find("{one}"){asked} == image.find("{other}"){asked}')
        case "count_relation":
            centre, sign = _SIDES[_found(f"({'|'.join(_SIDES)})", text)]
            return _written(
                f'len([x for x in image.find("{one}") if x.{centre} {sign} anchor.{centre}])',
                f'anchor = image.find("{other}")[0]',
            )
    raise ValueError(f"no program for category {category!r}")


def _written(value: str, *before: str) -> str:
    return "\n    ".join(("def execute_command(image):", *before, f"return {value}"))


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    assert found, f"{text!r} holds none of {pattern}"
    return found[1]
