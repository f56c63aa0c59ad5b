"""The service between programs and perception: asks once, remembers, and keeps apart what differs."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from visrep.env.faults import MachineFault, UserFault
from visrep.env.perception import Answer, Detection, Request, View, scripted
from visrep.env.perception.picture import Picture
from visrep.env.perception.service import REMEMBERED, Service
from visrep.env.types import Box, Scene


class Counting(scripted.Scripted):
    """The scripted backend that notes the batches it gets."""

    def __init__(self, answer: str = "red") -> None:
        super().__init__(3, ("unicorn",), answer, ("red",), 2.5)
        self.batches: list[int] = []

    def find(self, views: Sequence[View], names: Sequence[str]) -> list[tuple[Detection, ...]]:
        self.batches.append(len(views))
        return super().find(views, names)


@pytest.fixture
def view(tmp_path: Path) -> View:
    path = tmp_path / "grey.png"
    Image.new("RGB", (30, 20), (128, 128, 128)).save(path)
    return View(Picture(path), Box(0, 0, 30, 20))


def _every_method(view: View) -> list[Request]:
    return [
        Request("find", view, ("cup",)),
        Request("query", view, ("What color is this?", None)),
        Request("query", view, ("What color is this?", ("blue", "red"))),
        Request("match", view, (("red cup", "blue cup"),)),
        Request("depth", view, ()),
        Request("complete", None, ("Say red.",)),
    ]


def test_every_method_is_answered_in_order(view: View) -> None:
    backend = scripted.load()
    find, free, chosen, match, depth, text = Service(backend, backend).answer(_every_method(view))
    assert [detection.box.left for detection in find] == [0, 10, 20]
    assert free == Answer("red")
    assert chosen == Answer("red", (0.0, 1.0))
    assert match == (1.0, 0.0)
    assert (depth, text) == (2.5, "red")


def test_equal_requests_are_asked_once_and_known_ones_never(view: View) -> None:
    backend = Counting()
    service = Service(backend)
    names = ["cup", "dog", "cup", "cup", "unicorn"]
    first = service.answer([Request("find", view, (name,)) for name in names])
    assert backend.batches == [3]
    assert [len(reply) for reply in first] == [3, 3, 3, 3, 0]
    again = View(Picture(view.picture.path), Box(0.0, 0.0, 30.0, 20.0))
    service.answer([Request("find", again, ("dog",)), Request("find", again, ("cat",))])
    assert backend.batches == [3, 1]
    figures = service.statistics()["find"]
    assert (figures["calls"], figures["hits"], figures["batches"], figures["batched"]) == (7, 3, 2, 4)


def test_what_differs_is_kept_apart(view: View, tmp_path: Path) -> None:
    backend = Counting()
    service = Service(backend)
    Image.new("RGB", (30, 20), (128, 128, 129)).save(tmp_path / "other.png")
    half = View(view.picture, Box(0, 0, 15, 20))
    other = View(Picture(tmp_path / "other.png"), view.box)
    annotated = View(Picture(view.picture.path, Scene(30, 20, ())), view.box)
    service.answer([Request("find", one, ("cup",)) for one in (view, half, other, annotated)])
    assert backend.batches == [4]


def test_replies_outlive_the_service_on_disk(view: View, tmp_path: Path) -> None:
    cache = tmp_path / "deep" / "cache.sqlite"
    requests = [*_every_method(view)[:-1], Request("complete", None, ("Say red.",))]
    backend = Counting()
    first = Service(backend, backend, cache)
    told = first.answer(requests)
    first.close()
    later = Counting()
    second = Service(later, later, cache)
    assert second.answer(requests) == told
    assert later.batches == []
    assert all(figures["hits"] == figures["calls"] for figures in second.statistics().values())
    second.close()


def test_another_identity_does_not_get_the_replies(view: View, tmp_path: Path) -> None:
    cache = tmp_path / "cache.sqlite"
    request = Request("query", view, ("What color is this?", None))
    for answer in ("red", "blue"):
        service = Service(Counting(answer), cache=cache)
        assert service.answer([request]) == [Answer(answer)]
        service.close()


FILL = """
import sys
from pathlib import Path
from visrep.env.perception import Request, View, scripted
from visrep.env.perception.picture import Picture
from visrep.env.perception.service import Service
from visrep.env.types import Box

cache, image, start = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
service = Service(scripted.load(), cache=cache)
view = View(Picture(image), Box(0, 0, 30, 20))
for number in range(start, start + 60):
    service.answer([Request("find", view, (f"cup {number}",))])
service.close()
"""


def test_several_processes_may_share_a_cache(view: View, tmp_path: Path) -> None:
    cache = tmp_path / "cache.sqlite"
    arguments = [sys.executable, "-c", FILL, str(cache), str(view.picture.path)]
    workers = [subprocess.Popen([*arguments, str(start)]) for start in (0, 30, 60)]
    assert [worker.wait() for worker in workers] == [0, 0, 0]
    backend = Counting()
    service = Service(backend, cache=cache)
    service.answer([Request("find", view, (f"cup {number}",)) for number in range(120)])
    assert backend.batches == []
    service.close()


def test_more_replies_than_fit_in_memory_are_still_answered(view: View) -> None:
    backend = scripted.load()
    service = Service(backend, backend)
    number = REMEMBERED + 10
    request = [Request("complete", None, (str(n),)) for n in range(number)]
    assert service.answer(request) == ["red"] * number
    assert len(service._known) == REMEMBERED


def test_a_file_that_is_no_cache_is_the_users_fault(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("these are not replies " * 100)
    with pytest.raises(UserFault, match="remove the file"):
        Service(scripted.load(), cache=path)
    with pytest.raises(UserFault, match=r"notes\.txt"):
        Service(scripted.load(), cache=path / "below.sqlite")


def test_without_a_text_model_llm_query_gets_an_empty_text() -> None:
    assert Service(scripted.load()).answer([Request("complete", None, ("Hello",))]) == [""]


def test_a_backend_that_loses_replies_is_a_machines_fault(view: View) -> None:
    class Losing(scripted.Scripted):
        def depth(self, views: Sequence[View]) -> list[float]:
            return super().depth(views)[:-1]

    service = Service(Losing(3, (), "red", (), 2.5))
    requests = [Request("depth", View(view.picture, Box(0, 0, 30, n)), ()) for n in (10, 20)]
    with pytest.raises(MachineFault, match="1 replies to 2 requests"):
        service.answer(requests)


class Breaking(Counting):
    """Breaks whenever more than so many are asked at once, and at anything broken."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def find(self, views: Sequence[View], names: Sequence[str]) -> list[tuple[Detection, ...]]:
        found = super().find(views, names)
        if len(names) > self.most or "broken cup" in names:
            raise RuntimeError("CUDA out of memory")
        return found


def test_a_batch_that_breaks_the_model_is_asked_once_more_one_by_one(view: View) -> None:
    backend = Breaking(most=2)
    service = Service(backend)
    names = ["cup", "unicorn", "dog"]
    assert [len(reply) for reply in service.answer([Request("find", view, (name,)) for name in names])] == [3, 0, 3]
    assert backend.batches == [3, 1, 1, 1]


def test_what_breaks_the_model_twice_is_a_machines_fault_with_the_models_message(view: View) -> None:
    backend = Breaking(most=2)
    names = ["cup", "broken cup", "dog", "cat"]
    said = r"find failed twice \(RuntimeError: CUDA out of memory\)"
    with pytest.raises(MachineFault, match=said):
        Service(backend).answer([Request("find", view, (name,)) for name in names])
    assert backend.batches == [4, 1, 1], "what comes after it is not asked any more"


def test_what_is_known_is_not_asked_again_to_be_perturbed(view: View) -> None:
    backend = Counting()
    service = Service(backend, backend)
    request, prompt = Request("find", view, ("cup",)), Request("complete", None, ("Say red.",))
    true = service.answer([request, prompt])
    perturbed = service.perturbed(seed=0)
    found, text = perturbed.answer([request, prompt])
    assert backend.batches == [1]
    assert len(found) != len(true[0])
    assert text == "red"
    assert perturbed.identity != service.identity


def test_a_reply_that_cannot_be_stored_is_a_machines_fault(view: View, tmp_path: Path) -> None:
    class Odd(scripted.Scripted):
        def depth(self, views: Sequence[View]) -> list[float]:
            return [np.float32(1.5) for _ in views]  # type: ignore[misc]

    service = Service(Odd(3, (), "red", (), 2.5), cache=tmp_path / "cache.sqlite")
    with pytest.raises(MachineFault, match=r"a reply to depth cannot be stored \(.*float32.*\); correct"):
        service.answer([Request("depth", view, ())])
    service.close()
