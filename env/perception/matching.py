"""How well texts describe a view, by a model that embeds both (CLIP, SigLIP). Two questions are asked of it:

* Several texts, or one of a single word, are compared with each other or between views (`best_text_match`,
  `best_image_match`). Each scores (1 + cosine) / 2, which puts texts and views in the order of their cosines.
* A text of several words alone asks whether a thing has a property (`verify_property`: "red car"). It has to hold
  against the same thing with each of OTHERS in place of its first word: its score is the mean probability, by the
  model's own scale, that the text describes the view rather than the other one. Above 0.6, a property holds.

Orders, competition and threshold are ViperGPT's (CLIPModel in vision_models.py and ImagePatch in image_patch.py of
github cvlab-columbia/viper, whose list of attributes has some 600; OTHERS is one of ours, since each takes a pass
through the text encoder).
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visrep.env.perception import View, weights
from visrep.env.perception.crops import crop

OTHERS = (
    "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white", "gray",
    "wooden", "metal", "plastic", "glass", "striped", "small", "large", "old", "new", "open", "closed", "empty", "full",
)  # fmt: skip

_ARTICLES = ("a", "an", "the")

_KEPT = 10_000
"""Texts whose features are kept: every program that asks about a car asks about the same other cars."""

Features = NDArray[np.float32]


class Matcher:
    """The backend of either model. `prompt` has {} where a text goes; `read` makes a text encoder's inputs of texts."""

    def __init__(
        self,
        kind: str,
        opened: weights.Opened,
        batch: int,
        prompt: str,
        read: Callable[[Sequence[str]], dict[str, Any]],
    ) -> None:
        self.identity = f"{kind} {opened.identity} {prompt!r} against {','.join(OTHERS)}"
        self._opened = opened
        self._batch = batch
        self._prompt = prompt
        self._read = read
        self._known: dict[str, Features] = {}

    def match(self, views: Sequence[View], texts: Sequence[tuple[str, ...]]) -> list[tuple[float, ...]]:
        seen = self._of_views(list(dict.fromkeys(views)))
        rivals = {text: rest for group in texts if len(group) == 1 for text in group if (rest := others(text))}
        wanted = {text for group in texts for text in group}.union(*rivals.values())
        read = self._of_texts(sorted(wanted))
        scale = float(self._opened.model.logit_scale.detach().exp())
        found: list[tuple[float, ...]] = []
        for view, group in zip(views, texts, strict=True):
            cosines = [float(seen[view] @ read[text]) for text in group]
            if len(group) == 1 and group[0] in rivals:
                against = np.array([seen[view] @ read[other] for other in rivals[group[0]]], dtype=np.float64)
                found.append((float(np.mean(1 / (1 + np.exp(scale * (against - cosines[0]))))),))
            else:
                found.append(tuple(min(max((1 + cosine) / 2, 0.0), 1.0) for cosine in cosines))
        return found

    def _of_views(self, views: Sequence[View]) -> dict[View, Features]:
        """The image features of each view, of length 1."""
        found: dict[View, Features] = {}
        for some in weights.batches(views, self._batch):
            with self._opened.working():
                images = self._opened.image_processor(images=[crop(view) for view in some], return_tensors="pt")
                given = self._opened.inputs({"pixel_values": images["pixel_values"]})
                told = _unit(self._opened.model.get_image_features(**given).pooler_output)
            found.update(zip(some, told, strict=True))
        return found

    def _of_texts(self, texts: Sequence[str]) -> dict[str, Features]:
        """The text features of each text, of length 1."""
        fresh = [text for text in texts if text not in self._known]
        if len(self._known) + len(fresh) > _KEPT:
            self._known.clear()
            fresh = list(texts)
        for some in weights.batches(fresh, self._batch):
            with self._opened.working():
                given = self._opened.inputs(self._read([self._prompt.format(text) for text in some]))
                told = _unit(self._opened.model.get_text_features(**given).pooler_output)
            self._known.update(zip(some, told, strict=True))
        return {text: self._known[text] for text in texts}


def others(text: str) -> tuple[str, ...]:
    """What a text that names a property and a thing is weighed against; nothing for a text of one word."""
    words = text.split()
    if words and words[0].lower() in _ARTICLES:
        words = words[1:]
    if len(words) < 2:
        return ()
    return tuple(" ".join([other, *words[1:]]) for other in OTHERS if other != words[0].lower())


def _unit(features: Any) -> Features:
    features = features.float()
    unit: Features = (features / features.norm(dim=-1, keepdim=True)).cpu().numpy()
    return unit
