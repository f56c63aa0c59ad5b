"""What has to lie in a data set's folder, checked before anything is read."""

from pathlib import Path

from visrep.env.faults import UserFault, suggestion


def check_file(path: Path, alike: str, remedy: str = "put it there or choose another split") -> None:
    """Raise UserFault unless the file is there, with the nearest name in its folder of those that fit the pattern
    `alike`."""
    if not path.is_file():
        there = sorted(each.name for each in path.parent.glob(alike))
        near = suggestion(path.name, there) or f"; found: {', '.join(there) or 'none of its kind'}"
        raise UserFault(f"{path} is missing; {remedy}{near}")


def check_image(path: Path) -> None:
    """Raise UserFault unless a split's first image is there."""
    if not path.is_file():
        raise UserFault(f"image {path} is missing; put the split's images into {path.parent}")
