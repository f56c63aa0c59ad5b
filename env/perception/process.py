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
from typing import IO, Protocol

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

    `command` is run with two more arguments: a file that holds `settings`, and the address to listen on, a socket. Both
    are in a folder that nobody else may enter, and that goes with the process. What it prints goes to the end of `log`,
    by default a file without a name.
    """

    def __init__(self, command: Sequence[str], settings: str, log: Path | None = None) -> None:
        self._command = command
        self._settings = settings
        self._log = log
        self._folder = Path()
        self._printed: IO[bytes] | None = None
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
                return wire.connect(self._address, _CONNECT_SECONDS)
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
            shutil.rmtree(self._folder, ignore_errors=True)  # should the keeper have been killed itself

    def close(self) -> None:
        """See `Origin`."""
        self.stop()
        if self._printed is not None:
            self._printed.close()
            self._printed = None

    def last_words(self) -> str:
        """The last line that it printed, and where the others are."""
        text = ""
        if self._printed is not None:
            file = self._printed.fileno()  # whose offset is the process's too, and is left alone
            text = os.pread(file, os.fstat(file).st_size - self._begin, self._begin).decode(errors="replace")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        words = lines[-1][:400] if lines else "it said nothing"
        return words if self._log is None else f"{words} (log: {self._log})"

    @property
    def _address(self) -> str:
        return f"unix:{self._folder / 'socket'}"

    def _alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _start(self) -> None:
        self.close()
        self._folder = Path(tempfile.mkdtemp(prefix="visrep-"))  # mode 0700
        settings = self._folder / "settings.toml"
        settings.write_text(self._settings, encoding="utf-8")
        self._printed = self._opened()
        self._begin = os.fstat(self._printed.fileno()).st_size
        self._process = subprocess.Popen(
            [sys.executable, keeper.__file__, str(self._folder), *self._command, str(settings), self._address],
            stdin=subprocess.PIPE,
            stdout=self._printed,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONSAFEPATH": "1"},  # nothing of the working folder is to be imported by its name
        )

    def _opened(self) -> IO[bytes]:
        """What it is to print to."""
        if self._log is None:
            return tempfile.TemporaryFile()
        self._log.parent.mkdir(parents=True, exist_ok=True)
        return self._log.open("a+b")


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
