"""What a recipe names: data sets, perception backends and policy engines, a shipped module or anybody's Python file.

Either defines `load`. A file is read by itself: its folder is not searched for what it imports, so that its SHA-256,
which a run records, stands for all of it.
"""

import hashlib
import importlib
import inspect
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from visrep.env.faults import UserFault, suggestion
from visrep.env.perception import Perception
from visrep.policy import Policy
from visrep.train.config import Recipe


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of part: the package of the shipped ones, the settings that name one and hold its options, what `load` is
    called with before the options, and the members that what it returns must have."""

    package: str
    setting: str
    options: str
    given: tuple[str, ...]
    members: tuple[str, ...]


def _members(protocol: type) -> tuple[str, ...]:
    return tuple(name for name in {**protocol.__annotations__, **vars(protocol)} if not name.startswith("_"))


DATA_SET = Kind("visrep.env.tasks", "data.dataset", "data.options", ("root", "split"), ("__iter__",))
BACKEND = Kind("visrep.env.perception", "perception.backend", "perception.options", (), _members(Perception))
ENGINE = Kind("visrep.policy", "policy.engine", "policy.options", ("base", "settings", "log"), _members(Policy))

COMPOSITE = "composite"
"""The backend whose options name other backends, each for a method."""


def loader(kind: Kind, name: str, options: dict[str, Any]) -> Callable[..., Any]:
    """The `load` of a shipped module, or of the Python file that `name` is the path of, with its options.

    It takes what the kind's `load` is given. Raises UserFault for an unknown name, a file that is missing, fails or has
    no fitting `load`, for options that this does not take, and for a class of results that lacks a method, where `load`
    is annotated with one; when called, if the result lacks a member. What a composite names is held to the same.
    """
    defined = module(kind, name)
    load = getattr(defined, "load", None)
    if not callable(load):
        raise UserFault(f"setting {kind.setting!r}: {name} has no function 'load'; add {_call(kind)}")
    signature = inspect.signature(load)
    _check_signature(kind, name, signature, options)
    returned = signature.return_annotation
    if isinstance(returned, type) and returned is not inspect.Signature.empty:
        methods = [member for member in kind.members if member != "identity"]  # which an instance has
        _check_members(kind, name, returned, returned, methods)
    if kind is BACKEND and name == COMPOSITE:
        return _composed(load, options)

    def made(*given: Any) -> Any:
        part = load(*given, **options)
        _check_members(kind, name, part, type(part), kind.members)
        return part

    return made


def module(kind: Kind, name: str) -> ModuleType:
    """The shipped module, or that of the Python file that `name` is the path of. Raises UserFault where there is none,
    and for a file that fails."""
    return _from_file(kind, name) if _is_file(name) else _shipped(kind, name)


def check(recipe: Recipe) -> None:
    """Raise UserFault now, before any work, for what `loader` would refuse later."""
    for kind, name, options in _named(recipe):
        loader(kind, name, options)


def digests(recipe: Recipe) -> dict[str, str]:
    """SHA-256 of each Python file that the recipe names, by the setting that names it."""
    named = {kind.setting: (kind, name) for kind, name, _ in _named(recipe) if kind is not DATA_SET}
    for number, data in enumerate(recipe.data):
        named[f"data.{number}.dataset" if number else DATA_SET.setting] = DATA_SET, data.dataset
    return {
        setting: hashlib.sha256(_source(kind, name)).hexdigest()
        for setting, (kind, name) in named.items()
        if _is_file(name)
    }


def metrics(name: str) -> Callable[..., dict[str, float]] | None:
    """What a data set measures in its own way, beside what every task is measured by: its module's `metrics`, which
    takes pairs of a task and its rollout (None where it has none), if it has one."""
    defined = module(DATA_SET, name)
    found: Callable[..., dict[str, float]] | None = getattr(defined, "metrics", None)
    return found


def _named(recipe: Recipe) -> Iterator[tuple[Kind, str, dict[str, Any]]]:
    for data in recipe.data:
        yield DATA_SET, data.dataset, data.options
    yield BACKEND, recipe.perception.backend, recipe.perception.options
    if recipe.perception.backend == COMPOSITE:
        yield from _parts(recipe.perception.options)
    yield ENGINE, recipe.policy.engine, recipe.policy.options


def _parts(options: dict[str, Any]) -> Iterator[tuple[Kind, str, dict[str, Any]]]:
    """What a composite's options name: for each method a backend, alone or in a table with its own options. It has to
    have that method, and may lack the others."""
    for method, named in options.items():
        setting = f"{BACKEND.options}.{method}"
        table = named if isinstance(named, dict) else {"backend": named}
        if not isinstance(table.get("backend"), str):
            expected = "a backend's name, or a table of 'backend' and its options"
            raise UserFault(f"setting {setting!r} is {named!r}; expected {expected}")
        kind = Kind(BACKEND.package, f"{setting}.backend", setting, (), ("identity", method))
        yield kind, table["backend"], {key: value for key, value in table.items() if key != "backend"}


def _composed(load: Callable[..., Any], options: dict[str, Any]) -> Callable[[], Any]:
    """Makes a composite and its parts, of which equal ones are one."""
    parts = [
        (kind.members[-1], json.dumps([name, its], sort_keys=True, default=str), loader(kind, name, its))
        for kind, name, its in _parts(options)
    ]

    def made() -> Any:
        found: dict[str, Any] = {}
        for _, key, make in parts:
            if key not in found:
                found[key] = make()
        return load(**{method: found[key] for method, key, _ in parts})

    return made


def _is_file(name: str) -> bool:
    return name.endswith(".py")


def _shipped(kind: Kind, name: str) -> ModuleType:
    known = _names(kind)
    if name not in known:
        near = suggestion(name, known) or f"; expected one of: {', '.join(known)}, or a Python file (NAME.py)"
        raise UserFault(f"setting {kind.setting!r} is {name!r}{near}")
    return importlib.import_module(f"{kind.package}.{name}")


def _names(kind: Kind) -> list[str]:
    folder = Path(importlib.import_module(kind.package).__file__ or "").parent
    return sorted(path.stem for path in folder.glob("*.py") if "\ndef load(" in path.read_text(encoding="utf-8"))


def _source(kind: Kind, name: str) -> bytes:
    path = Path(name).absolute()
    try:
        return path.read_bytes()
    except OSError as error:
        found = f"setting {kind.setting!r} is {name!r}, but {path} cannot be read ({error.strerror})"
        raise UserFault(f"{found}; correct the path or name one of: {', '.join(_names(kind))}") from None


def _from_file(kind: Kind, name: str) -> ModuleType:
    path, source = Path(name).absolute(), _source(kind, name)
    # Named by place and content: a file that was changed is another module, one that was not is run once.
    unique = f"{path.stem}_{hashlib.sha256(os.fsencode(path) + source).hexdigest()}"
    if unique in sys.modules:
        return sys.modules[unique]
    module = ModuleType(unique)
    module.__file__ = str(path)
    sys.modules[unique] = module  # where dataclasses look for the module of a class
    try:
        # Not importlib's loader for files, which leaves bytecode beside them and trusts it for a second too long.
        exec(compile(source, str(path), "exec"), vars(module))
    except BaseException as error:
        del sys.modules[unique]
        if not isinstance(error, Exception | SystemExit):
            raise
        raise UserFault(f"setting {kind.setting!r}: {name} raised {_words(error, path)}; correct the file") from error
    return module


def _words(error: BaseException, path: Path) -> str:
    """The exception, and the file's line that it came from."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return f"{type(error).__name__}: {error.msg} in line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    line = next((f" in line {frame.lineno}" for frame in reversed(frames) if frame.filename == str(path)), "")
    return f"{type(error).__name__}: {error}{line}"


def _check_signature(kind: Kind, name: str, signature: inspect.Signature, options: dict[str, Any]) -> None:
    try:
        taken = signature.bind_partial(*kind.given).arguments
    except TypeError:
        found = f"load of {name} is load{signature}"
        raise UserFault(f"setting {kind.setting!r}: {found}, but is called as {_call(kind)}; correct it") from None
    free = [parameter for parameter in signature.parameters.values() if parameter.name not in taken]
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    known = {parameter.name: parameter for parameter in free if parameter.kind in by_name}
    if not any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in free):
        for key in options:
            if key not in known:
                near = suggestion(key, known) or f"; expected one of: {', '.join(known) or 'none'}"
                raise UserFault(f"unknown setting '{kind.options}.{key}'{near}")
    for key, parameter in known.items():
        if key not in options and parameter.default is inspect.Parameter.empty:
            raise UserFault(f"setting '{kind.options}.{key}' is missing; load of {name} needs it")


def _check_members(kind: Kind, name: str, part: Any, of: type, members: Sequence[str]) -> None:
    lacking = [member for member in members if not hasattr(part, member)]
    if lacking:
        found = f"load of {name} returned {of.__name__} without {lacking[0]!r}; expected {', '.join(kind.members)}"
        serves_some = kind is BACKEND and len(lacking) < len(members) and not _is_file(name)
        hint = f"; a backend {COMPOSITE!r} takes it for what it has" if serves_some else ""
        raise UserFault(f"setting {kind.setting!r}: {found}{hint}")


def _call(kind: Kind) -> str:
    return f"load({', '.join([*kind.given, '**options'])})"
