"""Vision models of some thousand random weights, one of each architecture, saved with their processors as on the hub.

Used through runpy: `write(kind, folder)` writes one of KINDS, which says which backend it is for. Answers are random
but always the same, and differ from view to view and from text to text.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from PIL import Image
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers.utils import logging

from visrep.env.perception import View
from visrep.env.perception.picture import Picture
from visrep.env.types import Box

_SMALL = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
_VISION = _SMALL | {"image_size": 32, "patch_size": 8}
_SQUARE = {"height": 32, "width": 32}
_ENDS = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}


class _Parts:
    """Stands for a processor whose own class wants parts that are not there."""

    def __init__(self, *parts: Any) -> None:
        self.parts = parts

    def save_pretrained(self, folder: Path) -> None:
        for part in self.parts:
            part.save_pretrained(folder)


def write(kind: str, folder: Path, seed: int = 0) -> Path:
    """The folder, with a model of this kind in it."""
    logging.disable_progress_bar()
    logging.set_verbosity_error()  # of special tokens' usual numbers, which such small vocabularies do not reach
    torch.manual_seed(seed)
    model, processor = KINDS[kind][1]()
    for weight in model.parameters():
        if weight.ndim > 1:  # large enough that what goes in shows in what comes out
            torch.nn.init.normal_(weight, std=weight[0].numel() ** -0.5)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def pictures(folder: Path, sizes: Sequence[tuple[int, int]]) -> list[View]:
    """Coarse random pictures of these widths and heights, each as a view of all of it."""
    random = np.random.default_rng(0)
    found = []
    for number, (width, height) in enumerate(sizes):
        coarse = random.integers(0, 255, (height // 8, width // 8, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((width, height)).save(folder / f"{number}.png")
        found.append(View(Picture(folder / f"{number}.png"), Box(0, 0, width, height)))
    return found


def bert_tokenizer() -> Any:
    """A token a letter; control tokens have the numbers that GroundingDINO counts on."""
    vocabulary = {"[PAD]": 0, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102, "[MASK]": 103, ".": 1012, "?": 1029}
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    vocabulary |= {token: 200 + n for n, token in enumerate([*letters, *(f"##{letter}" for letter in letters)])}
    missing = set(range(1030)) - set(vocabulary.values())
    vocabulary |= {f"[unused{number}]": number for number in sorted(missing)}
    return transformers.BertTokenizer(vocab=dict(sorted(vocabulary.items(), key=lambda item: item[1])))


def clip_tokenizer() -> Any:
    """A token a byte, another where it ends a word."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = [*alphabet, *(f"{letter}</w>" for letter in alphabet), "<|startoftext|>", "<|endoftext|>"]
    return transformers.CLIPTokenizer(vocab={token: n for n, token in enumerate(tokens)}, merges=[])


def byte_tokenizer(*control: str) -> Any:
    """A token a byte, and control tokens."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE({token: number for number, token in enumerate(["<end>", *alphabet])}, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    ends = {"bos_token": "<end>", "eos_token": "<end>", "pad_token": "<end>"}
    found = transformers.PreTrainedTokenizerFast(tokenizer_object=made, **ends)
    found.add_special_tokens({"additional_special_tokens": list(control)})
    return found


def _owlv2() -> tuple[Any, Any]:
    tokenizer = clip_tokenizer()
    text = _SMALL | {"vocab_size": len(tokenizer), "eos_token_id": tokenizer.eos_token_id, "bos_token_id": 0}
    vision = _SMALL | {"image_size": 64, "patch_size": 16}
    model = transformers.Owlv2ForObjectDetection(
        transformers.Owlv2Config(text_config=text, vision_config=vision, projection_dim=32)
    )
    images = transformers.Owlv2ImageProcessorPil(size={"height": 64, "width": 64})
    return model, transformers.Owlv2Processor(images, tokenizer)


def _grounding_dino() -> tuple[Any, Any]:
    tokenizer = bert_tokenizer()
    swin = transformers.SwinConfig(
        image_size=64, embed_dim=16, depths=[1, 1, 1, 1], num_heads=[1, 2, 2, 2], window_size=4,
        out_features=["stage2", "stage3", "stage4"],
    )  # fmt: skip
    config = transformers.GroundingDinoConfig(
        backbone_config=swin, text_config=_SMALL | {"vocab_size": len(tokenizer), "model_type": "bert"},
        d_model=64, encoder_layers=1, decoder_layers=2, encoder_attention_heads=2, decoder_attention_heads=2,
        encoder_ffn_dim=64, decoder_ffn_dim=64, num_queries=20,
    )  # fmt: skip
    images = transformers.GroundingDinoImageProcessorPil(size={"shortest_edge": 48, "longest_edge": 96})
    model = transformers.GroundingDinoForObjectDetection(config)
    return model, transformers.GroundingDinoProcessor(images, tokenizer)


def _blip() -> tuple[Any, Any]:
    tokenizer = bert_tokenizer()
    text = _SMALL | {
        "vocab_size": len(tokenizer) + 2, "bos_token_id": len(tokenizer), "sep_token_id": 102, "pad_token_id": 0,
        "eos_token_id": 102, "projection_dim": 32,
    }  # fmt: skip
    config = transformers.BlipConfig(text_config=text, vision_config=_VISION, projection_dim=32)
    images = transformers.BlipImageProcessorPil(size=_SQUARE)
    return transformers.BlipForQuestionAnswering(config), transformers.BlipProcessor(images, tokenizer)


def _blip2(t5: bool = False) -> tuple[Any, Any]:
    tokenizer = byte_tokenizer()
    images = transformers.BlipImageProcessorPil(size=_SQUARE)
    processor = transformers.Blip2Processor(images, tokenizer, num_query_tokens=4)
    common = _ENDS | {"vocab_size": len(tokenizer)}
    text: Any = transformers.OPTConfig(
        **common, hidden_size=32, ffn_dim=64, num_hidden_layers=2, num_attention_heads=2, word_embed_proj_dim=32,
        max_position_embeddings=4096,
    )  # fmt: skip
    if t5:
        sizes = {"d_model": 32, "d_kv": 16, "d_ff": 64, "num_layers": 2, "num_heads": 2}
        text = transformers.T5Config(**common, **sizes, decoder_start_token_id=0)
    config = transformers.Blip2Config(
        vision_config=_VISION, qformer_config=_SMALL | {"encoder_hidden_size": 32}, text_config=text.to_dict(),
        num_query_tokens=4, image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
    )  # fmt: skip
    return transformers.Blip2ForConditionalGeneration(config), processor


def _clip() -> tuple[Any, Any]:
    tokenizer = clip_tokenizer()
    text = _SMALL | {"vocab_size": len(tokenizer), "eos_token_id": tokenizer.eos_token_id}
    config = transformers.CLIPConfig(text_config=text, vision_config=_VISION, projection_dim=32)
    images = transformers.CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size=_SQUARE)
    return transformers.CLIPModel(config), transformers.CLIPProcessor(images, tokenizer)


def _siglip() -> tuple[Any, Any]:
    tokenizer = byte_tokenizer()
    text = _SMALL | _ENDS | {"vocab_size": len(tokenizer), "max_position_embeddings": 64}
    model = transformers.SiglipModel(transformers.SiglipConfig(text_config=text, vision_config=_VISION))
    torch.nn.init.constant_(model.logit_scale, 2.6)
    return model, transformers.SiglipProcessor(transformers.SiglipImageProcessorPil(size=_SQUARE), tokenizer)


def _dpt() -> tuple[Any, Any]:
    config = transformers.DPTConfig(
        **_VISION | {"num_hidden_layers": 4}, backbone_out_indices=[0, 1, 2, 3], neck_hidden_sizes=[8, 8, 8, 8],
        fusion_hidden_size=8,
    )  # fmt: skip
    return transformers.DPTForDepthEstimation(config), transformers.DPTImageProcessorPil(size=_SQUARE)


def _depth_anything(kind: str) -> tuple[Any, Any]:
    backbone = transformers.Dinov2Config(
        hidden_size=32, num_hidden_layers=4, num_attention_heads=2, image_size=56, patch_size=14,
        out_indices=[1, 2, 3, 4], reshape_hidden_states=False,
    )  # fmt: skip
    config = transformers.DepthAnythingConfig(
        backbone_config=backbone, patch_size=14, reassemble_hidden_size=32, neck_hidden_sizes=[8, 8, 8, 8],
        fusion_hidden_size=8, head_hidden_size=8, depth_estimation_type=kind, max_depth=20,
    )  # fmt: skip
    model = transformers.DepthAnythingForDepthEstimation(config)
    torch.nn.init.constant_(model.head.conv3.bias, 1.0)  # in front of the last ReLU, so that not all is infinitely far
    size = {"size": {"height": 56, "width": 56}, "keep_aspect_ratio": True, "ensure_multiple_of": 14}
    return model, transformers.DPTImageProcessorPil(**size)


def _llama(tokenizer: Any) -> dict[str, Any]:
    """The language model of the chat models; positions for the longest prompts that tests ask."""
    sizes = {"vocab_size": len(tokenizer), "num_key_value_heads": 1, "max_position_embeddings": 4096}
    return _SMALL | _ENDS | sizes | {"model_type": "llama"}


def _template(image: str) -> str:
    return (
        "{% for message in messages %}User:{% for part in message['content'] %}{% if part['type'] == 'image' %}"
        + image
        + "{% else %}{{ part['text'] }}{% endif %}{% endfor %}\n{% endfor %}"
        "{% if add_generation_prompt %}Assistant:{% endif %}"
    )


def _smolvlm(name: str) -> tuple[Any, Any]:
    tokenizer = byte_tokenizer("<fake_token_around_image>", "<image>", "<end_of_utterance>", "<global-img>")
    config = getattr(transformers, f"{name}Config")(
        vision_config=_VISION, text_config=_llama(tokenizer), scale_factor=2, **_ENDS,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
    )  # fmt: skip
    images = getattr(transformers, f"{name}ImageProcessorPil")(
        size={"longest_edge": 64}, max_image_size={"longest_edge": 32}
    )
    processor = transformers.Idefics3Processor(images, tokenizer, image_seq_len=4, chat_template=_template("<image>"))
    return getattr(transformers, f"{name}ForConditionalGeneration")(config), processor


def _llava() -> tuple[Any, Any]:
    tokenizer = byte_tokenizer("<image>")
    vision = _VISION | {"projection_dim": 32, "model_type": "clip_vision_model"}
    config = transformers.LlavaConfig(
        vision_config=vision, text_config=_llama(tokenizer), vision_feature_layer=-2, image_seq_length=16, **_ENDS,
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
    )  # fmt: skip
    images = transformers.CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size=_SQUARE)
    processor = transformers.LlavaProcessor(
        images, tokenizer, patch_size=8, vision_feature_select_strategy="default", num_additional_image_tokens=1,
        chat_template=_template("<image>"),
    )  # fmt: skip
    return transformers.LlavaForConditionalGeneration(config), processor


def _paligemma() -> tuple[Any, Any]:
    tokenizer = byte_tokenizer("<image>")
    images = transformers.SiglipImageProcessorPil(size=_SQUARE)
    images.image_seq_length = 16
    processor = transformers.PaliGemmaProcessor(images, tokenizer)
    config = transformers.PaliGemmaConfig(
        vision_config=_VISION | {"model_type": "siglip_vision_model", "vision_use_head": False},
        text_config=_llama(tokenizer) | {"model_type": "gemma", "head_dim": 16}, projection_dim=32, hidden_size=32,
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"), **_ENDS,
    )  # fmt: skip
    return transformers.PaliGemmaForConditionalGeneration(config), processor


def _qwen(name: str, **vision: Any) -> tuple[Any, Any]:
    tokenizer = byte_tokenizer("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
    control = {"image": "image_pad", "video": "video_pad", "vision_start": "vision_start", "vision_end": "vision_end"}
    tokens = {f"{key}_token_id": tokenizer.convert_tokens_to_ids(f"<|{token}|>") for key, token in control.items()}
    rope = {"rope_type": "default", "mrope_section": [4, 2, 2], "rope_theta": 10000.0}
    text = {key: value for key, value in _llama(tokenizer).items() if key != "model_type"}
    text |= {"rope_parameters": rope, "head_dim": 16}
    sizes = {"depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "out_hidden_size": 32}
    config = getattr(transformers, f"{name}Config")(
        text_config=text, vision_config=sizes | {"patch_size": 8} | vision, **tokens, **_ENDS
    )
    images = transformers.Qwen2VLImageProcessorPil(patch_size=8, size={"shortest_edge": 256, "longest_edge": 4096})
    tokenizer.chat_template = _template("<|vision_start|><|image_pad|><|vision_end|>")
    return getattr(transformers, f"{name}ForConditionalGeneration")(config), _Parts(images, tokenizer)


_THIRD = {"deepstack_visual_indexes": [0], "num_position_embeddings": 64}

KINDS: dict[str, tuple[str, Callable[[], tuple[Any, Any]]]] = {
    "owlv2": ("owlv2", _owlv2),
    "grounding_dino": ("grounding_dino", _grounding_dino),
    "blip": ("blip", _blip),
    "blip2": ("blip2", _blip2),
    "blip2 t5": ("blip2", partial(_blip2, t5=True)),
    "clip": ("clip", _clip),
    "siglip": ("siglip", _siglip),
    "dpt": ("depth", _dpt),
    "depth anything": ("depth", partial(_depth_anything, "relative")),
    "depth anything metric": ("depth", partial(_depth_anything, "metric")),
    "smolvlm": ("chat", partial(_smolvlm, "Idefics3")),
    "smolvlm2": ("chat", partial(_smolvlm, "SmolVLM")),
    "llava": ("chat", _llava),
    "paligemma": ("chat", _paligemma),
    "qwen2.5-vl": ("chat", partial(_qwen, "Qwen2_5_VL", window_size=32, fullatt_block_indexes=[1])),
    "qwen3-vl": ("chat", partial(_qwen, "Qwen3VL", **_THIRD)),
}
"""The backend that each kind of model is for, and what makes it."""
