import os
import pickle
import random
import subprocess
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visrep.env.faults import UserFault
from visrep.env.formats import plain_pickle

PYTHON_2 = b"""(lp0
(dp1
S'split'
p2
S'train'
p3
sS'ref_id'
p4
I7
sS'long'
p5
L12345678901L
sS'sent'
p6
Vna\xefve \\u72ac
p7
sS'raw'
p8
S'caf\\xc3\\xa9'
p9
sS'latin'
p10
S'caf\\xe9'
p11
sS'box'
p12
(F1.5
I01
Ntp13
sa."""
"""What Python 2's `pickle.dump(value, file)` writes, with text of both of its kinds."""


def written(folder: Path, content: bytes) -> Path:
    path = folder / "refs(unc).p"
    path.write_bytes(content)
    return path


def test_a_pickle_of_python_2_is_read_with_its_bytes_as_text(tmp_path: Path) -> None:
    (row,) = plain_pickle.read(written(tmp_path, PYTHON_2))
    assert row == {
        "split": "train", "ref_id": 7, "long": 12345678901, "sent": "naïve 犬", "raw": "café", "latin": "caf\ufffd",
        "box": (1.5, True, None),
    }  # fmt: skip


_VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=10,
)


@given(value=_VALUES, protocol=st.sampled_from([0, 1, 2, 4]))
def test_plain_data_comes_back_as_it_was(value: Any, protocol: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = written(tmp_path_factory.getbasetemp(), pickle.dumps(value, protocol=protocol))
    assert plain_pickle.read(path) == value


class Runs:
    """A pickle of it runs a command when it is loaded."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self.command,)


class Opens:
    """The same by another way: a pickle of it starts a process, with keywords."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return subprocess.Popen, (["sh", "-c", self.command],)


def hostile(command: str) -> list[bytes]:
    text = command.encode()
    made = [
        pickle.dumps([{"split": "train"}, kind(command)], protocol=n) for kind in (Runs, Opens) for n in (0, 1, 2, 4)
    ]
    return [
        *made,
        b"(S'" + text + b"'\nios\nsystem\n.",  # INST
        b"(cos\nsystem\nS'" + text + b"'\no.",  # OBJ
        b"cbuiltins\neval\n(S'1'\ntR.",
        b"c__builtin__\nset\n((lp0\ntR.",  # harmless, but it names something
        b"\x80\x02ccopy_reg\n_reconstructor\n(c__builtin__\nobject\nc__builtin__\nobject\nNtR.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x01x\x85R.",  # STACK_GLOBAL
        b"\x80\x02\x82\x01.",  # a class by its number
        b"Psomebody's object\n.",  # a persistent one
        b"cos\nsystem\n(S'x'\nt\x81.",  # NEWOBJ
    ]


@pytest.mark.parametrize("number", range(len(hostile(""))))
def test_a_hostile_pickle_runs_nothing_and_is_one_clear_line(tmp_path: Path, number: int) -> None:
    victim = tmp_path / "victim"
    path = written(tmp_path, hostile(f"touch {victim}")[number])
    with pytest.raises(UserFault, match=r"refs\(unc\)\.p is no pickle of plain data .*nothing in it was run") as fault:
        plain_pickle.read(path)
    assert "\n" not in str(fault.value)
    assert not victim.exists()


def test_those_pickles_do_harm_where_they_are_let(tmp_path: Path) -> None:
    for number in (0, 8, 9):
        victim = tmp_path / f"victim{number}"
        pickle.loads(hostile(f"touch {victim}")[number])
        assert victim.exists()


def test_what_is_asked_for_is_named_and_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    for content, named in ((pickle.dumps(Runs("x")), "posix.system"), (b"cos\nsy\x1b[2Jstem\n.", r"os.sy\x1b[2Jstem")):
        with pytest.raises(UserFault) as fault:
            plain_pickle.read(written(tmp_path, content))
        assert f"it asks for {named})" in str(fault.value)


def broken() -> Iterator[bytes]:
    """Pickles with a few bytes changed or missing."""
    lots = random.Random(0)
    for whole in (PYTHON_2, pickle.dumps([{"split": "train", "box": [1.5], "sent_ids": [7]}], 2)):
        yield from (whole[:end] for end in range(0, len(whole) - 1, 7))
        for _ in range(300):
            content = bytearray(whole)
            for _ in range(lots.randint(1, 3)):
                content[lots.randrange(len(content))] = lots.choice(b"()[]{}.0123acegijloprstuVSIFL\x85\x86\x94\n")
            yield bytes(content)


@pytest.mark.filterwarnings("ignore:invalid escape sequence")
def test_a_damaged_pickle_is_one_clear_line_and_fills_no_memory(tmp_path: Path) -> None:
    messages = []
    tracemalloc.start()
    for content in (b"", b"<html>Not found</html>", b"\x80\x02]r\x00\x00\x00\x04.", *broken()):
        try:
            plain_pickle.read(written(tmp_path, content))  # some changes damage nothing
        except UserFault as fault:
            messages.append(str(fault))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(messages) > 300
    assert not [message for message in messages if "\n" in message or "is no pickle of plain data" not in message]
    assert peak < 10e6
