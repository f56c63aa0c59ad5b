"""Splits of data sets that are published as one, for testing only: Winoground, SugarCrepe and OmniLabel.

What is published is the split "test" ("val" of OmniLabel). To learn from a part of it, `train_share` divides it into
"train" and "test", which have nothing in common: each item goes by a lot that depends on its name alone, so that
everybody who names the same share gets the same division. A folder ROOT/{split}, itself laid out like the published
set, is a split of its own; drawn sets have three of them.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path

from visrep.env.faults import UserFault


def divided(root: Path, split: str, train_share: float) -> tuple[Path, Callable[[str], bool]]:
    """The folder that a split's files are in, and which of its items, by name, belong to the split.

    Raises UserFault for a share outside [0, 1) and for a split that there is not.
    """
    check_share(train_share)
    if (root / split).is_dir():
        return root / split, lambda name: True
    if split == "test":
        return root, lambda name: lot(name) >= train_share
    if split == "train" and train_share:
        return root, lambda name: lot(name) < train_share
    raise UserFault(
        f"{root} has no split {split!r}; expected 'test', 'train' with the option train_share, or a folder of that name"
    )


def check_share(train_share: float) -> None:
    """Raise UserFault for a share outside [0, 1)."""
    if not 0 <= train_share < 1:
        raise UserFault(f"train_share is {train_share}; expected a share of the items from 0 to below 1")


def lot(name: str) -> float:
    """A number in [0, 1) by chance, which depends on the name alone."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:6]) / 2**48
