"""What runs in a program's own process, after the lock: read the job, run the program, report a value or a fault.

Nothing here is a security boundary. A program can reach and change all of it, and gains nothing: it can only say what
it could have returned. What is missing from its builtins is missing for the sake of the message (`forbidden: open`).
"""

import builtins
import importlib
import math
import os
import random
import sys
from types import TracebackType
from typing import Any, NoReturn

from visrep.env import image_patch, video_segment
from visrep.env.sandbox import protocol, trace

SEED = 0
"""Of a job that names no other: the zygote's `random` is seeded so already."""

FILENAME = "<program>"
ENTRY = "execute_command"

IMPORTABLE = ("math", "re", "collections", "itertools", "functools", "statistics", "string", "random", "__future__")
_NEEDED_LATER = (
    "bisect", "heapq", "collections.abc", "copy", "types", "weakref", "unicodedata", "stringprep",
    "encodings.ascii", "encodings.latin_1", "encodings.cp1252", "encodings.utf_8_sig", "encodings.utf_7",
    "encodings.utf_16", "encodings.utf_16_le", "encodings.utf_16_be", "encodings.utf_32", "encodings.utf_32_le",
    "encodings.utf_32_be", "encodings.unicode_escape", "encodings.raw_unicode_escape", "encodings.idna",
    "encodings.punycode", "encodings.hex_codec", "encodings.rot_13", "linecache",
)  # fmt: skip
"""Modules that the interpreter or an importable module imports only when it needs them: too late after the lock."""

_NOT_OFFERED = ("open", "exec", "eval", "compile", "input", "breakpoint", "help", "exit", "quit")

_AT_ONCE = 65536
_DEEPEST, _MOST_ITEMS, _MOST_BITS, _MESSAGE = 4, 10_000, 4096, 300
_ARGS = BaseException.__dict__["args"].__get__
_MSG = SyntaxError.__dict__["msg"].__get__
_TRACEBACK = BaseException.__dict__["__traceback__"].__get__

_importable = set(IMPORTABLE)
_numpy_scalars: set[type] = set()
_MEMORY_FRAME = protocol.frame(["result", "memory", None, "out of memory", None])


class Forbidden(Exception):
    """The program asked for something that is not offered."""


class _WrongType(Exception):
    """The returned value is no plain data."""


class _TooLarge(Exception):
    """The returned value does not fit."""


def preload(numpy: bool) -> None:
    """Import, while files can still be opened, all that a program may come to need."""
    for name in (*IMPORTABLE, *_NEEDED_LATER, *(("numpy", "numpy.random", "numpy.ma") if numpy else ())):
        importlib.import_module(name)
    random.seed(SEED)
    if numpy:
        module = sys.modules["numpy"]
        module.random.seed(SEED)
        _importable.add("numpy")
        _numpy_scalars.update((module.bool_, module.int64, module.float64))


def serve(descriptor: int) -> NoReturn:
    """Run one job from this connection and end the process."""
    try:
        connection = Connection(descriptor)
        connection.send(["ready"])
        job = connection.receive()
        image_patch.connect(connection.call)
        _report(connection, run(job, connection))
        os._exit(0)
    except MemoryError:
        _report_memory(descriptor)
    except BaseException:
        os._exit(1)


class Connection:
    """The blocking end of the socket to the host."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._unread = b""

    def send(self, value: Any) -> None:
        self._write(protocol.frame(value))

    def receive(self) -> Any:
        (length,) = protocol.HEADER.unpack(self._read(protocol.HEADER.size))
        return protocol.parse(self._read(length))

    def call(self, method: str, *arguments: Any) -> Any:
        """Ask the host. Raises ValueError with its message where it refuses the arguments."""
        try:
            question = protocol.frame(["call", method, arguments])
        except (TypeError, ValueError, RecursionError):
            raise ValueError(f"{method}: arguments should be texts and finite numbers") from None
        if len(question) > protocol.INBOUND_BYTES:
            raise ValueError(f"{method}: arguments are too long")
        self._write(question)
        verdict, reply = self.receive()
        if verdict == "error":
            raise ValueError(reply)
        return reply

    def _write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._descriptor, data) :]

    def _read(self, length: int) -> bytes:
        while len(self._unread) < length:
            received = os.read(self._descriptor, _AT_ONCE)
            if not received:
                os._exit(1)  # the host has lost interest
            self._unread += received
        data, self._unread = self._unread[:length], self._unread[length:]
        return data


def run(job: dict[str, Any], connection: Connection) -> list[Any]:
    """`[outcome, value, message, line]` of the job's program. Lets only MemoryError through."""
    if job["seed"] != SEED:
        random.seed(job["seed"])
    tracer = trace.Tracer(FILENAME, lambda step: connection.send(["trace", step])) if job["trace"] else None
    try:
        try:
            code = compile(job["program"], FILENAME, "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
            # MemoryError is what the parser raises for deep nesting.
            return ["syntax_error", None, _fault(error), error.lineno if isinstance(error, SyntaxError) else None]
        scope = _SCOPE.copy()
        sys.settrace(tracer)
        try:
            exec(code, scope)
            if not callable(scope.get(ENTRY)):
                return ["no_entry", None, f"the program defines no function {ENTRY}", None]
            value = scope[ENTRY](*_arguments(job))
        finally:
            sys.settrace(None)
        return ["ok", _plain(value), "", None]
    except MemoryError:
        raise
    except _WrongType as error:
        return ["wrong_type", None, f"returned {error}", None]
    except _TooLarge as error:
        return ["output_too_large", None, f"returned {error}", None]
    except BaseException as error:
        outcome = "forbidden" if issubclass(type(error), (Forbidden, PermissionError)) else "runtime_error"
        return [outcome, None, _fault(error), _line(_TRACEBACK(error))]


def _arguments(job: dict[str, Any]) -> list[Any]:
    patches = [image_patch._patch(reply) for reply in job["images"]]
    offered = {
        "image": patches[0] if patches else None,
        "images": patches,
        "video": video_segment._segment(patches),
        "options": job["options"],
    }
    return [offered[name] for name in job["parameters"]]


def _offered_builtins() -> dict[str, Any]:
    """Python's own, with explanations in place of what could not work here anyway."""

    def refusal(name: str) -> Any:
        def refuse(*arguments: Any, **named: Any) -> NoReturn:
            raise Forbidden(name)

        return refuse

    def guarded_import(name: str, scope: Any = None, local: Any = None, names: Any = (), level: int = 0) -> Any:
        if level != 0 or name.partition(".")[0] not in _importable:
            raise Forbidden(f"import {name}")
        return __import__(name, scope, local, names, level)

    return {**vars(builtins), **{name: refusal(name) for name in _NOT_OFFERED}, "__import__": guarded_import}


# Made once, in the zygote: a copy per run would touch, and so copy, sixty more pages of its memory.
_BUILTINS = _offered_builtins()
_SCOPE: dict[str, Any] = {"__name__": "program", "__builtins__": _BUILTINS} | {
    name: getattr(module, name) for module in (image_patch, video_segment) for name in module.__all__
}


def _plain(value: Any) -> Any:
    """The value as JSON data: exact types only, a patch as `{"patch": handle}`. Raises _WrongType, _TooLarge."""
    left = [_MOST_ITEMS]

    def convert(item: Any, depth: int) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise _TooLarge(f"more than {_MOST_ITEMS} items")
        if type(item) in _numpy_scalars:
            item = item.item()
        kind = type(item)
        if kind is str or kind is bool:
            return item
        if kind is int:
            if item.bit_length() > _MOST_BITS:
                raise _TooLarge(f"an integer of {item.bit_length()} bits")
            return item
        if kind is float:
            if not math.isfinite(item):
                raise _WrongType("a number that is not finite")
            return item
        if kind is image_patch.ImagePatch:
            return {"patch": item._handle}
        if kind is list or kind is tuple:
            if depth >= _DEEPEST:
                raise _WrongType(f"a list nested more than {_DEEPEST} deep")
            return [convert(inner, depth + 1) for inner in item]
        raise _WrongType(trace.type_name(kind))

    return convert(value, 0)


def _fault(error: BaseException) -> str:
    """The exception in one line, without calling any code of the program."""
    kind = type(error)
    if issubclass(kind, SyntaxError):  # `isinstance` and attributes could run code
        said = _MSG(error)
        text = said if type(said) is str else ""
    else:
        arguments = _ARGS(error)
        text = arguments[0] if len(arguments) == 1 and type(arguments[0]) is str else ""
        text = text[:_MESSAGE] or ", ".join(trace.show(argument) for argument in arguments[:4])
    name = "forbidden" if kind is Forbidden else trace.type_name(kind)
    return " ".join(f"{name}: {text[:_MESSAGE]}".split())[: 2 * _MESSAGE]


def _line(at: TracebackType | None) -> int | None:
    """The innermost line of the program that an exception passed through."""
    line = None
    while at is not None:
        if at.tb_frame.f_code.co_filename == FILENAME:
            line = at.tb_lineno
        at = at.tb_next
    return line


def _report(connection: Connection, result: list[Any]) -> None:
    try:
        report = protocol.frame(["result", *result])
    except (TypeError, ValueError, RecursionError):  # a patch whose handle the program replaced
        report = protocol.frame(["result", "wrong_type", None, "returned a patch that is none", None])
    if len(report) > protocol.INBOUND_BYTES:
        report = protocol.frame(["result", "output_too_large", None, f"returned {len(report)} bytes", None])
    connection._write(report)


def _report_memory(descriptor: int) -> NoReturn:
    """Say that memory ran out, with next to no memory: by the frame made beforehand, or by the exit status."""
    try:
        os.write(descriptor, _MEMORY_FRAME)
    finally:
        os._exit(protocol.OUT_OF_MEMORY)
