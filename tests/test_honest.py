"""Ordinary programs are not hurt: in the sandbox they come out as in plain Python."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from visrep.env.perception import scripted
from visrep.env.perception.picture import Picture
from visrep.env.perception.service import Service
from visrep.env.sandbox import Job, Sandbox

HERE = Path(__file__).parent
PROGRAMS = {
    f"{file.stem} {number}": program
    for file in sorted((HERE / "honest").glob("*.py"))
    for number, program in enumerate(file.read_text(encoding="utf-8").split("\n# ---\n"), 1)
}


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("images") / "white.png"
    Image.new("RGB", (100, 80), "white").save(path)
    return path


@pytest.fixture(scope="module")
def plain(image: Path) -> dict[str, list[Any]]:
    """What came of each program in an interpreter of its own kind."""
    result = subprocess.run(
        [sys.executable, "-B", HERE / "plain_python.py", image],
        input=json.dumps(list(PROGRAMS.values())),
        env={"PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(zip(PROGRAMS, json.loads(result.stdout), strict=True))


@pytest.fixture(scope="module")
def locked(image: Path) -> dict[str, list[Any]]:
    """What came of each program in the sandbox."""
    service = Service(scripted.load(), scripted.load())
    jobs = (Job(name, program, (Picture(image),)) for name, program in PROGRAMS.items())
    with Sandbox() as sandbox:
        return {
            job.key: [execution.outcome, execution.value if execution.outcome == "ok" else execution.message]
            for job, execution in sandbox.run(jobs, service.answer)
        }


def test_there_are_a_few_hundred() -> None:
    assert len(PROGRAMS) >= 300
    assert len(set(PROGRAMS.values())) == len(PROGRAMS)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_comes_out_as_in_plain_python(
    name: str, plain: dict[str, list[Any]], locked: dict[str, list[Any]]
) -> None:
    outcome, value = locked[name]
    wanted, expected = plain[name]
    assert outcome == wanted, value
    if outcome == "ok":
        assert json.dumps(value) == json.dumps(expected)  # so that 1, 1.0 and True are not equal
    else:
        assert value.startswith(expected)
    assert (outcome == "runtime_error") == name.startswith("uncaught ")
