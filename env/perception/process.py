"""Where models are that are not in this process: in one of our own, started here, or at an address.

Out of process a model's memory and faults are its own: it can be killed when it hangs, and started again.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from visrep.env import keeper
from visrep.env.faults import MachineFault, UserFault
from visrep.env.perception import wire

_LOOK_SECONDS = 0.01
_CONNECT_SECONDS = 10.0
_LISTENING_SECONDS = 120.0
"""Until a process that was started listens, which it does before it loads anything; a busy machine takes a while."""
_RETURN_SECONDS = 120.0
"""What a service of somebody else gets to come back, once it has been there."""


class Origin(Protocol):
    """Where a connection to models comes from."""

    def connect(self) -> socket.socket:
        """A connection to a service, which says hello when it is ready. Raises a Fault where there is none."""

    def stop(self) -> None:
        """End what was started here, and wait until its memory is free."""

    def close(self) -> None:
        """`stop`, and leave nothing behind."""

    def last_words(self) -> str:
        """Why it may have ended, in a line."""


class Process:
    """A process of our own, that ends with this one however this one ends.

    `command` is run with two more arguments: a file that holds `settings`, and the address to listen on, a socket in a
    folder that nobody else may enter. What it prints goes to `log`, by default a file in that folder.
    """

    def __init__(self, command: Sequence[str], settings: str, log: Path | None = None) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="visrep-"))  # mode 0700
        self._log = log or self._folder / "log"
        (self._folder / "settings.toml").write_text(settings, encoding="utf-8")
        self._socket = self._folder / "socket"
        self._command = [*command, str(self._folder / "settings.toml"), f"unix:{self._socket}"]
        self._begin = 0
        self._process: subprocess.Popen[bytes] | None = None

    def __str__(self) -> str:
        return "the perception process"

    def connect(self) -> socket.socket:
        """See `Origin`. Starts the process unless it is there."""
        if not self._alive():
            self._start()
        deadline = time.monotonic() + _LISTENING_SECONDS
        while time.monotonic() < deadline:
            try:
                return wire.connect(f"unix:{self._socket}", _CONNECT_SECONDS)
            except OSError:
                if not self._alive():
                    raise MachineFault(f"{self} does not start: {self.last_words()}") from None
                time.sleep(_LOOK_SECONDS)
        raise MachineFault(f"{self} does not listen after {_LISTENING_SECONDS:.0f} s: {self.last_words()}")

    def stop(self) -> None:
        """See `Origin`."""
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.send_signal(signal.SIGCONT)  # a keeper that was stopped would not see that it is to end
            self._process.stdin.close()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """See `Origin`."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def last_words(self) -> str:
        """The last line that it printed, and where the others are."""
        lines: list[str] = []
        if self._log.exists():
            with self._log.open("rb") as file:
                file.seek(self._begin)
                lines = [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
        words = lines[-1][:400] if lines else "it said nothing"
        return words if self._log.parent == self._folder else f"{words} (log: {self._log})"

    def _alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _start(self) -> None:
        self.stop()
        self._socket.unlink(missing_ok=True)
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self._begin = self._log.stat().st_size if self._log.exists() else 0
        with self._log.open("ab") as file:
            self._process = subprocess.Popen(
                [sys.executable, keeper.__file__, *self._command],
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=os.environ | {"PYTHONSAFEPATH": "1"},  # nothing of the working folder is to be imported by its name
            )


class Address:
    """A service that somebody else has started."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._known = False

    def __str__(self) -> str:
        return f"the perception service at {self._address}"

    def connect(self) -> socket.socket:
        """See `Origin`. One that was there gets some time to come back."""
        deadline = time.monotonic() + (_RETURN_SECONDS if self._known else 0)
        while True:
            try:
                connection = wire.connect(self._address, _CONNECT_SECONDS)
            except OSError as error:
                if time.monotonic() < deadline:
                    time.sleep(1)
                    continue
                raise UserFault(
                    f"{self} cannot be reached ({error.strerror or error}); start it with `python -m "
                    "visrep.train.perceive RECIPE ADDRESS`, or take the address out of perception.place"
                ) from None
            self._known = True
            return connection

    def stop(self) -> None:
        """Nothing: it is not ours to end."""

    def close(self) -> None:
        """Nothing."""

    def last_words(self) -> str:
        """That it cannot be known."""
        return "see what it printed"
