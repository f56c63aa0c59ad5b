"""The corrections that lie beside the recipe `nlvr`, run again on the corpus where it is at hand."""

from collections import Counter
from pathlib import Path

import pytest

from visrep.corrections import store
from visrep.train import correcting, parts
from visrep.train.config import Recipe
from visrep.train.correcting import Corrected

ROOT = Path(__file__).parents[1]
CORPUS = ROOT.parent / "shared" / "data" / "nlvr"
STORE = ROOT / "train" / "recipes" / "nlvr.jsonl"

MOST = 50
"""Corrections in all: their worth is that so few do."""


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    if not CORPUS.is_dir():
        pytest.skip(f"{CORPUS} is absent")
    return correcting.open_recipe("nlvr", [f"data.root={CORPUS}"])


@pytest.fixture(scope="module")
def corrected(recipe: Recipe) -> Corrected:
    with parts.build_environment(recipe) as environment:
        return correcting.corrected(recipe, STORE, environment, correcting.training_tasks(recipe))


def test_they_are_few_and_each_of_another_sentence() -> None:
    sentences = Counter(each.task_id for each in store.read(STORE))
    assert 0 < len(sentences) <= MOST
    assert set(sentences.values()) == {1}


def test_all_are_of_the_dev_split_and_none_of_the_test_split(recipe: Recipe) -> None:
    corrected = {each.task_id for each in store.read(STORE)}
    assert corrected <= {task.question.id for task in correcting.training_tasks(recipe)}
    assert all(task_id.startswith("dev-") for task_id in corrected)


def test_all_are_right_on_every_image_of_their_sentence(corrected: Corrected) -> None:
    assert [(each.correction.task_id, each.why) for each in corrected.wrong] == []
    assert len(corrected.rollouts) == len(store.read(STORE))


def test_none_is_right_by_a_constant(corrected: Corrected) -> None:
    constant = [
        rollout.task_id
        for rollout in corrected.rollouts
        if len({execution.value for execution in rollout.executions}) == 1
    ]
    assert constant == []


def test_they_call_what_the_prompt_offers_and_nothing_else(recipe: Recipe, corrected: Corrected) -> None:
    offered = {member.removeprefix("ImagePatch.") for member in recipe.prompt.api}
    called = {
        call.method for rollout in corrected.rollouts for execution in rollout.executions for call in execution.calls
    }
    assert called <= offered


def test_a_policy_can_write_them_within_its_tokens(recipe: Recipe) -> None:
    """The small policy's tokenizer needs one token for 2.7 characters of such a program, or for more."""
    bodies = [each.program.partition(":")[2] for each in store.read(STORE)]
    assert max(map(len, bodies)) < 2 * recipe.sampling.max_tokens
