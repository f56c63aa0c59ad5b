"""The visual API for video as programs use it, inside the sandbox, on a real file; and as text for the prompt."""

import ast
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from visrep.env import video_segment
from visrep.env.drawn import film
from visrep.env.drawn.story import SECONDS, tell
from visrep.env.drawn.story_questions import ask
from visrep.env.perception import scripted
from visrep.env.perception.picture import Picture
from visrep.env.perception.service import Service
from visrep.env.perception.video import frames
from visrep.env.sandbox import Job, Limits, Sandbox
from visrep.env.types import Box, Execution
from visrep.env.visual_api import Misuse, Session, Unknown

OPTIONS = ("a red cup", "cup", "a plate", "red", "nothing")


class Films:
    """Runs the bodies of `execute_command(video, options)` on a drawn video of seven sampled frames."""

    def __init__(self, sandbox: Sandbox, path: Path) -> None:
        self.sandbox = sandbox
        self.frames = frames(path)
        assert len(self.frames) == SECONDS == 7

    def __call__(self, body: str, answer: str = "red", **job: Any) -> Execution:
        program = "def execute_command(video, options):\n" + "".join(f"    {line}\n" for line in body.splitlines())
        service = Service(scripted.load(), scripted.load(answer=answer))
        made = Job(0, program, self.frames, "execute_command(video, options)", OPTIONS, **job)
        ((_, execution),) = self.sandbox.run([made], service.answer)
        return execution

    def values(self, *expressions: str) -> list[Any]:
        execution = self(f"return [{', '.join(expressions)}]")
        assert execution.outcome == "ok", execution.message
        result: list[Any] = execution.value
        return result


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Films]:
    path = tmp_path_factory.mktemp("videos") / "story.mp4"
    random = Random(1)
    form = ask("DC", random)
    story = next(filter(None, (tell(form.cast(random), form.plot, random) for _ in range(100))))
    film.write(story, path)
    with Sandbox(Limits(cpu_seconds=1, wall_seconds=4, memory_mb=512, calls=20), parallel=4) as sandbox:
        yield Films(sandbox, path)


def numbers(run: Films, segment: str) -> Any:
    """Which frames of the video a segment gives, by the host's own record."""
    value = run(f"return list({segment}.frame_iterator())").value
    return [patch["image"] for patch in value]


def test_a_video_is_its_sampled_frames_in_order(run: Films) -> None:
    assert numbers(run, "video") == [0, 1, 2, 3, 4, 5, 6]
    assert run.values("video.num_frames", "video.start", "video.end") == [7, 0, 7]
    edges = "[[f.left, f.lower, f.width, f.height] for f in video.trim(3, 4).frame_iterator()]"
    assert run.values(edges) == [[[0, 0, 224, 224]]]


@pytest.mark.parametrize(
    ("index", "frame"), [(0, 0), (6, 6), (-1, 6), (-7, 0), (7, 6), (10**30, 6), (-8, 0), (-(10**30), 0), (True, 1)]
)
def test_indices_count_from_either_end_and_are_clipped(run: Films, index: int, frame: int) -> None:
    assert run(f"return video.frame_from_index({index})").value == {"image": frame, "box": [0, 0, 224, 224]}


@pytest.mark.parametrize(
    ("trimmed", "expected"),
    [
        ("video.trim(2, 5)", [2, 3, 4]),
        ("video.trim(4)", [4, 5, 6]),
        ("video.trim(end=2)", [0, 1]),
        ("video.trim(-3, 2)", [0, 1]),
        ("video.trim(5, 99)", [5, 6]),
        ("video.trim()", [0, 1, 2, 3, 4, 5, 6]),
        ("video.trim(2, 6).trim(1, 3)", [3, 4]),
        ("VideoSegment(video, 1, 3)", [1, 2]),
        ("VideoSegment(video)", [0, 1, 2, 3, 4, 5, 6]),
        ("video.trim(3, 3)", []),
        ("video.trim(5, 2)", []),
        ("video.trim(0, -1)", []),
    ],
)
def test_a_trimmed_video_counts_its_own_frames(run: Films, trimmed: str, expected: list[int]) -> None:
    assert numbers(run, trimmed) == expected
    assert run.values(f"{trimmed}.num_frames") == [len(expected)]


def test_start_and_end_are_in_the_whole_video_and_indices_in_the_segment(run: Films) -> None:
    assert run.values("video.trim(2, 6).trim(1, 3).start", "video.trim(2, 6).trim(1, 3).end") == [3, 5]
    assert run("return video.trim(2, 6).trim(1, 3).frame_from_index(0)").value["image"] == 3
    assert run("return video.trim(2, 6).frame_from_index(-1)").value["image"] == 5


def test_a_frame_is_one_patch_however_it_is_reached(run: Films) -> None:
    assert run.values(
        "video.frame_from_index(3) is video.trim(2).frame_from_index(1)",
        "list(video.frame_iterator())[3] is video.frame_from_index(3)",
        "str(video.trim(2, 4))",
    ) == [True, True, "VideoSegment(2, 4)"]  # fmt: skip


def test_calls_on_frames_are_recorded_with_the_frames_number(run: Films) -> None:
    execution = run("return [f.crop(0, 0, 50, 60).exists('cup') for f in video.trim(2, 4).frame_iterator()]")
    assert execution.value == [True, True]
    assert [(call.method, call.image, call.box) for call in execution.calls] == [
        ("crop", 2, Box(0, 0, 224, 224)),
        ("exists", 2, Box(0, 0, 50, 60)),
        ("crop", 3, Box(0, 0, 224, 224)),
        ("exists", 3, Box(0, 0, 50, 60)),
    ]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("video.frame_from_index(1.5)", "TypeError: 'float' object cannot be interpreted as an integer"),
        ("video.frame_from_index(float('nan'))", "TypeError: 'float' object"),
        ("video.frame_from_index('1')", "TypeError: 'str' object"),
        ("video.frame_from_index(None)", "TypeError: 'NoneType' object"),
        ("video.trim(0, 3.5)", "TypeError: 'float' object"),
        ("video.trim(3, 3).frame_from_index(0)", "IndexError: frame_from_index: the segment has no frames"),
        ("VideoSegment(video.frame_from_index(0))", "TypeError: VideoSegment: video should be the VideoSegment that"),
        ("video.select_answer({}, '', options)", "ValueError: select_answer: question should be a text, found ''"),
        ("video.select_answer({}, 'which', [])", "ValueError: select_answer: options should be a list of 1 to 100"),
        ("video.select_answer({'a': 'x' * 3000}, 'which', options)", "ValueError: select_answer: info has 3003"),
        ("ImagePatch(video)", "TypeError: ImagePatch: image should be the ImagePatch"),
    ],
)
def test_wrong_arguments_say_what_was_expected(run: Films, call: str, message: str) -> None:
    execution = run(f"return {call}")
    assert execution.outcome == "runtime_error"
    assert execution.message.startswith(message)


def test_a_segment_is_no_answer(run: Films) -> None:
    assert run("return video").outcome == "wrong_type"
    assert run("return video.trim(1, 1)").message == "returned VideoSegment"


@pytest.mark.parametrize(
    ("said", "chosen"),
    [
        ("red", "red"),
        ("It is A RED CUP.", "a red cup"),
        ("the cup", "cup"),
        ("I cannot tell", "I cannot tell"),
        ("", ""),
    ],
)
def test_a_selected_answer_is_the_longest_option_that_the_model_names(run: Films, said: str, chosen: str) -> None:
    body = "return video.select_answer({'color': 'red', 'count': 2}, 'what is it', options)"
    execution = run(body, answer=said)
    assert execution.value == chosen
    (call,) = execution.calls
    assert (call.method, call.image, call.box) == ("select_answer", None, None)
    assert call.arguments == ("color: red\ncount: 2", "what is it", list(OPTIONS))


def test_the_model_is_told_what_is_known_the_question_and_the_options() -> None:
    pending = Session([], 10, 10).ask("select_answer", ["color: red", "what is it", ["cup", "plate"]])
    (request,) = pending.requests
    assert request.view is None
    assert [part in request.arguments[0] for part in ("color: red", "what is it", "\ncup\nplate")] == [True] * 3
    (unknown,) = Session([], 10, 10).ask("select_answer", ["", "what is it", ["cup"]]).requests
    assert "nothing" in unknown.arguments[0]


@pytest.mark.parametrize(
    "arguments",
    [
        [["a list"], "what", ["a"]],
        ["known", None, ["a"]],
        ["known", "what", "a"],
        ["known", "what", [{}]],
        ["known", "what", ["a"] * 101],
        ["\ud800", "what", ["a"]],
        ["known", "what", [" "]],
    ],
)
def test_a_forged_selection_is_refused(arguments: list[Any]) -> None:
    with pytest.raises(Misuse):
        Session([], 10, 10).ask("select_answer", arguments)


@pytest.mark.parametrize("method", ["frame_from_index", "trim", "frame_iterator"])
def test_frames_are_no_call(run: Films, method: str) -> None:
    """What a program has are the handles of frames, and no message could get it another one."""
    session = Session(run.frames, 10, 10)
    session.images()
    with pytest.raises(Unknown):
        session.ask(method, [0, 1])
    with pytest.raises(Unknown):
        session.ask("exists", [len(run.frames), "cup"])


def test_the_course_of_a_program_shows_segments(run: Films) -> None:
    execution = run("part = video.trim(2, 4)\ndel part.start\nreturn 1", trace=True)
    shown = {name: text for _, changed in execution.trace or () for name, text in changed.items()}
    assert shown["video"] == "VideoSegment(0, 7)"
    steps = [changed["part"] for _, changed in execution.trace or () if "part" in changed]
    assert steps == ["VideoSegment(2, 4)", "<VideoSegment>"]


def test_frames_are_counted_and_indexed_without_being_decoded(tmp_path: Path, run: Films) -> None:
    class Unseen(Picture):
        @property
        def size(self) -> tuple[int, int]:
            return 10, 10

    unseen = [Unseen(tmp_path / "gone.png")] * 3
    body = "def execute_command(video, options):\n    return video.frame_from_index(1).width + video.num_frames"
    job = Job(0, body, unseen, "execute_command(video, options)", OPTIONS)
    ((_, execution),) = run.sandbox.run([job], Service(scripted.load()).answer)
    assert execution.value == 13


def test_the_api_needs_the_standard_library_and_its_own_image_patch_only() -> None:
    tree = ast.parse(inspect.getsource(video_segment))
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    modules |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    ours = {"visrep.env", "visrep.env.image_patch"}
    assert modules - ours <= sys.stdlib_module_names | {"collections.abc"}


def test_every_member_has_a_short_docstring_and_full_annotations_for_the_prompt() -> None:
    members = [video_segment.VideoSegment]
    members += [member for name, member in vars(video_segment.VideoSegment).items() if inspect.isfunction(member)]
    offered = [member for member in members if not member.__name__.startswith("_")]
    assert len(offered) == 5
    for member in offered:
        assert member.__doc__
        assert len(member.__doc__.splitlines()) == 1
        assert len(member.__doc__) <= 120
        if not inspect.isclass(member):
            parameters = inspect.signature(member).parameters
            assert {*parameters} - {"self"} | {"return"} == {*member.__annotations__}, member
