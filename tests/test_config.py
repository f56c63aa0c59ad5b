"""Recipes: every shipped one loads, and a wrong one is told in one line what is wrong."""

from pathlib import Path

import pytest

from visrep.env.faults import UserFault
from visrep.train.config import load_recipe, shipped_recipes, to_toml

MINIMAL = '[data]\ndataset = "gqa"\nroot = "d"\n[prompt]\napi = ["ImagePatch.find"]\nexamples = "drawn"\n'


def recipe_file(folder: Path, text: str) -> str:
    path = folder / "recipe.toml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("name", shipped_recipes())
def test_every_shipped_recipe_loads(name: str) -> None:
    assert load_recipe(name).iterations >= 1


def test_there_is_a_quickstart() -> None:
    assert "quickstart" in shipped_recipes()


def test_a_resolved_recipe_reads_back_as_itself(tmp_path: Path) -> None:
    recipe = load_recipe("quickstart", ["data.root='a \"quoted\" \\\\ folder'", "sampling.n=3"])
    assert load_recipe(recipe_file(tmp_path, to_toml(recipe))) == recipe


def test_overrides_take_toml_values_and_bare_words() -> None:
    recipe = load_recipe("quickstart", ["sampling.n=5", "perception.backend=scene", "policy.urls=['http://a']"])
    assert (recipe.sampling.n, recipe.perception.backend, recipe.policy.urls) == (5, "scene", ["http://a"])


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("sampling.temprature=1.0", "unknown setting 'sampling.temprature'; did you mean 'temperature'?"),
        ("sampilng.n=1", "unknown setting 'sampilng'; did you mean 'sampling'?"),
        ("data.draw.sed=1", "unknown setting 'data.draw.sed'; did you mean 'seed'?"),
        ("sampling.n='8'", "setting 'sampling.n' is '8': input should be a valid integer"),
        ("sampling.n=0", "setting 'sampling.n' is 0: input should be greater than or equal to 1"),
        (
            "selection.percentile=101",
            "setting 'selection.percentile' is 101: input should be less than or equal to 100",
        ),
        ("policy.serve=merge", "setting 'policy.serve' is 'merge': input should be 'adapter', 'merged' or 'auto'"),
        ("sampling", "--set 'sampling': expected a.b=value, for example sampling.n=16"),
        ("iterations.n=1", "--set 'iterations.n=1': 'iterations' is a value, not a section"),
    ],
)
def test_a_wrong_setting_is_one_clear_line(override: str, said: str) -> None:
    with pytest.raises(UserFault) as fault:
        load_recipe("quickstart", [override])
    assert str(fault.value) == said


def test_a_missing_setting_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserFault, match=r"setting 'data\.root' is missing; add it"):
        load_recipe(recipe_file(tmp_path, MINIMAL.replace('root = "d"\n', "")))


def test_an_unknown_recipe_gets_a_suggestion() -> None:
    with pytest.raises(UserFault, match=r"unknown recipe 'quickstrat'; did you mean 'quickstart'\?"):
        load_recipe("quickstrat")


def test_a_broken_recipe_file_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(UserFault, match=r"recipe\.toml is not TOML: .*line 1"):
        load_recipe(recipe_file(tmp_path, "iterations = = 3\n"))
