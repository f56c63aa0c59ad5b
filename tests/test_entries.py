"""Reading one huge JSON object by its entries, or a list by its items."""

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from visrep.env.faults import UserFault
from visrep.env.formats.entries import entries, items, value_at


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


ROWS = [{"id": number, "text": 'né, ]}{"\\ 犬' * (number * 997 % 4000), "list": [1, [2.5]]} for number in range(60)]


@pytest.mark.parametrize("style", [{"indent": 1}, {"ensure_ascii": False}])
def test_items_are_those_of_a_json_parser(tmp_path: Path, style: dict[str, Any]) -> None:
    path = tmp_path / "items.json"
    around: dict[str, Any] = {"info": {"rows": [{}]}, "year": 2014, "others": [1, [2], {"rows": []}], "rows": ROWS}
    for value, of in ((ROWS, None), (around, "rows"), (around | {"after": [[3]], "license": "né"}, "rows")):
        path.write_text(json.dumps(value, **style), encoding="utf-8")
        found = list(items(path, of))
        assert [item.value for item in found] == ROWS
        assert [item.row for item in found] == list(range(1, 61))
        assert [value_at(path, item.start, item.end) for item in found] == ROWS


@pytest.mark.parametrize("text", ["[]", '{"rows": []}', ' { "a" : 1 , "rows" : [ ] } '])
def test_an_empty_list_has_no_items(tmp_path: Path, text: str) -> None:
    path = tmp_path / "items.json"
    path.write_text(text)
    assert list(items(path, "rows" if "rows" in text else None)) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "entry 1 is cut off"),
        ("[{}]", "entry 1 is cut off or has '\\['"),
        ('{"rows": [{}, {"a": 1}', "entry 2 of 'rows' is cut off"),
        ('{"rows": [{}, {"a": ', "entry 2 of 'rows' is cut off or broken"),
        ('{"rows": [{}, 3]}', "entry 2 of 'rows' is no JSON object"),
        ('{"rows": [{}, ]}', "entry 2 of 'rows' is cut off or broken"),
        ('{"rows": [{} {}]}', "entry 1 of 'rows' is cut off or has '{'"),
        ('{"rows": [{}]', "entry 1 is cut off"),
        ('{"rows": [{}], 3: 4}', "entry 2 has no name"),
        ('{"others": [1 2], "rows": []}', "entry 1 of 'others' is cut off or has '2'"),
        ('{"rows": [{}]} []', "entry 1 is the last, but more follows"),
        ('{"rows": {}}', "has '{' where \\[ belongs"),
        ('{"info": {}, "row": []}', "has 'info', 'row', expected a list 'rows'"),
    ],
)
def test_what_is_no_such_list_of_objects_is_a_fault(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "items.json"
    path.write_text(text)
    with pytest.raises(UserFault, match=rf"items\.json:? .*{message}") as fault:
        list(items(path, "rows"))
    assert "\n" not in str(fault.value)


def test_a_list_where_an_object_belongs_and_the_other_way_round_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "items.json"
    path.write_text('{"rows": []}')
    with pytest.raises(UserFault, match=r"has '{' where \[ belongs"):
        list(items(path))


def test_a_member_of_another_type_is_a_fault_that_names_the_row(tmp_path: Path) -> None:
    path = tmp_path / "items.json"
    path.write_text(json.dumps([{}, {"id": 7, "flag": False, "text": "", "list": [], "long": "x" * 5000}]))
    _, item = items(path)
    assert (item.get("id", int), item.get("flag", bool)) == (7, False)
    for name, kind in (("flag", int), ("id", bool), ("id", str), ("text", str), ("list", list), ("absent", int)):
        with pytest.raises(UserFault, match=rf"items\.json: entry 2 has {name} .*, expected "):
            item.get(name, kind)
    with pytest.raises(UserFault) as fault:
        item.get("long", int)
    assert len(str(fault.value)) < 400


def test_a_number_that_lies_across_two_reads_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "items.json"
    for shift in range(4):
        head = '{"pad": "' + "x" * ((1 << 20) - 24 + shift) + '", "n": '
        path.write_text(head + '123456, "rows": [{"a": 1}]}')
        assert [item.value for item in items(path, "rows")] == [{"a": 1}]


def test_a_list_streams_in_constant_memory_whatever_stands_before_it(tmp_path: Path) -> None:
    path = tmp_path / "items.json"
    row = json.dumps({"text": "word " * 100})
    with path.open("w") as file:
        file.write('{"others": [' + ",".join([row] * 30000) + '], "rows": [' + ",".join([row] * 30000) + "]}")
    assert path.stat().st_size > 30e6
    tracemalloc.start()
    assert sum(1 for _ in items(path, "rows")) == 30000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12e6
