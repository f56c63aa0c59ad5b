"""Adapters that were trained and published by the real trainer, for tests of what is done with them. Through runpy."""

from pathlib import Path

from visrep.env import jsonl
from visrep.train.clone import CloneJob, CloneSettings
from visrep.train.trainer import train

PROMPT = "def find(name): ...\ndef exists(name): ...\n\n# {}\ndef execute_command(image):"
PROGRAMS = {
    "Is there a dog?": "exists('dog')",
    "Is there a cat?": "exists('cat')",
    "How many dogs?": "len(find('dog'))",
    "How many cats?": "len(find('cat'))",
    "How many red cats are there?": "len(find('red cat'))",
}


def train_adapter(base: Path, folder: Path, seed: int = 1, rate: float = 3e-2) -> Path:
    """The adapter `folder`/adapter, which has learnt PROGRAMS, with its examples beside it."""
    rows = [
        {"prompt": PROMPT.format(question), "completion": f"\n    return {call}", "weight": 1.0}
        for question, call in PROGRAMS.items()
    ]
    jsonl.write_lines(folder / "examples.jsonl", rows)
    settings = CloneSettings(rank=8, alpha=16, learning_rate=rate, epochs=6, batch=5)
    train(CloneJob(base, folder / "examples.jsonl", folder / "adapter", seed, settings), lambda _: None)
    return folder / "adapter"
