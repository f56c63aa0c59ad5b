"""CLIP (Radford et al., ICML 2021): tells how well texts describe a view, for `match`. See matching.py."""

from collections.abc import Sequence
from typing import Any

from visrep.env.perception import weights
from visrep.env.perception.matching import Matcher

PROMPT = "photo of {}"
"""ViperGPT's (CLIPModel in vision_models.py)."""


def load(
    model: str, revision: str | None = None, device: str = "auto", dtype: str = "auto", batch: int = 32
) -> Matcher:
    """A folder or a name on the hub, such as "openai/clip-vit-large-patch14"; `batch` views or texts at a time."""
    batch = weights.count("batch", batch)
    opened = weights.opened(model, revision, device, dtype, ["CLIPModel"])
    longest = opened.model.config.text_config.max_position_embeddings

    def read(texts: Sequence[str]) -> dict[str, Any]:
        tokens = opened.processor.tokenizer(
            list(texts), padding=True, truncation=True, max_length=longest, return_tensors="pt"
        )
        return {name: tokens[name] for name in ("input_ids", "attention_mask")}

    return Matcher("clip", opened, batch, PROMPT, read)
