"""Models in another process, asked over a socket; watched, and started again when they are lost."""

import logging
import socket
from collections.abc import Sequence
from typing import Any
from weakref import WeakSet

from visrep.env.faults import MachineFault, UserFault
from visrep.env.perception import Method, Request, plain, wire
from visrep.env.perception.asking import Answered
from visrep.env.perception.picture import Picture
from visrep.env.perception.process import Origin

MOST_RESTARTS = 3
"""How often in a row models are started again without an answer; then what they are asked kills them."""

_READ_BYTES = 1 << 20
READY_SECONDS = 1800.0
"""Loading large models from a slow disk takes many minutes; a process that fails ends by itself much sooner."""

_log = logging.getLogger(__name__)


class _Lost(Exception):
    """The service is dead, or hangs, or is none."""


class Remote:
    """The models of a service, which has to say that it is made from `made_from`. `deadline` seconds may pass without a
    batch that gets done: then the service is lost, and if it is ours, ended and started again. It has `ready` seconds
    to load its models. For one thread at a time. Raises a Fault, with the models' own message, where they cannot be
    loaded."""

    def __init__(self, origin: Origin, made_from: str, deadline: float, ready: float = READY_SECONDS) -> None:
        self.identity = ""
        self.said: Sequence[str] = ()  # lines for whoever starts a run: where the models are
        self._origin = origin
        self._made_from = made_from
        self._deadline = deadline
        self._ready = ready
        self._connection: socket.socket | None = None
        self._reader = wire.Reader()
        self._sent: WeakSet[Picture] = WeakSet()
        try:
            self._connect()
        except _Lost as loss:
            words = origin.last_words()
            self.close()
            raise MachineFault(f"{origin} does not start ({loss}): {words}") from None
        except BaseException:
            self.close()
            raise

    def ask(self, method: Method, requests: Sequence[Request]) -> Answered:
        """See `Models`."""
        for restarts in range(1 + MOST_RESTARTS):
            try:
                if self._connection is None:
                    self._connect()
                replies, batches = self._answered(method, requests)
                return Answered(replies, batches, restarts)
            except _Lost as loss:
                lost = loss
                self._disconnect()
                if restarts < MOST_RESTARTS:
                    _log.warning(
                        "%s was lost with %d requests of %s under way (%s), and is asked again",
                        *(self._origin, len(requests), method, lost),
                    )
                self._origin.stop()
            except BaseException:
                self._disconnect()  # in the middle of a message, perhaps
                raise
        raise MachineFault(
            f"{self._origin} was lost {1 + MOST_RESTARTS} times over with {method} ({lost}): "
            f"{self._origin.last_words()}; what is done is kept: mend that and resume"
        )

    def stop(self) -> None:
        """See `Models`."""
        self._disconnect()
        self._origin.stop()

    def close(self) -> None:
        """See `Models`."""
        self._disconnect()
        self._origin.close()

    def _connect(self) -> None:
        self._connection = self._origin.connect()
        self._reader = wire.Reader()
        self._sent.clear()
        hello = self._receive(self._ready, "its models were not loaded")
        match hello:
            case {"identity": str(identity), "made_from": str(made_from), "said": list(said)}:
                pass
            case {"fault": _, "message": _}:
                raise wire.fault_of(hello)
            case _:
                raise UserFault(f"{self._origin} is no perception service of this version; correct perception.place")
        if made_from != self._made_from:
            raise UserFault(f"{self._origin} holds {made_from}, but the recipe wants {self._made_from}; start it anew")
        if self.identity not in ("", identity):
            raise UserFault(f"{self._origin} has become {identity!r}, and was {self.identity!r}; put those models back")
        self.identity, self.said = identity, [str(line) for line in said]

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _answered(self, method: Method, requests: Sequence[Request]) -> tuple[list[Any], tuple[tuple[int, float], ...]]:
        pictures = {each.view.picture.fingerprint: each.view.picture for each in requests if each.view}
        for picture in pictures.values():
            if picture not in self._sent:  # at once, as a service that is busy takes long to say that it lacks one
                self._send(wire.picture_message(picture))
                self._sent.add(picture)
        self._send(wire.message(wire.question(method, requests)))
        while True:
            told = self._receive(self._deadline, "no batch was done")
            match told:
                case {"replies": list(replies), "batches": list(batches)} if len(replies) == len(requests):
                    batched = tuple((int(size), float(seconds)) for size, seconds in batches)
                    return [plain.decoded(method, reply) for reply in replies], batched
                case {"send": list(names)} if pictures.keys() >= set(names):
                    for name in names:
                        self._send(wire.picture_message(pictures[name]))
                case {"fault": _, "message": _}:
                    raise wire.fault_of(told)
                case {"working": True}:
                    continue
                case _:
                    raise _Lost("it sent what has no place there")

    def _send(self, message: bytes) -> None:
        assert self._connection is not None
        try:
            self._connection.settimeout(self._deadline)
            self._connection.sendall(message)
        except OSError as error:
            raise _Lost(error.strerror or str(error)) from None

    def _receive(self, seconds: float, otherwise: str) -> Any:
        """The next message's value. Raises _Lost where none comes in that time; `otherwise` says what that means."""
        assert self._connection is not None
        self._connection.settimeout(seconds)
        data = b""
        try:
            while True:
                for value, _ in self._reader.take(data):
                    return value
                data = self._connection.recv(_READ_BYTES)
                if not data:
                    raise _Lost("it has ended")
        except TimeoutError:
            raise _Lost(f"{otherwise} in {seconds:g} s") from None
        except (OSError, wire.Violation) as error:
            raise _Lost(str(error)) from None
