"""The command line as a whole: its commands, their help, and how soon it answers."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from visrep.scripts import cli

SCRIPTS = Path(cli.__file__).parent
COMMANDS = sorted(
    file.stem
    for file in SCRIPTS.glob("*.py")
    if f"\ndef {file.stem}(" in file.read_text() or "\napp = " in file.read_text()
)
COMMANDS.remove("cli")


def test_every_command_file_is_a_command_and_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    code = "from visrep.scripts.cli import app; print([c.name or c.callback.__name__ for c in app.registered_commands]"
    code += " + [g.name for g in app.registered_groups])"
    listed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert sorted(json.loads(listed.replace("'", '"'))) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([command, "--help"]) == 0
    text = capsys.readouterr().out
    assert command in text
    assert command in ("cache", "corrections") or "--json" in text


def test_no_arguments_show_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([]) == 0
    output = capsys.readouterr()
    assert all(command in output.out for command in COMMANDS)
    assert output.err == ""


def test_help_answers_at_once() -> None:
    """Nothing slow is imported for it: torch and transformers alone would take seconds."""
    code = "import sys; from visrep.scripts.cli import run; run(['train', '--help'])"
    code += "; assert not {'torch', 'transformers', 'cv2', 'datasets', 'vllm'} & set(sys.modules)"
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert time.monotonic() - started < 5
