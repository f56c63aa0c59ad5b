"""Drawn data sets: what is seen is what is annotated, and every question can be answered by a short program."""

import json
import re
import runpy
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from visrep import reward
from visrep.env.drawn.gqa import draw
from visrep.env.drawn.questions import CATEGORIES
from visrep.env.drawn.scene import BACKGROUND, COLOURS, GAP, SIZE_LIMIT, generate, render
from visrep.env.environment import Environment
from visrep.env.faults import UserFault
from visrep.env.perception import scene as annotated
from visrep.env.perception import shapes
from visrep.env.perception.service import Service
from visrep.env.sandbox import Sandbox
from visrep.env.tasks import gqa
from visrep.env.types import Rollout, Task

program = runpy.run_path(str(Path(__file__).with_name("drawn_programs.py")))["program"]

SETTINGS = {
    "seed": 5,
    "scenes": {"train": 200, "testdev": 150},
    "tasks_per_category": {"train": 12, "testdev": 8},
    "instances": 2,
}
SPLITS = tuple(SETTINGS["scenes"])


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data") / "drawn"
    draw(root, **SETTINGS)
    return root


@pytest.fixture(scope="module")
def tasks(root: Path) -> list[Task]:
    return [task for split in SPLITS for task in gqa.load(root, split, instances=2)]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def solved(tasks: list[Task], perception: Service, sandbox: Sandbox) -> list[Rollout]:
    environment = Environment(sandbox, perception, reward.score)
    return list(environment.run((task, program(task.question.category, task.question.text)) for task in tasks))


def failures(rollouts: list[Rollout]) -> list[str]:
    said = "{0.task_id}: {0.program} -> {1}"
    runs = ([(run.outcome, run.value, run.message) for run in rollout.executions] for rollout in rollouts)
    return [said.format(rollout, run) for rollout, run in zip(rollouts, runs, strict=True) if not rollout.reward]


def test_a_program_read_off_the_text_is_right_on_the_annotated_scenes(tasks: list[Task], sandbox: Sandbox) -> None:
    rollouts = solved(tasks, Service(annotated.load()), sandbox)
    assert len(rollouts) == len(tasks)
    assert not failures(rollouts)


def test_a_program_read_off_the_text_is_right_on_the_pixels(tasks: list[Task], sandbox: Sandbox) -> None:
    assert not failures(solved(tasks, Service(shapes.load()), sandbox))


def test_every_category_has_its_tasks_and_every_task_answers_that_differ(tasks: list[Task]) -> None:
    for split in SPLITS:
        count = Counter(task.question.category for task in tasks if task.split == split)
        assert count == dict.fromkeys(CATEGORIES, SETTINGS["tasks_per_category"][split])
    assert all(len(task.instances) == 2 for task in tasks)
    assert all(task.instances[0].answers != task.instances[1].answers for task in tasks)


def test_no_constant_answer_earns_over_60_percent(root: Path) -> None:
    for split in SPLITS:
        answers: dict[str, Counter[str]] = defaultdict(Counter)
        for task in gqa.load(root, split, instances=1):
            answers[task.question.category][str(task.instances[0].answers[0])] += 1
        for category, counted in answers.items():
            assert max(counted.values()) <= 0.6 * counted.total(), (split, category, counted)


def test_splits_share_no_question_and_no_picture(root: Path) -> None:
    texts, pictures = [], []
    for split in SPLITS:
        texts.append({(task.question.text) for task in gqa.load(root, split)})
        pictures.append({path.read_bytes() for path in (root / "images").glob(f"{split}-*.png")})
        assert len(pictures[-1]) == SETTINGS["scenes"][split]
    assert not texts[0] & texts[1]
    assert not pictures[0] & pictures[1]


def test_no_example_of_a_prompt_can_be_drawn_and_all_are_right(tasks: list[Task]) -> None:
    drawn = {"star": "circle", "ring": "square", "orange": "red", "gray": "blue"}
    words = {word.removesuffix("s") for task in tasks for word in re.findall(r"\w+", task.question.text)}
    assert not words & set(drawn)
    path = Path(__file__).parents[1] / "policy" / "examples" / "drawn.toml"
    examples = tomllib.loads(path.read_text())["example"]
    assert len({example["category"] for example in examples} & set(CATEGORIES)) == len(examples) == 6
    for example in examples:
        question, code = (
            re.sub("|".join(drawn), lambda found: drawn[found[0]], example[key]) for key in ("question", "program")
        )
        assert question != example["question"], "its words are not drawn ones"
        assert code.strip() == program(example["category"], question), "programs of that form are right: see above"


def test_the_annotation_fits_the_pixels() -> None:
    for seed in range(40):
        scene = generate(f"pixels/{seed}")
        pixels = np.asarray(render(scene)).astype(int)
        for thing in scene.objects:
            box = thing.box
            rows = slice(int(scene.height - box.upper), int(scene.height - box.lower))
            columns = slice(int(box.left), int(box.right))
            drawn = np.abs(pixels[rows, columns] - BACKGROUND).sum(axis=2) > 30
            # All four edges of the box are touched by the shape, a triangle's thin tip excepted.
            assert all(edge.any() for edge in (drawn[:2], drawn[-1], drawn[:, 0], drawn[:, -1])), (seed, thing)
            assert np.array_equal(
                pixels[rows, columns][drawn.shape[0] * 3 // 4, drawn.shape[1] // 2], COLOURS[thing.attributes[0]]
            )
            assert thing.attributes[1] == ("large" if box.right - box.left > SIZE_LIMIT else "small")
            pixels[rows, columns] = BACKGROUND
        assert (pixels == BACKGROUND).all(), "something is drawn outside all boxes"


def test_objects_keep_apart() -> None:
    for seed in range(100):
        scene = generate(f"apart/{seed}")
        for one in scene.objects:
            assert min(one.box.left, one.box.lower) >= GAP
            assert max(one.box.right, one.box.upper) <= scene.width - GAP
            for other in scene.objects:
                if one is not other:
                    across = abs(one.box.left + one.box.right - other.box.left - other.box.right) / 2
                    along = abs(one.box.lower + one.box.upper - other.box.lower - other.box.upper) / 2
                    assert min(across, along) >= 12


def test_a_seed_draws_the_same_again_and_another_seed_something_else(tmp_path: Path) -> None:
    small = {"scenes": {"val": 60}, "tasks_per_category": {"val": 1}, "instances": 2}
    for name, seed in (("first", 1), ("again", 1), ("other", 2)):
        draw(tmp_path / name, seed=seed, **small)
    files = sorted(path.relative_to(tmp_path / "first") for path in (tmp_path / "first").rglob("*.*"))
    assert len(files) == 60 + 3
    for file in files:
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "again" / file).read_bytes()
        assert (tmp_path / "first" / file).read_bytes() != (tmp_path / "other" / file).read_bytes()


def test_drawing_again_does_nothing_and_never_overwrites(root: Path, tmp_path: Path) -> None:
    before = (root / "drawn.json").stat().st_mtime_ns
    draw(root, **SETTINGS)
    assert (root / "drawn.json").stat().st_mtime_ns == before
    with pytest.raises(UserFault, match="another seed"):
        draw(root, **{**SETTINGS, "seed": 6})
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(UserFault, match="no drawn data set"):
        draw(tmp_path / "mine", **SETTINGS)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


def test_a_drawing_that_cannot_be_finished_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UserFault, match="ask for fewer tasks"):
        draw(tmp_path / "drawn", seed=0, scenes={"val": 2}, tasks_per_category={"val": 5}, instances=2)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scenes": {"train": 9}}, "for each split"),
        ({"scenes": {"valid": 9}, "tasks_per_category": {"valid": 1}}, "valid"),
        ({"instances": 0}, "at least 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(tmp_path: Path, change: dict[str, object], message: str) -> None:
    with pytest.raises(UserFault, match=message):
        draw(tmp_path / "drawn", **{**SETTINGS, **change})


def test_questions_are_written_as_in_gqa(root: Path) -> None:
    questions = json.loads((root / "testdev_balanced_questions.json").read_text())
    graphs = json.loads((root / "testdev_sceneGraphs.json").read_text())
    for key, question in questions.items():
        assert question["imageId"] in graphs
        assert key in question["equivalent"]
        assert set(question["types"]) == {"structural", "semantic", "detailed"}
        assert question["fullAnswer"].endswith(".")
        assert question["question"].endswith("?")
        for place, step in enumerate(question["semantic"]):
            assert set(step) == {"operation", "dependencies", "argument"}
            assert all(before < place for before in step["dependencies"])
        depended = {before for step in question["semantic"] for before in step["dependencies"]}
        assert depended == set(range(len(question["semantic"]) - 1)), "all but the last step lead somewhere"
    for graph in graphs.values():
        for thing in graph["objects"].values():
            for relation in thing["relations"]:
                other = graph["objects"][relation["object"]]
                match relation["name"]:
                    case "to the left of":
                        assert thing["x"] < other["x"]
                    case "above":
                        assert thing["y"] < other["y"]
