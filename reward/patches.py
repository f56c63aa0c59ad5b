"""Patches in a returned value, as the host resolved them: `{"image": index, "box": [...]}`, perhaps with a score."""

from typing import Any

from visrep.env.types import Box


def is_patch(value: Any) -> bool:
    """Whether the value is a patch; only the host makes mappings, so their shape can be trusted."""
    return type(value) is dict


def box(patch: Any) -> Box:
    """The patch's box, which is empty for an empty patch."""
    return Box(*patch["box"])
