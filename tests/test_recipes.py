"""The recipes that ship: each can be started as it stands, and those for published data sets differ in data alone."""

import importlib
import inspect
import pkgutil
from typing import get_args

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


def test_every_published_data_set_has_a_recipe() -> None:
    names = {module.name for module in pkgutil.iter_modules(visrep.env.tasks.__path__)} - {"own"}
    assert {data.dataset for name in [*PUBLISHED, "nlvr"] for data in load_recipe(name).data} == names


def test_recipes_for_published_data_sets_share_policy_perception_and_learning() -> None:
    def shared(recipe: Recipe) -> tuple[object, ...]:
        return recipe.policy, recipe.perception, recipe.sampling, recipe.clone, recipe.iterations, recipe.seed

    large = [name for name in PUBLISHED if name != "gqa-small"]
    assert len({repr(shared(load_recipe(name))) for name in large}) == 1
