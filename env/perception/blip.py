"""BLIP for visual question answering (Li et al., ICML 2022): answers questions, for `query`, and judges, for `match`.

The encoder reads the question with the image before it, the decoder writes the answer. Its parts are called one by one:
`BlipForQuestionAnswering.generate` has the decoder look at the padding of shorter questions too, so that an answer
would depend on what else is asked.
"""

from collections.abc import Sequence
from typing import Any

from visrep.env.perception import Answer, View, speaking, weights
from visrep.env.perception.crops import crop
from visrep.env.perception.speaking import Asked


class Blip:
    """The backend."""

    def __init__(self, opened: weights.Opened, batch: int, beams: int, max_tokens: int) -> None:
        self.identity = f"blip {opened.identity} {speaking.LIKELY!r} beams {beams} tokens {max_tokens}"
        self._opened = opened
        self._batch = batch
        self._beams = beams
        self._max_tokens = max_tokens

    def query(
        self, views: Sequence[View], questions: Sequence[str], choices: Sequence[tuple[str, ...] | None]
    ) -> list[Answer]:
        return speaking.query(self, views, questions, choices)

    def match(self, views: Sequence[View], texts: Sequence[tuple[str, ...]]) -> list[tuple[float, ...]]:
        return speaking.match(self, views, texts)

    def write(self, asked: Sequence[Asked]) -> list[str]:
        """See `Speaker`."""
        config, decoder = self._opened.model.config.text_config, self._opened.model.text_decoder
        found: list[str] = []
        for some in weights.batches(asked, self._batch):
            with self._opened.working():
                states, mask = self._read(some)
                written = decoder.generate(
                    input_ids=mask.new_full((len(some), 1), config.bos_token_id),
                    encoder_hidden_states=states,
                    encoder_attention_mask=mask,
                    num_beams=self._beams,
                    do_sample=False,
                    min_new_tokens=1,
                    max_new_tokens=self._max_tokens,
                    eos_token_id=config.sep_token_id,
                    pad_token_id=config.pad_token_id,
                )
                texts = self._opened.processor.tokenizer.batch_decode(written, skip_special_tokens=True)
            found += map(speaking.short, texts)
        return found

    def weigh(self, asked: Sequence[Asked], texts: Sequence[str]) -> list[float]:
        """See `Speaker`."""
        config, decoder = self._opened.model.config.text_config, self._opened.model.text_decoder
        tokenizer = self._opened.processor.tokenizer
        found: list[float] = []
        for some in weights.batches(list(zip(asked, texts, strict=True)), self._batch):
            with self._opened.working():
                states, mask = self._read([one for one, _ in some])
                answers = [tokenizer(text, add_special_tokens=False).input_ids for _, text in some]
                rows = [[config.bos_token_id, *tokens, config.sep_token_id] for tokens in answers]
                tokens = speaking.padded(rows, config.pad_token_id).to(mask.device)
                counted = speaking.padded([[1] * len(row) for row in rows], 0).to(mask.device)
                told = decoder(
                    input_ids=tokens[:, :-1],
                    attention_mask=counted[:, :-1],
                    encoder_hidden_states=states,
                    encoder_attention_mask=mask,
                )
                found += speaking.mean_logprobs(told.logits, tokens[:, 1:], counted[:, 1:].bool())
        return found

    def _read(self, asked: Sequence[Asked]) -> tuple[Any, Any]:
        """What the encoder makes of each question and its image (rows × tokens × features), and which tokens of it are
        none that fill up."""
        model, tokenizer = self._opened.model, self._opened.processor.tokenizer
        views = list(dict.fromkeys(one.view for one in asked))
        images = self._opened.image_processor(images=[crop(view) for view in views], return_tensors="pt")
        longest = model.config.text_config.max_position_embeddings
        read = tokenizer(
            [one.question for one in asked], padding=True, truncation=True, max_length=longest, return_tensors="pt"
        )
        given = self._opened.inputs(
            {"pixels": images["pixel_values"], "tokens": read["input_ids"], "mask": read["attention_mask"]}
        )
        seen = model.vision_model(pixel_values=given["pixels"]).last_hidden_state
        states = model.text_encoder(
            input_ids=given["tokens"],
            attention_mask=given["mask"],
            encoder_hidden_states=seen[[views.index(one.view) for one in asked]],
        ).last_hidden_state
        return states, given["mask"]


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
