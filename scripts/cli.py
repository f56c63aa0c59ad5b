"""The command `visrep`: one file per sub-command beside this one.

A fault ends in one line on standard error: 1 for bad input or a broken machine, 2 for a command line that does not
parse, 130 for Ctrl-C and 143 for SIGTERM. A traceback is a bug of visrep. Command files import what is slow (torch,
transformers, the loop) inside their functions, so that `visrep --help` answers at once.
"""

import signal
import sys
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer

from visrep.env.faults import Fault
from visrep.scripts import ask, cache, corrections, doctor, draw, evaluate, execute, export, report, show, studio, train

_received: list[int] = []
"""Signals that ended the command, in order."""

app = typer.Typer(name="visrep", add_completion=False, pretty_exceptions_enable=False)
app.command()(draw.draw)
app.command()(train.train)
app.command()(evaluate.evaluate)
app.command()(export.export)
app.command()(ask.ask)
app.command()(execute.execute)
app.command()(show.show)
app.command()(report.report)
app.command()(studio.studio)
app.add_typer(corrections.app, name="corrections")
app.add_typer(cache.app, name="cache")
app.command()(doctor.doctor)


def main() -> None:
    """Entry point of the console script."""
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(run(sys.argv[1:]))


def _terminate(number: int, frame: object) -> NoReturn:
    """Unwind as for Ctrl-C: servers stop, logs are closed."""
    _received.append(number)
    raise KeyboardInterrupt


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit status; whatever fails is one line on standard error."""
    try:
        status = app(list(arguments) or ["--help"], prog_name="visrep", standalone_mode=False)
    except Fault as fault:
        return _fail(str(fault), 1)
    except typer.TyperException as error:  # the command line itself: unknown option, missing argument
        return _fail(f"{error.format_message()} (see 'visrep --help')", error.exit_code)
    except typer.Abort:
        status = 130
    except OSError as error:
        return _fail(f"{error.filename or 'operating system'}: {error.strerror or error}", 1)
    if status == 130:  # what Typer makes of Ctrl-C
        return _fail("interrupted; what is complete on disk stays", 128 + _received[-1] if _received else 130)
    return int(status or 0)


def _fail(message: str, status: int) -> int:
    print("visrep:", " ".join(message.split()), file=sys.stderr)
    return status


def _version(wanted: bool) -> None:
    if wanted:
        from importlib import metadata

        typer.echo(f"visrep {metadata.version('visrep')}")
        raise typer.Exit


@app.callback()
def _visrep(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Self-training visual program synthesis: a language model learns to write better visual programs, by itself.

    Start with `visrep train quickstart`; `visrep doctor` says what this machine has and lacks.
    """
