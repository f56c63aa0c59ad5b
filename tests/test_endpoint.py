"""Asking a model behind OpenAI's protocol: a real server, over HTTP, that is right, wrong, broken or gone."""

import base64
import io
import runpy
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from visrep.env.faults import MachineFault, UserFault
from visrep.env.perception import Answer, View, endpoint
from visrep.env.perception.picture import Picture
from visrep.env.types import Box

server = runpy.run_path(str(Path(__file__).with_name("openai_server.py")))
served: Callable[..., Any] = server["served"]
said: Callable[..., Any] = server["said"]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def view(tmp_path: Path) -> View:
    """The lower left quarter of a picture, of a colour of its own."""
    pixels = np.zeros((40, 60, 3), dtype=np.uint8)
    pixels[20:, :30] = (200, 10, 30)
    Image.fromarray(pixels).save(tmp_path / "picture.png")
    return View(Picture(tmp_path / "picture.png"), Box(0, 0, 30, 20))


def test_the_view_and_the_question_arrive_and_the_answer_comes_back_short(view: View) -> None:
    asked: list[Any] = []

    def reply(request: Any) -> Any:
        asked.append(request)
        return said(" Dark Red.\n")

    with served(reply) as url:
        assert endpoint.load(url).query([view], ["What color is this?"], [None]) == [Answer("dark red")]
    ((image, text),) = (message["content"] for message in asked[0]["messages"])
    assert text["text"].startswith("What color is this?\n")
    assert (asked[0]["model"], asked[0]["temperature"]) == ("tiny", 0)
    kind, _, data = image["image_url"]["url"].partition(",")
    assert kind == "data:image/png;base64"
    seen = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
    assert seen.shape == (20, 30, 3)
    assert (seen == (200, 10, 30)).all()


def test_answers_come_back_in_the_order_of_the_questions(view: View) -> None:
    questions = [f"question {number}" for number in range(40)]
    with served(lambda request: said(request["messages"][0]["content"][1]["text"].partition("\n")[0])) as url:
        answers = endpoint.load(url, parallel=8).query([view] * 40, questions, [None] * 40)
    assert [answer.text for answer in answers] == questions


def test_choices_are_weighed_by_the_log_probabilities_of_their_letters(view: View) -> None:
    tops = {"B": np.log(0.6), " b": np.log(0.15), "A": np.log(0.05), "The": np.log(0.2)}
    with served(lambda _: said("B", tops)) as url:
        (answer,) = endpoint.load(url).query([view], ["Which?"], [("red", "two")])
    assert answer.text == "two"
    assert answer.likelihoods == pytest.approx((0.05 / 0.8, 0.75 / 0.8))


@pytest.mark.parametrize(("text", "likelihoods"), [("B. two", (0.0, 1.0)), ("neither", (0.5, 0.5)), ("", (0.5, 0.5))])
def test_a_server_without_log_probabilities_is_taken_at_its_word(
    view: View, text: str, likelihoods: tuple[float, ...]
) -> None:
    with served(lambda _: said(text)) as url:
        (answer,) = endpoint.load(url).query([view], ["Which?"], [("red", "two")])
    assert answer.likelihoods == likelihoods


def test_a_text_matches_as_far_as_yes_is_likelier_than_no(view: View) -> None:
    def reply(request: Any) -> Any:
        return said("A", {"A": -0.1, "B": -3.0} if "red car" in str(request) else {"A": -3.0, "B": -0.1})

    with served(reply) as url:
        ((red, blue), (again,)) = endpoint.load(url).match([view, view], [("red car", "blue car"), ("red car",)])
    assert red == again > 0.9
    assert blue < 0.1


def test_prompts_without_an_image_are_completed(view: View) -> None:
    with served(lambda request: said(f" {request['messages'][0]['content'][::-1]} {request['max_tokens']} ")) as url:
        assert endpoint.load(url, max_tokens=7).complete(["abc", "de"]) == ["cba 7", "ed 7"]


def test_more_choices_than_a_server_tells_apart_are_refused(view: View) -> None:
    with served() as url, pytest.raises(UserFault, match="21 choices; an endpoint answers those with 20"):
        endpoint.load(url).query([view], ["Which?"], [tuple(map(str, range(21)))])


def test_a_server_that_is_not_there_is_told_with_the_option_to_correct() -> None:
    with served() as url:
        pass
    with pytest.raises(UserFault, match=r"no answer from .*/v1/models: .*; start the server or correct"):
        endpoint.load(url)


def test_a_server_that_dies_is_a_machines_fault(view: View) -> None:
    with served() as url:
        backend = endpoint.load(url)
    with pytest.raises(MachineFault, match="no answer from"):
        backend.query([view], ["What?"], [None])


def test_a_server_that_takes_too_long_is_a_machines_fault(view: View) -> None:
    over = threading.Event()

    def reply(_: Any) -> Any:
        over.wait(30)
        return said("late")

    with served(reply) as url:
        backend = endpoint.load(url, seconds=0.3)
        with pytest.raises(MachineFault, match="timed out"):
            backend.complete(["?"])
        over.set()


@pytest.mark.parametrize(
    ("reply", "fault", "words"),
    [
        ((500, {"error": {"message": "CUDA\nout of memory"}}), MachineFault, "failed with 500: CUDA out of memory"),
        ((503, "loading"), MachineFault, "failed with 503: loading"),
        ((400, {"error": {"message": "image too small"}}), UserFault, "refused with 400: image too small"),
        ((200, "<html>"), MachineFault, "answers what is no chat completion"),
        ((200, {"choices": []}), MachineFault, "answers what is no chat completion"),
        ((200, {"choices": None}), MachineFault, "answers what is no chat completion"),
    ],
)
def test_what_goes_wrong_is_one_line(view: View, reply: Any, fault: type[Exception], words: str) -> None:
    with served(lambda _: reply) as url:
        backend = endpoint.load(url)
        with pytest.raises(fault, match=words) as caught:
            backend.query([view], ["What?"], [None])
    assert "\n" not in str(caught.value)


def test_a_model_that_is_not_served_is_answered_with_those_that_are() -> None:
    with served() as url:
        assert "tiny hub/tiny" in endpoint.load(f"{url}/v1/", "tiny").identity
        with pytest.raises(UserFault, match="does not serve the model 'tinny'; did you mean 'tiny'"):
            endpoint.load(url, "tinny")
        with pytest.raises(UserFault, match="does not serve the model 'llama'; it serves tiny"):
            endpoint.load(url, "llama")
    with served(models=()) as url, pytest.raises(UserFault, match="it serves none"):
        endpoint.load(url)
    with served(models=[3]) as url, pytest.raises(UserFault, match="no list of models"):
        endpoint.load(url)


def test_the_key_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "secret")
    with served(lambda _: said("yes"), key="secret") as url:
        backend = endpoint.load(url, key_variable="MY_KEY")
        assert backend.complete(["?"]) == ["yes"]
        assert "secret" not in backend.identity
        with pytest.raises(UserFault, match="refused with 401: wrong key"):
            endpoint.load(url)


def test_the_identity_names_model_and_revision_and_not_where_it_runs() -> None:
    with served() as one, served() as other:
        same = {endpoint.load(url, revision="1").identity for url in (one, other)}
        assert len(same) == 1
        assert endpoint.load(one, revision="2").identity not in same
        assert endpoint.load(one, revision="1", max_tokens=9).identity not in same
