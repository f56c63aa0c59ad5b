"""The templates of all pages, by their path in this package's parent. They escape whatever they are given: questions,
programs, values and names are text that anybody may have written."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


def templates() -> Environment:
    """All templates, none of them read yet."""
    return Environment(
        loader=PackageLoader("visrep.train", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def rendered(found: Environment, template: str, values: dict[str, Any]) -> str:
    """A template with these values. Half a surrogate pair, which a program may hold, can be neither written nor sent,
    and is a question mark."""
    return found.get_template(template).render(values).encode("utf-8", "replace").decode()
