"""The recipes that ship: each can be started as it stands, and those for published data sets differ in data alone."""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from typing import Any, get_args

import pytest

import visrep.env.tasks
from visrep.env.types import Kind
from visrep.train import parts, variants
from visrep.train.config import Recipe, load_recipe, shipped_recipes

DRAWN = {"detect", "ground", "match", "mixed", "nlvr", "quickstart", "stalled", "video"}
"""Those for a small policy on two cores."""

PUBLISHED = sorted(set(shipped_recipes()) - DRAWN)


@pytest.mark.parametrize("name", shipped_recipes())
def test_a_recipe_names_what_there_is(name: str) -> None:
    recipe = load_recipe(name)
    variants.check(recipe)
    prompter = parts.build_prompter(recipe)
    kinds: tuple[Kind, ...] = get_args(Kind)
    for kind in kinds:
        of_kind = prompter.kinds.get(kind, prompter)
        assert of_kind.examples
        for example in of_kind.examples:
            called = {word for word in ("VideoSegment", "ImagePatch") if word in example.program}
            assert not called, "examples get what they need as parameters"
    for data in recipe.data:
        load = importlib.import_module(f"visrep.env.tasks.{data.dataset}").load
        assert data.options.keys() <= inspect.signature(load).parameters.keys()


def models(options: Any) -> Iterator[dict[str, Any]]:
    """The tables that name a model, however deep."""
    if isinstance(options, dict):
        if "model" in options:
            yield options
        for part in options.values():
            yield from models(part)


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_recipe_for_published_data_names_a_commit_of_every_model(name: str) -> None:
    named = list(models(load_recipe(name).model_dump()))
    assert len(named) > 2
    for table in named:
        assert re.fullmatch(r"[0-9a-f]{40}", table["revision"] or ""), table["model"]


def test_every_published_data_set_has_a_recipe() -> None:
    names = {module.name for module in pkgutil.iter_modules(visrep.env.tasks.__path__)} - {"own"}
    assert {data.dataset for name in [*PUBLISHED, "nlvr"] for data in load_recipe(name).data} == names


def test_recipes_for_published_data_sets_share_policy_perception_and_learning() -> None:
    def shared(recipe: Recipe) -> tuple[object, ...]:
        return recipe.policy, recipe.perception, recipe.sampling, recipe.clone, recipe.iterations, recipe.seed

    large = [name for name in PUBLISHED if name != "gqa-small"]
    assert len({repr(shared(load_recipe(name))) for name in large}) == 1
