"""Drawn videos: what is seen is what is annotated, and every question can be answered by a short program."""

import csv
import json
import os
import re
import runpy
import subprocess
import sys
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator
from fractions import Fraction
from itertools import combinations, pairwise
from pathlib import Path
from random import Random

import pytest

from visrep import reward
from visrep.env.drawn import film
from visrep.env.drawn.nextqa import draw
from visrep.env.drawn.scene import HEIGHT, WIDTH, apart
from visrep.env.drawn.story import SECONDS, Story, tell
from visrep.env.drawn.story_questions import CATEGORIES, ask
from visrep.env.environment import Environment
from visrep.env.faults import UserFault
from visrep.env.perception import shapes
from visrep.env.perception.service import Service
from visrep.env.perception.video import frames
from visrep.env.sandbox import Sandbox
from visrep.env.tasks import nextqa
from visrep.env.types import Scene, Task

program = runpy.run_path(str(Path(__file__).with_name("story_programs.py")))["program"]

COUNTS = {"train": 3, "test": 2}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data") / "videos"
    draw(root, seed=5, tasks_per_category=COUNTS, instances=2)
    return root


@pytest.fixture(scope="module")
def tasks(root: Path) -> list[Task]:
    return [task for split in COUNTS for task in nextqa.load(root, split, instances=2)]


def stories(number: int) -> Iterator[Story]:
    """Stories for questions of all types."""
    random = Random(0)
    while number:
        form = ask(random.choice(CATEGORIES), random)
        story = tell(form.cast(random), form.plot, random)
        if story is not None:
            yield story
            number -= 1


def test_a_program_read_off_the_text_is_right_on_the_pixels(tasks: list[Task]) -> None:
    pairs = [(task, program(task.question.category, task.question.text)) for task in tasks]
    with Environment(Sandbox(), Service(shapes.load()), reward.score) as environment:
        rollouts = list(environment.run(pairs))
    assert len(rollouts) == len(tasks)
    wrong = [rollout for rollout in rollouts if not rollout.reward]
    assert not [(rollout.program, [run.value for run in rollout.executions]) for rollout in wrong]


def test_every_type_has_its_tasks_and_every_task_answers_that_differ(tasks: list[Task]) -> None:
    for split, count in COUNTS.items():
        found = Counter(task.question.category for task in tasks if task.split == split)
        assert found == dict.fromkeys(CATEGORIES, count)
    assert all(len(task.instances) == 2 for task in tasks)
    assert all(task.instances[0].answers != task.instances[1].answers for task in tasks)


def test_no_constant_option_pays(root: Path) -> None:
    places: Counter[int] = Counter()
    answers: dict[str, Counter[str]] = defaultdict(Counter)
    for task in (task for split in COUNTS for task in nextqa.load(root, split)):
        answer = str(task.instances[0].answers[0])
        places[task.question.options.index(answer)] += 1
        answers[task.question.category][answer] += 1
    assert max(places.values()) < 0.35 * places.total()
    for category, counted in answers.items():
        assert max(counted.values()) <= 0.5 * counted.total(), (category, counted)


def test_splits_share_no_question_and_no_video(root: Path) -> None:
    texts = [{task.question.text for task in nextqa.load(root, split)} for split in COUNTS]
    assert not texts[0] & texts[1]
    videos = [path.read_bytes() for path in root.rglob("*.mp4")]
    assert len(videos) == len(set(videos)) == sum(COUNTS.values()) * len(CATEGORIES) * 2


def test_the_files_are_as_official_ones(root: Path) -> None:
    with (root / "train.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    places = json.loads((root / "map_vid_vidorID.json").read_text())
    assert tuple(rows[0]) == nextqa.COLUMNS
    for row in rows:
        path = root / "videos" / f"{places[row['video']]}.mp4"
        shown = frames(path)
        assert (int(row["width"]), int(row["height"])) == shown[0].size == (WIDTH, HEIGHT)
        assert int(row["frame_count"]) == film.FRAMES
        assert len(shown) == SECONDS
        assert row["question"] == row["question"].lower()
        assert len({row[f"a{number}"] for number in range(5)}) == 5


def test_what_is_drawn_is_seen_in_every_sampled_frame(tmp_path: Path) -> None:
    def described(scene: Scene) -> list[tuple[object, ...]]:
        return sorted((thing.name, *thing.attributes, round(thing.box.left)) for thing in scene.objects)

    for story in stories(12):
        film.write(story, tmp_path / "story.mp4")
        for frame, scene in zip(frames(tmp_path / "story.mp4"), story.scenes(), strict=True):
            seen = shapes.look(frame)
            assert [thing[:3] for thing in described(seen)] == [thing[:3] for thing in described(scene)]
            for one, other in zip(described(seen), described(scene), strict=True):
                assert abs(one[3] - other[3]) <= 1  # type: ignore[operator]


def test_something_happens_in_every_story_and_never_two_things_at_a_time() -> None:
    for story in stories(100):
        scenes = story.scenes()
        times = [second for second, (one, other) in enumerate(pairwise(scenes)) if one != other]
        assert times == [change.after for change in story.changes]
        assert len(set(times)) == len(times) >= 3


def test_no_object_touches_another_on_its_way() -> None:
    for story in stories(60):
        for number in range(film.FRAMES):
            scene = story.at(Fraction(number, film.FRAMES_PER_SECOND))
            for one, other in combinations((thing.box for thing in scene.objects), 2):
                assert apart(one, other)


def test_equal_settings_draw_equal_files_and_others_are_refused(root: Path, tmp_path: Path) -> None:
    draw(tmp_path / "again", seed=5, tasks_per_category=COUNTS, instances=2)
    files = [path.relative_to(root) for path in sorted(root.rglob("*")) if path.is_file()]
    assert [file for file in files if (tmp_path / "again" / file).read_bytes() != (root / file).read_bytes()] == []
    with pytest.raises(UserFault, match="was drawn with another seed"):
        draw(root, seed=6, tasks_per_category=COUNTS, instances=2)
    with pytest.raises(UserFault, match=r"splits to draw are \['testdev'\]"):
        draw(tmp_path / "other", seed=5, tasks_per_category={"testdev": 1}, instances=2)


def test_a_file_does_not_depend_on_what_the_memory_held_before(tmp_path: Path) -> None:
    """MALLOC_PERTURB_ fills memory that is handed out (mallopt(3)), as work that was done before would."""
    code = "import sys, pathlib, visrep.env.drawn.nextqa as drawn; "
    code += "drawn.draw(pathlib.Path(sys.argv[1]), seed=5, tasks_per_category={'test': 1}, instances=2)"
    drawn = []
    for fill in ("0", "1"):
        subprocess.run(
            [sys.executable, "-c", code, tmp_path / fill], env=os.environ | {"MALLOC_PERTURB_": fill}, check=True
        )
        drawn.append([file.read_bytes() for file in sorted((tmp_path / fill).rglob("*.mp4"))])
    assert drawn[0]
    assert drawn[0] == drawn[1]


def test_a_type_without_more_questions_says_so(tmp_path: Path) -> None:
    with pytest.raises(UserFault, match="gave 0 tasks and no more; ask for fewer"):
        draw(tmp_path / "many", seed=0, tasks_per_category={"test": 1}, instances=1000)


def test_no_example_of_a_prompt_can_be_drawn_and_all_are_right(tasks: list[Task]) -> None:
    drawn = {"star": "circle", "ring": "square", "orange": "red", "gray": "blue", "pink": "black"}
    said = {word for task in tasks for text in (task.question.text, *task.question.options) for word in text.split()}
    assert not {word.removesuffix("s") for word in said} & set(drawn)
    path = Path(__file__).parents[1] / "policy" / "examples" / "choice.toml"
    examples = tomllib.loads(path.read_text())["example"]
    assert len({example["category"] for example in examples} & set(CATEGORIES)) == len(examples) == 6
    for example in examples:
        text, code = (
            re.sub("|".join(drawn), lambda found: drawn[found[0]], example[key]) for key in ("question", "program")
        )
        assert text != example["question"], "its words are not drawn ones"
        question, _, options = text.partition(" Options: ")
        assert len(set(json.loads(options.replace("'", '"')))) == 5
        assert code.strip() == program(example["category"], question), "programs of that form are right: see above"
