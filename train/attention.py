"""Attention over a packed row that does no work for pairs of tokens that may not see each other.

A dense mask over a row of 700 prefix tokens and 32 tails of 60 computes seven million pairs per head, of which two
million count. Here all queries meet the prefix's keys in one product and the keys of their own tail in another; the two
softmaxes are joined by their normalisers. Plain matrix products, because on a CPU without matrix units the fused
kernels are slower in bfloat16 than the products they save. On a GPU a dense mask in a fused kernel is good enough.

`register()` makes it known to transformers as the attention implementation `NAME`. A row reaches it as the argument
`layout` of the model's forward; without one it is causal attention.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward

NAME = "visrep_packed"


@dataclass(frozen=True, slots=True)
class Layout:
    """A packed row: `shared` prefix tokens, then tails of these lengths, without padding between them."""

    shared: int
    lengths: tuple[int, ...]


def register() -> str:
    """Make the implementation known to transformers; returns its name."""
    AttentionInterface.register(NAME, packed_attention)
    return NAME


def dense_mask(layout: Layout, device: torch.device) -> Tensor:
    """What may be seen, bool, (1, 1, tokens, tokens), for `sdpa`; the `eager` attention misreads a bool mask."""
    lengths = torch.tensor([layout.shared, *layout.lengths])
    owner = torch.repeat_interleave(torch.arange(len(lengths)), lengths).to(device)
    return ((owner[:, None] == owner) | (owner == 0)).tril()[None, None]


def packed_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    layout: Layout | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """transformers' interface. `query` (1, heads, tokens, d); `key`, `value` (1, groups, tokens, d), where heads are a
    multiple of groups. Returns (1, tokens, heads, d)."""
    if layout is None:
        output: Tensor = sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **others)[0]
        return output, None
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    query, key = query.to(value.dtype), key.to(value.dtype)
    joined: Tensor = _Packed.apply(query[0], key[0] * scale, value[0], layout)  # type: ignore[no-untyped-call]
    return joined.transpose(0, 1)[None], None


@dataclass(frozen=True, slots=True)
class _Padding:
    """Between tails end to end (m tokens) and tails padded to the longest (n tails of l slots)."""

    gather: Tensor  # (n·l,): the token in each slot; any token where the slot is padding
    scatter: Tensor  # (m,): the slot of each token
    filled: Tensor  # (n, 1, l, 1) bool
    count: int

    def pad(self, x: Tensor) -> Tensor:
        """(heads, m, d) to (n, heads, l, d)."""
        return x.index_select(1, self.gather).reshape(x.shape[0], self.count, -1, x.shape[-1]).transpose(0, 1)

    def unpad(self, x: Tensor) -> Tensor:
        """(n, heads, l, d) to (heads, m, d)."""
        return x.transpose(0, 1).flatten(1, 2).index_select(1, self.scatter)


@lru_cache(maxsize=16)
def _padding(layout: Layout) -> _Padding:
    lengths = torch.tensor(layout.lengths)
    slots = torch.arange(int(lengths.max()))
    filled = slots < lengths[:, None]
    gather = ((lengths.cumsum(0) - lengths)[:, None] + slots).clamp(max=int(lengths.sum()) - 1)
    return _Padding(gather.flatten(), filled.flatten().nonzero()[:, 0], filled[:, None, :, None], len(lengths))


class _Packed(torch.autograd.Function):
    """Exact attention over a packed row: `query` (heads, tokens, d), `key`, `value` (groups, tokens, d).

    With o1, o2 the outputs over the prefix and over the own tail and z1, z2 the log-normalisers of their softmaxes, the
    output is w·o1 + (1 - w)·o2, w = sigmoid(z1 - z2). The backward pass is that of softmax attention, dS = P(dP - D)
    with D = sum(dO·O), on each part, P being the part's probabilities times its weight.
    """

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, layout: Layout) -> Tensor:
        shared, padding = layout.shared, _padding(layout)
        with torch.autocast(query.device.type, enabled=False):
            prefix, z1 = _probabilities(query, key[:, :shared], _after(shared))
            output = _grouped(prefix, value[:, :shared], query.shape[0])
            tail_query, tail_key, tail_value = (padding.pad(x[:, shared:]) for x in (query, key, value))
            own, z2 = _probabilities(tail_query, tail_key, _after(tail_key.shape[-2]))
            weight = torch.ones_like(z1)
            weight[:, shared:] = torch.sigmoid(z1[:, shared:] - padding.unpad(z2))
            output *= weight.to(output.dtype)
            rest = (1 - weight[:, shared:]).to(output.dtype)
            output[:, shared:] += padding.unpad(_grouped(own, tail_value, query.shape[0])) * rest
        ctx.layout = layout
        ctx.save_for_backward(query, key, value, prefix, own, weight, output)
        return output

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        query, key, value, prefix, own, weight, output = ctx.saved_tensors
        shared, padding, grad = ctx.layout.shared, _padding(ctx.layout), gradients[0]
        mean = (grad * output).sum(-1, keepdim=True, dtype=torch.float32)
        keys, values = torch.zeros_like(key), torch.zeros_like(value)
        queries, keys[:, :shared], values[:, :shared] = _part(
            query, key[:, :shared], value[:, :shared], prefix, grad * weight.to(grad.dtype), mean * weight
        )
        rest = 1 - weight[:, shared:]
        own_query, own_key, own_value = (padding.pad(x[:, shared:]) for x in (query, key, value))
        own_grad = padding.pad(grad[:, shared:] * rest.to(grad.dtype)) * padding.filled
        own_mean = padding.pad(mean[:, shared:] * rest) * padding.filled
        parts = [padding.unpad(x) for x in _part(own_query, own_key, own_value, own, own_grad, own_mean)]
        queries[:, shared:] += parts[0]
        keys[:, shared:], values[:, shared:] = parts[1], parts[2]
        return queries, keys, values, None


@lru_cache(maxsize=16)
def _after(length: int) -> Tensor:
    """(length, length) bool: which keys come after the query."""
    return torch.ones(length, length, dtype=torch.bool).triu(1)


def _fold(x: Tensor, groups: int) -> Tensor:
    """(…, heads, q, d) to (…·groups, heads/groups·q, d): heads that share keys side by side."""
    return x.reshape(-1, x.shape[-3] // groups * x.shape[-2], x.shape[-1])


def _probabilities(query: Tensor, key: Tensor, after: Tensor) -> tuple[Tensor, Tensor]:
    """Softmax over the keys (…, heads, q, k) and its log-normaliser (…, heads, q, 1) in float32.

    `after` (k, k) masks the first k queries of each head; later ones see all keys.
    """
    groups, length = key.shape[-3], key.shape[-2]
    scores = torch.bmm(_fold(query, groups), key.flatten(0, -3).transpose(1, 2))
    scores = scores.view(*query.shape[:-1], length)
    scores[..., :length, :].masked_fill_(after, -torch.inf)
    first = scores[..., :1].float()
    probabilities = scores.softmax(-1)
    # p = exp(s - z) gives z from any key's score and probability. The first key is seen by every query; a reduction
    # over all keys would cost as much as the softmax. Only where its probability underflows does it have to be done.
    normaliser = first - probabilities[..., :1].float().log()
    if not bool(normaliser.isfinite().all()):
        normaliser = scores.float().logsumexp(-1, keepdim=True)
    return probabilities, normaliser


def _grouped(probabilities: Tensor, value: Tensor, heads: int) -> Tensor:
    """(…, heads, q, k) times (…, groups, k, d): (…, heads, q, d)."""
    product = torch.bmm(_fold(probabilities, value.shape[-3]), value.flatten(0, -3))
    return product.view(*probabilities.shape[:-1], value.shape[-1])


def _part(
    query: Tensor, key: Tensor, value: Tensor, probabilities: Tensor, grad: Tensor, mean: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of query, key and value of one part, from the output's gradient and D, both times the part's weight."""
    groups = key.shape[-3]
    flat_key, flat_value = key.flatten(0, -3), value.flatten(0, -3)
    folded, grad = _fold(probabilities, groups), _fold(grad, groups)
    values = torch.bmm(folded.transpose(1, 2), grad)
    scores = torch.bmm(grad, flat_value.transpose(1, 2)).sub_(_fold(mean, groups).to(grad.dtype)).mul_(folded)
    keys = torch.bmm(scores.transpose(1, 2), _fold(query, groups))
    queries = torch.bmm(scores, flat_key)
    return queries.view(query.shape), keys.view(key.shape), values.view(value.shape)
