"""BLIP for visual question answering (Li et al., ICML 2022): answers questions, for `query`, and judges, for `match`.

The encoder reads the question with the image before it, the decoder writes the answer. Only questions of as many tokens
meet in a batch: transformers loses the mask of what fills up the shorter ones on its way to the decoder (5.19,
BlipTextSelfAttention), so that an answer would depend on what else is asked.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from visrep.env.perception import speaking, weights
from visrep.env.perception.crops import crop
from visrep.env.perception.speaking import Asked, Speaker


class Blip(Speaker):
    """The backend."""

    def __init__(self, opened: weights.Opened, batch: int, beams: int, max_tokens: int) -> None:
        self.identity = f"blip {opened.identity} {speaking.LIKELY!r} beams {beams} tokens {max_tokens}"
        self._opened = opened
        self._tokenizer = opened.processor.tokenizer
        self._text = opened.model.config.text_config
        self._batch = batch
        self._beams = beams
        self._max_tokens = max_tokens

    def write(self, asked: Sequence[Asked]) -> list[str]:
        """See `Speaker`."""
        found: dict[int, str] = {}
        with self._opened.working():
            for numbers, states in self._read(asked):
                written = self._opened.model.text_decoder.generate(
                    input_ids=speaking.padded([[self._text.bos_token_id]] * len(numbers), 0).to(states.device),
                    encoder_hidden_states=states,
                    num_beams=self._beams,
                    do_sample=False,
                    min_new_tokens=1,
                    max_new_tokens=self._max_tokens,
                    eos_token_id=self._text.sep_token_id,
                    pad_token_id=self._text.pad_token_id,
                )
                texts = self._tokenizer.batch_decode(written, skip_special_tokens=True)
                found |= zip(numbers, map(speaking.short, texts), strict=True)
        return [found[number] for number in range(len(asked))]

    def weigh(self, asked: Sequence[Asked], texts: Sequence[str]) -> list[float]:
        """See `Speaker`."""
        found: dict[int, float] = {}
        with self._opened.working():
            for numbers, states in self._read(asked):
                answers = [self._tokenizer(texts[number], add_special_tokens=False).input_ids for number in numbers]
                rows = [[self._text.bos_token_id, *tokens, self._text.sep_token_id] for tokens in answers]
                tokens = speaking.padded(rows, self._text.pad_token_id).to(states.device)
                counted = speaking.padded([[1] * len(row) for row in rows], 0).to(states.device)
                told = self._opened.model.text_decoder(
                    input_ids=tokens[:, :-1], attention_mask=counted[:, :-1], encoder_hidden_states=states
                )
                means = speaking.mean_logprobs(told.logits, tokens[:, 1:], counted[:, 1:].bool())
                found |= zip(numbers, means, strict=True)
        return [found[number] for number in range(len(asked))]

    def _read(self, asked: Sequence[Asked]) -> Iterator[tuple[list[int], Any]]:
        """What the encoder makes of questions of equal length and their images, questions × tokens × features, with
        their numbers."""
        longest = self._text.max_position_embeddings
        by_length: dict[int, list[int]] = {}
        tokens = [self._tokenizer(one.question, truncation=True, max_length=longest).input_ids for one in asked]
        for number, row in enumerate(tokens):
            by_length.setdefault(len(row), []).append(number)
        for alike in by_length.values():
            for numbers in weights.batches(alike, self._batch):
                views = list(dict.fromkeys(asked[number].view for number in numbers))
                images = self._opened.image_processor(images=[crop(view) for view in views], return_tensors="pt")
                given = self._opened.inputs({"pixel_values": images["pixel_values"]})
                seen = self._opened.model.vision_model(**given).last_hidden_state
                read = self._opened.model.text_encoder(
                    input_ids=speaking.padded([tokens[number] for number in numbers], 0).to(seen.device),
                    encoder_hidden_states=seen[[views.index(asked[number].view) for number in numbers]],
                )
                yield list(numbers), read.last_hidden_state


def load(
    model: str,
    revision: str | None = None,
    device: str = "auto",
    dtype: str = "auto",
    batch: int = 16,
    beams: int = 3,
    max_tokens: int = 10,
) -> Blip:
    """A folder or a name on the hub, such as "Salesforce/blip-vqa-base"; `batch` questions at a time.

    `beams` and `max_tokens`, of an answer, are those with which the authors' library answers questions
    (lavis/models/blip_models/blip_vqa.py in github salesforce/LAVIS).
    """
    batch, beams = weights.count("batch", batch), weights.count("beams", beams)
    max_tokens = weights.count("max_tokens", max_tokens)
    opened = weights.opened(model, revision, device, dtype, ["BlipForQuestionAnswering"])
    return Blip(opened, batch, beams, max_tokens)
