"""Bad input at the command line: one line on standard error that says what was found and what to do, no traceback."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from visrep.env.faults import UserFault
from visrep.scripts import cli
from visrep.train import parts
from visrep.train.config import load_recipe, to_toml
from visrep.train.run import Run

Fails = Callable[..., str]

VISREP = str(Path(sys.executable).parent / "visrep")


@pytest.fixture
def fails(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fails:
    """Runs a command line in an empty folder, and returns the one line it must fail with."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, status: int = 1) -> str:
        got = cli.run([str(argument) for argument in arguments])
        output = capsys.readouterr()
        assert got == status, output
        assert output.err.count("\n") == 1, output.err
        assert output.err.startswith("visrep: ")
        assert "Traceback" not in output.err
        return output.err

    return run


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    Image.new("RGB", (32, 32), (243, 243, 238)).save(path)
    return path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["tarin"], "'tarin'"),
        (["train"], "Missing argument 'recipe'"),
        (["train", "quickstart", "--iterations", "3"], "--iterations"),
        (["draw", "d", "--seed", "-1"], "--seed"),
        (["ask", "a.png", "what?"], "--policy"),
        (["export", "run", "--to", "there", "--format", "gguf"], "gguf"),
    ],
)
def test_a_command_line_that_does_not_parse_is_one_line(fails: Fails, arguments: list[str], said: str) -> None:
    assert said in fails(*arguments, status=2)


def test_an_unknown_recipe_is_answered_with_the_nearest(fails: Fails) -> None:
    assert "did you mean 'quickstart'" in fails("train", "quikstart")


def test_an_unknown_setting_is_answered_with_the_nearest(fails: Fails) -> None:
    line = fails("train", "quickstart", "--set", "sampling.temprature=1.0")
    assert "unknown setting 'sampling.temprature'" in line
    assert "did you mean 'temperature'" in line


def test_a_setting_out_of_range_is_named_with_its_value(fails: Fails) -> None:
    line = fails("train", "quickstart", "--set", "sampling.n=0")
    assert "sampling.n" in line
    assert "0" in line


def test_a_recipe_that_is_no_toml_is_named(fails: Fails, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("iterations = = 3")
    assert "mine.toml" in fails("train", "mine.toml")


def test_a_recipe_that_is_no_text_is_named(fails: Fails, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_bytes(b"\xff\xfe\x00binary")
    assert "mine.toml" in fails("train", "mine.toml")


def test_an_unknown_perception_backend_is_answered_with_the_nearest(
    fails: Fails, picture: Path, tmp_path: Path
) -> None:
    (tmp_path / "p.py").write_text("def execute_command(image): return 1")
    line = fails("execute", "p.py", "--image", picture, "--perception", "shape")
    assert "did you mean 'shapes'" in line


def test_a_prompt_that_offers_what_nothing_answers_is_refused() -> None:
    recipe = load_recipe("quickstart", ['prompt.api=["ImagePatch.find", "llm_query"]'])
    with pytest.raises(UserFault, match="'llm_query', but no text model"):
        parts.build_environment(recipe)


def test_a_data_set_that_is_not_there_is_named(fails: Fails, tmp_path: Path) -> None:
    recipe = load_recipe("quickstart", ["data.root=nowhere"])
    undrawn = recipe.model_copy(update={"data": (recipe.data[0].model_copy(update={"draw": None}),)})
    (tmp_path / "mine.toml").write_text(to_toml(undrawn))
    assert "'nowhere' is no folder" in fails("train", "mine.toml")


def test_an_output_that_cannot_be_written_is_said_before_any_work(fails: Fails, picture: Path) -> None:
    started = time.monotonic()
    assert "cannot write" in fails("train", "quickstart", "--out", picture / "run")
    assert time.monotonic() - started < 60


def test_a_run_is_not_begun_over_another(fails: Fails, tmp_path: Path) -> None:
    Run.create(tmp_path / "run", load_recipe("quickstart"), isolation="seccomp")
    assert "--resume" in fails("train", "quickstart", "--out", "run")


def test_a_run_is_not_resumed_with_settings_that_its_stages_depend_on(fails: Fails, tmp_path: Path) -> None:
    Run.create(tmp_path / "run", load_recipe("quickstart"), isolation="seccomp")
    line = fails("train", "quickstart", "--out", "run", "--resume", "--set", "sampling.n=4")
    assert "sampling.n" in line


def test_scenes_are_not_drawn_over_something_else(fails: Fails, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/mine.txt").write_text("mine")
    assert "photos" in fails("draw", "photos")
    assert [file.name for file in (tmp_path / "photos").iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("command", [["show"], ["export", "--to", "there"]])
def test_a_folder_that_is_no_run_is_refused(fails: Fails, tmp_path: Path, command: list[str]) -> None:
    assert "no run" in fails(command[0], tmp_path, *command[1:])


def test_a_run_without_a_finished_iteration_is_not_exported(fails: Fails, tmp_path: Path) -> None:
    Run.create(tmp_path / "run", load_recipe("quickstart"), isolation="seccomp")
    fails("export", "run", "--to", "there")
    assert not (tmp_path / "there").exists()


def test_an_evaluation_does_not_continue_in_a_folder_with_something_in_it(fails: Fails, tmp_path: Path) -> None:
    Run.create(tmp_path / "run", load_recipe("quickstart"), isolation="seccomp")
    assert "not empty" in fails("evaluate", "run", "--out", "run")


def test_a_folder_that_is_no_checkpoint_is_not_evaluated(fails: Fails, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "config.json" in fails("evaluate", tmp_path / "empty")


def test_a_checkpoint_without_its_prompt_is_not_asked(fails: Fails, picture: Path, tmp_path: Path) -> None:
    assert "visrep.json" in fails("ask", picture, "what?", "--policy", tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", json.dumps({"prompter": {}})])
def test_a_damaged_description_of_a_checkpoint_is_named(fails: Fails, picture: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / "visrep.json").write_text(text)
    assert "visrep.json" in fails("ask", picture, "what?", "--policy", tmp_path)


def test_a_program_that_is_not_there_is_named(fails: Fails, picture: Path) -> None:
    assert "nowhere.py" in fails("execute", "nowhere.py", "--image", picture)


def test_a_program_that_is_no_text_is_named(fails: Fails, picture: Path, tmp_path: Path) -> None:
    (tmp_path / "p.py").write_bytes(b"\xff\xfe")
    assert "UTF-8" in fails("execute", "p.py", "--image", picture)


@pytest.mark.parametrize("image", ["nowhere.png", "p.py"])
def test_an_image_that_is_missing_or_broken_is_named(fails: Fails, tmp_path: Path, image: str) -> None:
    (tmp_path / "p.py").write_text("def execute_command(image): return 1")
    assert image in fails("execute", "p.py", "--image", image)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupting_is_one_line_and_its_own_status(tmp_path: Path, number: signal.Signals, status: int) -> None:
    (tmp_path / "first.py").write_text("def execute_command(image): return 1")
    for index in range(50):  # programs that run into their limits: the command is busy for a good while
        (tmp_path / f"p{index}.py").write_text("def execute_command(image):\n    while True: pass")
    Image.new("RGB", (32, 32)).save(tmp_path / "picture.png")
    command = [VISREP, "execute", ".", "--image", "picture.png"]
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # As at a terminal: shells start what they put into the background with interrupts ignored, these tests too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    process.stdout.readline()  # the first program is done
    os.kill(process.pid, number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == status, errors
    assert errors.count("\n") == 1
    assert errors.startswith("visrep: interrupted")


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    command = f"{VISREP} --help | head -1"
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True)
    assert done.stderr == ""
