"""Reading one huge JSON object by its entries."""

import json
from pathlib import Path

import pytest

from visrep.env.entries import entries
from visrep.env.faults import UserFault


@pytest.mark.parametrize("text", ["", "[]", '{"a": 1}', '{"a": {}} trailing', "{'a': {}}", '{"a": {},}', '{"a" {}}'])
def test_what_is_no_object_of_objects_is_a_fault(tmp_path: Path, text: str) -> None:
    path = tmp_path / "entries.json"
    path.write_text(text)
    with pytest.raises(UserFault, match=r"entries\.json: entry \d"):
        list(entries(path))


def test_a_row_in_another_encoding_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "entries.json"
    path.write_bytes('{"a": {}, "b": {"name": "café"}}'.encode("latin-1"))
    with pytest.raises(UserFault, match="entry 2 is not UTF-8"):
        list(entries(path))


def test_entries_are_those_of_a_json_parser(tmp_path: Path) -> None:
    value = {
        f"clé {number}": {"text": 'né, {"}\\ 犬' * (number * 997 % 4000), "list": [1, [2.5]]} for number in range(60)
    }
    path = tmp_path / "entries.json"
    for style in ({"indent": 1}, {"ensure_ascii": False}):
        path.write_text(json.dumps(value, **style), encoding="utf-8")
        found = list(entries(path))
        assert {entry.key: entry.value for entry in found} == value
        data = path.read_bytes()
        assert all(json.loads(data[entry.start : entry.end]) == entry.value for entry in found)
