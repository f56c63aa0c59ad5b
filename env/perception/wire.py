"""What drivers and the process that holds the models say to each other, and how.

A message is two little-endian u32, the lengths of what follows: a JSON value, and the raw pixels of a picture (RGB, row
0 at the top) or nothing. JSON and never pickle, because a pickle runs code where it is read, and an address may be
open to others.

    service to driver   {"identity", "made_from", "said"}   once the models are loaded, or a fault where they cannot be
    driver to service   {"picture", "path", "called", "width", "height", "scene"} and its pixels, before it is needed
                        {"method", "views", "arguments"}    requests; a view is [picture, left, lower, right, upper]
    service to driver   {"send": [picture, ...]}            the pictures among them that it has no more
    service to driver   {"working": true}                   now and then: batches get done, but not yet all of these
    service to driver   {"replies", "batches"}              or a fault: {"fault": "user" or "machine", "message"}

A picture is named by its fingerprint, boxes are pixels of the whole picture from its bottom-left corner, as everywhere.
"""

import json
import socket
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from visrep.env.faults import Fault, MachineFault, UserFault
from visrep.env.perception import Method, Request, View, plain
from visrep.env.perception.picture import Picture, Pixels
from visrep.env.types import Box

MOST_BYTES = 1 << 30
"""Longest JSON and longest pixels; more than PIL opens of an image."""

_LENGTHS = struct.Struct("<II")


class Violation(ValueError):
    """The other side broke the protocol."""


class Sent(Picture):
    """A picture whose pixels came from a driver; `called` is what it is called there, in faults."""

    def __init__(self, path: Path, called: str, pixels: Pixels, scene: Any) -> None:
        super().__init__(path, plain.scene_of(scene))
        self._called = called
        self._pixels = pixels

    def __str__(self) -> str:
        return self._called

    @property
    def pixels(self) -> Pixels:
        """Height × width × 3, RGB, row 0 at the top."""
        return self._pixels


class Reader:
    """Puts the bytes of one connection together again."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def take(self, data: bytes) -> Iterator[tuple[Any, bytes]]:
        """The messages that these bytes complete, each its value and its raw bytes. Raises Violation."""
        self._buffer += data
        while len(self._buffer) >= _LENGTHS.size:
            json_bytes, raw_bytes = _LENGTHS.unpack_from(self._buffer)
            if max(json_bytes, raw_bytes) > MOST_BYTES:
                raise Violation(f"a message of {json_bytes} and {raw_bytes} bytes")
            middle = _LENGTHS.size + json_bytes
            if len(self._buffer) < middle + raw_bytes:
                return
            value, raw = bytes(self._buffer[_LENGTHS.size : middle]), bytes(self._buffer[middle : middle + raw_bytes])
            del self._buffer[: middle + raw_bytes]
            try:
                parsed = json.loads(value)
            except (ValueError, RecursionError) as error:
                raise Violation(f"no JSON: {str(error)[:100]}") from None
            yield parsed, raw


def message(value: Any, raw: bytes = b"") -> bytes:
    """A message, ready to be sent."""
    body = json.dumps(value, separators=(",", ":")).encode()
    return _LENGTHS.pack(len(body), len(raw)) + body + raw


def question(method: Method, requests: Sequence[Request]) -> Any:
    """Requests of one method, as a value to send."""
    views = [
        each.view and [each.view.picture.fingerprint, *plain.corners(each.view.box)]  # llm_query has none
        for each in requests
    ]
    return {"method": method, "views": views, "arguments": [each.arguments for each in requests]}


def request(method: Method, view: Any, arguments: Any, pictures: dict[str, Picture]) -> Request:
    """One of them again. Raises ValueError, TypeError or KeyError for what is none."""
    if method == "query":
        asked, choices = arguments
        arguments = (asked, None if choices is None else tuple(choices))
    elif method == "match":
        (texts,) = arguments
        arguments = (tuple(texts),)
    if view is None:
        return Request(method, None, tuple(arguments))
    name, *edges = view
    return Request(method, View(pictures[name], Box(*edges)), tuple(arguments))


def picture_message(picture: Picture) -> bytes:
    """A picture with its pixels, ready to be sent."""
    width, height = picture.size
    told: dict[str, Any] = {"picture": picture.fingerprint, "path": str(picture.path), "called": str(picture)}
    told |= {"width": width, "height": height, "scene": plain.plain_scene(picture.scene)}
    return message(told, np.ascontiguousarray(picture.pixels).tobytes())


def picture_of(told: dict[str, Any], raw: bytes) -> Picture:
    """The picture again. Raises Violation where its pixels are not those that it is named after, ValueError, TypeError
    or KeyError for what is no picture."""
    pixels = np.frombuffer(raw, np.uint8).reshape(told["height"], told["width"], 3)
    picture = Sent(Path(told["path"]), told["called"], pixels, told["scene"])
    if picture.digest != told["picture"].partition(" ")[0]:
        raise Violation(f"the pixels of {picture} are not those that it is named after")
    return picture


def fault_message(fault: Fault) -> bytes:
    """A fault, ready to be sent."""
    return message({"fault": "user" if isinstance(fault, UserFault) else "machine", "message": str(fault)})


def fault_of(told: dict[str, Any]) -> Fault:
    """The fault again."""
    return (UserFault if told["fault"] == "user" else MachineFault)(str(told["message"]))


def connect(address: str, seconds: float) -> socket.socket:
    """A connection to a service. Raises OSError where none can be had in that time, UserFault for no address."""
    family, target = _parsed(address)
    connection = socket.socket(family)
    try:
        connection.settimeout(seconds)
        connection.connect(target)
        _hurry(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def listen(address: str) -> socket.socket:
    """A socket that drivers can connect to. A socket file that nobody listens at any more is replaced. Raises UserFault
    for an address that cannot be had."""
    family, target = _parsed(address)
    listener = socket.socket(family)
    try:
        if family == socket.AF_UNIX:
            _remove_left(target)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(target)
        listener.listen()
    except OSError as error:
        listener.close()
        raise UserFault(f"address {address!r} cannot be had ({error.strerror or error}); choose another one") from None
    return listener


def accept(listener: socket.socket) -> socket.socket:
    """The connection of the next driver."""
    connection, _ = listener.accept()
    _hurry(connection)
    return connection


def _hurry(connection: socket.socket) -> None:
    """Have small messages leave at once: each is waited for."""
    if connection.family == socket.AF_INET:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _remove_left(path: str) -> None:
    """A socket's file outlives a process that is killed."""
    try:
        connect(f"unix:{path}", seconds=1.0).close()
    except ConnectionRefusedError:
        Path(path).unlink()
    except FileNotFoundError:
        pass
    else:
        raise OSError("another process listens there")


def _parsed(address: str) -> tuple[socket.AddressFamily, Any]:
    kind, _, rest = address.partition(":")
    if kind == "unix" and rest:
        return socket.AF_UNIX, rest
    host, _, port = rest.rpartition(":")
    if kind == "tcp" and host and port.isdecimal() and int(port) < 2**16:
        return socket.AF_INET, (host, int(port))
    raise UserFault(f"{address!r} is no address; expected unix:PATH or tcp:HOST:PORT")
