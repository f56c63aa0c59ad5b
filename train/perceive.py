"""The process that a recipe's perception is in: `python -m visrep.train.perceive RECIPE ADDRESS [a.b=value ...]`.

ADDRESS is unix:PATH or tcp:HOST:PORT. A run starts such a process for itself. Start one by hand to share its models
among several drivers, whose requests then leave in the same batches, and name its address in their `perception.place`.
Whoever reaches the address can have pictures looked at, and nothing else; it is not meant for open networks.
"""

import io
import logging
import os
import socket
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, suppress

from visrep.env.faults import Fault, MachineFault, UserFault
from visrep.env.perception import Perception, wire
from visrep.env.perception.asking import Inside
from visrep.env.perception.server import Server
from visrep.train import parts
from visrep.train.config import PerceptionSettings, load_recipe

_TELL_SECONDS = 1.0
"""For a driver that waits for models to connect, where they cannot be loaded: it has long done so by then."""


def main(arguments: Sequence[str]) -> int:
    """Serve until the process is ended; a failure is one line on standard error."""
    logging.basicConfig(format="%(levelname)s %(message)s")
    logging.getLogger("visrep").setLevel(logging.INFO)
    try:
        if len(arguments) < 2:
            raise UserFault("expected a recipe and an address, unix:PATH or tcp:HOST:PORT")
        serve(arguments[0], arguments[1], arguments[2:])
    except Fault as fault:
        print("visrep:", " ".join(str(fault).split()), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def serve(recipe: str, address: str, overrides: Sequence[str]) -> None:
    """Load what sees in this recipe and answer drivers at the address. Raises a Fault where it cannot be loaded, which
    a driver that waits is told as well."""
    settings = load_recipe(recipe, overrides).perception
    with wire.listen(address) as listener:  # from now on drivers wait, however long loading takes
        said = _Said()
        try:
            backend = _loaded(settings, said)
        except Fault as fault:
            _tell(listener, fault)
            raise
        place = f"perception {settings.backend!r} is in process {os.getpid()}"
        hello = {"made_from": parts.made_from(settings), "said": [place, *said.lines]}
        Server(Inside(backend, parts.text_model(backend)), listener, settings.batch, hello).serve()


class _Said(io.TextIOBase):
    """Standard error while models load. What is printed there, such as where each of them is, also reaches drivers,
    who show it; progress bars do not."""

    def __init__(self) -> None:
        self._to = sys.stderr
        self._text = ""

    @property
    def lines(self) -> list[str]:
        return [line for line in self._text.split("\n") if line.strip() and "\r" not in line]

    def write(self, text: str) -> int:
        self._text += text
        return self._to.write(text)

    def flush(self) -> None:
        self._to.flush()


def _loaded(settings: PerceptionSettings, said: _Said) -> Perception:
    try:
        with redirect_stderr(said):
            return parts.build_perception(settings)
    except Fault:
        raise
    except Exception as error:
        logging.getLogger(__name__).info("where it failed:", exc_info=True)
        raise MachineFault(
            f"perception {settings.backend!r} could not be loaded ({type(error).__name__}: {error})"
        ) from error


def _tell(listener: socket.socket, fault: Fault) -> None:
    listener.settimeout(_TELL_SECONDS)
    with suppress(OSError), wire.accept(listener) as driver:
        driver.sendall(wire.fault_message(fault))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
