"""Asking again with the answers in the prompt: what the hint says, what counts, and how the loop goes on with it."""

import io
import json
import runpy
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console

from visrep import reward
from visrep.env import jsonl, rollouts
from visrep.env.environment import Environment
from visrep.env.faults import UserFault
from visrep.env.perception import scripted
from visrep.env.perception.service import Service
from visrep.env.sandbox import Limits, Sandbox
from visrep.env.tasks import gqa
from visrep.env.types import Box, Instance, Question, Task
from visrep.policy.prompt import Prompter
from visrep.policy.scripted import Scripted
from visrep.train import browse
from visrep.train.branch import branch
from visrep.train.config import Recipe, load_recipe
from visrep.train.loop import train
from visrep.train.retry import REQUEST, Hints, retry
from visrep.train.rollout import Bench, Files, Sampling, collect
from visrep.train.run import Run
from visrep.train.runner import Author

small = runpy.run_path(str(Path(__file__).with_name("small_run.py")))
contents = small["contents"]
QUIET = Console(quiet=True)
HEAD = "def execute_command(image):"
FOUND = "\n    return len(image.find('cup'))"  # scripted: always three
SAID = "\n    return 3 if image.exists('cup') else 7"
LATE = "\n    cups = image.find('cup')\n    return cups[7].left"


@pytest.fixture(scope="module")
def environment() -> Iterator[Environment]:
    with Environment(Sandbox(Limits(cpu_seconds=1), parallel=4), Service(scripted.load()), reward.score) as made:
        yield made


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Limits(cpu_seconds=1), parallel=4) as made:
        yield made


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> list[Task]:
    folder = tmp_path_factory.mktemp("images")
    paths = [folder / f"{number}.png" for number in range(2)]
    for number, path in enumerate(paths):
        Image.new("RGB", (60, 40 + number), "white").save(path)
    instances = tuple(Instance(path.stem, (path,), answers=("3",)) for path in paths)
    return [Task(Question(f"q{n}", f"How many cups, {n}?", "answer", "count"), instances, "t", "s") for n in range(4)]


def attempts(folder: Path, environment: Environment, task: Task, bodies: Sequence[str]) -> Path:
    file = folder / "rollouts.jsonl"
    with jsonl.Log(file) as log:
        log.append(*(rollouts.to_json(environment.step(task, HEAD + body)) for body in bodies))
    return file


# -- the hint ----------------------------------------------------------------------------------------------------------


def test_a_hint_has_the_answers_the_best_failure_and_its_course(
    environment: Environment, sandbox: Sandbox, tasks: list[Task], tmp_path: Path
) -> None:
    first, second = tasks[0].instances
    task = replace(tasks[0], instances=(first, replace(second, answers=("4", "four"))))
    # Right on one of the two inputs, where the others are right on none.
    half = "\n    cups = image.find('cup')\n    return len(cups)"
    bodies = ["\n    return (", LATE, half, "\n    return 'x'"]
    files = [attempts(tmp_path / str(place), environment, task, bodies[::step]) for place, step in enumerate((1, -1))]
    hints = [Hints(file, sandbox).of(task) for file in files]
    assert hints[0].splitlines() == [
        "The right answers to the next question for its 2 inputs are: 3, 4.",
        "This program is wrong:",
        HEAD,
        "    cups = image.find('cup')",
        "    return len(cups)",
        "Input 2: it returns 3, not 4.",
        *[line for line in hints[0].splitlines() if line.startswith("Before line 3: cups = [ImagePatch(")],
        REQUEST,
    ]
    assert len(hints[0].splitlines()) == 8, "the course is there"
    assert hints[0] == hints[1], "whatever the order of the log"


def test_a_failure_without_a_value_is_told_with_its_message_and_line(
    environment: Environment, sandbox: Sandbox, tasks: list[Task], tmp_path: Path
) -> None:
    hint = Hints(attempts(tmp_path, environment, tasks[0], [LATE]), sandbox).of(tasks[0])
    assert hint.startswith("The right answer to the next question is 3.\n")
    assert "\nInput 1: runtime_error: IndexError: list index out of range (line 3).\n" in hint


def test_a_hint_stays_short_whatever_a_program_wrote(
    environment: Environment, sandbox: Sandbox, tasks: list[Task], tmp_path: Path
) -> None:
    long = "\n    x = 0" * 400 + "\n    raise ValueError('y' * 5000)"
    hint = Hints(attempts(tmp_path, environment, tasks[0], [long]), sandbox).of(tasks[0])
    assert len(hint) < 1800


def test_boxes_are_told_in_the_frame_that_programs_see(sandbox: Sandbox, tasks: list[Task], tmp_path: Path) -> None:
    first, second = (replace(instance, answers=()) for instance in tasks[0].instances)
    boxes = (Box(1.2, 2, 30, 31.6), Box(5, 6, 7, 8))
    task = replace(
        tasks[0],
        question=replace(tasks[0].question, kind="detect"),
        instances=(replace(first, boxes=boxes), second),
    )
    hint = Hints(tmp_path / "none.jsonl", sandbox).of(task)
    told = "The right answers to the next question for its 2 inputs are: (1, 2, 30, 32) and (5, 6, 7, 8), no object."
    assert hint.splitlines() == [told, REQUEST]


def test_the_hint_stands_in_comments_before_the_question(tasks: list[Task]) -> None:
    prompter = Prompter(["ImagePatch.find"], [])
    plain, hinted = (prompter.prompt(tasks[0].question, hint) for hint in ("", "It is 3.\n    not 4"))
    assert plain == prompter.prompt(tasks[0].question)
    assert hinted == plain.replace("# How many cups", "# It is 3.\n#     not 4\n# How many cups")
    assert hinted.startswith(prompter.prefix().rstrip("# "))


# -- a round of it -----------------------------------------------------------------------------------------------------


def test_only_what_earns_its_reward_without_saying_the_answer_counts(
    environment: Environment, sandbox: Sandbox, tasks: list[Task], tmp_path: Path
) -> None:
    prompter = Prompter(["ImagePatch.find"], [])
    asked: list[str] = []

    def script(prompt: str, n: int, seed: int) -> list[str]:
        """Knows only what it is told, and for the last task nothing else."""
        asked.append(prompt)
        if REQUEST not in prompt or "is 3." not in prompt:
            return [LATE]
        return {"0": [FOUND, SAID], "1": [SAID, LATE], "2": [SAID, SAID + "  # so", FOUND]}.get(
            prompt.split("cups, ")[-1][0], [LATE]
        )

    author, files = Author(1, "base"), Files(tmp_path / "completions.jsonl", tmp_path / "rollouts.jsonl")
    plain = Bench(Scripted(script), prompter, environment, tasks)
    collect(plain, Sampling("", 0, 3, 1.0, 0), files, author, QUIET)
    assert [rollout.reward for rollout in rollouts.read(files.rollouts)] == [0] * 4
    hinted = replace(plain, hint=Hints(files.rollouts, sandbox).of)
    again = Files(tmp_path / "retry.completions.jsonl", tmp_path / "retry.rollouts.jsonl")
    asked.clear()
    counts = retry(hinted, Sampling("", 0, 3, 1.0, 0), again, replace(author, name="retry"), QUIET)
    assert (counts["asked"], counts["solved"], counts["refused"]) == (4, 2, 3)
    assert (len(asked), counts["completions"]) == (4, 12)
    found = list(rollouts.read(again.rollouts))
    assert {(rollout.author, rollout.iteration, rollout.policy) for rollout in found} == {("retry", 1, "base")}

    lines = again.completions.read_text().splitlines(keepends=True)
    again.completions.write_text("".join(lines[:2]) + lines[2][:20])
    again.rollouts.write_text("".join(again.rollouts.read_text().splitlines(keepends=True)[:3]))
    asked.clear()
    resumed = retry(hinted, Sampling("", 0, 3, 1.0, 0), again, replace(author, name="retry"), QUIET)
    assert len(asked) == 2, "what is on disk is not asked for again"
    for key in ("asked", "solved", "refused", "completions", "programs"):
        assert resumed[key] == counts[key]


# -- in the loop -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small run, whose policy now writes right programs for the other half of the tasks where it is shown the
    answers; for one of them a program that says them."""
    made: Path = small["prepare"](tmp_path_factory.mktemp("retry"))
    script = json.loads((made / "script.json").read_text())
    unsolved = [task for n, task in enumerate(gqa.load(made / "drawn", "train", instances=2)) if n % 2 == 0]
    for task in unsolved:
        script[f"# {REQUEST}\n# {task.question.text}"] = [small["body"](task.question)]
    task = next(task for task in unsolved if "color" in task.question.text and " or " not in task.question.text)
    answers = {str(instance.answers[0]): str(instance.answers[0]) for instance in task.instances}
    assert not answers.keys() & {"yes", "no"}
    looked_up = small["body"](task.question).replace("return ", f"return {answers}[") + "]"
    script[f"# {REQUEST}\n# {task.question.text}"] = [looked_up]
    (made / "script.json").write_text(json.dumps(script))
    return made


def recipe(folder: Path, *overrides: str) -> Recipe:
    shorter = ["iterations=1", "evaluation.base_without_examples=false"]
    return load_recipe("quickstart", [*small["settings"](folder), *shorter, *overrides])


@pytest.fixture(scope="module")
def trunk(folder: Path) -> Run:
    return train(recipe(folder), folder / "trunk", resume=False, console=QUIET)


AGAIN = ("iterations=2", "sampling.rounds=1", "retry.n=2")


@pytest.fixture(scope="module")
def arm(folder: Path, trunk: Run) -> tuple[Run, str]:
    """A branch of the trunk that asks again in place of the second round, and what was printed."""
    branch(trunk, folder / "arm")
    console = Console(width=400, file=io.StringIO(), record=True)
    return train(recipe(folder, *AGAIN), folder / "arm", resume=True, console=console), console.export_text()


def test_unsolved_tasks_are_solved_and_learnt_from_with_the_plain_prompt(arm: tuple[Run, str]) -> None:
    run, said = arm
    record = run.metrics()[-1]
    sampling, selection = record["sampling"], record["selection"]
    assert [key for key in sampling if key.startswith("round_")] == ["round_1"]
    told = {key: sampling["retry"][key] for key in ("asked", "solved", "refused", "completions")}
    assert told == {"asked": 16, "solved": 15, "refused": 1, "completions": 32}
    assert selection["authors"] == {"policy": 16, "retry": 15}
    assert selection["dropped"]["answer_as_constant"] == 1
    assert "asked again about 16 unsolved tasks, of which 15 are solved then" in said
    prompts = [row["prompt"] for row in jsonl.read(run.iteration(2) / "examples.jsonl")]
    assert (len(prompts), [prompt for prompt in prompts if REQUEST in prompt]) == (31, [])


def test_what_was_shown_counts_for_no_pass_at_k(trunk: Run, arm: tuple[Run, str]) -> None:
    before, after = trunk.metrics()[-1]["sampling"], arm[0].metrics()[-1]["sampling"]
    assert after["solved"] == before["solved"] == 0.5
    assert after["pass_at_k"] == before["pass_at_k"]


def test_iterations_that_were_finished_stay_as_they_were(trunk: Run, arm: tuple[Run, str]) -> None:
    run = arm[0]
    assert run.metrics()[:-1] == trunk.metrics()
    first = {name: rows for name, rows in contents(run.folder).items() if name.startswith("iteration_01")}
    assert first == contents(trunk.folder)
    changed = run.stamp()["changed"][-1]
    assert changed["after_iteration"] == 1
    assert changed["settings"].keys() == {"sampling.rounds", "retry.n"}


def test_the_retry_is_among_the_programs_that_can_be_looked_at(arm: tuple[Run, str]) -> None:
    found = browse.sources(arm[0], None, held_out=False)
    assert [source.name for source in found] == ["iteration 1", "iteration 2", "iteration 2, retry"]
    assert len(list(jsonl.read(found[-1].completions))) == 16


@pytest.mark.slow
def test_a_retry_that_was_cut_off_ends_like_one_that_was_not(arm: tuple[Run, str], folder: Path) -> None:
    """As after `kill -9`: a torn last line of completions, half of the rollouts, no manifest."""
    cut = folder / "cut"
    shutil.copytree(arm[0].folder, cut)
    second = cut / "iteration_02"
    for name in ("retry", "select", "clone", "evaluate"):
        (second / f"{name}.done.json").unlink()
    for path in second.glob("evaluate.*"):
        path.unlink()
    for name in ("retry.completions.jsonl", "retry.rollouts.jsonl"):
        data = (second / name).read_bytes()
        (second / name).write_bytes(data[: len(data) // 2])
    resumed = train(recipe(folder, *AGAIN), cut, resume=True, console=QUIET)
    assert contents(resumed.folder) == contents(arm[0].folder)
    old, new = (run.metrics()[-1]["sampling"]["retry"] for run in (arm[0], resumed))
    assert {key: old[key] for key in ("asked", "solved", "refused")} == {
        key: new[key] for key in ("asked", "solved", "refused")
    }


def test_how_much_is_asked_for_does_not_change_half_way(arm: tuple[Run, str], folder: Path, tmp_path: Path) -> None:
    half = tmp_path / "half"
    shutil.copytree(arm[0].folder, half)
    (half / "iteration_02" / "evaluate.done.json").unlink()
    with pytest.raises(UserFault, match=r"iteration 2 of .* is half-way, and was begun with another 'retry\.n'"):
        Run.reopen(half, recipe(folder, *AGAIN, "retry.n=3"))
    assert Run.open(half).recipe.retry.n == 2


# -- branching ---------------------------------------------------------------------------------------------------------


def test_a_branch_says_what_it_is_a_copy_of_and_leaves_the_trunk_alone(trunk: Run, arm: tuple[Run, str]) -> None:
    assert arm[0].stamp()["branched"] == {"from": str(trunk.folder), "after_iteration": 1}
    assert "branched" not in trunk.stamp()
    assert trunk.finished_iterations() == [1]


def test_a_branch_is_refused_where_there_is_a_run_and_from_one_that_is_half_way(trunk: Run, folder: Path) -> None:
    with pytest.raises(UserFault, match="holds a run already"):
        branch(trunk, trunk.folder)
    half = folder / "half"
    shutil.copytree(trunk.folder, half)
    (half / "iteration_02").mkdir()
    with pytest.raises(UserFault, match=r"iteration 2 of .* is half-way"):
        branch(Run.open(half), folder / "other")
    assert not (folder / "other").exists()


def test_a_branch_that_was_cut_off_is_made_anew(trunk: Run, folder: Path) -> None:
    (folder / ".late.partial").mkdir()
    (folder / ".late.partial" / "rubbish").write_text("")
    branch(trunk, folder / "late")
    names = {path.name for path in (folder / "late").iterdir()}
    assert {"recipe.toml", "run.json", "metrics.jsonl", "base", "iteration_01"} <= names
    assert not names & {"rubbish", "export", "export.done.json", "driver.lock"}
