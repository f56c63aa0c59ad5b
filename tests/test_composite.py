"""A composite: which part answers what, in Python and in a recipe, and what is said of a recipe that cannot be."""

import runpy
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from visrep.env.faults import UserFault
from visrep.env.perception import Answer, Request, View, composite, scripted
from visrep.env.perception.picture import Picture
from visrep.env.perception.service import Service
from visrep.env.sandbox import Sandbox
from visrep.env.types import Box, Instance, Question
from visrep.env.visual_api import _METHODS, ASKS, Session
from visrep.train import parts, variants
from visrep.train.config import PerceptionSettings, Recipe, load_recipe, shipped_recipes, to_toml

tiny = runpy.run_path(str(Path(__file__).with_name("tiny_models.py")))

RECIPE = """
data = { dataset = "gqa", root = "d" }

[prompt]
api = ["ImagePatch.find", "llm_query"]
examples = "drawn"

[perception]
backend = "composite"

[perception.options.find]
backend = "scripted"
found = 2

[perception.options]
query = "shapes"

[perception.options.complete]
backend = "scripted"
answer = "forty"
"""


JUDGED = """
data = { dataset = "gqa", root = "d" }
prompt = { api = ["ImagePatch.exists"], examples = "drawn" }
perception = { backend = "scripted", options = { answer = "no" } }
"""


@pytest.fixture
def view(tmp_path: Path) -> View:
    Image.new("RGB", (30, 20), "red").save(tmp_path / "red.png")
    return View(Picture(tmp_path / "red.png"), Box(0, 0, 30, 20))


def recipe(folder: Path, text: str = RECIPE, *settings: str) -> Recipe:
    (folder / "recipe.toml").write_text(text)
    return load_recipe(str(folder / "recipe.toml"), settings)


def test_each_method_is_answered_by_its_part(view: View) -> None:
    made = composite.load(
        find=scripted.load(found=1), query=scripted.load(answer="blue"), match=scripted.load(true=("big",)),
        depth=scripted.load(depth=7.0),
    )  # fmt: skip
    assert len(made.find([view], ["cup"])[0]) == 1
    assert made.query([view], ["?"], [None]) == [Answer("blue")]
    assert made.match([view], [("big cup", "cup")]) == [(1.0, 0.0)]
    assert made.depth([view]) == [7.0]
    assert made.text_model is None


def test_what_no_part_is_there_for_is_answered_by_what_says_least(view: View) -> None:
    made = composite.load(complete=scripted.load())
    assert made.find([view], ["cup"]) == [()]
    assert made.query([view] * 2, ["?"] * 2, [None, ("a", "b")]) == [Answer(""), Answer("a", (0.5, 0.5))]
    assert made.match([view], [("big cup", "cup")]) == [(0.0, 0.0)]
    assert made.depth([view]) == [1.0]
    assert composite.load(depth=scripted.load(depth=7.0)).depth([view]) == [7.0]


def test_a_part_without_its_method_and_no_part_at_all_are_refused() -> None:
    with pytest.raises(UserFault, match="a composite without parts; give it at least one of: find, query, match"):
        composite.load()
    with pytest.raises(UserFault, match="the part for 'find' is dict, which has no 'find'"):
        composite.load(find={})


def test_the_identity_is_that_of_the_parts_that_see(view: View) -> None:
    one, other = scripted.load(), scripted.load(found=9)
    identities = [
        composite.load(find=one).identity, composite.load(find=other).identity, composite.load(query=one).identity,
        composite.load(find=one, query=other).identity, composite.load(find=other, query=one).identity,
    ]  # fmt: skip
    assert len(set(identities)) == len(identities)
    assert composite.load(find=one, complete=other).identity == composite.load(find=one).identity
    made = composite.load(find=one, complete=other)
    assert Service(made, made.text_model).identity == f"{made.identity} + {other.identity}"


def test_a_recipe_names_each_part_with_its_options(tmp_path: Path, view: View) -> None:
    loaded = recipe(tmp_path)
    variants.check(loaded)
    made = parts.build_perception(loaded.perception)
    assert len(made.find([view], ["cup"])[0]) == 2
    assert "shapes" in made.identity
    assert made.depth([view]) == [1.0]
    (tmp_path / "resolved.toml").write_text(to_toml(loaded))
    assert load_recipe(str(tmp_path / "resolved.toml")) == loaded


def test_programs_may_ask_its_text_model(tmp_path: Path, view: View) -> None:
    program = "def execute_command(image):\n    return llm_query('How many?') + str(len(image.find('cup')))\n"
    with parts.build_environment(recipe(tmp_path, RECIPE, "sandbox.parallel=1")) as environment:
        instance = Instance("1", images=(view.picture.path,))
        ((_, execution),) = environment.execute([program], instance, Question("1", "", "answer", ""))
    assert execution.value == "forty2", execution.message


def test_equal_parts_are_one_and_different_ones_are_not(tmp_path: Path) -> None:
    named: dict[str, Any] = {"backend": "scripted", "found": 2}
    turned = dict(reversed(named.items()))
    options = {"find": named, "match": turned, "query": "scripted", "depth": named | {"found": 3}}
    made = parts.build_perception(PerceptionSettings(backend="composite", options=options))
    assert isinstance(made, composite.Composite)
    assert made.parts["find"] is made.parts["match"]
    assert len({id(part) for part in made.parts.values()}) == 3


def test_a_part_may_be_a_file_of_which_a_run_keeps_the_digest(
    tmp_path: Path, view: View, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    eyes = "class Eyes:\n    identity = 'far'\n    def depth(self, views):\n        return [9.0 for _ in views]\n"
    (tmp_path / "eyes.py").write_text(f"{eyes}def load():\n    return Eyes()\n")
    loaded = recipe(tmp_path, RECIPE, "perception.options.depth=eyes.py")
    assert parts.build_perception(loaded.perception).depth([view]) == [9.0]
    assert list(variants.digests(loaded)) == ["perception.options.depth.backend"]
    with pytest.raises(UserFault, match=r"options\.match\.backend': load of eyes\.py returned Eyes without 'match'"):
        parts.build_perception(recipe(tmp_path, RECIPE, "perception.options.match=eyes.py").perception)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("perception.options.fnd=shapes", "unknown setting 'perception.options.fnd'; did you mean 'find'?"),
        ("perception.options.depth=shpes", "'perception.options.depth.backend' is 'shpes'; did you mean 'shapes'?"),
        ("perception.options.depth=3", "'perception.options.depth' is 3; expected a backend's name, or a table"),
        ("perception.options.depth={found=3}", "is {'found': 3}; expected a backend's name, or a table"),
        ("perception.options.find.fond=3", "unknown setting 'perception.options.find.fond'; did you mean 'found'?"),
        ("perception.options.depth=owlv2", "'perception.options.depth.model' is missing; load of owlv2 needs it"),
        ("perception.options.depth={backend='blip',model='m'}", "load of blip returned Blip without 'depth'"),
        ("perception.options.complete=shapes", "load of shapes returned Shapes without 'complete'"),
    ],
)
def test_what_is_wrong_with_a_part_is_said_before_anything_is_loaded(tmp_path: Path, setting: str, said: str) -> None:
    with pytest.raises(UserFault) as fault:
        variants.check(recipe(tmp_path, RECIPE, setting))
    assert said in str(fault.value)


def test_a_backend_for_one_method_is_pointed_to_a_composite(tmp_path: Path) -> None:
    settings = ("perception.backend=owlv2", "perception.options={model='m'}")
    with pytest.raises(UserFault, match=r"returned Owlv2 without 'query'; .*; a backend 'composite' takes it for what"):
        variants.check(recipe(tmp_path, RECIPE, *settings))


@pytest.mark.parametrize(
    ("member", "said"),
    [
        ("ImagePatch.compute_depth", "but no part for 'depth' is there to answer; add perception.options.depth or"),
        ("ImagePatch.verify_property", "but no part for 'match' is there"),
        ("best_image_match", "but no part for 'match' is there"),
    ],
)
def test_a_prompt_that_offers_what_no_part_answers_is_refused(tmp_path: Path, member: str, said: str) -> None:
    with pytest.raises(UserFault) as fault:
        parts.build_environment(recipe(tmp_path, RECIPE, f"prompt.api=['{member}']"))
    assert said in str(fault.value)
    without = RECIPE.partition("[perception.options.complete]")[0]
    with pytest.raises(UserFault, match=r"no text model is there to answer; add perception\.options\.complete or"):
        parts.build_environment(recipe(tmp_path, without))


def test_a_second_look_that_nothing_is_there_for_is_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    without = RECIPE.replace('query = "shapes"', 'depth = "nowhere.py"')
    with pytest.raises(UserFault, match=r"'perception\.recheck' is true, but no part for 'query' is there to ask; add"):
        parts.build_environment(recipe(tmp_path, without, "perception.recheck=true"))
    parts.check_answered(recipe(tmp_path, RECIPE, "perception.recheck=true"))


def test_a_recipe_says_how_replies_are_judged(tmp_path: Path, view: View) -> None:
    settings = ("perception.recheck=true", "perception.property_threshold=1", "sandbox.parallel=1")
    program = "def execute_command(image):\n    return [image.exists('cup'), image.verify_property('cup', 'red')]\n"
    told = {}
    for changes in ((), settings):
        with parts.build_environment(recipe(tmp_path, JUDGED, *changes)) as environment:
            instance = Instance("1", images=(view.picture.path,))
            ((_, execution),) = environment.execute([program], instance, Question("1", "", "answer", ""))
        told[len(changes)] = execution.value
    assert told == {0: [True, True], 3: [False, False]}


@pytest.mark.parametrize("value", ["-0.1", "1.1", "'0.5'"])
def test_a_threshold_is_a_number_from_0_to_1(tmp_path: Path, value: str) -> None:
    with pytest.raises(UserFault, match=r"setting 'perception\.property_threshold' is"):
        recipe(tmp_path, RECIPE, f"perception.property_threshold={value}")


def test_each_call_asks_what_the_table_says(view: View) -> None:
    arguments = {
        "find": (0, "cup"), "exists": (0, "cup"), "verify_property": (0, "cup", "red"),
        "best_text_match": (0, ["red"], None), "best_image_match": ([0], ["red"]), "simple_query": (0, "What?"),
        "compute_depth": (0,), "crop": (0, 0, 0, 9, 9), "llm_query": ("What?", True),
        "select_answer": ("info", "What?", ["a", "b"]),
    }  # fmt: skip
    assert set(arguments) == set(_METHODS)
    session = Session([view.picture], 99, 99)
    session.images()
    for method, given in arguments.items():
        requests: tuple[Request, ...] = session.ask(method, given).requests
        assert {request.method for request in requests} == ({ASKS[method]} if method in ASKS else set())


def test_a_tiny_model_of_each_method_sees_in_one_recipe(tmp_path: Path, view: View) -> None:
    folders = {kind: tiny["write"](kind, tmp_path / kind) for kind in ("owlv2", "blip", "clip", "dpt")}
    named = {"find": "owlv2", "query": "blip", "match": "clip", "depth": "dpt"}
    options = {
        method: {"backend": tiny["KINDS"][kind][0], "model": str(folders[kind]), "device": "cpu"}
        for method, kind in named.items()
    }
    service = Service(parts.build_perception(PerceptionSettings(backend="composite", options=options)))
    program = (
        "def execute_command(image):\n"
        "    found = image.find('red car')\n"
        "    return [len(found) >= 0, image.simple_query('What is it?'), image.verify_property('car', 'red'),\n"
        "            image.best_text_match(['red', 'blue']), image.compute_depth() > 0]\n"
    )
    from visrep import reward
    from visrep.env.environment import Environment

    with Environment(Sandbox(parallel=1), service, reward.score) as environment:
        instance = Instance("1", images=(view.picture.path,))
        ((_, execution),) = environment.execute([program], instance, Question("1", "", "answer", ""))
    assert execution.outcome == "ok", execution.message
    assert [type(value) for value in execution.value] == [bool, str, bool, str, bool]
    assert {call.method for call in execution.calls} >= {"find", "simple_query", "verify_property", "compute_depth"}


@pytest.mark.parametrize("name", shipped_recipes())
def test_a_shipped_recipe_names_what_is_there_and_offers_what_it_answers(name: str) -> None:
    loaded = load_recipe(name)
    variants.check(loaded)
    parts.check_answered(loaded)


@pytest.mark.parametrize(("part", "kept"), [("shapes", True), ("mine.py", False)])
def test_replies_are_shared_by_runs_unless_a_file_of_somebodys_own_has_a_part_in_them(
    tmp_path: Path, view: View, monkeypatch: pytest.MonkeyPatch, part: str, kept: bool
) -> None:
    monkeypatch.setenv("VISREP_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(
        "from visrep.env.perception import scripted\n\n\ndef load():\n    return scripted.load()\n"
    )
    service = parts.build_service(recipe(tmp_path, RECIPE.replace("shapes", part), "perception.place=inside"))
    service.answer([Request("find", view, ("cup",))])
    service.close()
    assert parts.default_cache().exists() == kept
