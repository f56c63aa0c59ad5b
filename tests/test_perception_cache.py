"""Replies on disk: bounded, shared, and whole whatever happens to who writes them."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from visrep.env.faults import UserFault
from visrep.env.perception.cache import Cache, Contents

REPLY = "x" * 1000


def key(number: int) -> bytes:
    return b"%016d" % number


def replies(numbers: range) -> dict[bytes, tuple[str, str]]:
    return {key(number): ("find", REPLY) for number in numbers}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache.sqlite"


def test_a_reply_on_disk_is_never_changed(path: Path) -> None:
    with closing(Cache(path)) as first, closing(Cache(path)) as second:
        first.write("eyes", {b"a": ("find", "1")})
        second.write("eyes", {b"a": ("find", "2"), b"b": ("find", "3")})
        assert first.read([b"a", b"b", b"c"]) == {b"a": "1", b"b": "3"}


def test_it_tells_what_it_holds_and_how_often_that_was_read(path: Path) -> None:
    with closing(Cache(path)) as cache:
        cache.write("eyes", {b"a": ("find", "12"), b"b": ("query", "3"), b"c": ("find", "é")})
        cache.write("ears", {b"d": ("find", "")})
        for keys in ([b"a", b"c", b"x"], [b"a"], []):
            cache.read(keys)
    with closing(Cache(path)) as cache:
        assert cache.contents() == [
            Contents("ears", "find", replies=1, bytes=0, hits=0),
            Contents("eyes", "find", replies=2, bytes=4, hits=3),
            Contents("eyes", "query", replies=1, bytes=1, hits=0),
        ]


def test_the_oldest_replies_make_room_for_new_ones(path: Path) -> None:
    with closing(Cache(path, most_mb=1)) as cache:
        for start in range(0, 5000, 50):
            cache.write("eyes", replies(range(start, start + 50)))
        held = [number for number in range(5000) if cache.read([key(number)])]
        (contents,) = cache.contents()
    assert held == list(range(held[0], 5000)), "the newest, without a gap"
    assert 400 < len(held) == contents.replies < 1000
    assert path.stat().st_size < 1.25 * 2**20


def test_what_is_used_stays(path: Path) -> None:
    with closing(Cache(path, most_mb=1)) as cache:
        for start in range(0, 5000, 50):
            cache.write("eyes", replies(range(start, start + 50)))
            assert cache.read([key(7), key(8)]).keys() == {key(7), key(8)}
        assert not cache.read([key(9)])
    assert path.stat().st_size < 1.25 * 2**20


WRITE = """
import sys
from pathlib import Path
from visrep.env.perception.cache import Cache

cache, begin, end = Cache(Path(sys.argv[1]), most_mb=int(sys.argv[2])), int(sys.argv[3]), int(sys.argv[4])
for number in range(begin, end):
    cache.write("eyes", {b"%016d" % (10 * number + each): ("find", "x" * 1000) for each in range(10)})
    print(number, flush=True)
"""


def writer(path: Path, most_mb: int, begin: int, end: int) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-c", WRITE, path, most_mb, begin, end]
    return subprocess.Popen([str(each) for each in arguments], stdout=subprocess.PIPE, text=True)


def test_whoever_is_killed_loses_nothing_that_was_written(path: Path) -> None:
    written = []
    for begin in range(0, 4000, 1000):
        with writer(path, 64, begin, begin + 1000) as process:
            assert process.stdout is not None
            written += [int(process.stdout.readline()) for _ in range(30)]
            process.kill()
            written += [int(line) for line in process.stdout if line.endswith("\n")]
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        blocks = file.execute("SELECT count(*) FROM replies GROUP BY substr(key, 1, 15)").fetchall()
        assert set(blocks) == {(10,)}, "what was written at once is there as a whole"
    keys = [key(10 * number + each) for number in written for each in range(10)]
    with closing(Cache(path)) as cache:
        assert cache.read(keys) == dict.fromkeys(keys, REPLY)


def test_several_that_write_and_drop_at_once_do_not_disturb_each_other(path: Path) -> None:
    workers = [writer(path, 1, begin, begin + 60) for begin in (0, 30, 100, 200)]
    for worker in workers:
        worker.communicate()
    assert [worker.returncode for worker in workers] == [0] * 4
    with closing(Cache(path)) as cache:
        (contents,) = cache.contents()
    assert 400 < contents.replies < 1000
    assert path.stat().st_size < 1.25 * 2**20


RACE = """
import multiprocessing, sys
from contextlib import closing
from pathlib import Path
from visrep.env.perception.cache import Cache

def begin(path, gate):
    gate.wait()
    with closing(Cache(path)) as cache:
        cache.write("eyes", {str(path).encode(): ("find", "1")})

context = multiprocessing.get_context("fork")
for number in range(150):
    gate = context.Barrier(4)
    given = Path(sys.argv[1]) / f"{number}.sqlite", gate
    racing = [context.Process(target=begin, args=given) for _ in range(4)]
    for each in racing:
        each.start()
    for each in racing:
        each.join()
    if any(each.exitcode for each in racing):
        sys.exit(1)
"""


def test_several_may_begin_a_file_at_once(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", RACE, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_clearing_gives_the_space_back_and_others_go_on(path: Path) -> None:
    with closing(Cache(path)) as cache, closing(Cache(path)) as other:
        cache.write("eyes", replies(range(2000)))
        assert other.read([key(0)])
        cache.clear()
        assert cache.file_bytes() < 100_000
        assert other.read([key(0)]) == {}
        other.write("eyes", replies(range(3)))
        assert cache.read([key(2)]) == {key(2): REPLY}


def test_somebody_elses_database_is_refused_and_left_as_it_is(path: Path) -> None:
    with closing(sqlite3.connect(path)) as file:
        file.execute("CREATE TABLE replies (key BLOB, reply TEXT)")
    before = path.read_bytes()
    with pytest.raises(UserFault, match=r"cache\.sqlite is an SQLite file, but no perception cache of this version"):
        Cache(path)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_replies_may_be_any_text(path: Path) -> None:
    odd = json.dumps(["é\u2028\x00'\"", "\ud800"])
    with closing(Cache(path)) as cache:
        cache.write("eyes 'of' \"another\" kind", {b"a": ("query", odd)})
        assert cache.read([b"a"]) == {b"a": odd}
