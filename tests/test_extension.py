"""A data set, a perception backend and a policy engine from outside the package: one short file each.

The files are those that CONTRIBUTING.md shows, in a folder of a user's own; the runs are whole and small.
"""

import json
import re
import runpy
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from visrep.env import jsonl
from visrep.env.drawn.scene import COLOURS
from visrep.scripts import cli

ROOT = Path(__file__).parent.parent
EXAMPLES = re.findall(r"```python\n(# (\w+\.py).*?)```", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.S)
FILES = {name: source for source, name in EXAMPLES}

small = runpy.run_path(str(Path(__file__).with_name("small_run.py")))

RECIPE = """
iterations = 1
data = { dataset = "my_set.py", root = "photos", test = "test" }
prompt = { api = ["ImagePatch.simple_query"], examples = "drawn", count = 1 }
policy = { engine = "scripted", script = "ask.json", model = "model" }
sampling = { n = 1, rounds = 1 }
evaluation = { base_without_examples = false }
"""
ASK = "\n    return image.simple_query('What color is the circle?')"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model, drawn scenes, and photos of a user's own with their questions."""
    made: Path = small["prepare"](tmp_path_factory.mktemp("outside"))
    (made / "ask.json").write_text(json.dumps({"": [ASK]}))
    (made / "mine.toml").write_text(RECIPE)
    (made / "photos").mkdir()
    for split in ("train", "test"):
        rows = [{"image": f"{colour}.png", "question": "What color is it?", "answer": colour} for colour in COLOURS]
        (made / "photos" / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for colour, rgb in COLOURS.items():
        image = Image.new("RGB", (96, 96), (243, 243, 238))
        ImageDraw.Draw(image).ellipse((20, 30, 60, 70), fill=rgb)
        image.save(made / "photos" / f"{colour}.png")
    return made


@pytest.fixture
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)
    return folder


def write(name: str) -> None:
    """The file as CONTRIBUTING.md shows it, which has to be short."""
    assert len(FILES[name].splitlines()) <= 40
    Path(name).write_text(FILES[name])


def train(out: str, recipe: str, *settings: str) -> list[dict[str, Any]]:
    """The metrics of a run; the recipe's name or file with these settings."""
    words = [word for setting in settings for word in ("--set", setting)]
    assert cli.run(["train", recipe, "--out", out, *words]) == 0
    return list(jsonl.read(Path(out) / "metrics.jsonl"))


def drawn(here: Path, *settings: str) -> list[str]:
    """Settings of a run on the drawn scenes."""
    less = ["iterations=1", "sampling.n=1", "sampling.rounds=1", "evaluation.base_without_examples=false"]
    return [*small["settings"](here), *less, *settings]


def test_a_data_set_from_a_file_is_learnt_from(here: Path) -> None:
    write("my_set.py")
    base, first = train("set", "mine.toml")
    assert base["evaluation"]["tasks"] == len(COLOURS)
    assert first["evaluation"]["accuracy"] == 1.0
    assert first["selection"]["examples"] == len(COLOURS)


def test_a_perception_backend_from_a_file_sees(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write("my_eyes.py")
    (here / "program.py").write_text(f"def execute_command(image):{ASK}\n")
    assert cli.run(["execute", "program.py", "--image", "photos/blue.png", "--perception", "my_eyes.py"]) == 0
    assert json.loads(capsys.readouterr().out)["value"] == "blue"
    settings = ["data.options.instances=1", "policy.script=ask.json", "perception.backend=my_eyes.py"]
    _, first = train("eyes", "quickstart", *drawn(here, *settings))
    assert first["selection"]["examples"] > 0
    seen = [row["executions"][0]["value"] for row in jsonl.read(here / "eyes/iteration_01/rollouts.jsonl")]
    assert set(seen) == {"red", "green", "blue"}


def test_a_policy_engine_from_a_file_writes(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write("my_engine.py")
    _, first = train("engine", "quickstart", *drawn(here, "policy.engine=my_engine.py"))
    assert first["selection"]["examples"] > 0
    programs = [row["program"] for row in jsonl.read(here / "engine/iteration_01/rollouts.jsonl")]
    assert len(programs) == 32
    begin = "def execute_command(image):\n    return image.simple_query("
    assert all(program.startswith(begin) for program in programs)
    capsys.readouterr()
    assert cli.run(["evaluate", "engine/export", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["right"] == first["evaluation"]["right"] > 0
