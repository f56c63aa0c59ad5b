"""`visrep execute`: programs of one's own in the sandbox, on one's own images; one JSON line per program."""

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from visrep.env.entry_point import entry_point
from visrep.env.faults import UserFault
from visrep.scripts import given, terminal


def execute(
    program: Annotated[Path, typer.Argument(help="A Python file, or a folder of them.", show_default=False)],
    image: Annotated[
        list[Path],
        typer.Option(
            help="Image to run on, given again for execute_command(images); or one video, for execute_command(video).",
            show_default=False,
        ),
    ],
    perception: Annotated[
        str, typer.Option(help="Backend that sees: a module of visrep.env.perception, or a Python file.")
    ] = "shapes",
    timeout: Annotated[
        float | None,
        typer.Option(
            min=0.1, max=600, help="Seconds, of wall and of processor time. (default: 10 and 2)", show_default=False
        ),
    ] = None,
    memory: Annotated[int, typer.Option(min=128, help="Most memory of a program, MB.")] = 1024,
    trace: Annotated[bool, typer.Option("--trace", help="Also tell the variables that changed on each line.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As ever: the output is JSON in any case.")] = True,
) -> None:
    """Run programs in the sandbox on images or a video and print one JSON line per file.

    It has the file, outcome, value, calls and seconds. Programs of a folder run at the same time and are told as they
    are done. A program's fault is an outcome, not a failure of the command.
    """
    from visrep import reward
    from visrep.env.environment import Environment
    from visrep.env.perception.service import Service
    from visrep.env.types import Question
    from visrep.train import parts
    from visrep.train.config import PerceptionSettings, SandboxSettings

    sources = {file: read_program(file) for file in _files(program)}
    instance = given.instance(image)
    backend = parts.build_perception(PerceptionSettings(backend=perception))
    signature = entry_point(len(instance.images))
    question = Question(id="execute", text="", kind="answer", category="", signature=signature)
    times = {} if timeout is None else {"wall_seconds": timeout, "cpu_seconds": timeout}
    sandbox = parts.build_sandbox(SandboxSettings.model_validate({"memory_mb": memory} | times))
    files = list(sources)
    with Environment(sandbox, Service(backend), reward.score) as environment:
        for number, execution in environment.execute(sources.values(), instance, question, trace=trace):
            terminal.print_json({"file": str(files[number]), **dataclasses.asdict(execution)})


def _files(program: Path) -> list[Path]:
    if program.is_file():
        return [program]
    files = sorted(program.glob("*.py"))
    if not files:
        raise UserFault(f"{program} is neither a file nor a folder with Python files; give one of the two")
    return files


def read_program(file: Path) -> str:
    """A program's source. Raises UserFault where there is none or it is no text."""
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise UserFault(f"program {file} cannot be read ({error.strerror}); give a Python file") from None
    except UnicodeDecodeError as error:
        raise UserFault(f"{file} is not UTF-8 text (byte {error.start}); save it as UTF-8") from None
