"""One seed per prompt, so that what a prompt is asked beside does not change what is written for it."""

import hashlib
from collections import Counter
from collections.abc import Sequence


def prompt_seeds(prompts: Sequence[str], seed: int) -> list[int]:
    """A seed in [0, 2³¹) per prompt, made of `seed`, the prompt's text and how often the text came before."""
    before: Counter[str] = Counter()
    seeds = []
    for prompt in prompts:
        digest = hashlib.sha256(f"{seed}:{before[prompt]}:{prompt}".encode()).digest()
        seeds.append(int.from_bytes(digest[:4], "big") >> 1)
        before[prompt] += 1
    return seeds
