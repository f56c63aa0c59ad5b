"""The right program for any question about a drawn story, told from the question's text alone.

It is the tests' own reading of the questions, made without the generator's help: where it earns the annotated answer on
every video, the text says all that a policy has to know.
"""

import re

_NOUN = r"(?:(?:small|large) )?(?:(?:red|green|blue|yellow|purple|black) )?(?:circle|square|triangle|object)"

_FIND = 'video.frame_from_index({}).find("{}")'
_FRAMES = "for frame in video.frame_iterator()"


def program(category: str, text: str) -> str:
    """The program, from the type and the text of a question."""
    nouns = re.findall(_NOUN, text)
    found = _FIND.format(0 if "beginning" in text else -1, nouns[0])
    match category:
        case "CH":
            return _written(
                'return ("to the right" if x > 0 else "to the left") if abs(x) > abs(y) else "up" if y > 0 else "down"',
                f'first, last = [video.frame_from_index(i).find("{nouns[0]}")[0] for i in (0, -1)]',
                "x, y = last.left - first.left, last.lower - first.lower",
            )
        case "TN":
            return _written(f"return max(options, key=lambda x: [frame.exists(x) {_FRAMES}].index(True))")
        case "TP":
            return _written(f"return min(options, key=lambda x: sum(frame.exists(x) {_FRAMES}))")
        case "TC":
            counted, shown = nouns
            return _written(f'return next(str(len(frame.find("{counted}"))) {_FRAMES} if frame.exists("{shown}"))')
        case "DC":
            return _written(f"return str(len({found}))")
        case "DL":
            frame, _, find = found.rpartition(".")
            return _written(
                'return ("top " if x.vertical_center > frame.vertical_center else "bottom ") + side',
                f"frame = {frame}",
                f"x = frame.{find}[0]",
                'side = "right" if x.horizontal_center > frame.horizontal_center else "left"',
            )
        case "DO":
            return _written(f'return {found}[0].simple_query("What color is this?")')
    raise ValueError(f"no program for type {category!r}")


def _written(value: str, *before: str) -> str:
    return "\n    ".join(("def execute_command(video, options):", *before, value))
