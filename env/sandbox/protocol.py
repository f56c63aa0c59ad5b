"""Frames between a program's process and the host: a little-endian u32 length, then JSON.

Only the standard library: this file runs on both sides. The host reads with `Frames`, which trusts nothing it is sent;
JSON and never pickle, because a pickle runs code where it is read.

    child to host   ["ready"]                           the process is locked; the program has not been read
                    ["call", method, [argument, ...]]   one question; the process waits for the reply
                    ["trace", [line, {name: shown}]]    what the process claims of its course, one step
                    ["result", outcome, value, message, line]
    host to child   {"program": ..., "parameters": ...}      the job
                    ["ok", value] or ["error", message]      the reply to a call
"""

import json
import operator
import struct
from collections.abc import Iterator
from typing import Any, NoReturn

INBOUND_BYTES = 256 * 1024
"""Largest frame that the host reads."""

OUTBOUND_BYTES = 1024 * 1024
"""Largest frame that the host sends."""

OUT_OF_MEMORY = 12
"""Exit status of a process that had no memory left to say so."""

HEADER = struct.Struct("<I")


class Violation(ValueError):
    """The other side broke the protocol."""


def _refuse(constant: str) -> NoReturn:
    raise Violation(f"{constant} is not a JSON value")


# The default is for numpy's integers, which a program may pass as coordinates.
_encode = json.JSONEncoder(allow_nan=False, separators=(",", ":"), default=operator.index).encode
_decode = json.JSONDecoder(parse_constant=_refuse).decode


def frame(value: Any) -> bytes:
    """The value as a frame. Raises ValueError for a number that is not finite, TypeError for what is not JSON."""
    body = _encode(value).encode("ascii")
    return HEADER.pack(len(body)) + body


def parse(body: bytes) -> Any:
    """The value in a frame's body. Raises Violation for anything but JSON, deep nesting and huge integers included."""
    try:
        return _decode(body.decode("ascii"))
    except (ValueError, RecursionError) as error:
        raise Violation(f"unreadable frame: {str(error)[:100]}") from None


class Frames:
    """Puts the bytes of one connection together again; a frame that exceeds `INBOUND_BYTES` is refused unread."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def take(self, data: bytes) -> Iterator[Any]:
        """The values of all frames that these bytes complete, one at a time. Raises Violation."""
        self._buffer += data
        while len(self._buffer) >= HEADER.size:
            (length,) = HEADER.unpack_from(self._buffer)
            if length > INBOUND_BYTES:
                raise Violation(f"frame of {length} bytes; at most {INBOUND_BYTES}")
            end = HEADER.size + length
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[HEADER.size : end])
            del self._buffer[:end]
            yield parse(body)
