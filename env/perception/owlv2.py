"""OWLv2 (Minderer et al., NeurIPS 2023): finds objects by name, for `find`.

A view goes through the image encoder once, however many names are looked for in it: boxes do not depend on the names,
and one name's scores on no other's, so that all names asked of a view at the moment are answered in one pass.
"""

from collections.abc import Sequence

from visrep.env.perception import Detection, View, weights
from visrep.env.perception.crops import corners, crop, detections

PROMPT = "a photo of a {}"
"""As in transformers' documentation of the model, and in ViperGPT for OWL-ViT."""

_BLANK = ""  # fills up the names of a view to as many as another view has


class Owlv2:
    """The backend. Of a name so long that the text encoder has no room for it, the beginning is read."""

    def __init__(self, opened: weights.Opened, batch: int, threshold: float, nms: float) -> None:
        self.identity = f"owlv2 {opened.identity} {PROMPT!r} threshold {threshold} nms {nms}"
        self._opened = opened
        self._batch = batch
        self._threshold = threshold
        self._nms = nms

    def find(self, views: Sequence[View], names: Sequence[str]) -> list[tuple[Detection, ...]]:
        asked: dict[View, list[str]] = {}
        for view, name in dict.fromkeys(zip(views, names, strict=True)):
            asked.setdefault(view, []).append(name)
        found: dict[tuple[View, str], tuple[Detection, ...]] = {}
        for some in weights.batches(list(asked), self._batch):
            found |= self._look({view: asked[view] for view in some})
        return [found[pair] for pair in zip(views, names, strict=True)]

    def _look(self, asked: dict[View, list[str]]) -> dict[tuple[View, str], tuple[Detection, ...]]:
        """One pass through the model."""
        most = max(map(len, asked.values()))
        texts = [PROMPT.format(name) for names in asked.values() for name in names + [_BLANK] * (most - len(names))]
        model, tokenizer = self._opened.model, self._opened.processor.tokenizer
        longest = model.config.text_config.max_position_embeddings
        with self._opened.working():
            crops = [crop(view) for view in asked]
            images = self._opened.image_processor(images=crops, return_tensors="pt")
            read = tokenizer(texts, padding="max_length", truncation=True, max_length=longest, return_tensors="pt")
            told = model(
                **self._opened.inputs(
                    {name: read[name] for name in ("input_ids", "attention_mask")}
                    | {"pixel_values": images["pixel_values"]}
                )
            )
            scores = told.logits.float().sigmoid().cpu().numpy()  # views × boxes × names
            boxes = told.pred_boxes.float().cpu().numpy()  # views × boxes × 4, in shares of the square around the crop
        found = {}
        for row, (view, names) in enumerate(asked.items()):
            pixels = corners(boxes[row]) * max(crops[row].size)
            for column, name in enumerate(names):
                seen = detections(view, pixels, scores[row, :, column], self._threshold, self._nms)
                found[view, name] = seen
        return found


def load(
    model: str,
    revision: str | None = None,
    device: str = "auto",
    dtype: str = "auto",
    batch: int = 8,
    threshold: float = 0.1,
    nms: float = 0.3,
) -> Owlv2:
    """A folder or a name on the hub, such as "google/owlv2-base-patch16-ensemble"; `batch` views at a time.

    `threshold` is what transformers' documentation and ViperGPT (for OWL-ViT, configs/base_config.yaml in github
    cvlab-columbia/viper) take objects from. The model finds an object once for each patch it covers, so of boxes that
    overlap by more than `nms` only the best is kept: the IoU is that of OWL-ViT's image-guided detection.
    """
    batch = weights.count("batch", batch)
    threshold, nms = weights.share("threshold", threshold), weights.share("nms", nms)
    opened = weights.opened(model, revision, device, dtype, ["Owlv2ForObjectDetection"])
    return Owlv2(opened, batch, threshold, nms)
