"""Logs: a torn last line is dropped, a broken one elsewhere is an error, a whole file is never half there."""

from pathlib import Path

import pytest

from visrep.env import jsonl
from visrep.env.faults import Fault


def test_a_torn_last_line_is_dropped_and_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"a": 1}\n{"a": ')
    assert list(jsonl.read(path)) == [{"a": 1}]
    with jsonl.Log(path) as log:
        log.append({"a": 2})
    assert list(jsonl.read(path)) == [{"a": 1}, {"a": 2}]


def test_a_log_of_one_torn_line_becomes_empty(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"a')
    jsonl.Log(path).close()
    assert path.read_text() == ""


def test_a_torn_line_longer_than_a_block_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"a": 1}\n{"a": "' + "x" * (3 * jsonl.BLOCK))
    jsonl.Log(path).close()
    assert path.read_text() == '{"a": 1}\n'


def test_a_broken_line_in_the_middle_is_an_error_with_its_number(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"a": 1}\nnonsense\n{"a": 2}\n')
    with pytest.raises(Fault, match=r"log\.jsonl:2: not a JSON line"):
        list(jsonl.read(path))


def test_an_absent_log_is_empty(tmp_path: Path) -> None:
    assert list(jsonl.read(tmp_path / "none.jsonl")) == []


def test_a_file_is_written_whole_without_leftovers(tmp_path: Path) -> None:
    jsonl.write_lines(tmp_path / "deep" / "file.jsonl", [1, {"b": "é"}])
    assert list(jsonl.read(tmp_path / "deep" / "file.jsonl")) == [1, {"b": "é"}]
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["file.jsonl"]


def test_a_full_disk_is_one_line_and_leaves_the_old_file(tmp_path: Path) -> None:
    with pytest.raises(Fault, match="cannot write /dev/full"), jsonl.Log(Path("/dev/full")) as log:
        log.append({"a": 1})
