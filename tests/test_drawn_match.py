"""Drawn sets in the layouts of Winoground, SugarCrepe, NLVR, NLVR2 and of a user's own data: what is annotated is seen,
and short programs that are told from the texts are right."""

import importlib
import re
import runpy
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from visrep import reward
from visrep.env.drawn import blocks
from visrep.env.environment import Environment
from visrep.env.faults import UserFault
from visrep.env.perception import Perception, shapes
from visrep.env.perception import scene as annotated
from visrep.env.perception.service import Service
from visrep.env.sandbox import Sandbox
from visrep.env.types import Question, Task

HERE = Path(__file__).parent
told = runpy.run_path(str(HERE / "match_programs.py"))
program, of_boxes, of_own = told["program"], told["of_boxes"], told["of_own"]

WRITERS = {name: importlib.import_module(f"visrep.env.drawn.{name}") for name in
           ("winoground", "sugarcrepe", "nlvr", "nlvr2", "own")}  # fmt: skip
TASKS = 3

EXAMPLES = tomllib.loads((HERE.parent / "policy" / "examples" / "match.toml").read_text(encoding="utf-8"))["example"]


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("data")
    for name, writer in WRITERS.items():
        writer.draw(folder / name, seed=7, tasks_per_category=dict.fromkeys(writer.SPLITS, TASKS), instances=2)
    return {name: folder / name for name in WRITERS}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def load(roots: dict[str, Path], name: str, split: str | None = None, **options: Any) -> list[Task]:
    module = importlib.import_module(f"visrep.env.tasks.{name}")
    splits = WRITERS[name].SPLITS if split is None else (split,)
    return [task for split in splits for task in module.load(roots[name], split, **options)]


def failures(pairs: Iterable[tuple[Task, str]], seeing: Perception, sandbox: Sandbox) -> list[str]:
    rollouts = list(Environment(sandbox, Service(seeing), reward.score).run(pairs))
    assert rollouts
    said = ([(run.outcome, run.value, run.message) for run in rollout.executions] for rollout in rollouts)
    return [
        f"{one.task_id}: {one.program} -> {runs}" for one, runs in zip(rollouts, said, strict=True) if not one.reward
    ]


@pytest.mark.parametrize("seeing", [annotated.load(), shapes.load()], ids=["scene", "shapes"])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("winoground", {}),
        ("winoground", {"kind": "verify"}),
        ("sugarcrepe", {}),
        ("sugarcrepe", {"kind": "verify"}),
        ("nlvr2", {}),
    ],
)
def test_a_program_told_from_the_text_is_right(
    roots: dict[str, Path], sandbox: Sandbox, name: str, options: dict[str, str], seeing: Perception
) -> None:
    pairs = [(task, program(task.question)) for task in load(roots, name, **options)]
    assert failures(pairs, seeing, sandbox) == []
    assert all(code.count("\n") == 1 for _, code in pairs), "one expression"


@pytest.mark.parametrize("seeing", [annotated.load(), shapes.load()], ids=["scene", "shapes"])
def test_a_program_told_from_a_sentence_about_boxes_is_right(
    roots: dict[str, Path], sandbox: Sandbox, seeing: Perception
) -> None:
    pairs = [(task, of_boxes(task.question)) for task in load(roots, "nlvr")]
    assert failures(pairs, seeing, sandbox) == []


def test_a_program_told_from_a_question_of_own_data_is_right(roots: dict[str, Path], sandbox: Sandbox) -> None:
    pairs = [(task, of_own(task.question)) for task in load(roots, "own")]
    assert failures(pairs, shapes.load(), sandbox) == []


@pytest.mark.parametrize("name", WRITERS)
def test_every_category_has_its_tasks_in_every_split(roots: dict[str, Path], name: str) -> None:
    per_item = {"winoground": 3}.get(name, 1)
    counts = [Counter(task.question.category for task in load(roots, name, split)) for split in WRITERS[name].SPLITS]
    assert counts[0] == counts[1] == counts[2] == dict.fromkeys(counts[0], per_item * TASKS)
    kinds = {"winoground": 3, "sugarcrepe": 7, "nlvr": 7, "nlvr2": 4, "own": 6}
    assert len(counts[0]) == kinds[name]


@pytest.mark.parametrize("name", WRITERS)
def test_splits_share_no_question_and_no_picture(roots: dict[str, Path], name: str) -> None:
    asked, seen = [], []
    for split in WRITERS[name].SPLITS:
        tasks = load(roots, name, split)
        asked.append({(task.question.text, frozenset(task.question.options)) for task in tasks})
        seen.append({path.read_bytes() for task in tasks for instance in task.instances for path in instance.images})
    for sets in (asked, seen):
        assert not sets[0] & sets[1] | sets[0] & sets[2] | sets[1] & sets[2]


@pytest.mark.parametrize("name", ["nlvr", "nlvr2"])
def test_a_sentence_is_true_of_half_of_its_instances(roots: dict[str, Path], name: str) -> None:
    assert all({instance.answers for instance in task.instances} == {(True,), (False,)} for task in load(roots, name))


@pytest.mark.parametrize("name", WRITERS)
def test_a_seed_draws_the_same_again_and_another_seed_something_else(tmp_path: Path, name: str) -> None:
    writer = WRITERS[name]
    for folder, seed in (("first", 1), ("again", 1), ("other", 2)):
        writer.draw(tmp_path / folder, seed=seed, tasks_per_category={writer.SPLITS[1]: 1}, instances=2)
    files = [path.relative_to(tmp_path / "first") for path in (tmp_path / "first").rglob("*.*") if path.is_file()]
    assert len(files) > 5
    for file in files:
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "again" / file).read_bytes()
    rows = [file for file in files if file.suffix != ".png"]
    assert all((tmp_path / "first" / file).read_bytes() != (tmp_path / "other" / file).read_bytes() for file in rows)


@pytest.mark.parametrize("name", WRITERS)
def test_settings_that_make_no_sense_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserFault, match="valid"):
        WRITERS[name].draw(tmp_path / "drawn", seed=0, tasks_per_category={"valid": 1}, instances=2)
    with pytest.raises(UserFault, match="at least 1"):
        WRITERS[name].draw(tmp_path / "drawn", seed=0, tasks_per_category={"train": 0}, instances=2)
    assert not list(tmp_path.iterdir())


def test_items_in_a_box_keep_apart_and_inside() -> None:
    for number in range(50):
        for items in blocks.loose(f"apart/{number}"):
            assert all(min(item.left, item.top) >= 0 and max(item.left, item.top) + item.size <= 100 for item in items)
            for one in items:
                for other in items:
                    across = abs(2 * one.left + one.size - 2 * other.left - other.size) / 2
                    along = abs(2 * one.top + one.size - 2 * other.top - other.size) / 2
                    assert one is other or max(across, along) >= (one.size + other.size) / 2 + 4


def test_no_example_of_the_prompt_can_be_drawn_and_all_are_right(roots: dict[str, Path]) -> None:
    drawn = {"star": "circle", "ring": "square", "gray": "red", "pink": "blue"}
    texts = [" ".join([task.question.text, *task.question.options]) for task in load(roots, "winoground")]
    assert not {word.removesuffix("s") for text in texts for word in re.findall(r"\w+", text)} & set(drawn)
    signatures = Counter()
    for example in EXAMPLES:
        said, code = (
            re.sub("|".join(drawn), lambda found: drawn[found[0]], example[key]) for key in ("question", "program")
        )
        text, _, options = said.partition(" Options: ")
        offered = tuple(re.findall("'(.*?)'", options))
        signature = "execute_command(image, options)" if offered else "execute_command(images)"
        signatures[signature] += 1
        question = Question("example", text, "match", example["category"], offered, signature)
        assert code.strip() == program(question), "programs of that form are right: see above"
        assert f"{text} Options: {list(offered)}" == said if offered else text == said, "as a prompt has it"
    assert set(signatures.values()) == {3}
