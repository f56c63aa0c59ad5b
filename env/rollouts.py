"""Rollouts on disk: one JSON object a line, in a `jsonl.Log`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from visrep.env import jsonl
from visrep.env.faults import UserFault
from visrep.env.types import Rollout

BY_POLICY = ("policy", "retry")
"""Authors of rollouts that are no persons."""

_adapter = TypeAdapter(Rollout)


def to_json(rollout: Rollout) -> dict[str, Any]:
    """The rollout as plain JSON data."""
    data: dict[str, Any] = _adapter.dump_python(rollout, mode="json")
    return data


def from_json(data: Any) -> Rollout:
    """The rollout that `to_json` gave this for. Raises UserFault when it is none."""
    try:
        return _adapter.validate_python(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise UserFault(f"not a rollout: {place}: {first['msg']}; was it written by another version?") from None


def read(path: Path) -> Iterator[Rollout]:
    """The rollouts of a log, oldest first; none if it does not exist. Raises UserFault for a line that is none."""
    for number, data in enumerate(jsonl.read(path), 1):
        try:
            rollout = from_json(data)
        except UserFault as error:
            raise UserFault(f"{path}:{number}: {error}") from None
        yield rollout
