"""`visrep cache`: what is kept of perception's replies, and removing it."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from visrep.env.perception.cache import Cache
from visrep.scripts import cli


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A cache of 300 replies, one of which was read."""
    path = tmp_path / "mine.sqlite"
    with closing(Cache(path)) as cache:
        cache.write("eyes 1", {b"%d" % number: ("find", "x" * 1000) for number in range(299)})
        cache.write("eyes 2", {b"one": ("query", '["red", []]')})
        cache.read([b"one"])
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert cli.run(["cache", *map(str, arguments)]) == 0
    return capsys.readouterr().out


def test_stats_count_replies_by_model_and_method(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = json.loads(run(capsys, "stats", kept, "--json"))
    assert told["file"] == str(kept)
    assert told["bytes"] > 299_000
    assert told["contents"] == [
        {"model": "eyes 1", "method": "find", "replies": 299, "bytes": 299_000, "hits": 0},
        {"model": "eyes 2", "method": "query", "replies": 1, "bytes": 11, "hits": 1},
    ]
    shown = run(capsys, "stats", kept)
    assert "300 replies, " in shown
    for expected in ("eyes 1", "find", "299", "eyes 2", "query"):
        assert expected in shown


def test_clear_says_what_it_freed_and_leaves_an_empty_cache(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = kept.stat().st_size
    told = json.loads(run(capsys, "clear", kept, "--json"))
    assert told["replies"] == 300
    assert 200_000 < told["freed_bytes"] <= before
    assert kept.stat().st_size == before - told["freed_bytes"]
    assert run(capsys, "clear", kept) == f"{kept}: 0 replies removed, 0.0 MB freed\n"
    with closing(Cache(kept)) as cache:
        assert cache.contents() == []


def test_without_a_file_it_is_the_one_that_recipes_share(
    kept: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISREP_CACHE", str(kept.parent))
    kept.rename(kept.with_name("perception.sqlite"))
    assert json.loads(run(capsys, "stats", "--json"))["file"] == str(kept.with_name("perception.sqlite"))


@pytest.mark.parametrize("command", ["stats", "clear"])
def test_what_is_no_cache_is_named_in_one_line_and_stays(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("these are not replies " * 100)
    for path, said in ((notes, "notes.txt: file is not a database"), (tmp_path / "none.sqlite", "is no file")):
        assert cli.run(["cache", command, str(path)]) == 1
        line = capsys.readouterr().err
        assert said in line
        assert line.count("\n") == 1
    assert notes.read_text() == "these are not replies " * 100
    assert not (tmp_path / "none.sqlite").exists()
