"""Talking to vLLM servers over HTTP: requests, many at a time, and noticing that a server is lost.

A server that dies is noticed by its connections. One that hangs keeps them open, so a silence is followed up: a server
that is merely busy says at once how many tokens it has computed.
"""

import os
import queue
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any

import requests

from visrep.env.faults import UserFault
from visrep.policy.adapter import Adapter

Body = Callable[[int], dict[str, Any]]
"""Makes a request of an index; when it is sent and not before, as a run may have a million prompts."""

_REPLY_SECONDS = 24 * 3600.0
"""Longer than any queue in front of a request may last."""
_LOADING_SECONDS = 600.0
_IDLE_LOOKS = 10
"""Looks in a row at a silent server that computed nothing, until it is lost: one step of an engine, a batch full of
prompts on a slow CPU, may take minutes."""
_COUNTER = re.compile(r"^vllm:(\w+)_total\{[^}]*\} (\S+)$", re.MULTILINE)


class Lost(Exception):
    """A server did not answer: it is dead, or going, or hangs."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered to request `index`, and the seconds that the asker has waited since the last reply."""

    index: int
    body: dict[str, Any]
    seconds: float


class Client:
    """One server. `key` None takes that of the environment, as for a server of somebody else. So many seconds of
    silence are followed up as `patience` says, and half as many are given to questions that need no computing, which a
    server answers at once however busy it is. `model` is the name of what is asked to write."""

    def __init__(self, url: str, key: str | None, patience: float) -> None:
        self.url, self.patience, self.model = url, patience, ""
        self._key = os.environ.get("VLLM_API_KEY", "") if key is None else key
        self._loaded: set[str] = set()
        self._session = requests.Session()
        self._session.trust_env = key is None  # a proxy in the environment is not for our own server

    def serve(self, adapter: Adapter | None) -> None:
        """Have the server write with this adapter beside its base; None is what it was started with. Raises Lost."""
        models = _json(self._request("GET", "/v1/models"), "/v1/models")["data"]
        if adapter is None:
            self.model = next(model["id"] for model in models if not model.get("parent"))
            return
        served = [model["id"] for model in models if model.get("parent")]
        if adapter.name not in served:
            self._load("load", lora_name=adapter.name, lora_path=str(adapter.path))
        for name in served:
            # Other adapters of a server that others use too are left alone.
            if name in self._loaded and name != adapter.name:
                self._load("unload", lora_name=name)
        self._loaded.add(adapter.name)
        self.model = adapter.name

    def complete(self, request: dict[str, Any]) -> dict[str, Any]:
        """The reply's JSON. Raises Lost, or UserFault for what the server refuses."""
        return _json(
            self._request("POST", "/v1/completions", {"model": self.model} | request, _REPLY_SECONDS), "/v1/completions"
        )

    def tokenise(self, text: str, begins: bool) -> list[int]:
        """As the server reads a text that begins a prompt, or one that goes on. A tokenizer in this process would bring
        torch along, and with it 400 MB. Raises Lost."""
        question = {"prompt": text, "add_special_tokens": begins}
        tokens: list[int] = _json(self._request("POST", "/tokenize", question), "/tokenize")["tokens"]
        return tokens

    def counters(self) -> dict[str, float]:
        """The server's own counts since its start, such as "prefix_cache_hits"; {} if it keeps none. Raises Lost."""
        reply = self._request("GET", "/metrics")
        found: dict[str, float] = {}
        for name, value in _COUNTER.findall(reply.text if reply.status_code == 200 else ""):
            found[name] = found.get(name, 0.0) + float(value)  # one line for each engine behind the server
        return found

    def close(self) -> None:
        self._session.close()

    def _load(self, verb: str, **names: str) -> None:
        path = f"/v1/{verb}_lora_adapter"
        _json(self._request("POST", path, names, _LOADING_SECONDS), path)

    def _request(
        self, method: str, path: str, body: dict[str, Any] | None = None, seconds: float | None = None
    ) -> requests.Response:
        # A connection each: a kept one that the server closes at this moment would look like its death.
        headers = {"Authorization": f"Bearer {self._key}", "Connection": "close"}
        timeout = (10.0, seconds or self.patience / 2)
        try:
            reply = self._session.request(method, self.url + path, json=body, headers=headers, timeout=timeout)
        except requests.RequestException as error:
            raise Lost(f"{self.url}: {error}") from error
        if reply.status_code >= 500:
            raise Lost(f"{self.url}: {reply.text[:300]}")
        return reply


def ask(clients: Sequence[Client], indices: Sequence[int], body: Body, width: int) -> Iterator[Reply]:
    """Completions as they come, `width` requests a server at a time. Raises Lost as soon as one server is."""
    asked: queue.SimpleQueue[tuple[int, Client, dict[str, Any]] | None] = queue.SimpleQueue()
    answered: queue.SimpleQueue[tuple[int, dict[str, Any] | Exception]] = queue.SimpleQueue()
    workers = min(width * len(clients), len(indices))
    for _ in range(workers):
        # Not a pool of the standard library's, which would have the interpreter wait for a server that hangs.
        threading.Thread(target=_work, args=(asked, answered), name="completions", daemon=True).start()
    left, running = iter(indices), 0
    begin = time.monotonic()
    try:
        while True:
            for index in islice(left, workers - running):
                asked.put((index, clients[index % len(clients)], body(index)))
                running += 1
            if not running:
                return
            index, reply = _next(answered, clients)
            running -= 1
            if isinstance(reply, Exception):
                raise reply
            yield Reply(index, reply, time.monotonic() - begin)
            begin = time.monotonic()
    finally:
        with suppress(queue.Empty):
            while True:
                asked.get_nowait()
        for _ in range(workers):
            asked.put(None)


def _work(asked: Any, answered: Any) -> None:
    while (job := asked.get()) is not None:
        index, client, request = job
        try:
            answered.put((index, client.complete(request)))
        except Exception as error:
            answered.put((index, error))  # raised where the replies are read


def _next(answered: Any, clients: Sequence[Client]) -> tuple[int, dict[str, Any] | Exception]:
    """The next answer. While none comes, servers have to say that they live and, now and then, to have computed."""
    patience = min(client.patience for client in clients)
    before: list[dict[str, float]] = []
    idle = 0
    while True:
        try:
            found: tuple[int, dict[str, Any] | Exception] = answered.get(timeout=patience)
            return found
        except queue.Empty:
            now = [client.counters() for client in clients]
        idle = idle + 1 if before == now else 0
        before = now
        if idle == _IDLE_LOOKS and any(now):
            urls = ", ".join(client.url for client in clients)
            raise Lost(f"{urls}: answers, but has computed nothing for {idle * patience:.0f} s")


def _json(reply: requests.Response, path: str) -> dict[str, Any]:
    if reply.status_code != 200:
        raise UserFault(f"the vLLM server at {reply.url.removesuffix(path)} refused {path}: {_complaint(reply)}")
    return reply.json() if "json" in reply.headers.get("Content-Type", "") else {}


def _complaint(reply: requests.Response) -> str:
    try:
        message = str(reply.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        message = reply.text
    return " ".join(message.split())[:400]
