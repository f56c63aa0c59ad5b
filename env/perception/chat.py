"""Chat models that read images (SmolVLM, Idefics3, Qwen-VL, LLaVA, PaliGemma): answer questions, for `query`, and
judge, for `match`.

The question goes into the model's own chat template. PaliGemma has none: it is asked in the words it was trained on
visual question answering with, "answer en ..." (Beyer et al., 2024), which ask for a short answer by themselves.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from visrep.env.faults import UserFault
from visrep.env.perception import speaking, weights
from visrep.env.perception.crops import crop
from visrep.env.perception.speaking import PROMPT, Asked, Speaker

ARCHITECTURES = (
    "Idefics3ForConditionalGeneration",
    "SmolVLMForConditionalGeneration",
    "Qwen2VLForConditionalGeneration",
    "Qwen2_5_VLForConditionalGeneration",
    "Qwen3VLForConditionalGeneration",
    "LlavaForConditionalGeneration",
    "PaliGemmaForConditionalGeneration",
)

_PALIGEMMA = "<image>answer en {}"

_OF_ANSWER = {"attention_mask": 1, "token_type_ids": 1, "mm_token_type_ids": 0}
"""What stands beside an answer's tokens in a model's other inputs: PaliGemma reads them one after the other (1), not
all at once like the prompt, and to Qwen-VL they are text (0)."""


class Chat(Speaker):
    """The backend. Raises UserFault for a model without a chat template, PaliGemma apart."""

    def __init__(self, opened: weights.Opened, batch: int, prompt: str, max_tokens: int) -> None:
        self.identity = f"chat {opened.identity} {prompt!r} {speaking.LIKELY!r} tokens {max_tokens}"
        self._opened = opened
        self._batch = batch
        self._prompt = prompt
        self._max_tokens = max_tokens
        self._has_template = opened.model.config.model_type != "paligemma"
        processor, self._tokenizer = opened.processor, opened.processor.tokenizer
        processor.chat_template = processor.chat_template or self._tokenizer.chat_template
        if self._has_template and not processor.chat_template:
            remedy = "take its version for instructions, or put its chat_template.jinja into the folder"
            raise UserFault(f"model {opened.name!r} has no chat template; {remedy}")
        # PaliGemma's processor ends every prompt in a line break.
        self._before = self._worded("?")[-1] if self._has_template else "\n"
        self._tokenizer.padding_side = "left"
        self._tokenizer.pad_token = self._tokenizer.pad_token or self._tokenizer.eos_token
        ends = opened.model.generation_config.eos_token_id
        self._ends = ends if isinstance(ends, list) else [self._tokenizer.eos_token_id if ends is None else ends]

    def write(self, asked: Sequence[Asked]) -> list[str]:
        """See `Speaker`."""
        found: list[str] = []
        for some in weights.batches(asked, self._batch):
            with self._opened.working():
                given = self._given(some)
                written = self._opened.model.generate(
                    **given,
                    do_sample=False,
                    min_new_tokens=1,
                    max_new_tokens=self._max_tokens,
                    eos_token_id=self._ends,
                    pad_token_id=self._tokenizer.pad_token_id,
                )
                begin = given["input_ids"].shape[1]
                found += map(speaking.short, self._tokenizer.batch_decode(written[:, begin:], skip_special_tokens=True))
        return found

    def weigh(self, asked: Sequence[Asked], texts: Sequence[str]) -> list[float]:
        """See `Speaker`."""
        found: list[float] = []
        for some in weights.batches(list(zip(asked, texts, strict=True)), self._batch):
            with self._opened.working():
                given = self._given([one for one, _ in some])
                tokens = [speaking.continuation(self._tokenizer, self._before, text) for _, text in some]
                counted = self._append(given, [[*answer, self._ends[0]] for answer in tokens])
                # Only the few positions that tell of an answer need logits, which take a vocabulary's room each.
                wanted = counted.any(0).nonzero()[:, 0]
                told = self._opened.model(**given, logits_to_keep=wanted - 1, use_cache=False)
                found += speaking.mean_logprobs(told.logits, given["input_ids"][:, wanted], counted[:, wanted])
        return found

    def _given(self, asked: Sequence[Asked]) -> dict[str, Any]:
        """The model's inputs: each prompt with its image, filled up on the left."""
        given = self._opened.processor(
            images=[crop(one.view) for one in asked],
            text=[self._worded(one.question) for one in asked],
            padding=True,
            return_tensors="pt",
        )
        given.pop("labels", None)  # PaliGemma's processor makes some of any prompt
        return self._opened.inputs(given)

    def _worded(self, question: str) -> str:
        question = speaking.plain(self._tokenizer, question)
        if not self._has_template:
            return _PALIGEMMA.format(question)
        content = [{"type": "image"}, {"type": "text", "text": self._prompt.format(question)}]
        prompt: str = self._opened.processor.apply_chat_template(
            [{"role": "user", "content": content}], add_generation_prompt=True
        )
        return prompt

    def _append(self, given: dict[str, Any], answers: list[list[int]]) -> Any:
        """Put each answer's tokens behind its prompt's, which then begin on the left: so no position depends on how
        long other prompts are. Returns which tokens are an answer's, rows × tokens."""
        kept = given["attention_mask"].bool()
        beside = {name: _OF_ANSWER[name] for name in _OF_ANSWER if name in given}
        fills = {"input_ids": self._tokenizer.pad_token_id, **beside, "attention_mask": 0}
        for name, fill in fills.items():
            rows = [
                row[real].tolist() + ([beside[name]] * len(answer) if name in beside else answer)
                for row, real, answer in zip(given[name], kept, answers, strict=True)
            ]
            given[name] = speaking.padded(rows, fill).to(kept.device)
        prompts = kept.sum(1).tolist()
        rows = [[0] * prompt + [1] * len(answer) for prompt, answer in zip(prompts, answers, strict=True)]
        return speaking.padded(rows, 0).to(kept.device).bool()


def load(
    model: str,
    revision: str | None = None,
    device: str = "auto",
    dtype: str = "auto",
    batch: int = 8,
    prompt: str = PROMPT,
    max_tokens: int = 16,
) -> Chat:
    """A folder or a name on the hub, such as "HuggingFaceTB/SmolVLM-Instruct"; `batch` questions at a time.

    `prompt` has {} where the question goes; PaliGemma does not read it. Answers end after `max_tokens`.
    """
    batch, max_tokens = weights.count("batch", batch), weights.count("max_tokens", max_tokens)
    if prompt.count("{}") != 1 or prompt.count("{") + prompt.count("}") != 2:
        raise UserFault(f"option 'prompt' is {prompt!r}; expected a text with one {{}}, where the question goes")
    return Chat(weights.opened(model, revision, device, dtype, ARCHITECTURES, _processor), batch, prompt, max_tokens)


def _processor(folder: Path) -> Any:
    """The model's processor. Those of two families read videos too, for which one wants torchvision and the other
    num2words; pictures need neither."""
    import transformers

    kind = str(json.loads((folder / "config.json").read_text(encoding="utf-8"))["model_type"])
    if kind.startswith("qwen"):
        return _qwen_processor().from_pretrained(folder)
    if kind == "smolvlm":
        return transformers.Idefics3Processor.from_pretrained(folder)  # the same but for videos
    return transformers.AutoProcessor.from_pretrained(folder)


def _qwen_processor() -> Any:
    """Qwen-VL's processor for pictures alone, as a class: transformers takes from the parameters of `__init__` what
    a processor consists of."""
    from transformers import Qwen2_5_VLProcessor
    from transformers.processing_utils import ProcessorMixin

    class Pictures(Qwen2_5_VLProcessor):  # type: ignore[misc]
        def __init__(
            self, image_processor: Any = None, tokenizer: Any = None, chat_template: Any = None, **_: Any
        ) -> None:
            ProcessorMixin.__init__(self, image_processor, tokenizer, chat_template=chat_template)
            self.image_token = "<|image_pad|>"
            self.image_token_id = tokenizer.convert_tokens_to_ids(self.image_token)

    return Pictures
