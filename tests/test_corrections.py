import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from visrep import reward
from visrep.corrections.store import Correction, add, changes, check, read
from visrep.env.environment import Environment
from visrep.env.faults import UserFault
from visrep.env.perception import scripted
from visrep.env.perception.service import Service
from visrep.env.sandbox import Limits, Sandbox
from visrep.env.types import Box, Instance, Question, Task
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
    return add(path, environment, task, program, author=author, note="counts", api="89ab", recipe="0123abcd")


def test_a_right_program_is_stored_with_what_it_was_verified_with(
    environment: Environment, task: Task, tmp_path: Path
) -> None:
    path = tmp_path / "store" / "corrections.jsonl"
    added = store(path, environment, task)
    assert read(path) == [added]
    assert (added.task_id, added.program, added.author, added.note) == ("t", RIGHT, "Ada", "counts")
    assert added.perception == scripted.load().identity
    assert (added.api, added.recipe) == ("89ab", "0123abcd")
    assert len(added.outcome) == 16
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
    fields = ("task_id", "program", "author", "date", "note", "api", "perception", "recipe", "outcome")
    return json.dumps(dict.fromkeys(fields, "x") | changes)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (line() + "\n" + line()[:-10], "c.jsonl:2: not a JSON line"),
        ("<<<<<<< HEAD\n", "c.jsonl:1: not a JSON line"),
        ("[1]\n", "c.jsonl:1: found list"),
        (line(autor="x") + "\n", "unknown field 'autor'; did you mean 'author'?"),
        (line(program=None) + "\n", "field 'program' is None, expected a text"),
        (
            '{"task_id": "t", "program": "x"}\n',
            "field 'author' is missing; restore the line, or remove it and add it anew",
        ),
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
    assert [each.correction.task_id for each in checked] == ["t", "u", "v"]
    assert [each.rollout and each.rollout.reward for each in checked] == [1, 0, None]
    assert checked[0].why == ""
    assert "returned \"3\", expected one of ['4']" in checked[1].why
    assert checked[2].why == "there is no training task 'v'"


def test_a_checked_correction_can_be_learnt_from(environment: Environment, task: Task, tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    store(path, environment, task)
    rollouts = [each.rollout for each in check(read(path), environment, [task]) if each.rollout]
    chosen = select(rollouts, [task], per_task=1, refused=(), seed=0, correction_weight=3.0).examples
    assert [(each.author, each.program, each.weight) for each in chosen] == [("Ada", RIGHT, 3.0)]


def test_what_is_not_as_it_was_when_a_correction_was_verified_is_told(
    environment: Environment, task: Task, tmp_path: Path
) -> None:
    path = tmp_path / "c.jsonl"
    added = store(path, environment, task)
    (same,) = check([added], environment, [task])
    assert changes(same, api=added.api, perception=added.perception, recipe=added.recipe) == []
    assert changes(same, api="new", perception=added.perception, recipe="other") == ["api", "recipe"]
    # Right as before, but a number where there was a text.
    number = replace(added, program=RIGHT.replace("str(", "int("))
    (checked,) = check([number], environment, [task])
    assert checked.why == ""
    assert changes(checked, api=added.api, perception=added.perception, recipe=added.recipe) == ["outcome"]


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    done = subprocess.run(["git", *who, *words], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_git_takes_what_two_people_have_added(environment: Environment, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    path = repository / "corrections" / "c.jsonl"
    tasks = {name: make_task(tmp_path, name) for name in "tuv"}
    repository.mkdir()
    git(repository, "init", "-b", "main")
    store(path, environment, tasks["t"])
    git(repository, "add", "-A")
    git(repository, "commit", "-m", "first")
    git(repository, "checkout", "-b", "ben")
    store(path, environment, tasks["u"], author="Ben")
    git(repository, "commit", "-am", "Ben's")
    git(repository, "checkout", "main")
    store(path, environment, tasks["v"])
    git(repository, "commit", "-am", "Ada's")
    git(repository, "merge", "ben")
    assert sorted((each.task_id, each.author) for each in read(path)) == [("t", "Ada"), ("u", "Ben"), ("v", "Ada")]


def test_two_people_may_begin_a_store(environment: Environment, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    git(repository, "init", "-b", "main")
    git(repository, "commit", "--allow-empty", "-m", "nothing yet")
    for branch, name in (("ada", "t"), ("ben", "u")):
        git(repository, "checkout", "-b", branch, "main")
        store(repository / "c.jsonl", environment, make_task(tmp_path, name))
        git(repository, "add", "-A")
        git(repository, "commit", "-m", branch)
    git(repository, "merge", "ada")
    assert sorted(each.task_id for each in read(repository / "c.jsonl")) == ["t", "u"]
    assert (repository / ".gitattributes").read_text() == "c.jsonl merge=union\n"


def test_outside_a_repository_nothing_is_said_to_git(environment: Environment, task: Task, tmp_path: Path) -> None:
    store(tmp_path / "c.jsonl", environment, task)
    assert not (tmp_path / ".gitattributes").exists()


def test_annotated_boxes_are_told_beside_what_was_returned(environment: Environment, tmp_path: Path) -> None:
    asked = make_task(tmp_path, "t").question
    boxed = Instance("t/0", images=(tmp_path / "image.png",), boxes=(Box(0, 0, 10, 5),))
    task = Task(replace(asked, kind="ground"), (boxed,), "drawn", "train")
    with pytest.raises(UserFault, match=r'returned \{"image": 0, "box": \[.*\]\}, expected \[\[0, 0, 10, 5\]\]'):
        store(tmp_path / "c.jsonl", environment, task, "def execute_command(image):\n    return image")
