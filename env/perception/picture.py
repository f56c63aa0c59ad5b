"""A picture: an image file with its pixels, decoded when first asked for, and its annotated scene if it has one."""

import hashlib
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from visrep.env.faults import UserFault
from visrep.env.types import Scene

Pixels = NDArray[np.uint8]
"""Height × width × 3, RGB, row 0 at the top."""


class Picture:
    """An image on disk. Raises UserFault, naming the file, when it is missing or no image."""

    def __init__(self, path: Path, scene: Scene | None = None) -> None:
        self.path = path
        self.scene = scene

    def __str__(self) -> str:
        return f"image {self.path}"

    @property
    def name(self) -> str:
        """What to call it in few words."""
        return self.path.name

    @property
    def pixels(self) -> Pixels:
        """Height × width × 3, RGB, row 0 at the top."""
        return self._decoded

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        height, width, _ = self.pixels.shape
        return width, height

    @cached_property
    def digest(self) -> str:
        """Hash of the pixels, so that equal images share cached replies whatever their file."""
        return hashlib.sha256(repr(self.size).encode() + self.pixels.tobytes()).hexdigest()[:32]

    @cached_property
    def fingerprint(self) -> str:
        """Of the pixels and the annotation, since a perception backend may read either."""
        return f"{self.digest} {hashlib.sha256(repr(self.scene).encode()).hexdigest()[:32]}"

    @cached_property
    def _decoded(self) -> Pixels:
        try:
            with Image.open(self.path) as image:
                return np.asarray(image.convert("RGB"))
        except FileNotFoundError:
            raise UserFault(f"{self} is missing; check the data set's image folder") from None
        except (OSError, UnidentifiedImageError) as error:
            raise UserFault(f"{self} cannot be read ({error}); replace the file") from None
