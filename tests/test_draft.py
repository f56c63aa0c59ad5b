"""The text that a person edits, and the editor."""

from dataclasses import replace
from pathlib import Path

import pytest

from visrep.corrections import draft
from visrep.env.faults import UserFault
from visrep.env.types import Box, Execution, Instance, Question, Rollout, Score, Task

PROGRAM = "def execute_command(image):\n    # not '# ====' yet\n    return 'red'"
TASK = Task(
    Question("t-1", "What color\nis it?", "answer", "query_color"),
    (Instance("a", (Path("a.png"),), answers=("blue", "navy")), Instance("b", (Path("b.png"),), answers=("red",))),
    "drawn",
    "train",
)
WRONG, RIGHT = Score(0, 0.0, "wrong_answer"), Score(1, 1.0, "ok")
RAN = Rollout("t-1", "query_color", PROGRAM, (Execution("ok", "red"),) * 2, (WRONG, RIGHT), 0)


def test_a_draft_tells_the_task_its_annotation_and_the_api_and_ends_in_the_program() -> None:
    text = draft.compose(TASK, 'class ImagePatch:\n    """A part."""\n', PROGRAM, RAN)
    above = text.partition(draft.MARK)[0]
    for expected in (
        "# Task t-1, category query_color.",
        "# What color is it?",
        "# 1. a.png: annotated 'blue' or 'navy'; the program returned 'red'",
        "# 2. b.png: annotated 'red'; the program is right",
        '# class ImagePatch:\n#     """A part."""',
    ):
        assert expected in above
    assert text.endswith(f"{draft.MARK}\n{PROGRAM}\n")
    assert all(line.startswith("#") or not line for line in above.splitlines())
    compile(text, "draft", "exec")


def test_a_program_is_read_back_as_it_was_written() -> None:
    assert draft.program_of(draft.compose(TASK, "api", PROGRAM, None)) == PROGRAM


@pytest.mark.parametrize(
    ("text", "program"),
    [
        (PROGRAM, PROGRAM),
        (f"# comment\n{draft.MARK}\n\n\n{PROGRAM}\n\n", PROGRAM),
        (f"# comment\n{draft.MARK}\n", ""),
        (f"# comment\n{draft.MARK}", ""),
        ("", ""),
        (f"# quoted {draft.MARK}\n\n{draft.MARK}\n{PROGRAM}", PROGRAM),
    ],
)
def test_what_stands_below_the_line_is_the_program(text: str, program: str) -> None:
    assert draft.program_of(text) == program


def test_annotated_boxes_and_faults_are_told() -> None:
    boxes = (Box(1, 2.5, 3, 4), Box(0, 0, 9, 9))
    assert draft.annotated(Instance("a", boxes=boxes)) == "(left, lower, right, upper) (1, 2.5, 3, 4), (0, 0, 9, 9)"
    assert draft.annotated(Instance("a")) == "nothing"
    fault = Execution("runtime_error", message="IndexError: list index out of range", line=2)
    assert draft.told(fault) == "runtime_error: IndexError: list index out of range (line 2)"
    assert len(draft.told(Execution("ok", "x" * 9999))) < 400


def test_a_skeleton_is_a_program_of_the_tasks_signature() -> None:
    many = replace(TASK, question=replace(TASK.question, signature="execute_command(images, options)"))
    assert draft.skeleton(many).startswith("def execute_command(images, options):\n")
    compile(draft.skeleton(many), "skeleton", "exec")


def editor(folder: Path, script: str) -> str:
    """A real one: a shell script that gets the file's name."""
    path = folder / "my editor.sh"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return f"'{path}' --wait"


def test_the_editor_is_visual_before_editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "draft.py"
    file.write_text("old\n")
    monkeypatch.setenv("EDITOR", "false")
    monkeypatch.setenv("VISUAL", editor(tmp_path, 'test "$1" = --wait && echo new > "$2"'))
    draft.edit(file)
    assert file.read_text() == "new\n"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("", "neither VISUAL nor EDITOR names an editor"),
        ("no-such-editor", "the editor 'no-such-editor' does not start"),
        ("vi 'unclosed", "does not start"),
        ("false", "ended with status 1; nothing is kept"),
    ],
)
def test_an_editor_that_fails_is_named(
    command: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", command)
    with pytest.raises(UserFault, match=said):
        draft.edit(tmp_path / "draft.py")
