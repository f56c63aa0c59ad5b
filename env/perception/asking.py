"""Asking models: what a service relies on wherever they are, and the way to those in this process."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from visrep.env.faults import Fault, MachineFault, UserFault
from visrep.env.perception import Method, Perception, Request, TextModel, View

NO_TEXT = ""
"""The reply to `complete` without a text model: a policy may write `llm_query` unasked, which must not end the run."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answered:
    """Replies, in order; the batches that models worked in for them, each as its size, other drivers' requests
    included, and the seconds that these requests' share of it took; how often models had to be started again."""

    replies: list[Any]
    batches: tuple[tuple[int, float], ...]
    restarts: int = 0


@runtime_checkable
class Models(Protocol):
    """What answers requests: a backend in this process (`Inside`) or in another (`visrep.env.perception.remote`)."""

    identity: str

    def ask(self, method: Method, requests: Sequence[Request]) -> Answered:
        """Replies to requests of one method, as `Service.answer` gives them. Raises MachineFault when a model breaks,
        and whatever fault a backend finds."""

    def stop(self) -> None:
        """Free the device, for training say; the next call takes it again."""

    def close(self) -> None:
        """Give all resources back."""


class Inside:
    """A backend and, where there is one, a text model, in this process.

    What fails in a batch is asked once more, each request by itself: a batch may be too large for the memory, and it
    shows whose fault it was. What fails then is broken.
    """

    def __init__(self, backend: Perception, text_model: TextModel | None = None) -> None:
        self.identity = " + ".join(part.identity for part in (backend, text_model) if part)
        self._backend = backend
        self._text_model = text_model

    def ask(self, method: Method, requests: Sequence[Request]) -> Answered:
        """See `Models`."""
        begun = time.perf_counter()
        replies = self.answers(method, requests)
        for reply in replies:
            if isinstance(reply, Fault):
                raise reply
        return Answered(replies, ((len(requests), time.perf_counter() - begun),))

    def answers(self, method: Method, requests: Sequence[Request]) -> list[Any]:
        """For each request its reply, or the Fault that it came to. Once a model is found broken the rest is not asked
        any more, and comes to the same fault."""
        try:
            return self._batch(method, requests)
        except _Miscounted as fault:
            return [fault] * len(requests)
        except Exception as error:
            if not isinstance(error, UserFault):
                _log.warning("%s failed for %d requests (%s); each is asked once more", method, len(requests), error)
                _log.info("where it failed:", exc_info=True)
        replies: list[Any] = []
        for request in requests:
            replies.append(self._alone(method, request))
            if isinstance(replies[-1], MachineFault):
                break
        return replies + replies[-1:] * (len(requests) - len(replies))

    def stop(self) -> None:
        """Nothing: what is in this process stays."""

    def close(self) -> None:
        """Nothing: backends hold memory alone."""

    def _alone(self, method: Method, request: Request) -> Any:
        try:
            return self._batch(method, [request])[0]
        except Fault as fault:
            return fault
        except Exception as error:
            return MachineFault(
                f"perception {self.identity}: {method} failed twice ({type(error).__name__}: {error}); what is done is "
                "kept: mend that and resume"
            )

    def _batch(self, method: Method, requests: Sequence[Request]) -> list[Any]:
        replies = list(self._call(method, requests))
        if len(replies) != len(requests):
            raise _Miscounted(f"{self.identity}: {len(replies)} replies to {len(requests)} requests of {method}")
        return replies

    def _call(self, method: Method, requests: Sequence[Request]) -> Sequence[Any]:
        arguments = [request.arguments for request in requests]
        if method == "complete":
            if self._text_model is None:
                return [NO_TEXT for _ in requests]
            return self._text_model.complete([prompt for (prompt,) in arguments])
        views = [_view(request) for request in requests]
        match method:
            case "find":
                return self._backend.find(views, [name for (name,) in arguments])
            case "query":
                return self._backend.query(views, [one for one, _ in arguments], [offered for _, offered in arguments])
            case "match":
                return self._backend.match(views, [tuple(texts) for (texts,) in arguments])
            case "depth":
                return self._backend.depth(views)


class _Miscounted(MachineFault):
    """A backend that loses replies: asking it again would only hide it."""


def _view(request: Request) -> View:
    if request.view is None:
        raise MachineFault(f"a request of {request.method} came without its view")
    return request.view
