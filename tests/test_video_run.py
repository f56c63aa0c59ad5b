"""A run on videos: how its recipe samples them, and what is shown and reported of its programs."""

import dataclasses
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from visrep.env import jsonl, rollouts
from visrep.env.drawn.nextqa import draw
from visrep.env.environment import Environment
from visrep.env.faults import UserFault
from visrep.env.retrace import retrace
from visrep.env.tasks import nextqa
from visrep.env.types import Rollout, Task
from visrep.scripts import cli
from visrep.train import parts
from visrep.train.config import Recipe, load_recipe
from visrep.train.guard import NEVER_CHANGES, NO_CALL, guard
from visrep.train.run import Run

SECONDS = 7

LOOKS = """
def execute_command(video, options):
    part = video.trim(2, 6)
    found = part.frame_from_index(1).find("object")
    return [found[0], part.frame_from_index(3), "nothing"]
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data") / "videos"
    draw(root, seed=0, tasks_per_category={"test": 1}, instances=2)
    return root


def recipe(data: Path, *changes: str) -> Recipe:
    return load_recipe("video", [f"data.root={data}", "data.options={ instances = 2 }", "sandbox.parallel=4", *changes])


@pytest.fixture(scope="module")
def environment(data: Path) -> Iterator[Environment]:
    with parts.build_environment(recipe(data)) as made:
        yield made


@pytest.fixture(scope="module")
def rollout(environment: Environment, data: Path) -> Rollout:
    return environment.step(first(data), LOOKS)


@pytest.fixture
def run(data: Path, tmp_path: Path, rollout: Rollout) -> Path:
    """A run whose base policy wrote one program, on a copy of the data set, which tests may change."""
    shutil.copytree(data, tmp_path / "videos")
    made = Run.create(tmp_path / "run", recipe(tmp_path / "videos"), isolation="seccomp+landlock")
    jsonl.write_lines(made.folder / "base/examples_6.rollouts.jsonl", [rollouts.to_json(rollout)])
    return made.folder


def first(data: Path) -> Task:
    return next(nextqa.load(data, "test", instances=2))


@pytest.mark.parametrize(
    ("changes", "number"),
    [((), SECONDS), (("video.fps=2.0",), 2 * SECONDS), (("video.most_frames=3",), 3), (("video.fps=0.2",), 2)],
)
def test_the_recipe_says_how_videos_are_sampled(data: Path, changes: tuple[str, ...], number: int) -> None:
    with parts.build_environment(recipe(data, *changes)) as environment:
        made = environment.step(first(data), "def execute_command(video, options): return video.num_frames")
    assert [execution.value for execution in made.executions] == [number, number]


@pytest.mark.parametrize("change", ["video.fps=0", "video.fps=-1.0", "video.most_frames=0", "video.most_frames=5000"])
def test_settings_that_sample_nothing_or_too_much_are_refused(data: Path, change: str) -> None:
    with pytest.raises(UserFault, match=change.partition("=")[0]):
        recipe(data, change)


@pytest.mark.parametrize("member", ["VideoSegment.select_answer", "ImagePatch.llm_query"])
def test_what_a_text_model_would_answer_cannot_be_offered(data: Path, member: str) -> None:
    with pytest.raises(UserFault, match=f"offers '{member}', but no text model"):
        parts.build_environment(recipe(data, f'prompt.api=["ImagePatch.find", "{member}"]'))


def test_every_program_of_a_task_runs_on_all_its_videos_and_frames_are_remembered(
    environment: Environment, data: Path
) -> None:
    body = "def execute_command(video, options): return sum(f.exists('circle') for f in video.frame_iterator())"
    once = environment.step(first(data), body)
    before = environment.usage()
    again = environment.step(first(data), body)
    used = environment.usage() - before
    assert [execution.value for execution in again.executions] == [execution.value for execution in once.executions]
    assert used.calls == used.hits == 2 * SECONDS
    assert [[call.image for call in execution.calls] for execution in again.executions] == [list(range(SECONDS))] * 2


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("return video.select_answer({}, 'which', options) or options[0]", NO_CALL),
        ("return options[video.frame_from_index(0).exists('circle') * 0]", NEVER_CHANGES),
        ("return options[len(video.frame_from_index(0).find('circle')) % 2]", None),
    ],
)
def test_a_program_that_does_not_look_at_its_videos_is_refused(
    environment: Environment, data: Path, body: str, reason: str | None
) -> None:
    tasks = list(nextqa.load(data, "test", instances=2))
    ran = environment.step(tasks[0], f"def execute_command(video, options): {body}")
    assert [execution.outcome for execution in ran.executions] == ["ok", "ok"]
    perturbed = environment.perturbed(seed=0)
    refused = dict(guard(environment, perturbed, tasks, [dataclasses.replace(ran, reward=1)]))
    assert list(refused.values()) == ([reason] if reason else [])


def test_a_missing_and_a_damaged_video_are_named(environment: Environment, data: Path, tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    task = first(data)
    for name, message in (("gone.mp4", "is missing"), ("text.mp4", "cannot be read")):
        instance = dataclasses.replace(task.instances[0], video=tmp_path / name)
        with pytest.raises(UserFault, match=f"{name} {message}") as fault:
            environment.step(dataclasses.replace(task, instances=(instance,)), LOOKS)
        assert "\n" not in str(fault.value)


def test_a_failed_program_is_told_line_by_line(environment: Environment, data: Path, rollout: Rollout) -> None:
    assert [score.outcome for score in rollout.scores] == ["wrong_type"] * 2
    with parts.build_sandbox(recipe(data).sandbox) as sandbox:
        for course in retrace(sandbox, rollout, first(data)):
            shown = {name: text for _, changed in course or () for name, text in changed.items()}
            assert shown["part"] == "VideoSegment(2, 6)"
            assert shown["found"].startswith("[ImagePatch(")


def test_show_names_the_video_and_tells_the_course(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["show", str(run), "--iteration", "0"]) == 0
    shown = " ".join(re.sub("[│╭╮╰╯─]", " ", capsys.readouterr().out).split())
    video = first(run.parent / "videos").instances[0].video
    assert video is not None
    assert video.name in shown.replace(" ", "")
    assert "part = VideoSegment(2, 6)" in shown


def test_a_report_shows_the_frames_that_were_looked_at(run: Path) -> None:
    assert cli.run(["report", str(run)]) == 0
    names = re.findall(r"<figcaption>(.*?)</figcaption>", (run / "report.html").read_text())
    videos = [instance.video.name for instance in first(run.parent / "videos").instances if instance.video]
    assert names == [f"{name}, frame {number}" for name in videos for number in (3, 5)]


def test_a_report_says_which_video_is_missing(run: Path) -> None:
    one, other = (instance.video for instance in first(run.parent / "videos").instances)
    assert one is not None
    assert other is not None
    other.unlink()
    assert cli.run(["report", str(run)]) == 0
    page = (run / "report.html").read_text()
    assert f"{other} is missing" in page
    assert f"{one.name}, frame 3" in page
