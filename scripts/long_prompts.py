"""Examples behind prompts of a given length, for `bench_training.py`: made up, and much like real ones."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from visrep.env.types import Question
from visrep.policy.prompt import Example, Prompter

_API = ("ImagePatch.find", "ImagePatch.exists", "ImagePatch.simple_query")


def examples(tokenizer: Any, prefix: int, tails: int) -> Iterator[dict[str, Any]]:
    """Questions with programs, about 80 tokens together, behind the API and in-context examples of `prefix` tokens."""
    prompter = _prompter(tokenizer, prefix)
    for index in range(tails):
        one, other = f"{('red', 'green', 'blue')[index % 3]} circle", f"{('purple', 'yellow')[index % 2]} square"
        example = _example(one, other, index)
        question = Question(id=str(index), text=example.question, kind="answer", category="made_up")
        target = prompter.target(question, example.program)
        yield {"prompt": prompter.prompt(question), "completion": target, "weight": 1.0}


def _prompter(tokenizer: Any, prefix: int) -> Prompter:
    """As many examples as fit, and the last one's question drawn out to fill what is left."""
    things = [f"{colour} {shape}" for colour in ("gray", "orange", "white") for shape in ("star", "ring", "cup", "box")]

    def written(shown: Sequence[Example]) -> tuple[Prompter, int]:
        prompter = Prompter(_API, shown)
        return prompter, prefix - len(tokenizer(prompter.prefix()).input_ids)

    shown: list[Example] = []
    while True:
        number = len(shown)
        more = [*shown, _example(things[number % 12], things[(number * 5 + number // 12 + 1) % 12], number)]
        if written(more)[1] < 0:
            break
        shown = more
    missing = written(shown)[1]
    return written([*shown[:-1], replace(shown[-1], question=shown[-1].question + " please" * missing)])[0]


def _example(one: str, other: str, number: int) -> Example:
    """The programs of different numbers differ in length, as real ones do."""
    checks = "".join(f'\n    if image.exists("tiny {one}"):\n        return "{n}"' for n in range(number % 3))
    program = (
        f'def execute_command(image):\n    first = image.find("{one}")\n    second = image.find("{other}")'
        f'{checks}\n    return "yes" if len(first) > len(second) + {number} else "no"'
    )
    return Example("made_up", f"Are there at least {number + 1} more {one}s than {other}s?", program)
