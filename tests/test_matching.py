"""CLIP and SigLIP: tiny ones with random weights, loaded as a user's are."""

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from visrep.env.perception import View, clip, matching, siglip
from visrep.env.perception.crops import crop
from visrep.env.perception.matching import OTHERS, others
from visrep.env.types import Box

tiny = runpy.run_path(str(Path(__file__).with_name("tiny_models.py")))
write = tiny["write"]

MODULES: dict[str, Any] = {"clip": clip, "siglip": siglip}
TOLERANCE = 1e-5
TEXTS = (("red car", "blue car", "dog"), ("red car",), ("dog",), ("a small dog in a car",))


@pytest.fixture(scope="module", params=sorted(MODULES))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def load(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    folder = write(kind, tmp_path_factory.mktemp("matching") / kind)
    return lambda **options: MODULES[kind].load(str(folder), device="cpu", **options)


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> list[View]:
    found: list[View] = tiny["pictures"](tmp_path_factory.mktemp("pictures"), ((64, 48), (90, 40), (120, 80)))
    return [*found, View(found[2].picture, Box(7.5, 3.25, 60, 60.75))]


def cosines(backend: Any, kind: str, view: View, texts: list[str]) -> list[float]:
    """By one call of the model, with its processor as its documentation has it."""
    opened = backend._opened
    prompts = [MODULES[kind].PROMPT.format(text) for text in texts]
    padding: dict[str, Any] = {"padding": "max_length", "max_length": 64} if kind == "siglip" else {"padding": True}
    given = opened.processor(text=prompts, images=crop(view), return_tensors="pt", truncation=True, **padding)
    if kind == "siglip":
        given.pop("attention_mask", None)
    with torch.inference_mode():
        told = opened.model(**given)
    return [float(value) for value in (told.image_embeds @ told.text_embeds.T)[0]]


def test_several_texts_score_by_their_cosine(load: Callable[..., Any], kind: str, views: list[View]) -> None:
    backend = load()
    (scores,) = backend.match(views[:1], [TEXTS[0]])
    assert scores == pytest.approx([(1 + one) / 2 for one in cosines(backend, kind, views[0], list(TEXTS[0]))])
    (alone,) = backend.match(views[:1], [("dog",)])
    assert alone[0] == pytest.approx(scores[2], rel=TOLERANCE)


def test_a_property_scores_against_others(load: Callable[..., Any], kind: str, views: list[View]) -> None:
    backend = load()
    ((score,),) = backend.match(views[:1], [("red car",)])
    rivals = [f"{other} car" for other in OTHERS if other != "red"]
    own, *rest = cosines(backend, kind, views[0], ["red car", *rivals])
    scale = float(backend._opened.model.logit_scale.detach().exp())
    pairs = torch.tensor([[scale * own, scale * one] for one in rest]).softmax(-1)
    assert score == pytest.approx(float(pairs[:, 0].mean()), rel=1e-4)


def test_scores_lie_between_0_and_1_and_depend_on_view_and_text(load: Callable[..., Any], views: list[View]) -> None:
    backend = load()
    scores = [scores for texts in (("red car", "dog"), ("red car",)) for scores in backend.match(views, [texts] * 4)]
    flat = [score for group in scores for score in group]
    assert all(0 < score < 1 for score in flat)
    assert len({round(score, 5) for score in flat}) == len(flat)


def test_a_score_does_not_depend_on_what_else_is_asked(load: Callable[..., Any], views: list[View]) -> None:
    together = load().match(views, TEXTS)
    alone = load(batch=1)
    for one, other in zip(together, load(batch=3).match(views, TEXTS), strict=True):
        assert one == pytest.approx(other, rel=TOLERANCE)
    for view, group, scores in zip(views, TEXTS, together, strict=True):
        assert alone.match([view], [group])[0] == pytest.approx(scores, rel=TOLERANCE)


def test_texts_are_read_once(load: Callable[..., Any], views: list[View], monkeypatch: pytest.MonkeyPatch) -> None:
    backend = load()
    read: list[int] = []
    backend._opened.model.text_model.register_forward_pre_hook(
        lambda _, __, given: read.append(len(given["input_ids"])), with_kwargs=True
    )
    first = backend.match(views[:1], [("red car", "dog")])
    assert sum(read) == 2
    assert backend.match(views[:1], [("red car", "dog")]) == first
    assert sum(read) == 2
    monkeypatch.setattr(matching, "_KEPT", 3)  # fewer than are wanted at once
    (again,) = backend.match(views[:1], [("red car", "cat", "cup", "dog")])
    assert (again[0], again[3]) == pytest.approx(first[0])
    assert sum(read) == 6


def test_long_and_odd_texts_are_matched(load: Callable[..., Any], views: list[View]) -> None:
    odd = ("x" * 2000, "a " * 500, "\u202e?", "<|endoftext|>", "of")
    assert len(load().match(views[:1], [odd])[0]) == len(odd)


def test_identities_tell_models_and_weights_apart(load: Callable[..., Any]) -> None:
    assert load(batch=2).identity == load().identity
    assert load(dtype="bfloat16").identity != load().identity


@pytest.mark.parametrize(
    ("text", "first"),
    [("red car", "orange car"), ("a red car", "orange car"), ("Wooden table leg", "red table leg")],
)
def test_a_property_is_weighed_against_others_of_the_same_thing(text: str, first: str) -> None:
    assert others(text)[0] == first
    assert text.lower().removeprefix("a ") not in others(text)


def test_a_single_word_names_no_property() -> None:
    assert others("dog") == others("a dog") == others("") == others(" ") == ()
