"""Reads what `visrep export` wrote beside the weights: the prompt and the recipe that go with a policy."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from visrep.env.faults import UserFault

if TYPE_CHECKING:
    from visrep.policy.prompt import Prompter
    from visrep.train.config import Recipe


def describes(folder: Path) -> bool:
    """Whether the folder has a description beside its weights."""
    return (folder / "visrep.json").is_file()


def read(folder: Path) -> dict[str, Any]:
    """The description. Raises UserFault where the folder has none or it is damaged."""
    file = folder / "visrep.json"
    try:
        described: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except OSError:
        raise UserFault(f"{folder} has no visrep.json; give a checkpoint that `visrep export` made") from None
    except ValueError as error:
        raise UserFault(f"{file} is no JSON ({error}); export the checkpoint again") from None
    parts = [described.get(part) for part in ("prompter", "recipe")] if isinstance(described, dict) else [None]
    if not all(isinstance(part, dict) for part in parts):
        raise UserFault(f"{file} lacks the prompt or the recipe; export the checkpoint again")
    return described


def recipe(described: dict[str, Any], overrides: Sequence[str] = ()) -> "Recipe":
    """The recipe that made the policy, with `a.b=value` overrides."""
    from visrep.train.config import check

    return check(described["recipe"], overrides)


def base(described: dict[str, Any], folder: Path) -> Path:
    """Folder with whole weights: the exported one, or the base that an exported adapter was made for."""
    from visrep.policy.checkpoint import check, resolve
    from visrep.policy.fingerprint import fingerprint

    if described.get("format") == "adapter":
        made_with = recipe(described).policy
        found = resolve(made_with.model, made_with.revision)
        if fingerprint(found) != described["lineage"]["base"]["fingerprint"]:
            raise UserFault(f"{found} holds other weights than adapter {folder} was trained on; put those back")
        return found
    check(folder)
    return folder


def prompter(described: dict[str, Any], folder: Path) -> "Prompter":
    """What the policy has to read before a question; a chat template is that of the folder's own tokenizer."""
    from visrep.policy.prompt import Prompter

    tokenizer = None
    if described["prompter"].get("format") == "chat":
        from transformers import AutoTokenizer  # seconds to import, and only a chat template needs it

        tokenizer = AutoTokenizer.from_pretrained(folder)
    return Prompter.from_json(described["prompter"], tokenizer)
