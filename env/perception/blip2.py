"""BLIP-2 (Li et al., ICML 2023) with OPT or Flan-T5: answers questions, for `query`, and judges, for `match`.

Prompt, beams and length are ViperGPT's (BLIPModel in vision_models.py of github cvlab-columbia/viper): `simple_query`
means what it means there.
"""

import re
from collections.abc import Sequence
from typing import Any

from visrep.env.perception import speaking, weights
from visrep.env.perception.crops import crop
from visrep.env.perception.speaking import Asked, Speaker

PROMPT = "Question: {} Short answer:"

_DROPPED = re.compile(r"[.!\"()*#:;~]")
_MOST_WORDS = 50
"""Of a question, as in LAVIS and ViperGPT, which drop the same characters."""


class Blip2(Speaker):
    """The backend."""

    def __init__(self, opened: weights.Opened, batch: int, beams: int, max_tokens: int) -> None:
        self.identity = f"blip2 {opened.identity} {PROMPT!r} {speaking.LIKELY!r} beams {beams} tokens {max_tokens}"
        self._opened = opened
        self._batch = batch
        self._beams = beams
        self._max_tokens = max_tokens
        self._writes_on = bool(opened.model.config.use_decoder_only_language_model)  # OPT does, T5 begins anew
        self._end = opened.model.config.text_config.eos_token_id
        opened.processor.tokenizer.padding_side = "left" if self._writes_on else "right"

    def write(self, asked: Sequence[Asked]) -> list[str]:
        """See `Speaker`."""
        model, tokenizer = self._opened.model, self._opened.processor.tokenizer
        found: list[str] = []
        for some in weights.batches(asked, self._batch):
            with self._opened.working():
                given = self._given(some)
                written = model.generate(
                    **given,
                    num_beams=self._beams,
                    length_penalty=-1.0,
                    do_sample=False,
                    min_new_tokens=1,
                    max_new_tokens=self._max_tokens,
                    pad_token_id=tokenizer.pad_token_id,
                )
                begin = given["input_ids"].shape[1] if self._writes_on else 0
                texts = tokenizer.batch_decode(written[:, begin:], skip_special_tokens=True)
            found += map(speaking.short, texts)
        return found

    def weigh(self, asked: Sequence[Asked], texts: Sequence[str]) -> list[float]:
        """See `Speaker`."""
        found: list[float] = []
        for some in weights.batches(list(zip(asked, texts, strict=True)), self._batch):
            with self._opened.working():
                given = self._given([one for one, _ in some])
                answers = [[*self._tokens(text), self._end] for _, text in some]
                told = self._after_prompts(given, answers) if self._writes_on else self._anew(given, answers)
                found += speaking.mean_logprobs(*told)
        return found

    def _given(self, asked: Sequence[Asked]) -> dict[str, Any]:
        """The model's inputs: pixels, and the prompts' tokens behind as many as the image takes."""
        prompts = [PROMPT.format(self._worded(one.question)) for one in asked]
        crops = [crop(one.view) for one in asked]
        return self._opened.inputs(
            self._opened.processor(images=crops, text=prompts, padding=True, return_tensors="pt")
        )

    def _worded(self, question: str) -> str:
        words = _DROPPED.sub("", speaking.plain(self._opened.processor.tokenizer, question).lower()).split()
        return " ".join(words[:_MOST_WORDS])

    def _tokens(self, answer: str) -> list[int]:
        tokenizer = self._opened.processor.tokenizer
        if self._writes_on:
            return speaking.continuation(tokenizer, PROMPT[-1], answer)
        return list(tokenizer(answer, add_special_tokens=False).input_ids)

    def _after_prompts(self, given: dict[str, Any], answers: list[list[int]]) -> tuple[Any, Any, Any]:
        """Logits, targets and which of them count, with each answer behind its prompt."""
        rows = [
            tokens[kept.bool()].tolist() + answer
            for tokens, kept, answer in zip(given["input_ids"], given["attention_mask"], answers, strict=True)
        ]
        place = given["input_ids"].device
        tokens = speaking.padded(rows, self._opened.processor.tokenizer.pad_token_id).to(place)
        mask = speaking.padded([[1] * len(row) for row in rows], 0).to(place)
        counted = speaking.padded(
            [[0] * (len(row) - len(answer)) + [1] * len(answer) for row, answer in zip(rows, answers, strict=True)], 0
        ).to(place)
        told = self._opened.model(**(given | {"input_ids": tokens, "attention_mask": mask}))
        return told.logits[:, :-1], tokens[:, 1:], counted[:, 1:].bool()

    def _anew(self, given: dict[str, Any], answers: list[list[int]]) -> tuple[Any, Any, Any]:
        """The same for a decoder that begins anew."""
        place = given["input_ids"].device
        tokens = speaking.padded(answers, self._opened.processor.tokenizer.pad_token_id).to(place)
        counted = speaking.padded([[1] * len(answer) for answer in answers], 0).to(place).bool()
        told = self._opened.model(**given, labels=tokens)  # it shifts them by one itself
        return told.logits, tokens, counted


def load(
    model: str,
    revision: str | None = None,
    device: str = "auto",
    dtype: str = "auto",
    batch: int = 16,
    beams: int = 5,
    max_tokens: int = 10,
) -> Blip2:
    """A folder or a name on the hub, such as "Salesforce/blip2-flan-t5-xl"; `batch` questions at a time.

    `beams` and `max_tokens`, of an answer, are ViperGPT's.
    """
    batch, beams = weights.count("batch", batch), weights.count("beams", beams)
    max_tokens = weights.count("max_tokens", max_tokens)
    opened = weights.opened(model, revision, device, dtype, ["Blip2ForConditionalGeneration"])
    return Blip2(opened, batch, beams, max_tokens)
