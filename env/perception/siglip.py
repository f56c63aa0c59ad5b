"""SigLIP (Zhai et al., ICCV 2023) and SigLIP 2: tell how well texts describe a view, for `match`. See matching.py."""

from collections.abc import Sequence
from typing import Any

from visrep.env.perception import weights
from visrep.env.perception.matching import Matcher

PROMPT = "this is a photo of {}."
"""That of transformers' documentation of the model, where labels have their article."""


def load(
    model: str, revision: str | None = None, device: str = "auto", dtype: str = "auto", batch: int = 32
) -> Matcher:
    """A folder or a name on the hub, such as "google/siglip-base-patch16-224"; `batch` views or texts at a time."""
    batch = weights.count("batch", batch)
    opened = weights.opened(model, revision, device, dtype, ["SiglipModel"])
    longest = opened.model.config.text_config.max_position_embeddings

    def read(texts: Sequence[str]) -> dict[str, Any]:
        # Lower case, filled up to full length, and no mask, as in training: the last token stands for the text.
        tokens = opened.processor.tokenizer(
            [text.lower() for text in texts],
            padding="max_length",
            truncation=True,
            max_length=longest,
            return_tensors="pt",
        )
        return {"input_ids": tokens["input_ids"]}

    return Matcher("siglip", opened, batch, PROMPT, read)
