"""The figures of `perception_report` are what they say."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from visrep.env.drawn.gqa import draw
from visrep.env.perception import Detection, View, scripted
from visrep.env.types import Box, Scene, SceneObject
from visrep.scripts.perception_report import ANY, measure


class Fixed(scripted.Scripted):
    """Finds the same boxes whatever is asked."""

    def __init__(self, *boxes: Box) -> None:
        super().__init__(1, (), "", (), 1.0)
        self._boxes = boxes

    def find(self, views: Sequence[View], names: Sequence[str]) -> list[tuple[Detection, ...]]:
        return [tuple(Detection(box, 1.0) for box in self._boxes) for _ in views]


def test_a_detection_counts_once_and_only_where_it_overlaps_enough(tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / "picture.png"
    Image.new("RGB", (100, 100)).save(path)
    red = SceneObject("0", "circle", Box(0, 0, 20, 20), ("red",))
    blue = SceneObject("1", "circle", Box(50, 50, 70, 70), ("blue",))
    backend = Fixed(Box(0, 0, 20, 20), Box(0, 0, 20, 18), Box(58, 50, 78, 70))
    tallies = measure(backend, {path: Scene(100, 100, (red, blue))})
    assert set(tallies) == {ANY, "circle", "red", "blue"}
    assert (tallies[ANY].right, tallies[ANY].found, tallies[ANY].annotated) == (1, 3, 2)
    assert (tallies["red"].precision, tallies["red"].recall) == (1 / 3, 1.0)
    assert (tallies["blue"].precision, tallies["blue"].recall) == (0.0, 0.0)


def test_it_reports_on_a_drawn_data_set(tmp_path: Path) -> None:
    splits = ("train", "val", "testdev")
    root = tmp_path / "drawn"
    draw(root, seed=1, scenes=dict.fromkeys(splits, 40), tasks_per_category=dict.fromkeys(splits, 2), instances=2)
    command = [sys.executable, "-m", "visrep.scripts.perception_report"]
    done = subprocess.run([*command, f"gqa:{root}:val", "--json"], capture_output=True, text=True, check=True)
    (tallies,) = json.loads(done.stdout).values()
    assert tallies[ANY]["annotated"] > 50
    for word, tally in tallies.items():
        assert tally["right"] >= 0.99 * max(tally["found"], tally["annotated"]), word
    failed = subprocess.run([*command, "gqa"], capture_output=True, text=True, check=False)
    assert failed.returncode == 1
    assert failed.stderr.count("\n") == 1
    assert "MODULE:ROOT:SPLIT" in failed.stderr
