"""The host's side of the visual API, without a process: what is refused, what is counted, what is logged."""

from typing import Any

import pytest

from visrep.env.perception.picture import Picture
from visrep.env.visual_api import Exhausted, Misuse, Session, Unknown


@pytest.fixture
def session(blank_picture: Picture) -> Session:
    made = Session([blank_picture], most_calls=5, most_patches=3)
    made.images()
    return made


def test_a_handle_is_valid_in_its_own_run_only(session: Session, blank_picture: Picture) -> None:
    other = Session([blank_picture, blank_picture], most_calls=5, most_patches=3)
    assert [reply[0] for reply in other.images()] == [0, 1]
    other.ask("exists", [1, "cup"])
    with pytest.raises(Unknown):
        session.ask("exists", [1, "cup"])


@pytest.mark.parametrize("handle", [-1, True, 0.0, "0", None, [0], 10**30])
def test_only_whole_numbers_that_were_given_out_are_handles(session: Session, handle: Any) -> None:
    with pytest.raises(Unknown):
        session.ask("compute_depth", [handle])


@pytest.mark.parametrize(("method", "arguments"), [("ask", []), ("find", [0]), ("find", [0, "a", "b"]), ("", [])])
def test_what_the_api_never_sends_is_no_call(session: Session, method: str, arguments: list[Any]) -> None:
    with pytest.raises(Unknown):
        session.ask(method, arguments)


def test_calls_are_counted_wrong_ones_included(session: Session) -> None:
    for _ in range(5):
        with pytest.raises(Misuse):
            session.ask("find", [0, ""])
    with pytest.raises(Exhausted, match="more than 5 calls"):
        session.ask("find", [0, "cup"])


def test_a_call_that_asks_for_many_things_counts_as_many(session: Session) -> None:
    handle = session.images()[0][0]
    session.ask("best_image_match", [[handle] * 4, ["a cup", "a plate"]])
    with pytest.raises(Exhausted, match="more than 5 calls"):
        session.ask("best_image_match", [[handle] * 2, ["a cup"]])


def test_patches_are_counted(session: Session) -> None:
    for _ in range(2):
        session.answer(session.ask("crop", [0, 0, 0, 9, 9]), (), 0.0)
    with pytest.raises(Exhausted, match="more than 3 patches"):
        session.answer(session.ask("crop", [0, 0, 0, 9, 9]), (), 0.0)


def test_a_deeply_nested_argument_is_refused_without_being_printed(session: Session) -> None:
    nested: list[Any] = []
    for _ in range(900):
        nested = [nested]
    with pytest.raises(Misuse, match="found a list"):
        session.ask("find", [0, nested])
    assert session.calls[0].error == "find: object_name should be a text, found a list"


def test_a_call_without_models_needs_no_request(session: Session) -> None:
    assert session.ask("crop", [0, 0, 0, 9, 9]).requests == ()
    assert len(session.ask("exists", [0, "cup"]).requests) == 1
