"""What a recipe names: shipped modules and Python files, and one line for whatever is wrong with them."""

import hashlib
from pathlib import Path

import pytest

from visrep.env.faults import UserFault
from visrep.scripts import cli
from visrep.train.config import Recipe, load_recipe
from visrep.train.run import Run
from visrep.train.variants import BACKEND, DATA_SET, ENGINE, Kind, check, digests, loader

EMPTY_SET = "def load(root, split, size=1):\n    return iter(())\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(kind: Kind, name: str, **options: object) -> str:
    with pytest.raises(UserFault) as fault:
        loader(kind, name, options)
    return str(fault.value)


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        (DATA_SET, "gqq", "setting 'data.dataset' is 'gqq'; did you mean 'gqa'?"),
        (BACKEND, "shape", "setting 'perception.backend' is 'shape'; did you mean 'shapes'?"),
        (ENGINE, "vlm", "setting 'policy.engine' is 'vlm'; did you mean 'vllm'?"),
        (ENGINE, "prompt", "expected one of: scripted, transformers, vllm, or a Python file (NAME.py)"),
    ],
)
def test_an_unknown_name_is_answered_with_the_known_ones(kind: Kind, name: str, said: str) -> None:
    assert said in refused(kind, name)


def test_a_file_that_is_not_there_is_named_with_its_place(folder: Path) -> None:
    said, known = refused(DATA_SET, "sets/mine.py").split("; correct the path or name one of: ")
    missing = f"{folder}/sets/mine.py cannot be read (No such file or directory)"
    assert said == f"setting 'data.dataset' is 'sets/mine.py', but {missing}"
    assert {"gqa", "nlvr"} <= set(known.split(", "))


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("x = 1\n", "mine.py has no function 'load'; add load(root, split, **options)"),
        ("load = 3\n", "mine.py has no function 'load'"),
        ("import os\n\n1 / 0\n", "mine.py raised ZeroDivisionError: division by zero in line 3; correct the file"),
        ("def f():\n    import absent_module\nf()\n", "ModuleNotFoundError: No module named 'absent_module' in line 2"),
        ("import json\njson.loads('{')\n", "in line 2; correct the file"),
        ("def load(root, split:\n", "raised SyntaxError: '(' was never closed in line 1"),
        ("raise SystemExit(0)\n", "raised SystemExit: 0 in line 1"),
        ("def load(root): pass\n", "mine.py is load(root), but is called as load(root, split, **options)"),
        ("def load(*, root, split):\n    return []\n", "but is called as load(root, split, **options)"),
        ("def load(root, split, size): pass\n", "setting 'data.options.size' is missing; load of mine.py needs it"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_one_line(folder: Path, source: str, said: str) -> None:
    (folder / "mine.py").write_text(source)
    line = refused(DATA_SET, "mine.py")
    assert said in line
    assert line.startswith("setting 'data.")
    assert "\n" not in line


def test_a_file_that_is_no_text_is_one_line(folder: Path) -> None:
    (folder / "mine.py").write_bytes(b"\xff\xfe\x00")
    assert "mine.py raised SyntaxError" in refused(DATA_SET, "mine.py")


def test_an_unknown_option_is_answered_with_the_nearest(folder: Path) -> None:
    (folder / "mine.py").write_text(EMPTY_SET)
    assert refused(DATA_SET, "mine.py", sice=2) == "unknown setting 'data.options.sice'; did you mean 'size'?"
    assert refused(DATA_SET, "mine.py", root=2) == "unknown setting 'data.options.root'; expected one of: size"
    assert refused(ENGINE, "scripted", n=2) == "unknown setting 'policy.options.n'; expected one of: none"
    (folder / "any.py").write_text("def load(root, split, **options):\n    return [options]\n")
    assert loader(DATA_SET, "any.py", {"sice": 2})(Path(), "train") == [{"sice": 2}]


def test_a_part_that_does_not_keep_its_protocol_is_refused(folder: Path) -> None:
    eyes = "class Eyes:\n    identity = 'e'\n    find = query = match = 1\ndef load():\n    return Eyes()\n"
    (folder / "eyes.py").write_text(eyes)
    with pytest.raises(UserFault) as fault:
        loader(BACKEND, "eyes.py", {})()
    assert str(fault.value) == (
        "setting 'perception.backend': load of eyes.py returned Eyes without 'depth'; expected identity, find, query, "
        "match, depth"
    )
    (folder / "set.py").write_text("def load(root, split):\n    pass\n")
    with pytest.raises(UserFault, match=r"load of set\.py returned NoneType without '__iter__'"):
        loader(DATA_SET, "set.py", {})(Path(), "train")


def test_a_file_is_run_once_and_again_only_when_it_has_changed(folder: Path) -> None:
    counting = "from pathlib import Path\nwith Path('runs').open('a') as file:\n    file.write('x')\n" + EMPTY_SET
    for _ in range(2):
        (folder / "mine.py").write_text(counting)
        loader(DATA_SET, "mine.py", {})
        loader(DATA_SET, str(folder / "mine.py"), {})
    assert (folder / "runs").read_text() == "x"
    (folder / "mine.py").write_text(counting.replace("'x'", "'y'"))
    loader(DATA_SET, "mine.py", {})
    assert (folder / "runs").read_text() == "xy"
    assert sorted(path.name for path in folder.iterdir()) == ["mine.py", "runs"], "nothing is left beside the file"


def test_a_file_may_define_dataclasses(folder: Path) -> None:
    head = "from __future__ import annotations\nfrom dataclasses import dataclass\n"
    text = f"{head}@dataclass(slots=True)\nclass A:\n    x: int\n"
    (folder / "mine.py").write_text(text + EMPTY_SET)
    loader(DATA_SET, "mine.py", {})


def recipe(*settings: str) -> Recipe:
    return load_recipe("quickstart", ["data.dataset=mine.py", "data.options={}", *settings])


def test_a_run_is_refused_before_any_work_for_what_its_recipe_names(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for setting in ("data.dataset=gqq", "perception.backend=shape", "policy.engine=vlm", "policy.options.n=1"):
        assert cli.run(["train", "quickstart", "--set", setting]) == 1
        assert capsys.readouterr().err.count(setting.partition("=")[0]) == 1
    assert list(folder.iterdir()) == []
    check(load_recipe("quickstart"))


def test_a_run_keeps_the_digest_of_each_file_and_is_not_resumed_with_another(folder: Path) -> None:
    (folder / "mine.py").write_text(EMPTY_SET)
    digest = hashlib.sha256(EMPTY_SET.encode()).hexdigest()
    assert digests(recipe()) == {"data.dataset": digest}
    assert digests(load_recipe("quickstart")) == {}
    assert digests(load_recipe("mixed", ["data.2.dataset=mine.py"])) == {"data.2.dataset": digest}
    Run.create(folder / "run", recipe(), isolation="none")
    assert Run.open(folder / "run").stamp()["files"] == {"data.dataset": digest}
    assert Run.reopen(folder / "run", recipe("iterations=9")).recipe.iterations == 9
    (folder / "mine.py").write_text(EMPTY_SET + "# changed\n")
    with pytest.raises(UserFault, match=r"another content of the file that 'data\.dataset' names.*; put the old"):
        Run.reopen(folder / "run", recipe())
