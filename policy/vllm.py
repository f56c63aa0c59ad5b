"""The main engine: vLLM, out of process, through its OpenAI-compatible server.

A server is started on first need and ends with this process, or a list of URLs of running servers is given. An adapter
is loaded at run time, under a name of its own (a server that is handed a known name keeps the old weights), or merged
into a copy of the base that is then served; `serving.py` knows which is cheaper. A server is started with room for
adapters only where one is to be served, as they cost throughput.
"""

import logging
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal

from visrep.env.faults import MachineFault, UserFault
from visrep.policy import Completion, EngineSettings
from visrep.policy.adapter import Adapter
from visrep.policy.adapter import read as read_adapter
from visrep.policy.arguments import engine_arguments, is_cpu
from visrep.policy.client import Body, Client, Lost, Reply, ask
from visrep.policy.prompt import STOP, cut
from visrep.policy.seeds import prompt_seeds
from visrep.policy.server import Server
from visrep.policy.serving import STAGE_TOKENS, Choice, choose
from visrep.policy.statistics import Statistics

_log = logging.getLogger(__name__)


class VLLM:
    """Policy on vLLM. Settings: `serve` an adapter as it is, merged into the base, or as is cheaper; `max_tokens` a
    completion may have; `top_p`; `urls` of running servers (none: one is started); `dtype` and `max_model_len` as vLLM
    takes them; `in_flight` sequences at a time; `log` gets the server's output; `port` 0 is any free one; `patience`
    in seconds with a silent server; `arguments` go to the server as they are. Raises UserFault for settings the server
    refuses, MachineFault when it is lost twice.
    """

    def __init__(
        self,
        base: Path,
        *,
        log: Path,
        serve: Literal["adapter", "merged", "auto"] = "adapter",
        max_tokens: int = 128,
        top_p: float = 1.0,
        urls: Sequence[str] = (),
        dtype: str = "auto",
        max_model_len: int | None = None,
        in_flight: int = 64,
        port: int = 0,
        patience: float = 60.0,
        arguments: Sequence[str] = (),
    ) -> None:
        if urls and serve == "merged":
            raise UserFault("serve = 'merged' restarts its server, so it cannot go with urls; use serve = 'adapter'")
        self.base, self.log, self.serve, self.max_tokens, self.top_p = base, log, serve, max_tokens, top_p
        self.urls, self.dtype, self.max_model_len = tuple(urls), dtype, max_model_len
        self.in_flight, self.port, self.patience, self.arguments = in_flight, port, patience, tuple(arguments)
        self.statistics = Statistics()
        self._choice: Choice | None = None  # not reported yet
        self._reported = Statistics()
        self._adapter: Adapter | None = None
        self._merging: bool | None = None  # not decided
        self._written_before, self._written_then = 0, 0
        self._server: Server | None = None
        self._room = 0  # rank of adapters that the running server takes
        self._weights: Adapter | None = None  # what is merged into the weights that it serves
        self._scratch: Adapter | None = None  # what is merged into those on disk
        self._clients = [Client(url, None, patience) for url in urls]

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
        for reply in self._ask(len(prompts), body, width=max(2, 2 * self.in_flight // n), each=n):
            choices = reply.body["choices"]
            beside = self._adapter is not None and not self._merging
            self.statistics.count(reply.body["usage"], len(choices), reply.seconds, beside)
            completions = [_completion(choice) for choice in choices]
            yield reply.index, completions * (n // len(completions))

    def logprobs(self, prompts: Sequence[str], completions: Sequence[str]) -> list[list[float]]:
        """See `Policy`. Prompt and completion are tokenised apart, as they are when the policy writes. The servers take
        turns: of n, the one with index i gets every prompt whose index is i modulo n."""
        found: list[list[float]] = [[] for _ in prompts]
        tails: dict[int, list[int]] = {}

        def body(index: int) -> dict[str, Any]:
            server = self._clients[0]
            tails[index] = server.tokenise(completions[index], begins=False)
            tokens = server.tokenise(prompts[index], begins=True) + tails[index]
            return {"prompt": tokens, "max_tokens": 1, "temperature": 0.0, "prompt_logprobs": 0}

        # One at a time: vLLM 0.32 dies of prompt_logprobs when several requests with an adapter are in one batch.
        for reply in self._ask(len(prompts), body, width=1, each=0):
            # One entry per prompt token, {token id: {"logprob": …}}; the first has none.
            entries = reply.body["choices"][0]["prompt_logprobs"]
            tail = entries[len(entries) - len(tails[reply.index]) :]
            found[reply.index] = [next(iter(entry.values()))["logprob"] for entry in tail]
        return found

    def load(self, adapter: Path | None) -> None:
        """See `Policy`. Starts nothing: the adapter is served from the next `sample` or `start` on."""
        new = None if adapter is None else read_adapter(adapter)
        if new == self._adapter:
            return
        self._adapter, self._merging = new, None
        written = self.statistics.completion_tokens
        self._written_before, self._written_then = written - self._written_then, written

    def stop(self) -> None:
        """Free the device; the next `sample` starts a server again. Does nothing to servers given by URL."""
        if self._server is not None:
            self._server.stop()
            self._server = None
            self._clients.pop().close()

    def close(self) -> None:
        """See `Policy`."""
        self.stop()
        for client in self._clients:
            client.close()
        shutil.rmtree(self._merged, ignore_errors=True)

    def report(self) -> dict[str, Any]:
        """See `Reporting`: counts, how the adapter is served, and where that was decided since, why."""
        record = self.statistics.since(self._reported)
        self._reported = replace(self.statistics)
        served = "base" if self._adapter is None else "merged" if self._merging else "adapter"
        choice, self._choice = self._choice, None
        return record | {"served": served} | ({"choice": asdict(choice) | {"reason": str(choice)}} if choice else {})

    # -- the server -----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Have a server that is ready to write with the current adapter."""
        try:
            self._make_ready(0)
        except Lost as loss:
            raise self._fault("was lost", loss) from loss

    def _make_ready(self, completions: int) -> None:
        """Have servers that write as they should; so many completions are about to be asked for."""
        if self._merging is None:
            self._merging = self._decide(completions)
        if not self.urls and not self._fits(self._merging):
            self.stop()
            self._start()
        for client in self._clients:
            client.serve(None if self._merging else self._adapter)

    def _decide(self, completions: int) -> bool:
        """Whether the adapter is merged before it is served."""
        if self._adapter is None or self.urls or self.serve != "auto":
            return self._adapter is not None and self.serve == "merged"
        done = self.statistics
        length = done.completion_tokens / done.completions if done.completions else self.max_tokens / 2
        tokens = max(round(completions * length), self._written_before)
        self._choice = choose(
            done,
            tokens or STAGE_TOKENS,
            starts_anyway=not self._fits(merging=False),
            weights=sum(file.stat().st_size for file in self.base.glob("*.safetensors")),
            cpu=is_cpu(),
        )
        _log.info("%s", self._choice)
        return self._choice.merged

    def _fits(self, merging: bool) -> bool:
        """Whether the server that was started is there, and can write as is wanted."""
        weights = self._adapter if merging else None
        room = self._adapter.rank if self._adapter is not None and not merging else 0
        return self._server is not None and self._server.alive() and self._weights == weights and self._room >= room

    def _start(self) -> None:
        self._weights, self._room = None, 0
        if self._merging and self._adapter is not None:
            self._merge(self._adapter)
            self._weights = self._adapter
        elif self._adapter is not None:
            self._room = self._adapter.rank
        arguments = engine_arguments(
            self.base,
            dtype=self.dtype,
            max_model_len=self.max_model_len,
            in_flight=self.in_flight,
            rank=self._room,
        )
        begin = time.monotonic()
        model = self._merged if self._merging else self.base
        self._server = Server(model, self.log, self.port, [*arguments, *self.arguments])
        self.statistics.starts += 1
        self.statistics.start_seconds += time.monotonic() - begin
        self._clients.append(Client(self._server.url, self._server.key, self.patience))

    def _merge(self, adapter: Adapter) -> None:
        if self._scratch == adapter:
            return
        begin = time.monotonic()
        from visrep.policy.merge import merge  # imports torch, which takes seconds

        self._scratch = None
        shutil.rmtree(self._merged, ignore_errors=True)
        merge(self.base, adapter.path, self._merged)
        self._scratch = adapter
        self.statistics.merges += 1
        self.statistics.merge_seconds += time.monotonic() - begin

    @property
    def _merged(self) -> Path:
        return self.log.parent / "merged"

    def _fault(self, what: str, loss: Lost) -> MachineFault:
        words = self._server.last_words() if self._server is not None else str(loss)
        return MachineFault(f"the vLLM server {what}: {words}; what was sampled before is kept")

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

    def _ask(self, count: int, body: Body, width: int, each: int) -> Iterator[Reply]:
        """Replies with `each` completions as they come. A lost server is started once more."""
        unanswered = dict.fromkeys(range(count))
        for last_try in (False, True):
            try:
                self._make_ready(len(unanswered) * each)
                for reply in self._ask_once(list(unanswered), body, width):
                    del unanswered[reply.index]
                    yield reply
                return
            except Lost as loss:
                if last_try:
                    raise self._fault("was lost twice", loss) from loss
                self._say_lost(loss, count - len(unanswered), count)
                self.stop()

    def _ask_once(self, indices: Sequence[int], body: Body, width: int) -> Iterator[Reply]:
        before = [client.counters() for client in self._clients]
        yield from ask(self._clients, indices, body, width)
        with suppress(Lost):  # there is nothing left to ask it
            for client, then in zip(self._clients, before, strict=True):
                self.statistics.count_cache(then, client.counters())

    def _say_lost(self, loss: Lost, answered: int, count: int) -> None:
        self.statistics.restarts += 1
        _log.warning(
            "the vLLM server was lost with %d of %d prompts answered, and is %s once more (%s)",
            *(answered, count, "asked" if self.urls else "started", " ".join(str(loss).split())[:300]),
        )


def load(base: Path, settings: EngineSettings, log: Path, arguments: Sequence[str] = ()) -> VLLM:
    """The engine of a recipe; `arguments` go to the server that is started, behind visrep's own and as they are."""
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
        arguments=arguments,
    )


def _completion(choice: dict[str, Any]) -> Completion:
    text, ended = cut(choice["text"])
    return Completion(text, ended or choice["finish_reason"] == "stop", len(choice["token_ids"]))
