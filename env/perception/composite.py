"""Several backends as one, each for a method. In a recipe every part has a table, with its own options beside its name:

    [perception]
    backend = "composite"

    [perception.options.find]
    backend = "owlv2"
    model = "google/owlv2-base-patch16-ensemble"

    [perception.options.query]
    backend = "blip"
    model = "Salesforce/blip-vqa-base"

A part needs no more than the method it is there for, and may be a Python file. Parts of the same name and options are
one, loaded once. `complete` is for `llm_query`, which asks a text model.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, get_args

from visrep.env.faults import UserFault
from visrep.env.perception import Answer, Detection, Method, TextModel, View


class Composite:
    """The backend. `parts` holds each part by its method, `text_model` the one for `complete`, if there is any.

    A method without a part is answered by what says least: nothing found, an empty answer or the first choice, no
    match, a depth of 1. A policy may write such a call unasked, which must not end a run; recipes that offer one to it
    are refused.
    """

    def __init__(self, parts: Mapping[Method, Any]) -> None:
        self.parts = MappingProxyType(dict(parts))
        self.text_model: TextModel | None = parts.get("complete")
        seeing = {method: part for method, part in parts.items() if method != "complete"}
        self.identity = f"composite {', '.join(f'{method}: {part.identity}' for method, part in seeing.items())}"

    def find(self, views: Sequence[View], names: Sequence[str]) -> list[tuple[Detection, ...]]:
        if "find" not in self.parts:
            return [() for _ in views]
        found: list[tuple[Detection, ...]] = self.parts["find"].find(views, names)
        return found

    def query(
        self, views: Sequence[View], questions: Sequence[str], choices: Sequence[tuple[str, ...] | None]
    ) -> list[Answer]:
        if "query" not in self.parts:
            return [_unknown(offered) for offered in choices]
        answers: list[Answer] = self.parts["query"].query(views, questions, choices)
        return answers

    def match(self, views: Sequence[View], texts: Sequence[tuple[str, ...]]) -> list[tuple[float, ...]]:
        if "match" not in self.parts:
            return [(0.0,) * len(group) for group in texts]
        scores: list[tuple[float, ...]] = self.parts["match"].match(views, texts)
        return scores

    def depth(self, views: Sequence[View]) -> list[float]:
        if "depth" not in self.parts:
            return [1.0 for _ in views]
        depths: list[float] = self.parts["depth"].depth(views)
        return depths


def load(find: Any = None, query: Any = None, match: Any = None, depth: Any = None, complete: Any = None) -> Composite:
    """A backend for each method that is to be answered, made already. Raises UserFault where there is none at all, or
    one that has not the method."""
    given = dict(zip(get_args(Method), (find, query, match, depth, complete), strict=True))
    parts = {method: part for method, part in given.items() if part is not None}
    if not parts:
        raise UserFault(f"a composite without parts; give it at least one of: {', '.join(given)}")
    for method, part in parts.items():
        if not hasattr(part, method):
            raise UserFault(f"the part for {method!r} is {type(part).__name__}, which has no {method!r}; name another")
    return Composite(parts)


def _unknown(choices: tuple[str, ...] | None) -> Answer:
    return Answer(choices[0], (1 / len(choices),) * len(choices)) if choices else Answer("")
