import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from visrep import reward
from visrep.corrections.store import Correction, add, check, read
from visrep.env.environment import Environment
from visrep.env.faults import UserFault
from visrep.env.perception import scripted
from visrep.env.perception.service import Service
from visrep.env.sandbox import Limits, Sandbox
from visrep.env.types import Instance, Question, Task
from visrep.train.select import select

RIGHT = 'def execute_command(image):\n    return str(len(image.find("circle")))'  # scripted: always three
WRONG = 'def execute_command(image):\n    return image.simple_query("How many circles are there?")'
FAULTY = "def execute_command(image):\n    return circles"


@pytest.fixture(scope="module")
def environment() -> Iterator[Environment]:
    with Environment(Sandbox(Limits(), parallel=2), Service(scripted.load()), reward.score) as made:
        yield made


@pytest.fixture
def task(tmp_path: Path) -> Task:
    return make_task(tmp_path, "t")


def make_task(folder: Path, name: str, answers: tuple[str, ...] = ("3", "3")) -> Task:
    path = folder / "image.png"
    Image.new("RGB", (30, 20)).save(path)
    instances = tuple(Instance(f"{name}/{i}", images=(path,), answers=(answer,)) for i, answer in enumerate(answers))
    return Task(Question(name, "How many circles are there?", "answer", "count"), instances, "drawn", "train")


def store(path: Path, environment: Environment, task: Task, program: str = RIGHT, author: str = "Ada") -> Correction:
    return add(path, environment, task, program, author=author, note="counts", recipe="0123abcd")


def test_a_right_program_is_stored_with_what_it_was_verified_with(
    environment: Environment, task: Task, tmp_path: Path
) -> None:
    path = tmp_path / "store" / "corrections.jsonl"
    added = store(path, environment, task)
    assert read(path) == [added]
    assert (added.task_id, added.program, added.author, added.note) == ("t", RIGHT, "Ada", "counts")
    assert added.perception == scripted.load().identity
    assert added.recipe == "0123abcd"
    assert added.date.endswith("+00:00")


def test_the_store_is_only_appended_to(environment: Environment, tmp_path: Path) -> None:
    path = tmp_path / "corrections.jsonl"
    store(path, environment, make_task(tmp_path, "t"))
    before = path.read_bytes()
    store(path, environment, make_task(tmp_path, "u"))
    assert path.read_bytes().startswith(before)
    assert [each.task_id for each in read(path)] == ["t", "u"]


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (WRONG, ["'t'", "0 of 2", "wrong_answer", '"red"', "'3'"]),
        (FAULTY, ["runtime_error", "circles", "(line 2)"]),
        ("def execute_command(image)", ["syntax_error"]),
    ],
)
def test_a_program_that_is_not_right_is_refused_with_its_outcome(
    environment: Environment, task: Task, tmp_path: Path, program: str, words: list[str]
) -> None:
    path = tmp_path / "corrections.jsonl"
    with pytest.raises(UserFault) as fault:
        store(path, environment, task, program)
    assert [word for word in words if word not in str(fault.value)] == []
    assert "\n" not in str(fault.value)
    assert not path.exists()


def test_right_on_some_instances_is_not_right(environment: Environment, tmp_path: Path) -> None:
    with pytest.raises(UserFault, match=r"1 of 2 instances .* on 't/1'"):
        store(tmp_path / "c.jsonl", environment, make_task(tmp_path, "t", ("3", "4")))


def test_a_program_is_stored_once_whatever_its_locals_are_called(
    environment: Environment, task: Task, tmp_path: Path
) -> None:
    path = tmp_path / "c.jsonl"
    store(path, environment, task)
    with pytest.raises(UserFault, match="already has this program"):
        store(path, environment, task, RIGHT.replace("image", "picture") + "  # three")


@pytest.mark.parametrize("author", ["", " ", "policy", "retry"])
def test_a_correction_has_a_persons_name(environment: Environment, task: Task, tmp_path: Path, author: str) -> None:
    with pytest.raises(UserFault, match="expected a person's name"):
        store(tmp_path / "c.jsonl", environment, task, author=author)


def test_a_line_that_an_editor_left_open_is_kept(environment: Environment, tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    store(path, environment, make_task(tmp_path, "t"))
    path.write_text(path.read_text().rstrip("\n"))
    assert len(read(path)) == 1
    store(path, environment, make_task(tmp_path, "u"))
    assert [each.task_id for each in read(path)] == ["t", "u"]


def line(**changes: object) -> str:
    fields = ("task_id", "program", "author", "date", "note", "perception", "recipe")
    return json.dumps(dict.fromkeys(fields, "x") | changes)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (line() + "\n" + line()[:-10], "c.jsonl:2: not a JSON line"),
        ("<<<<<<< HEAD\n", "c.jsonl:1: not a JSON line"),
        ("[1]\n", "c.jsonl:1: found list"),
        (line(autor="x") + "\n", "unknown field 'autor'; did you mean 'author'?"),
        (line(program=None) + "\n", "field 'program' is None, expected a text"),
        (line() + "\n\n" + line(date=3) + "\n", "c.jsonl:3: field 'date' is 3"),
    ],
)
def test_a_damaged_store_is_reported_by_file_and_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "c.jsonl"
    path.write_text(text)
    with pytest.raises(UserFault) as fault:
        read(path)
    assert words in str(fault.value)


def test_a_store_that_is_no_text_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(UserFault, match="not UTF-8"):
        read(path)


def test_no_store_is_an_empty_store(tmp_path: Path) -> None:
    assert read(tmp_path / "none.jsonl") == []


def test_checking_runs_everything_again(environment: Environment, tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    tasks = [make_task(tmp_path, name) for name in "tuv"]
    for task in tasks:
        store(path, environment, task)
    changed = make_task(tmp_path, "u", ("4", "4"))
    checked = list(check(read(path), environment, [tasks[0], changed]))
    assert [each.task_id for each, _ in checked] == ["t", "u", "v"]
    assert [rollout and rollout.reward for _, rollout in checked] == [1, 0, None]


def test_a_checked_correction_can_be_learnt_from(environment: Environment, task: Task, tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    store(path, environment, task)
    rollouts = [rollout for _, rollout in check(read(path), environment, [task]) if rollout]
    chosen = select(rollouts, [task], per_task=1, refused=(), seed=0, correction_weight=3.0).examples
    assert [(each.author, each.program, each.weight) for each in chosen] == [("Ada", RIGHT, 3.0)]
