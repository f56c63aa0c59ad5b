"""Fields of a data set's rows, checked as they are read: what a file holds is somebody else's."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from visrep.env.faults import UserFault


def json_lines(path: Path) -> Iterator[tuple[dict[str, Any], str]]:
    """The rows of a file that has a JSON object a line, each with its place ("file:number") for messages; blank lines
    are passed over. Raises UserFault, naming the place, for any other line."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                where = f"{path}:{number}"
                yield _object(line, where), where


def text(row: dict[str, Any], key: str, where: str) -> str:
    """The text of a field, without the spaces around it. Raises UserFault, beginning with the row's place `where`, if
    it holds anything else or nothing."""
    value = row.get(key)
    if not isinstance(value, str) or not value.strip():
        raise UserFault(f"{where}: found {key} {shown(value)}, expected a text; correct it or fetch the file again")
    return value.strip()


def shown(value: Any) -> str:
    """A value in a message, on one line and not endless."""
    said = repr(value)
    return said if len(said) <= 60 else f"{said[:57]}..."


def _object(line: bytes, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UserFault(f"{where}: no JSON line ({error}); correct the line or fetch the file again") from None
    if not isinstance(row, dict):
        raise UserFault(f"{where}: found {shown(row)}, expected a JSON object; correct the line")
    return row
