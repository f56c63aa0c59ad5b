"""Models that answer questions (BLIP, BLIP-2, chat models): tiny ones with random weights, loaded as a user's are."""

import math
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from visrep.env.faults import UserFault
from visrep.env.perception import View, blip, blip2, chat, speaking
from visrep.env.perception.crops import crop
from visrep.env.perception.speaking import Asked
from visrep.env.types import Box

tiny = runpy.run_path(str(Path(__file__).with_name("tiny_models.py")))

LOADS: dict[str, Callable[..., Any]] = {"blip": blip.load, "blip2": blip2.load, "chat": chat.load}
KINDS = [kind for kind, (backend, _) in tiny["KINDS"].items() if backend in LOADS]
TOLERANCE = 1e-5

QUESTIONS = ("What color is this?", "why", "Is there a dog in the left half of it?", "How many?")
CHOICES = (("red", "two", "a small circle"), ("yes", "no"), ("no", "yes"), ("one", "one two three four five"))


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def load(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    folder = tiny["write"](kind, tmp_path_factory.mktemp("speaking") / kind)
    usual = {"device": "cpu", "max_tokens": 4}
    return lambda **options: LOADS[tiny["KINDS"][kind][0]](str(folder), **usual | options)


@pytest.fixture(scope="module")
def backend(load: Callable[..., Any]) -> Any:
    return load()


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> list[View]:
    """Pictures of several sizes, and a part of one."""
    found: list[View] = tiny["pictures"](tmp_path_factory.mktemp("pictures"), ((64, 48), (90, 40), (120, 80)))
    return [*found, View(found[2].picture, Box(7.5, 3.25, 60, 60.75))]


def test_an_answer_does_not_depend_on_what_else_is_asked(
    backend: Any, load: Callable[..., Any], views: list[View]
) -> None:
    nothing: list[Any] = [None] * len(views)
    together = backend.query(views, QUESTIONS, nothing)
    assert load(batch=3).query(views, QUESTIONS, nothing) == together
    assert all(answer.likelihoods == () for answer in together)
    assert [answer.text for answer in together] == [speaking.short(answer.text) for answer in together]
    for view, question, answer in zip(views, QUESTIONS, together, strict=True):
        assert backend.query([view], [question], [None]) == [answer]


def test_likelihoods_do_not_depend_on_what_else_is_asked(
    backend: Any, load: Callable[..., Any], views: list[View]
) -> None:
    together = backend.query(views, QUESTIONS, CHOICES)
    for one, other in zip(together, load(batch=3).query(views, QUESTIONS, CHOICES), strict=True):
        assert one.likelihoods == pytest.approx(other.likelihoods, rel=TOLERANCE)
    for view, question, offered, answer in zip(views, QUESTIONS, CHOICES, together, strict=True):
        (alone,) = backend.query([view], [question], [offered])
        assert alone.text == answer.text
        assert alone.likelihoods == pytest.approx(answer.likelihoods, rel=TOLERANCE)


def test_of_choices_the_likeliest_is_taken(backend: Any, views: list[View]) -> None:
    for offered, answer in zip(CHOICES, backend.query(views, QUESTIONS, CHOICES), strict=True):
        assert math.isclose(sum(answer.likelihoods), 1)
        assert len(answer.likelihoods) == len(offered)
        assert answer.text == offered[answer.likelihoods.index(max(answer.likelihoods))]
    one, other = backend.query(views[:1] * 2, ["Is it?"] * 2, [("yes", "no"), ("no", "yes")])
    assert one.likelihoods == pytest.approx(other.likelihoods[::-1], rel=TOLERANCE)


def test_open_and_closed_questions_may_be_mixed(backend: Any, views: list[View]) -> None:
    mixed = backend.query(views, QUESTIONS, [CHOICES[0], None, CHOICES[2], None])
    assert [len(answer.likelihoods) for answer in mixed] == [3, 0, 2, 0]
    assert mixed[1] == backend.query([views[1]], [QUESTIONS[1]], [None])[0]


def test_a_text_matches_as_yes_is_likelier_than_no(backend: Any, views: list[View]) -> None:
    scores = backend.match(views, [("red car",), (), ("dog", "cat"), ("dog",)])
    assert [len(group) for group in scores] == [1, 0, 2, 1]
    (answer,) = backend.query([views[2]], ["Is this a cat?"], [("yes", "no")])
    assert scores[2][1] == pytest.approx(answer.likelihoods[0], rel=TOLERANCE)


def test_what_is_seen_and_what_is_asked_matter(backend: Any, views: list[View]) -> None:
    seen = [backend.match([view], [("red car",)])[0][0] for view in views]
    read = [backend.match([views[0]], [(text,)])[0][0] for text in ("red car", "blue car", "dog")]
    assert len({round(score, 5) for score in seen}) == len(views)
    assert len({round(score, 5) for score in read}) == 3


def _given(backend: Any, asked: Asked) -> Any:
    """The model's inputs for one question, by its processor as its documentation has it."""
    opened, question, image = backend._opened, asked.question, crop(asked.view)
    if isinstance(backend, blip.Blip):
        return opened.processor(images=image, text=question, return_tensors="pt")
    if isinstance(backend, blip2.Blip2):
        prompt = f"Question: {question.lower()} Short answer:"
        return opened.processor(images=image, text=prompt, return_tensors="pt")
    if opened.model.config.model_type == "paligemma":
        given = opened.processor(images=image, text=f"<image>answer en {question}", return_tensors="pt")
        given.pop("labels", None)
        return given
    content = [{"type": "image"}, {"type": "text", "text": speaking.PROMPT.format(question)}]
    prompt = opened.processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
    assert prompt.endswith("phrase.Assistant:")
    return opened.processor(images=[image], text=[prompt], return_tensors="pt")


def _mean(backend: Any, asked: Asked, text: str) -> float:
    """The mean log-probability of the answer's tokens and its end, by one call of the model."""
    opened, given = backend._opened, _given(backend, asked)
    model, tokenizer = opened.model, opened.processor.tokenizer
    if isinstance(backend, blip.Blip):
        answer = tokenizer(text, return_tensors="pt").input_ids
        answer[:, 0] = model.config.text_config.bos_token_id
        return -float(model(input_ids=given.input_ids, pixel_values=given.pixel_values, labels=answer).loss)
    begins_anew = model.config.is_encoder_decoder
    after_space = not begins_anew and model.config.model_type != "paligemma"  # whose prompt ends in a line break
    tokens = tokenizer(f" {text}" if after_space else text, add_special_tokens=False).input_ids
    answer = torch.tensor([[*tokens, tokenizer.eos_token_id]])
    if begins_anew:
        return -float(model(**given, labels=answer).loss)
    beside = {"input_ids": answer, "attention_mask": 1, "token_type_ids": 1, "mm_token_type_ids": 0}
    for name in beside.keys() & given.keys():
        given[name] = torch.cat([given[name], torch.zeros_like(answer) + beside[name]], 1)
    logits = model(**given).logits[0, -answer.shape[1] - 1 : -1].log_softmax(-1)
    return float(logits.gather(1, answer[0, :, None]).mean())


def test_a_choice_is_weighed_by_its_tokens_and_its_end(backend: Any, views: list[View]) -> None:
    asked = [Asked(view, question) for view, question in zip(views, ("What is it", "why"), strict=False)]
    means = backend.weigh(asked, ["red", "a dog"])
    with torch.inference_mode():
        expected = [_mean(backend, one, text) for one, text in zip(asked, ["red", "a dog"], strict=True)]
    assert means == pytest.approx(expected, rel=TOLERANCE)


def test_what_is_written_is_what_the_model_writes_by_itself(backend: Any, views: list[View]) -> None:
    asked = [Asked(view, question) for view, question in zip(views, ("What is it", "why"), strict=False)]
    opened = backend._opened
    own = {"max_new_tokens": backend._max_tokens, "min_new_tokens": 1, "do_sample": False}
    if not isinstance(backend, chat.Chat):
        own |= {"num_beams": backend._beams}
    if isinstance(backend, blip2.Blip2):
        own |= {"length_penalty": -1.0}
    for one, text in zip(asked, backend.write(asked), strict=True):
        given = _given(backend, one)
        written = opened.model.generate(**given, **own)[0]
        if not opened.model.config.is_encoder_decoder and not isinstance(backend, blip.Blip):
            written = written[given["input_ids"].shape[1] :]
        assert text == speaking.short(opened.processor.tokenizer.decode(written, skip_special_tokens=True))


def test_control_tokens_in_a_question_are_only_text(backend: Any, views: list[View]) -> None:
    question = "Is <image> <|image_pad|> [SEP] <end> <|vision_start|> <fake_token_around_image> {} {{ a dog?"
    assert len(backend.query(views[:2], [question, f"{question} <image>"], [None, ("yes", "no")])) == 2


def test_settings_are_part_of_the_identity(load: Callable[..., Any], backend: Any) -> None:
    assert load(batch=1).identity == backend.identity
    assert load(max_tokens=5).identity != backend.identity


def test_long_questions_are_answered(backend: Any, views: list[View]) -> None:
    assert len(backend.query(views[:2], ["x" * 1500, "why " * 300], [None, ("yes", "no")])) == 2


def test_half_precision_changes_little(load: Callable[..., Any], backend: Any, views: list[View]) -> None:
    """Tokens' numbers, above all, must not be rounded with the rest."""
    exact = [score for group in backend.match(views, [("red car",)] * len(views)) for score in group]
    rounded = [score for group in load(dtype="bfloat16").match(views, [("red car",)] * len(views)) for score in group]
    assert rounded == pytest.approx(exact, abs=0.05)


def test_a_chat_model_without_a_template_is_refused(tmp_path: Path) -> None:
    folder = tiny["write"]("llava", tmp_path / "llava")
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(UserFault, match="has no chat template; take its version for instructions"):
        chat.load(str(folder), device="cpu")


@pytest.mark.parametrize("prompt", ["no place", "{} and {}", "{0}", "{}{", "{question}"])
def test_a_prompt_needs_one_place_for_the_question(prompt: str) -> None:
    with pytest.raises(UserFault, match=r"expected a text with one \{\}"):
        chat.load("anywhere", prompt=prompt)


def test_answers_are_worded_alike() -> None:
    assert speaking.short(" A Red\n car. ") == "a red car"
    assert speaking.short("3.5") == "3.5"
    assert speaking.short("") == ""
