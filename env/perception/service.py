"""The way from programs to perception: equal requests are asked once, known ones not at all, the rest in batches."""

import hashlib
import json
import time
from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from visrep.env.perception import Answer, Detection, Method, Perception, Request, TextModel, View, plain
from visrep.env.perception.asking import Inside, Models
from visrep.env.perception.cache import MOST_MB, Cache
from visrep.env.perception.perturbed import Perturbed

REMEMBERED = 100_000
"""Replies kept in memory."""

_MISSING = object()


@dataclass(slots=True)
class _Tally:
    calls: int = 0
    hits: int = 0
    batches: int = 0
    batched: int = 0
    seconds: float = 0.0
    waited: float = 0.0
    restarts: int = 0


class Service:
    """Answers the requests of all programs that wait, in order.

    Replies are remembered in memory and, with `cache`, on disk for later runs, in a file of at most `cache_mb` MB.
    Their key holds the backend's identity, the picture's pixels and annotation, the box, the method and its arguments.
    `identity` names what answers. `backend` may also be `Models` in another process, text model and all.
    """

    def __init__(
        self,
        backend: Perception | Models,
        text_model: TextModel | None = None,
        cache: Path | None = None,
        cache_mb: int = MOST_MB,
    ) -> None:
        self._models: Models = backend if isinstance(backend, Models) else Inside(backend, text_model)
        self._cache = Cache(cache, cache_mb) if cache else None
        self._known: OrderedDict[bytes, Any] = OrderedDict()
        self._tallies: defaultdict[Method, _Tally] = defaultdict(_Tally)
        self.identity = self._models.identity

    def answer(self, requests: Sequence[Request]) -> list[Any]:
        """One reply per request: find `tuple[Detection, ...]`, query `Answer`, match `tuple[float, ...]`, depth
        `float`, complete `str`. Raises MachineFault when a model breaks."""
        keys = [self._key(request) for request in requests]
        wanted = dict(zip(keys, requests, strict=True))
        replies = {key: self._known[key] for key in wanted if key in self._known}
        replies |= self._from_disk({key: wanted[key] for key in wanted if key not in replies})
        fresh = self._ask({key: wanted[key] for key in wanted if key not in replies})
        replies |= fresh
        self._remember(replies)
        for request in requests:
            self._tallies[request.method].calls += 1
            self._tallies[request.method].hits += 1
        for key in fresh:
            self._tallies[wanted[key].method].hits -= 1
        return [replies[key] for key in keys]

    def remembered(self, requests: Sequence[Request]) -> list[Any] | None:
        """The replies if all of them are in memory: they need not wait for a batch. Else None."""
        replies = {}
        keys = [self._key(request) for request in requests]
        for key in keys:
            reply = self._known.get(key, _MISSING)
            if reply is _MISSING:
                return None
            replies[key] = reply
        self._remember(replies)
        for request in requests:
            self._tallies[request.method].calls += 1
            self._tallies[request.method].hits += 1
        return [replies[key] for key in keys]

    def statistics(self) -> dict[str, dict[str, float]]:
        """By method, since the beginning: calls; hits, those answered without the model; batches that models worked in
        for the others, and requests `batched` in these, other drivers' included; `seconds` that models worked, and that
        programs `waited` for them; restarts of the models' process."""
        return {method: asdict(tally) for method, tally in sorted(self._tallies.items())}

    def perturbed(self, seed: int) -> "Service":
        """One that changes this one's replies, the same way for the same seed. It asks nothing that is known here, and
        holds nothing that has to be closed."""
        known = _Known(self)
        return Service(Perturbed(known, seed), known)

    def stop(self) -> None:
        """Free the device that models hold; they are started again when they are asked."""
        self._models.stop()

    def close(self) -> None:
        """End the models' process, if there is one, and close the cache."""
        self._models.close()
        if self._cache:
            self._cache.close()

    def _ask(self, wanted: dict[bytes, Request]) -> dict[bytes, Any]:
        """Replies of the models, which are on disk by then: method by method, so that none is lost with the next."""
        groups: defaultdict[Method, list[bytes]] = defaultdict(list)
        for key, request in wanted.items():
            groups[request.method].append(key)
        fresh: dict[bytes, Any] = {}
        for method, keys in groups.items():
            begun = time.perf_counter()
            answered = self._models.ask(method, [wanted[key] for key in keys])
            tally = self._tallies[method]
            tally.waited += time.perf_counter() - begun
            tally.batches += len(answered.batches)
            tally.batched += sum(size for size, _ in answered.batches)
            tally.seconds += sum(seconds for _, seconds in answered.batches)
            tally.restarts += answered.restarts
            replies = dict(zip(keys, answered.replies, strict=True))
            if self._cache:
                texts = {key: (method, plain.encoded(method, reply)) for key, reply in replies.items()}
                self._cache.write(self.identity, texts)
            fresh |= replies
        return fresh

    def _from_disk(self, wanted: dict[bytes, Request]) -> dict[bytes, Any]:
        found = self._cache.read(list(wanted)) if self._cache and wanted else {}
        return {key: plain.decoded(wanted[key].method, text) for key, text in found.items()}

    def _remember(self, replies: dict[bytes, Any]) -> None:
        for key, reply in replies.items():
            self._known[key] = reply
            self._known.move_to_end(key)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def _key(self, request: Request) -> bytes:
        view = request.view
        place = [] if view is None else [view.picture.fingerprint, *map(float, plain.corners(view.box))]
        text = json.dumps([self.identity, request.method, place, request.arguments])
        return hashlib.blake2b(text.encode(), digest_size=16).digest()


class _Known:
    """A service as a backend and a text model: what is known there is not asked again."""

    def __init__(self, service: Service) -> None:
        self.identity = service.identity
        self._service = service

    def find(self, views: Sequence[View], names: Sequence[str]) -> list[tuple[Detection, ...]]:
        return self._answered("find", views, [(name,) for name in names])

    def query(
        self, views: Sequence[View], questions: Sequence[str], choices: Sequence[tuple[str, ...] | None]
    ) -> list[Answer]:
        return self._answered("query", views, list(zip(questions, choices, strict=True)))

    def match(self, views: Sequence[View], texts: Sequence[tuple[str, ...]]) -> list[tuple[float, ...]]:
        return self._answered("match", views, [(group,) for group in texts])

    def depth(self, views: Sequence[View]) -> list[float]:
        return self._answered("depth", views, [() for _ in views])

    def complete(self, prompts: Sequence[str]) -> list[str]:
        return self._answered("complete", [None] * len(prompts), [(prompt,) for prompt in prompts])

    def _answered(
        self, method: Method, views: Sequence[View | None], arguments: Sequence[tuple[Any, ...]]
    ) -> list[Any]:
        return self._service.answer(
            [Request(method, view, given) for view, given in zip(views, arguments, strict=True)]
        )
