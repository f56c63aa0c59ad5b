"""GroundingDINO (Liu et al., ECCV 2024): finds objects by name or description, for `find`.

One name at a time, though the model takes "a cat. a dog.": it fuses image and text before it proposes boxes and shares
a fixed number of proposals out among all names, so an object's score, and whether it is found at all, would depend on
what other programs look for. Views of different sizes do not meet in a batch either, where the model would see the
smaller ones padded, and tell other boxes than for each alone.
"""

import re
from collections.abc import Sequence
from typing import TypeAlias

from visrep.env.perception import Detection, View, weights
from visrep.env.perception.crops import corners, crop, detections, edges

Pair: TypeAlias = tuple[View, str]

_PARTS = re.compile(r"[.?\s]+")
"""What would end a phrase in the midst of a name: the model reads "." and "?" as the end of one."""


class GroundingDino:
    """The backend. A box belongs to the name whatever word of it scores, as no other name is asked along with it."""

    def __init__(self, opened: weights.Opened, batch: int, threshold: float, nms: float) -> None:
        self.identity = f"grounding_dino {opened.identity} threshold {threshold} nms {nms}"
        self._opened = opened
        self._batch = batch
        self._threshold = threshold
        self._nms = nms

    def find(self, views: Sequence[View], names: Sequence[str]) -> list[tuple[Detection, ...]]:
        by_size: dict[tuple[int, int], list[Pair]] = {}
        for view, name in dict.fromkeys(zip(views, names, strict=True)):
            left, top, right, bottom = edges(view)
            by_size.setdefault((right - left, bottom - top), []).append((view, name))
        found: dict[Pair, tuple[Detection, ...]] = {}
        for pairs in by_size.values():
            for some in weights.batches(pairs, self._batch):
                found |= self._look(some)
        return [found[pair] for pair in zip(views, names, strict=True)]

    def _look(self, pairs: Sequence[Pair]) -> dict[Pair, tuple[Detection, ...]]:
        """One pass through the model, for views of one size."""
        model, tokenizer = self._opened.model, self._opened.processor.tokenizer
        with self._opened.working():
            views = list(dict.fromkeys(view for view, _ in pairs))
            crops = [crop(view) for view in views]
            images = self._opened.image_processor(images=crops, return_tensors="pt")
            rows = [views.index(view) for view, _ in pairs]
            read = tokenizer(
                [phrase(name) for _, name in pairs],
                padding=True,
                truncation=True,
                max_length=model.config.max_text_len,
                return_tensors="pt",
            )
            told = model(
                **self._opened.inputs(
                    {name: read[name] for name in ("input_ids", "attention_mask")}
                    | {name: images[name][rows] for name in ("pixel_values", "pixel_mask")}
                )
            )
            scores = told.logits.float().sigmoid().amax(-1).cpu().numpy()  # pairs × boxes, of the best word of each
            boxes = told.pred_boxes.float().cpu().numpy()  # pairs × boxes × 4, in shares of the crop
        width, height = crops[0].size
        sides = (width, height, width, height)
        return {
            pair: detections(pair[0], corners(boxes[row]) * sides, scores[row], self._threshold, self._nms)
            for row, pair in enumerate(pairs)
        }


def phrase(name: str) -> str:
    """The name as the model wants it, in lower case and ended by a full stop."""
    return f"{_PARTS.sub(' ', name.lower()).strip()}."


def load(
    model: str,
    revision: str | None = None,
    device: str = "auto",
    dtype: str = "auto",
    batch: int = 8,
    threshold: float = 0.35,
    nms: float = 0.8,
) -> GroundingDino:
    """A folder or a name on the hub, such as "IDEA-Research/grounding-dino-tiny"; `batch` names at a time.

    `threshold` is the box threshold of the authors' demos, `nms` the IoU of their demo with SAM
    (GroundingDINO/demo in github IDEA-Research/GroundingDINO, grounded_sam_simple_demo.py in
    IDEA-Research/Grounded-Segment-Anything): the model needs little suppression, being trained to find an object once.
    """
    batch = weights.count("batch", batch)
    threshold, nms = weights.share("threshold", threshold), weights.share("nms", nms)
    opened = weights.opened(model, revision, device, dtype, ["GroundingDinoForObjectDetection"])
    return GroundingDino(opened, batch, threshold, nms)
