"""Running one's own programs: one JSON line per file, whatever the programs do."""

import json
from pathlib import Path
from typing import Any

import pytest

from visrep.env.drawn.scene import generate, render
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
    found = lines(capsys, tmp_path, "--image", picture)
    assert [Path(line["file"]).name for line in found] == ["a.py", "b.py", "c.py", "d.py"]
    assert [line["outcome"] for line in found] == ["ok", "forbidden", "syntax_error", "runtime_error"]
    assert found[3]["line"] == 2


def test_several_images_are_given_as_a_list(tmp_path: Path, picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "p.py").write_text("def execute_command(images):\n    return [i.width for i in images]\n")
    (line,) = lines(capsys, tmp_path / "p.py", "--image", picture, "--image", picture)
    assert line["value"] == [224, 224]
