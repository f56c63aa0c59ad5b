"""The way from programs to perception: equal requests are asked once, known ones not at all, the rest in batches."""

import hashlib
import json
import time
from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from visrep.env.faults import MachineFault
from visrep.env.perception import Answer, Detection, Method, Perception, Request, TextModel, View
from visrep.env.perception.cache import Cache
from visrep.env.perception.picture import Picture
from visrep.env.types import Box

REMEMBERED = 100_000
"""Replies kept in memory."""

NO_TEXT = ""
"""The reply to `complete` without a text model: a policy may write `llm_query` unasked, which must not end the run."""

_MISSING = object()


@dataclass(slots=True)
class _Tally:
    calls: int = 0
    asked: int = 0
    batches: int = 0
    largest: int = 0
    seconds: float = 0.0


class Service:
    """Answers the requests of all programs that wait, in order.

    Replies are remembered in memory and, with `cache`, on disk for later runs. Their key holds the backend's identity,
    the picture's pixels and annotation, the box, the method and its arguments. `identity` names what answers.
    """

    def __init__(self, backend: Perception, text_model: TextModel | None = None, cache: Path | None = None) -> None:
        self.identity = " + ".join(part.identity for part in (backend, text_model) if part)
        self._backend = backend
        self._text_model = text_model
        self._cache = Cache(cache) if cache else None
        self._known: OrderedDict[bytes, Any] = OrderedDict()
        self._pictures: WeakKeyDictionary[Picture, str] = WeakKeyDictionary()
        self._tallies: defaultdict[Method, _Tally] = defaultdict(_Tally)

    def answer(self, requests: Sequence[Request]) -> list[Any]:
        """One reply per request: find `tuple[Detection, ...]`, query `Answer`, match `tuple[float, ...]`, depth
        `float`, complete `str`. Raises MachineFault when a model breaks."""
        keys = [self._key(request) for request in requests]
        wanted = dict(zip(keys, requests, strict=True))
        replies = {key: self._known[key] for key in wanted if key in self._known}
        replies |= self._from_disk({key: wanted[key] for key in wanted if key not in replies})
        fresh = self._ask({key: wanted[key] for key in wanted if key not in replies})
        if self._cache and fresh:
            self._cache.write({key: _encoded(wanted[key].method, reply) for key, reply in fresh.items()})
        replies |= fresh
        self._remember(replies)
        for request in requests:
            self._tallies[request.method].calls += 1
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
        return [replies[key] for key in keys]

    def statistics(self) -> dict[str, dict[str, float]]:
        """By method: calls, hits (answered without the model), batches, largest batch, seconds spent in the model."""
        return {
            method: {
                "calls": tally.calls,
                "hits": tally.calls - tally.asked,
                "batches": tally.batches,
                "largest_batch": tally.largest,
                "seconds": tally.seconds,
            }
            for method, tally in sorted(self._tallies.items())
        }

    def close(self) -> None:
        if self._cache:
            self._cache.close()

    def _ask(self, wanted: dict[bytes, Request]) -> dict[bytes, Any]:
        groups: defaultdict[Method, list[bytes]] = defaultdict(list)
        for key, request in wanted.items():
            groups[request.method].append(key)
        fresh: dict[bytes, Any] = {}
        for method, keys in groups.items():
            begun = time.perf_counter()
            replies = self._batch(method, [wanted[key] for key in keys])
            if len(replies) != len(keys):
                raise MachineFault(f"{self.identity}: {len(replies)} replies to {len(keys)} requests of {method}")
            fresh.update(zip(keys, replies, strict=True))
            tally = self._tallies[method]
            tally.asked += len(keys)
            tally.batches += 1
            tally.largest = max(tally.largest, len(keys))
            tally.seconds += time.perf_counter() - begun
        return fresh

    def _batch(self, method: Method, requests: list[Request]) -> Sequence[Any]:
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

    def _from_disk(self, wanted: dict[bytes, Request]) -> dict[bytes, Any]:
        found = self._cache.read(list(wanted)) if self._cache and wanted else {}
        return {key: _decoded(wanted[key].method, text) for key, text in found.items()}

    def _remember(self, replies: dict[bytes, Any]) -> None:
        for key, reply in replies.items():
            self._known[key] = reply
            self._known.move_to_end(key)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def _key(self, request: Request) -> bytes:
        view = request.view
        place = [] if view is None else [self._fingerprint(view.picture), *map(float, _corners(view.box))]
        text = json.dumps([self.identity, request.method, place, request.arguments])
        return hashlib.blake2b(text.encode(), digest_size=16).digest()

    def _fingerprint(self, picture: Picture) -> str:
        """Of pixels and annotation, since a backend may read either."""
        if picture not in self._pictures:
            scene = hashlib.blake2b(repr(picture.scene).encode(), digest_size=16).hexdigest()
            self._pictures[picture] = f"{picture.digest} {scene}"
        return self._pictures[picture]


def _view(request: Request) -> View:
    if request.view is None:
        raise MachineFault(f"a request of {request.method} came without its view")
    return request.view


def _corners(box: Box) -> tuple[float, float, float, float]:
    return box.left, box.lower, box.right, box.upper


def _encoded(method: Method, reply: Any) -> str:
    match method:
        case "find":
            return json.dumps([[*_corners(detection.box), detection.score] for detection in reply])
        case "query":
            return json.dumps([reply.text, reply.likelihoods])
        case _:
            return json.dumps(reply)


def _decoded(method: Method, text: str) -> Any:
    value = json.loads(text)
    match method:
        case "find":
            return tuple(Detection(Box(*corners), score) for *corners, score in value)
        case "query":
            return Answer(value[0], tuple(value[1]))
        case "match":
            return tuple(value)
        case _:
            return value
