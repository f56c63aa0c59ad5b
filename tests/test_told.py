"""Programs that say the answer they were shown, and programs that say it for good reasons."""

import pytest

from visrep.env.types import Box, Execution, Instance, Kind, Question, Rollout, Score, Task
from visrep.train.told import TOLD, refused, says_answer


def made(
    text: str, *answers: str | bool | int, kind: Kind = "answer", options: tuple[str, ...] = (), images: int = 1
) -> Task:
    question = Question("t", text, kind, "test", options)
    boxes = (Box(40, 60, 90, 110),) if kind in ("ground", "detect") else ()
    instances = tuple(
        Instance(str(number), images=("x",) * images, answers=(answer,), boxes=boxes)  # type: ignore[arg-type]
        for number, answer in enumerate(answers or ("",))
    )
    return Task(question, instances, "test", "train")


COLOUR = made("What color is the leftmost circle?", "red", "blue")
COUNT = made("How many circles are above the square?", "0", "1", "3")
YES = made("Is there a red circle?", "yes", "no")
ALL_YES = made("Is there a red circle?", True, True, kind="verify")
CHOICE = made("What does the man hold?", "a kite", kind="choice", options=("a bat", "a kite", "2"))
NUMBERS = made("How many dogs?", "2", kind="choice", options=("2", "3", "1"))
IMAGES = made("A dog on a horse.", 1, kind="match", images=2)
EITHER = made("Is the circle red or blue?", "red", "red")
SIDE = made("On which side is the dog?", "left", "left")
GROUND = made("the red circle", kind="ground")


@pytest.mark.parametrize(
    ("task", "body"),
    [
        (COLOUR, 'return "red"'),
        (COLOUR, 'return image.find("red circle")[0].simple_query("What color is this?")'),
        (COLOUR, 'return image.best_text_match(["Red ", "green"])'),
        (COLOUR, 'if image.exists("circle"):\n        return "The blue"\n    return 1'),
        (COLOUR, 'names = {0: "blue"}\n    return names[len(image.find("x"))]'),
        (COLOUR, 'return f"{image.exists(1)} red"'),
        (COUNT, 'return 3 if image.exists("circle") else 7'),
        (COUNT, 'return "3"'),
        (COUNT, 'return 3.0 * image.exists("circle")'),
        (COUNT, 'return 1 if image.exists("circle") else 7'),
        (COUNT, 'return len(image.find("circle")) or 0'),
        (ALL_YES, "return True"),
        (ALL_YES, 'return image.exists("red circle") and "yes"'),
        (CHOICE, 'return "kite"'),
        (CHOICE, "return 1"),
        (CHOICE, 'return image.exists("man") and options[1]'),
        (NUMBERS, "return 2"),
        (IMAGES, "return 1"),
        (IMAGES, "return images[1]"),
        (GROUND, "return image.crop(40, 60, 90, 110)"),
        (GROUND, 'return image.crop(*map(float, "38.5 61 90 112".split()))'),
    ],
)
def test_a_literal_that_says_an_answer_is_found(task: Task, body: str) -> None:
    assert says_answer(f"def execute_command(image):\n    {body}", task)


@pytest.mark.parametrize(
    ("task", "body"),
    [
        (COLOUR, 'return image.find("circle")[0].simple_query("What color is this?")'),
        (COLOUR, 'return image.simple_query("Which color? Not bored.")'),
        (COLOUR, '"""red"""\n    return image.simple_query("What color is it?")  # red or blue'),
        (COUNT, 'anchor = image.find("square")[0]\n    return sum(1 for x in image.find("circle") if x.left > 0)'),
        (COUNT, 'return len(image.find("circle")[3:])'),
        (YES, 'return "yes" if image.exists("red circle") else "no"'),
        (ALL_YES, 'return True if image.exists("red circle") else False'),
        (ALL_YES, 'return image.simple_query("Is it red?") == "yes"'),
        (CHOICE, 'return "kite" if image.exists("kite") else "bat"'),
        (CHOICE, "return options[1] if image.exists(options[1]) else options[0]"),
        (CHOICE, "return image.best_text_match(options)"),
        (NUMBERS, 'return len(image.find("dog"))'),
        (IMAGES, 'return 1 if images[1].exists("dog") else 0'),
        (IMAGES, "return best_image_match(images, [])"),
        (EITHER, 'return "red" if image.exists("red circle") else "blue"'),
        (SIDE, 'return "left" if image.find("dog")[0].horizontal_center < image.horizontal_center else "right"'),
        (GROUND, 'return max(image.find("red circle"), key=lambda x: (x.left + x.right) / 2)'),
        (GROUND, 'return image.find("red circle")[12]'),
    ],
)
def test_what_a_program_needs_or_the_question_says_is_no_answer(task: Task, body: str) -> None:
    assert not says_answer(f"def execute_command(image):\n    {body}", task)


def rollout(body: str, author: str, reward: int = 1) -> Rollout:
    program = f"def execute_command(image):\n    {body}"
    scores = (Score(reward, float(reward), "ok"),) * 2
    return Rollout("t", "test", program, (Execution("ok", "red"),) * 2, scores, reward, author)


def test_only_those_that_were_shown_the_answers_and_are_right_are_refused() -> None:
    shown = rollout('return "red"', "retry")
    found = list(refused([COLOUR], [shown, rollout('return "blue"', "policy"), rollout('return "red!"', "retry", 0)]))
    assert found == [(("t", shown.program.replace("image", "v0").replace('"', "'")), TOLD)]


@pytest.mark.parametrize("author", ["policy", "Ada"])
def test_a_program_that_somebody_wrote_without_being_shown_is_not_refused(author: str) -> None:
    assert list(refused([COLOUR], [rollout('return "red"', "retry"), rollout("return 'red'", author)])) == []
