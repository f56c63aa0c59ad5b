"""What models take in memory, told from their configurations alone, before a weight is loaded.

Parameters are counted on torch's meta device, where a model of any size is built within seconds and holds nothing.
These are estimates of what has to be there; what engines and allocators take beside it is not known here.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visrep.policy import checkpoint

_OPTIMISER = 16
"""Bytes of an adapter's parameter in training: itself in float32, its gradient, and AdamW's two moments."""

_KEPT = 17
"""Numbers that a layer keeps for the backward pass, per token and hidden unit: 34 bytes in 16 bits, attention scores
apart (Korthikanti et al. 2022, "Reducing Activation Recomputation in Large Transformer Models", section 4.1)."""

_LOGIT = 16
"""Bytes of a logit in training, as in `visrep.train.memory`."""

_WIDTHS = {"bfloat16": 2, "float16": 2, "float32": 4}


@dataclass(frozen=True, slots=True)
class Size:
    """Of a model: its parameters, and bytes of each as they are stored; the features that go into and out of the linear
    layers which an adapter is put on, summed.

    Of a language model also: the numbers that it keeps of a token in its key-value cache, its layers, hidden units and
    vocabulary; 0 for others.
    """

    parameters: int
    width: int
    linear: int
    cached: int = 0
    layers: int = 0
    hidden: int = 0
    vocabulary: int = 0

    def weights(self, dtype: str = "auto") -> int:
        """Bytes of all parameters."""
        return self.parameters * self._width(dtype)

    def cache(self, tokens: int, dtype: str = "auto") -> int:
        """Bytes of keys and values of so many tokens: 2 · layers · key-value heads · features of a head of each."""
        return tokens * self.cached * self._width(dtype)

    def adapter(self, rank: int) -> int:
        """Parameters of a LoRA adapter on every linear layer but the head: rank · (features in + features out)."""
        return rank * self.linear

    def training(self, rank: int, tokens: int, targets: int, dtype: str) -> int:
        """Bytes that a LoRA step on one example of so many tokens, of which `targets` have a loss, takes at least: the
        weights, 16 an adapter's parameter, 17 numbers a token, layer and hidden unit, and 16 a logit."""
        width = self._width(dtype)
        kept = _KEPT * width * self.layers * self.hidden * tokens
        return self.weights(dtype) + _OPTIMISER * self.adapter(rank) + kept + _LOGIT * self.vocabulary * targets

    def _width(self, dtype: str) -> int:
        return _WIDTHS.get(dtype, self.width)


@dataclass(frozen=True, slots=True)
class Model:
    """A model that a recipe names: its role, its name, a folder or one on the hub, and how it is to be loaded. Folder
    and size are None as long as it is not here, and the size where it cannot be told."""

    role: str
    name: str
    revision: str | None
    dtype: str
    device: str
    folder: Path | None
    size: Size | None


def find(role: str, name: str, revision: str | None, dtype: str, device: str = "auto") -> Model:
    """What is known of a model without fetching it."""
    folder = checkpoint.here(name, revision)
    return Model(role, name, revision, dtype, device, folder, measure(folder) if folder else None)


def measure(folder: Path) -> Size | None:
    """The size of the model in a folder with its config.json; None where transformers cannot tell it from that."""
    import torch  # seconds to import, and transformers more
    import transformers

    try:
        config = transformers.AutoConfig.from_pretrained(folder)
        architecture = getattr(transformers, (config.architectures or [""])[0])
        with torch.device("meta"):
            model = architecture(config)
        return _size(config, model)
    except Exception:  # configurations are wrong, or of another kind, in ways without a common class
        return None


def _size(config: Any, model: Any) -> Size:
    import torch

    parameters = sum(parameter.numel() for parameter in model.parameters())
    width = getattr(config.dtype, "itemsize", _WIDTHS["float32"])
    head = model.get_output_embeddings()
    linear = sum(
        module.in_features + module.out_features
        for module in model.modules()
        if isinstance(module, torch.nn.Linear) and module is not head
    )
    if not model.can_generate():
        return Size(parameters, width, linear)
    text = config.get_text_config(decoder=True)
    heads = text.num_attention_heads
    each = getattr(text, "head_dim", None) or text.hidden_size // heads
    groups = getattr(text, "num_key_value_heads", None) or heads
    layers = text.num_hidden_layers
    cached = 2 * layers * groups * each
    return Size(parameters, width, linear, cached, layers, text.hidden_size, text.vocab_size)
