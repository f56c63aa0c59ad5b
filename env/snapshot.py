"""Models of the Hugging Face hub as local folders: the one place that fetches them, for policies and for perception."""

from collections.abc import Sequence
from pathlib import Path

from visrep.env.faults import UserFault

TEXTS = ("*.json", "*.txt", "*.model", "*.jinja")
"""Configurations, tokenizers, templates."""

SAFETENSORS = "*.safetensors"


def is_name(model: str) -> bool:
    """Whether a model can be meant by its name on the hub; else it is a path."""
    return not Path(model).exists() and not model.startswith((".", "/", "~")) and model.count("/") < 2


def snapshot(model: str, revision: str | None, weights: Sequence[str] = (SAFETENSORS,), instead: str = "") -> Path:
    """The folder of a model of the hub, with its texts and its weights, fetched if need be.

    `revision` is a branch, tag or commit, by default the newest commit. `weights` are patterns of file names, of which
    the first that the model has files of is fetched, and no other. Raises UserFault where the hub does not give it;
    `instead` says what could be taken.
    """
    from huggingface_hub import snapshot_download  # slow to import, and a folder has no need of it

    def fetched(pattern: str) -> Path:
        # Nothing below the top: some repositories hold copies in other formats there.
        patterns = [*TEXTS, pattern]
        return Path(snapshot_download(model, revision=revision, allow_patterns=patterns, ignore_patterns=["*/*"]))

    try:
        for pattern in weights:
            folder = fetched(pattern)
            if any(folder.glob(pattern)):
                break
        return folder
    except Exception as error:  # the hub's client raises a dozen unrelated types when a name or the network is bad
        wanted = f"{model!r} at revision {revision!r}" if revision else repr(model)
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        remedy = f"check name, revision and network{f', or use {instead}' if instead else ''}"
        raise UserFault(f"model {wanted} is no folder here, and the hub did not give it ({reason}); {remedy}") from None
