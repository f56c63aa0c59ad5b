"""Values by key on disk."""

import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visrep.train.grouped import Grouped

PAIRS = st.lists(st.tuples(st.sampled_from(["", "a", "b", "ä", "\ud800", "a\x00"]), st.integers()))


@given(PAIRS)
def test_each_key_has_its_values_in_the_order_in_which_they_came(pairs: list[tuple[str, int]]) -> None:
    expected: dict[str, list[int]] = defaultdict(list)
    for key, value in pairs:
        expected[key].append(value)
    grouped = Grouped(pairs)
    assert {key: list(values) for key, values in grouped.groups()} == expected
    assert all(list(grouped.of(key)) == expected[key] for key in list(expected))
    assert list(grouped.of("never came")) == []


def test_values_come_back_as_they_were() -> None:
    value = ("text", None, frozenset({1}), b"\x00", "\ud800")
    assert list(Grouped([("key", value)]).of("key")) == [value]


def test_it_can_be_asked_while_it_is_gone_through() -> None:
    grouped = Grouped((str(number % 7), number) for number in range(100))
    for key, values in grouped.groups():
        assert list(values) == list(grouped.of(key))


def test_a_fault_of_what_it_is_made_from_comes_through() -> None:
    def broken() -> None:
        raise ValueError("torn")

    with pytest.raises(ValueError, match="torn"):
        Grouped(("key", broken()) for _ in range(3))


FULL = """
import resource, signal
from visrep.env.faults import MachineFault
from visrep.train.grouped import Grouped
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
try:
    Grouped((str(number), "x" * 1000) for number in range(50_000))
except MachineFault as fault:
    print(fault)
"""


def test_a_full_disk_is_the_machines_fault() -> None:
    done = subprocess.run([sys.executable, "-c", FULL], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("temporary files: ")
    assert "set TMPDIR" in done.stdout


def test_it_lies_where_tmpdir_says_without_a_name(tmp_path: Path) -> None:
    code = """
from pathlib import Path
from visrep.train.grouped import Grouped
grouped = Grouped((str(number), "x" * 1000) for number in range(10_000))
print(*(path.readlink() for path in Path("/proc/self/fd").iterdir() if path.is_symlink()), sep="\\n")
"""
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    environment.pop("SQLITE_TMPDIR", None)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    opened = [line for line in done.stdout.splitlines() if line.startswith(str(tmp_path))]
    assert opened
    assert all(line.endswith("(deleted)") for line in opened)
    assert list(tmp_path.iterdir()) == []
