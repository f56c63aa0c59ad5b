"""DPT (Ranftl et al., ICCV 2021) and Depth Anything (Yang et al., 2024): tell how far away things are, for `depth`.

As in ViperGPT the model sees the whole picture, once for all views of it, and a view's depth is the median over its
box: a crop shows too little to tell its distance. Most of these models give inverse distances, of which the reciprocal
is taken; those trained on metres (Depth Anything's "metric" ones) give distances.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from visrep.env.perception import View, weights
from visrep.env.perception.picture import Picture

_NEAREST_TO_NOTHING = 1e-6
"""Smallest inverse distance; of the sky models say 0, and a program wants a number."""


class Depth:
    """The backend. The unit is the model's own, so distances compare within a picture only."""

    def __init__(self, opened: weights.Opened, batch: int) -> None:
        self.identity = f"depth {opened.identity}"
        self._opened = opened
        self._batch = batch
        self._inverse = getattr(opened.model.config, "depth_estimation_type", "relative") != "metric"

    def depth(self, views: Sequence[View]) -> list[float]:
        by_size: dict[tuple[int, int], list[Picture]] = {}
        for picture in dict.fromkeys(view.picture for view in views):
            by_size.setdefault(picture.size, []).append(picture)
        maps: dict[Picture, NDArray[np.float32]] = {}
        for pictures in by_size.values():  # of one size, so that none is filled up or refused beside another
            for some in weights.batches(pictures, self._batch):
                maps.update(zip(some, self._look(some), strict=True))
        return [self._median(view, maps[view.picture]) for view in views]

    def _look(self, pictures: Sequence[Picture]) -> NDArray[np.float32]:
        """Pictures × rows × columns of what the model says, in its own resolution."""
        with self._opened.working():
            images = self._opened.image_processor(
                images=[Image.fromarray(picture.pixels) for picture in pictures], return_tensors="pt"
            )
            told = self._opened.model(**self._opened.inputs({"pixel_values": images["pixel_values"]}))
            said: NDArray[np.float32] = told.predicted_depth.float().cpu().numpy()
        return said

    def _median(self, view: View, said: NDArray[Any]) -> float:
        """Of the map's points that lie in the view, wholly or in part."""
        (width, height), box = view.picture.size, view.box
        rows, columns = said.shape
        top, bottom = (height - box.upper) / height * rows, (height - box.lower) / height * rows
        left, right = box.left / width * columns, box.right / width * columns
        part = said[math.floor(top) : math.ceil(bottom), math.floor(left) : math.ceil(right)]
        median = float(np.median(part))
        return 1 / max(median, _NEAREST_TO_NOTHING) if self._inverse else max(median, 0.0)


def load(model: str, revision: str | None = None, device: str = "auto", dtype: str = "auto", batch: int = 8) -> Depth:
    """A folder or a name on the hub, such as "depth-anything/Depth-Anything-V2-Small-hf"; `batch` pictures a time."""
    batch = weights.count("batch", batch)
    architectures = ["DPTForDepthEstimation", "DepthAnythingForDepthEstimation"]
    return Depth(weights.opened(model, revision, device, dtype, architectures, _processor), batch)


def _processor(folder: Path) -> Any:
    from transformers import AutoImageProcessor  # there is no text to process

    return AutoImageProcessor.from_pretrained(folder)
