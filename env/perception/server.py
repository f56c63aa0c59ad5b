"""The process that holds the models answers the requests of all its drivers, in batches.

A batch leaves as soon as the model is idle: of the requests that wait by then, those of one method, the one whose first
request has waited longest, and no more than fit into a batch. Nothing is held back for a batch to fill. While a model
works, what drivers send waits in their sockets: one thread is enough, as drivers wait for nothing but models.
"""

import logging
import selectors
import socket
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any, get_args

from visrep.env.faults import Fault, MachineFault
from visrep.env.perception import Method, Request, plain, wire
from visrep.env.perception.asking import Inside
from visrep.env.perception.picture import Picture

_KEPT_BYTES = 1 << 28
"""Pixels that are kept between requests; a driver sends again what has gone."""

_READ_BYTES = 1 << 20
_TELL_SECONDS = 1.0
"""Between two words to drivers that wait behind others."""

_METHODS = frozenset(get_args(Method))

_log = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class _Driver:
    """A connection, with what is not yet sent and what it waits for."""

    connection: socket.socket
    reader: wire.Reader = field(default_factory=wire.Reader)
    unsent: bytearray = field(default_factory=bytearray)
    asked: "_Asked | None" = None


@dataclass(eq=False, slots=True)
class _Asked:
    """A driver's question: requests of one method, the pictures that have not come yet, and what is answered so far."""

    driver: _Driver
    method: Method
    views: list[Any]
    arguments: list[Any]
    missing: set[str]
    pictures: dict[str, Picture]
    number: int = 0
    requests: list[Request] = field(default_factory=list)
    replies: list[Any] = field(default_factory=list)
    left: int = 0
    batches: list[tuple[int, float]] = field(default_factory=list)


class Server:
    """Answers drivers on a listening socket, `batch` requests at a time; `hello` is what each is told first."""

    def __init__(self, models: Inside, listener: socket.socket, batch: int, hello: dict[str, Any]) -> None:
        self._models = models
        self._listener = listener
        self._batch = batch
        self._hello = {"identity": models.identity} | hello
        self._selector = selectors.DefaultSelector()
        self._drivers: set[_Driver] = set()
        self._waiting: dict[Method, deque[tuple[_Asked, int]]] = {}
        self._numbers = count()
        self._pictures: OrderedDict[str, Picture] = OrderedDict()
        self._picture_bytes = 0
        self._told = time.monotonic()

    def serve(self) -> None:
        """Go on until the process ends."""
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)
        while True:
            for key, mask in self._selector.select(0 if self._waiting else None):
                if key.data is None:
                    self._welcome()
                elif key.data in self._drivers:
                    self._attend(key.data, mask)
            if self._waiting:
                self._tell()
                self._work()

    def _welcome(self) -> None:
        try:
            driver = _Driver(wire.accept(self._listener))
        except OSError:  # it has gone again
            return
        driver.connection.setblocking(False)
        self._drivers.add(driver)
        self._selector.register(driver.connection, selectors.EVENT_READ, driver)
        self._send(driver, wire.message(self._hello))

    def _attend(self, driver: _Driver, mask: int) -> None:
        if mask & selectors.EVENT_WRITE:
            self._send(driver, b"")
        if not mask & selectors.EVENT_READ or driver not in self._drivers:
            return
        try:
            data = driver.connection.recv(_READ_BYTES)
            for value, raw in driver.reader.take(data):
                self._hear(driver, value, raw)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        except (ValueError, TypeError, LookupError) as error:
            _log.warning("what was taken for a driver is none, and is dropped (%s: %s)", type(error).__name__, error)
            data = b""
        if not data:
            self._drop(driver)

    def _hear(self, driver: _Driver, value: Any, raw: bytes) -> None:
        asked = driver.asked
        match value:
            case {"method": str(method), "views": list(views), "arguments": list(arguments)} if asked is None:
                if method not in _METHODS or len(views) != len(arguments) or not views:
                    raise wire.Violation("no requests of a known method")
                self._ask(driver, method, views, arguments)
            case {"picture": str(name)}:
                picture = self._keep(name, wire.picture_of(value, raw))
                if asked is not None and name in asked.missing:
                    asked.pictures[name] = picture
                    asked.missing.remove(name)
                    if not asked.missing:
                        self._queue(asked)
            case _:
                raise wire.Violation("a message that has no place here")

    def _ask(self, driver: _Driver, method: Any, views: list[Any], arguments: list[Any]) -> None:
        """Queue requests, or have their pictures sent first."""
        names = list(dict.fromkeys(view[0] for view in views if view is not None))
        here = {name: self._pictures[name] for name in names if name in self._pictures}
        for name in here:
            self._pictures.move_to_end(name)
        missing = [name for name in names if name not in here]
        driver.asked = _Asked(driver, method, views, arguments, set(missing), here)
        if missing:
            self._send(driver, wire.message({"send": missing}))
        else:
            self._queue(driver.asked)

    def _keep(self, name: str, picture: Picture) -> Picture:
        """Keep a picture for a while: its other requests come soon."""
        if name not in self._pictures:
            self._picture_bytes += picture.pixels.nbytes
        self._pictures[name] = picture
        self._pictures.move_to_end(name)
        while self._picture_bytes > _KEPT_BYTES:
            _, gone = self._pictures.popitem(last=False)
            self._picture_bytes -= gone.pixels.nbytes
        return picture

    def _queue(self, asked: _Asked) -> None:
        for view, arguments in zip(asked.views, asked.arguments, strict=True):
            asked.requests.append(wire.request(asked.method, view, arguments, asked.pictures))
        asked.left = len(asked.requests)
        asked.replies = [None] * asked.left
        asked.number = next(self._numbers)
        self._waiting.setdefault(asked.method, deque()).extend((asked, place) for place in range(asked.left))

    def _tell(self) -> None:
        """Tell drivers now and then, between batches, that they wait for a service that works."""
        if time.monotonic() - self._told > _TELL_SECONDS:
            self._told = time.monotonic()
            for driver in list(self._drivers):
                if driver.asked is not None:
                    self._send(driver, wire.message({"working": True}))

    def _work(self) -> None:
        """One batch."""
        method = min(self._waiting, key=lambda each: self._waiting[each][0][0].number)
        batch = list(self._taken(method))
        begun = time.perf_counter()
        answers = self._models.answers(method, [asked.requests[place] for asked, place in batch])
        seconds = time.perf_counter() - begun
        for (asked, place), answer in zip(batch, answers, strict=True):
            asked.replies[place] = answer
        for asked, own in Counter(asked for asked, _ in batch).items():
            asked.batches.append((len(batch), seconds * own / len(batch)))
            asked.left -= own
            if not asked.left:
                self._reply(asked)

    def _taken(self, method: Method) -> Iterator[tuple[_Asked, int]]:
        """The requests that go first, no longer waiting."""
        waiting = self._waiting[method]
        for _ in range(min(self._batch, len(waiting))):
            yield waiting.popleft()
        if not waiting:
            del self._waiting[method]

    def _reply(self, asked: _Asked) -> None:
        asked.driver.asked = None
        fault = next((reply for reply in asked.replies if isinstance(reply, Fault)), None)
        if fault is None:
            try:
                replies = [plain.encoded(asked.method, reply) for reply in asked.replies]
            except MachineFault as unfit:
                fault = unfit
        if fault is None:
            self._send(asked.driver, wire.message({"replies": replies, "batches": asked.batches}))
        else:
            self._send(asked.driver, wire.fault_message(fault))

    def _send(self, driver: _Driver, message: bytes) -> None:
        """Send what the socket takes, and the rest when it takes more."""
        driver.unsent += message
        try:
            del driver.unsent[: driver.connection.send(driver.unsent)]
        except BlockingIOError:
            pass
        except OSError:
            self._drop(driver)
            return
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if driver.unsent else 0)
        self._selector.modify(driver.connection, events, driver)

    def _drop(self, driver: _Driver) -> None:
        """Forget a driver, and what it waits for."""
        if driver in self._drivers:
            self._drivers.remove(driver)
            self._selector.unregister(driver.connection)
            driver.connection.close()
            for method, queue in list(self._waiting.items()):
                self._waiting[method] = deque(each for each in queue if each[0].driver is not driver)
                if not self._waiting[method]:
                    del self._waiting[method]
