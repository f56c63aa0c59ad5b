"""A drawn data set's folder: it appears whole or not at all, and says what it was drawn from."""

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from visrep.env.faults import MachineFault, UserFault


def make(root: Path, manifest: dict[str, Any], write: Callable[[Path], None]) -> None:
    """Have `write` fill a folder that becomes `root`, with the manifest in `drawn.json`. Does nothing where `root`
    already holds the data set of this manifest. Raises UserFault where it holds anything else, MachineFault where the
    disk refuses."""
    if _is_drawn(root, manifest):
        return
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{root.name}.", dir=root.parent))
        try:
            write(temporary)
            dump(temporary / "drawn.json", manifest)
            temporary.chmod(0o755)
            temporary.replace(root)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        if not _is_drawn(root, manifest):  # else another process was faster
            raise MachineFault(f"cannot write {root}: {error.strerror}; choose a writable place") from error


def dump(path: Path, value: Any) -> None:
    """Write a value as JSON."""
    path.write_text(json.dumps(value), encoding="utf-8")


def check_counts(splits: tuple[str, ...], tasks_per_category: Mapping[str, int], instances: int) -> None:
    """Raise UserFault unless the counts are for these splits, and positive like the number of instances."""
    if not set(tasks_per_category) <= set(splits):
        raise UserFault(f"splits to draw are {sorted(tasks_per_category)}; give numbers of tasks for {list(splits)}")
    least = min(*tasks_per_category.values(), instances)
    if least < 1:
        raise UserFault(f"cannot draw {least} tasks or instances; give numbers of at least 1")


def _is_drawn(root: Path, manifest: dict[str, Any]) -> bool:
    if not root.exists() or (root.is_dir() and not any(root.iterdir())):
        return False
    try:
        found = json.loads((root / "drawn.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise UserFault(f"{root} exists and is no drawn data set; choose another folder") from None
    if found != manifest:
        differing = [key for key in manifest if not isinstance(found, dict) or found.get(key) != manifest[key]]
        raise UserFault(f"{root} was drawn with another {', '.join(differing)}; remove it or choose another folder")
    return True
