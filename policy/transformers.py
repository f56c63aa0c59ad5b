"""The engine that needs no server: transformers, in this process.

Several times slower than vLLM, and exact: a prompt's completions depend on its text, `n`, temperature and seed alone,
not on what it is asked beside, so a run that was resumed equals one that was not. For that every prompt is a batch of
its own: it is read once, its cache is repeated n times, and the n completions are written side by side.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from torch import Tensor
from transformers import AutoTokenizer, DynamicCache

from visrep.env.faults import MachineFault, UserFault
from visrep.policy import Completion, EngineSettings
from visrep.policy.checkpoint import check_tensors, read_model
from visrep.policy.prompt import cut
from visrep.policy.seeds import prompt_seeds


class Transformers:
    """Policy on transformers, on the GPU if there is one. `dtype` "auto" is float32 on a CPU, else the checkpoint's."""

    def __init__(self, base: Path, *, max_tokens: int = 128, top_p: float = 1.0, dtype: str = "auto") -> None:
        self.base, self.max_tokens, self.top_p = base, max_tokens, top_p
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        # On a CPU bfloat16 saves no time at these sizes, and float32 does not depend on how sums are split.
        self._dtype = "float32" if dtype == "auto" and self._device.type == "cpu" else dtype
        self._tokenizer = AutoTokenizer.from_pretrained(base)
        self._adapter: Path | None = None
        self._model = self._fresh()
        self._ends = _end_tokens(self._model, self._tokenizer)

    def sample(
        self, prompts: Sequence[str], n: int, temperature: float, seed: int
    ) -> Iterator[tuple[int, list[Completion]]]:
        """See `Policy`. Equal arguments give equal completions, whatever the other prompts are."""
        self._wake()
        for index, (prompt, prompt_seed) in enumerate(zip(prompts, prompt_seeds(prompts, seed), strict=True)):
            try:
                completions = self._write(prompt, n if temperature > 0 else 1, temperature, prompt_seed)
            except torch.OutOfMemoryError as error:
                raise MachineFault(f"out of memory while sampling ({error}); lower sampling.n") from error
            yield index, completions * (n // len(completions))

    @torch.inference_mode()
    def logprobs(self, prompts: Sequence[str], completions: Sequence[str]) -> list[list[float]]:
        """See `Policy`. Prompt and completion are tokenised apart, as they are when the policy writes."""
        self._wake()
        found = []
        for prompt, completion in zip(prompts, completions, strict=True):
            head = self._tokenizer(prompt).input_ids
            tail = self._tokenizer(completion, add_special_tokens=False).input_ids
            tokens = torch.tensor([head + tail], device=self._device)
            logits = self._model(input_ids=tokens, logits_to_keep=len(tail) + 1).logits[0, :-1].float()
            chosen = logits.log_softmax(-1).gather(1, tokens[0, len(head) :, None])
            found.append([float(value) for value in chosen[:, 0]] if tail else [])
        return found

    def load(self, adapter: Path | None) -> None:
        """See `Policy`. The base is read anew, so that no trace of an earlier adapter can be left, when the memory of
        what was loaded before is free again."""
        self.stop()
        self._model = self._fresh() if adapter is None else self._adapted(adapter)
        self._adapter = adapter

    def stop(self) -> None:
        """See `Policy`: the weights are dropped, and read again by the next call."""
        self._model = None
        if self._device.type == "cuda":
            torch.cuda.empty_cache()

    def close(self) -> None:
        """See `Policy`."""
        self.stop()

    def _wake(self) -> None:
        if self._model is None:
            self.load(self._adapter)

    def _fresh(self) -> Any:
        return read_model(self.base, self._dtype).to(self._device).eval()

    def _adapted(self, adapter: Path) -> Any:
        check_tensors(adapter / "adapter_model.safetensors")
        try:
            wrapped = PeftModel.from_pretrained(self._fresh(), adapter)
        except (ValueError, RuntimeError, KeyError) as error:
            reason = " ".join(str(error).split())[:300]
            raise UserFault(f"adapter {adapter} does not fit {self.base}: {reason}; name its own base") from None
        return wrapped.to(self._device).eval()

    @torch.inference_mode()
    def _write(self, prompt: str, n: int, temperature: float, seed: int) -> list[Completion]:
        random = torch.Generator().manual_seed(seed)
        cache = DynamicCache(config=self._model.config)
        read = torch.tensor([self._tokenizer(prompt).input_ids], device=self._device)
        logits = self._model(input_ids=read, past_key_values=cache, logits_to_keep=1).logits[:, -1]
        cache.batch_repeat_interleave(n)
        logits = logits.expand(n, -1)
        written: list[list[int]] = [[] for _ in range(n)]
        finished = [False] * n
        for _ in range(self.max_tokens):
            tokens = self._choose(logits, temperature, random)
            for row, token in enumerate(tokens.tolist()):
                if not finished[row]:
                    written[row].append(token)
                    finished[row] = token in self._ends or cut(self._text(written[row]))[1]
            if all(finished):
                break
            # Rows that are done go on unseen: the numbers of the others would depend on the batch's size otherwise.
            logits = self._model(input_ids=tokens[:, None], past_key_values=cache).logits[:, -1]
        return [Completion(cut(self._text(row))[0], end, len(row)) for row, end in zip(written, finished, strict=True)]

    def _choose(self, logits: Tensor, temperature: float, random: torch.Generator) -> Tensor:
        """One token per row."""
        if temperature == 0:
            return logits.argmax(-1)
        weights = (logits.float() / temperature).softmax(-1).cpu()
        if self.top_p < 1:
            ordered, order = weights.sort(-1, descending=True)
            ordered[ordered.cumsum(-1) - ordered >= self.top_p] = 0
            weights = torch.zeros_like(weights).scatter(-1, order, ordered)
        return torch.multinomial(weights, 1, generator=random)[:, 0].to(logits.device)

    def _text(self, tokens: list[int]) -> str:
        text: str = self._tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text


def load(base: Path, settings: EngineSettings, log: Path) -> Transformers:
    """The engine of a recipe. There is no server that would log."""
    return Transformers(base, max_tokens=settings.max_tokens, top_p=settings.top_p, dtype=settings.dtype)


def _end_tokens(model: Any, tokenizer: Any) -> set[int]:
    """Every token that ends a completion: a model may name several, and its tokenizer another."""
    ends = model.generation_config.eos_token_id
    named = set(ends) if isinstance(ends, list) else {ends}
    return {token for token in named | {tokenizer.eos_token_id} if token is not None}
