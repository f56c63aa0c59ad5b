"""Running one's own programs: one JSON line per file, whatever the programs do."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from visrep.env.drawn.nextqa import draw
from visrep.env.drawn.scene import generate, render
from visrep.env.perception.video import frames
from visrep.scripts import cli

COUNT = "def execute_command(image):\n    return len(image.find('object'))\n"


def lines(capsys: pytest.CaptureFixture[str], *arguments: object) -> list[dict[str, Any]]:
    assert cli.run(["execute", *map(str, arguments)]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "scene.png"
    render(generate("a scene")).save(path)
    return path


def test_a_program_is_run_on_the_image_with_the_backend(
    tmp_path: Path, picture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "count.py").write_text(COUNT)
    (line,) = lines(capsys, tmp_path / "count.py", "--image", picture, "--perception", "shapes")
    assert line["outcome"] == "ok"
    assert line["value"] == len(generate("a scene").objects)
    assert [call["method"] for call in line["calls"]] == ["find"]
    (scripted,) = lines(capsys, tmp_path / "count.py", "--image", picture, "--perception", "scripted")
    assert scripted["value"] == 3


def test_a_folder_gives_one_line_per_file_and_faults_are_outcomes(
    tmp_path: Path, picture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.py").write_text(COUNT)
    (tmp_path / "b.py").write_text("def execute_command(image):\n    import os\n    return os.getcwd()\n")
    (tmp_path / "c.py").write_text("def execute_command(image)\n")
    (tmp_path / "d.py").write_text("def execute_command(image):\n    return image.find('x')[7]\n")
    found = sorted(lines(capsys, tmp_path, "--image", picture), key=lambda line: str(line["file"]))
    assert [Path(line["file"]).name for line in found] == ["a.py", "b.py", "c.py", "d.py"]
    assert [line["outcome"] for line in found] == ["ok", "forbidden", "syntax_error", "runtime_error"]
    assert found[3]["line"] == 2


def test_several_images_are_given_as_a_list(tmp_path: Path, picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "p.py").write_text("def execute_command(images):\n    return [i.width for i in images]\n")
    (line,) = lines(capsys, tmp_path / "p.py", "--image", picture, "--image", picture)
    assert line["value"] == [224, 224]


def test_a_video_is_given_as_its_frames(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draw(tmp_path / "videos", seed=0, tasks_per_category={"test": 1}, instances=1)
    video = next((tmp_path / "videos").rglob("*.mp4"))
    (tmp_path / "p.py").write_text("def execute_command(video):\n    return video.num_frames\n")
    (line,) = lines(capsys, tmp_path / "p.py", "--image", video)
    assert line["value"] == len(frames(video))


def test_a_folder_runs_at_the_same_time(tmp_path: Path, picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One after another, twenty naps of half a second would take ten."""
    nap = "def execute_command(image):\n    import random\n    random._os.sched_yield()\n"
    nap += "    load = random._os.sys.modules['select'].select\n    load([], [], [], 0.5)\n    return 'rested'\n"
    for number in range(20):
        (tmp_path / f"{number:02d}.py").write_text(nap)
    started = time.monotonic()
    found = lines(capsys, tmp_path, "--image", picture)
    assert {line["value"] for line in found} == {"rested"}, found
    assert time.monotonic() - started < 9


def test_limits_and_the_trace_are_options(tmp_path: Path, picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "loop.py").write_text("def execute_command(image):\n    n = 7\n    while True:\n        pass\n")
    (tmp_path / "held.py").write_text("def execute_command(image):\n    return len('x' * 300_000_000)\n")
    options = ("--image", picture, "--timeout", "0.5", "--memory", "256", "--trace")
    held, loop = sorted(lines(capsys, tmp_path, *options), key=lambda line: str(line["file"]))
    assert (held["outcome"], loop["outcome"]) == ("memory", "timeout")
    assert loop["cpu_seconds"] < 5
    assert [3, {"n": "7"}] in loop["trace"]
