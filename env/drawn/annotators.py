"""Ten people who are asked about a drawn picture: most see what is there, and now and then nobody agrees."""

from random import Random

from visrep.env.drawn.description import WORDS

_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

_ALIKE = (("yes", "no"), tuple(map(str, range(10))), *WORDS.values())

_PUZZLED = (
    "unknown", "not sure", "can't tell", "unclear", "no idea", "maybe", "hard to say", "it depends", "no clue",
    "impossible to know",
)  # fmt: skip

_MISTAKEN = (0, 0, 0, 0, 0, 1, 1, 1, 2, 3, 5, 7, 8, 8)
"""How many of the ten are, by lot."""

_DISAGREED = 1 / 20
"""Share of questions on which no two people agree, so that no answer can be right."""


def agree(random: Random) -> bool:
    """Whether people agree on a question, by lot."""
    return random.random() >= _DISAGREED


def ten_answers(right: str, agreed: bool, random: Random) -> list[str]:
    """What ten people answer where this is right: two of them or more say so, some in other letters, and each of the
    rest says something of its own; or, where people do not agree, all do."""
    others = [word for group in _ALIKE if right in group for word in group if word != right]
    mistaken = random.choice(_MISTAKEN) if agreed else 10
    answers = [_written(right, random) for _ in range(10 - mistaken)] + random.sample([*others, *_PUZZLED], mistaken)
    random.shuffle(answers)
    return answers


def three_others(right: str, random: Random) -> list[str]:
    """Three wrong answers of the same kind as the right one, which has to be a color or a number."""
    (group,) = (group for group in _ALIKE if right in group)
    return random.sample([word for word in group if word != right], 3)


def _written(answer: str, random: Random) -> str:
    if random.random() < 3 / 4:
        return answer
    return _NUMBERS[int(answer)] if answer.isdigit() else f"{answer.capitalize()}."
