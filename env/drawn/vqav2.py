"""Writes drawn pictures, questions and ten people's answers in VQA v2's official layout, so that one loader reads both.

    ROOT/v2_OpenEnded_mscoco_{split}_questions.json
    ROOT/v2_mscoco_{split}_annotations.json
    ROOT/{split}/COCO_{split}_{image id, 12 digits}.jpg
    ROOT/drawn.json                                      what it was drawn from

The format is that of https://visualqa.org/download.html; here the test split has annotations, too.
"""

from collections.abc import Mapping
from pathlib import Path

from visrep.env.drawn.asked import Asked, lay_out
from visrep.env.drawn.open_ended import writer
from visrep.env.tasks.vqav2 import FILES

SPLITS = ("train2014", "val2014", "test2015")

_TYPES = (
    "are", "are there", "are there any", "do", "do you", "how many", "is the", "is there", "is there a", "what",
    "what color is the", "what is the", "what is the color of the", "which",
)  # fmt: skip
"""Those of VQA's types of questions that drawn questions can be of: what they begin with."""


def draw(root: Path, *, seed: int, tasks_per_category: Mapping[str, int], instances: int) -> None:
    """Draw a data set into the folder `root`, which appears whole or not at all: `tasks_per_category` texts of each
    category of `env/drawn/questions.py` in every split, each asked of `instances` pictures with different answers. Does
    nothing where `root` holds the data set of these settings; raises UserFault where it holds anything else, or where
    there are not so many texts."""
    lay_out(
        root, "vqav2", SPLITS, writer(FILES, _question_type),
        seed=seed, tasks_per_category=tasks_per_category, instances=instances,
    )  # fmt: skip


def _question_type(asked: Asked) -> str:
    begins = [kind for kind in _TYPES if asked.form.text.lower().startswith(f"{kind} ")]
    return max(begins, key=len, default="none of the above")
