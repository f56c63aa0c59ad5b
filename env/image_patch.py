"""The visual API as programs see it; its signatures and docstrings are the prompt's API text.

Runs in the program's locked process, so it imports the standard library only. Patches are opaque handles: pixels and
models stay with the host (`visual_api.py`), which every question is passed on to. Names and rules follow ViperGPT
(Surís et al., ICCV 2023) and the `crop_..._of_bbox` methods VisReP (CVPR 2024), with two differences: all coordinates
are in the whole image's frame (ViperGPT mixes local and global ones), and a crop is clipped to the patch it is made of.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

__all__ = ["ImagePatch", "best_image_match", "bool_to_yesno", "coerce_to_numeric", "distance", "llm_query"]

_NUMBER = re.compile(r"[-+]?(?:\d+(?:[.,]\d+)*|\.\d+)")
_NUMBER_WORDS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
)  # fmt: skip


def _unconnected(method: str, *arguments: Any) -> Any:
    raise RuntimeError(f"{method}: there is no host to ask; the visual API answers inside the sandbox only")


_ask: Callable[..., Any] = _unconnected


def connect(ask: Callable[..., Any]) -> None:
    """Send the API's questions to `ask(method, *arguments)` from now on."""
    global _ask
    _ask = ask


class ImagePatch:
    """Part of an image: left, lower, right, upper, width, height, horizontal_center, vertical_center; y points up."""

    __slots__ = (
        "_handle",
        "height",
        "horizontal_center",
        "left",
        "lower",
        "right",
        "upper",
        "vertical_center",
        "width",
    )

    left: float
    lower: float
    right: float
    upper: float
    width: float
    height: float
    horizontal_center: float
    vertical_center: float
    _handle: int

    def __new__(
        cls,
        image: ImagePatch,
        left: float | None = None,
        lower: float | None = None,
        right: float | None = None,
        upper: float | None = None,
    ) -> ImagePatch:
        if type(image) is not ImagePatch:
            raise TypeError("ImagePatch: image should be the ImagePatch that execute_command was given")
        if left is None and lower is None and right is None and upper is None:
            return image
        return image.crop(
            image.left if left is None else left,
            image.lower if lower is None else lower,
            image.right if right is None else right,
            image.upper if upper is None else upper,
        )

    def __hash__(self) -> int:
        """By handle, not by address, so that a set of patches has the same order in every run."""
        return self._handle

    def __repr__(self) -> str:
        return f"ImagePatch({self.left}, {self.lower}, {self.right}, {self.upper})"

    def find(self, object_name: str) -> list[ImagePatch]:
        """Patches of all objects of that name."""
        return [_patch(reply) for reply in _ask("find", self._handle, object_name)]

    def exists(self, object_name: str) -> bool:
        """Whether the patch shows such an object."""
        return _ask("exists", self._handle, object_name)  # type: ignore[no-any-return]

    def verify_property(self, object_name: str, visual_property: str) -> bool:
        """Whether the object has the property."""
        return _ask("verify_property", self._handle, object_name, visual_property)  # type: ignore[no-any-return]

    def best_text_match(self, option_list: list[str], prefix: str | None = None) -> str:
        """The option that describes the patch best."""
        return _ask("best_text_match", self._handle, _sequence(option_list), prefix)  # type: ignore[no-any-return]

    def simple_query(self, question: str = "What is this?") -> str:
        """Short answer to a simple question about the patch."""
        return _ask("simple_query", self._handle, question)  # type: ignore[no-any-return]

    def compute_depth(self) -> float:
        """Median distance from the camera; larger is farther."""
        return _ask("compute_depth", self._handle)  # type: ignore[no-any-return]

    def crop(self, left: float, lower: float, right: float, upper: float) -> ImagePatch:
        """The part of the patch inside these coordinates of the image."""
        return _patch(_ask("crop", self._handle, left, lower, right, upper))

    def crop_left_of_bbox(self, left: float, lower: float, right: float, upper: float) -> ImagePatch:
        """The part of the patch left of the box."""
        return self.crop(self.left, self.lower, max(left, self.left), self.upper)

    def crop_right_of_bbox(self, left: float, lower: float, right: float, upper: float) -> ImagePatch:
        """The part of the patch right of the box."""
        return self.crop(min(right, self.right), self.lower, self.right, self.upper)

    def crop_above_bbox(self, left: float, lower: float, right: float, upper: float) -> ImagePatch:
        """The part of the patch above the box."""
        return self.crop(self.left, min(upper, self.upper), self.right, self.upper)

    def crop_below_bbox(self, left: float, lower: float, right: float, upper: float) -> ImagePatch:
        """The part of the patch below the box."""
        return self.crop(self.left, self.lower, self.right, max(lower, self.lower))

    def overlaps_with(self, left: float, lower: float, right: float, upper: float) -> bool:
        """Whether the patch overlaps the box."""
        return self.left < right and left < self.right and self.lower < upper and lower < self.upper

    def llm_query(self, question: str, long_answer: bool = True) -> str:
        """Answer of a language model, which does not see the image."""
        return llm_query(question, long_answer)


def best_image_match(
    list_patches: list[ImagePatch], content: list[str], return_index: bool = False
) -> ImagePatch | int | None:
    """The patch, or its index, that the texts describe best; None if there is no patch."""
    patches = list(list_patches)
    if not patches:
        return None
    index: int = _ask("best_image_match", [patch._handle for patch in patches], _sequence(content))
    return index if return_index else patches[index]


def distance(patch_a: ImagePatch, patch_b: ImagePatch) -> float:
    """Pixels between the edges of two patches; negative if they overlap."""
    across = max(patch_a.left, patch_b.left) - min(patch_a.right, patch_b.right)
    upwards = max(patch_a.lower, patch_b.lower) - min(patch_a.upper, patch_b.upper)
    if across >= 0 or upwards >= 0:
        return float((max(across, 0) ** 2 + max(upwards, 0) ** 2) ** 0.5)
    shared = across * upwards  # ViperGPT: minus the intersection over the union
    return -shared / (patch_a.width * patch_a.height + patch_b.width * patch_b.height - shared)


def bool_to_yesno(bool_answer: bool) -> str:
    """'yes' or 'no'."""
    return "yes" if bool_answer else "no"


def coerce_to_numeric(string: str) -> float:
    """The number in a text such as '3 cups' or 'two'."""
    text = str(string).strip().lower()
    if found := _NUMBER.search(text):
        return float(found.group().replace(",", ""))
    for word in re.findall(r"[a-z]+", text):
        if word in _NUMBER_WORDS:
            return float(_NUMBER_WORDS.index(word))
    raise ValueError(f"coerce_to_numeric: no number in {text[:100]!r}")


def llm_query(question: str, long_answer: bool = True) -> str:
    """Answer of a language model to a text."""
    return _ask("llm_query", question, bool(long_answer))  # type: ignore[no-any-return]


def _patch(reply: list[Any]) -> ImagePatch:
    """The patch for the host's `[handle, left, lower, right, upper]`."""
    patch = object.__new__(ImagePatch)
    patch._handle, patch.left, patch.lower, patch.right, patch.upper = reply
    patch.width, patch.height = patch.right - patch.left, patch.upper - patch.lower
    patch.horizontal_center, patch.vertical_center = (patch.left + patch.right) / 2, (patch.lower + patch.upper) / 2
    return patch


def _sequence(texts: Any) -> Any:
    """One text stands for a list of one, as in ViperGPT; tuples, sets and generators are lists to the host."""
    return [texts] if isinstance(texts, str) else list(texts)
