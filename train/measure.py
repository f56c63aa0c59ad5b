"""What an adapter that was just trained makes of a few fixed texts, and what its base does: the probe's measure.

Not the probe itself: `probe.py` compares, and needs no torch. This runs where the adapter was trained, with the very
weights that training left in memory, before anything was written, read, merged or served.
"""

import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch
from peft.helpers import disable_input_dtype_casting
from transformers import AutoTokenizer

from visrep.env import jsonl
from visrep.policy.fingerprint import fingerprint
from visrep.train import packing
from visrep.train.clone import CloneJob
from visrep.train.probe import Probe, Text, digest, distance

_CANDIDATES, _KEPT = 8, 4
"""Texts that are measured, and those kept, on which adapter and base differ most. A text of 700 tokens takes two cores
0.3 s, the 135M model and one of the two."""


def measure(model: Any, job: CloneJob, folder: Path, half: bool) -> Probe:
    """The probe of an adapter whose weights are written to `folder`. `model` is peft's, with that adapter in it."""
    tokenizer = AutoTokenizer.from_pretrained(job.base)
    texts = [_measured(model, tokenizer, *each, half) for each in _candidates(job)]
    texts.sort(key=lambda text: -distance([text.base], [text.adapter]))
    return Probe(folder, fingerprint(job.base), digest(folder), tuple(texts[:_KEPT]))


def _candidates(job: CloneJob) -> list[tuple[str, str]]:
    """Prompts, each with a completion of another one, unless all share theirs."""
    own: dict[str, set[str]] = defaultdict(set)
    for row in jsonl.read(job.examples):
        own[row["prompt"]].add(row["completion"])
    completions = sorted(set().union(*own.values()))
    dice = random.Random(job.seed)
    prompts = dice.sample(sorted(own), min(_CANDIDATES, len(own)))
    return [
        (prompt, dice.choice([each for each in completions if each not in own[prompt]] or completions))
        for prompt in prompts
    ]


def _measured(model: Any, tokenizer: Any, prompt: str, completion: str, half: bool) -> Text:
    head = tokenizer(prompt).input_ids
    tokens = packing.Tokens((*head, *tokenizer(completion, add_special_tokens=False).input_ids), len(head))
    model.eval()
    device = next(model.parameters()).device.type
    precision = torch.autocast(device, torch.bfloat16, enabled=half)
    # Without peft's casts to float32, as in training.
    with torch.no_grad(), precision, disable_input_dtype_casting(model):
        adapter = packing.measure(model, packing.separate([tokens]))
        with model.disable_adapter():
            base = packing.measure(model, packing.separate([tokens]))
    return Text(prompt, completion, tuple((-adapter).tolist()), tuple((-base).tolist()))
