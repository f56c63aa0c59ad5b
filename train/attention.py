"""Attention over a packed row that does no work for pairs of tokens that may not see each other.

A dense mask over a row of 700 prefix tokens and 32 tails of 60 computes seven million pairs per head, of which two
million count. Here the prefix attends to itself, the tails to the prefix, and each tail to itself; what a tail gets of
both is joined by the normalisers. No matrix of scores is kept for the backward pass: over a prefix of 4,000 tokens
those would take 11 GB in a model of 135M parameters. Forward each part is one call of torch's fused CPU kernel. That
one's backward pass takes more than twice as long in bfloat16 as plain matrix products over a few queries at a time
(2 cores with AVX-512: 12 against 5 ms at 550 tokens, 45 against 19 at 1,500), so those are done here. On a GPU a dense
mask in a fused kernel is good enough.

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

# What scaled_dot_product_attention runs on a CPU, called directly for the normalisers that it keeps to itself.
_forward = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu

_AT_ONCE = 128
"""Queries of each head whose scores are in memory at a time in the backward pass; of 128, 256 and 512 the fastest."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A packed row: `shared` prefix tokens, at least 1, then tails of these lengths, without padding between them."""

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
    query, key = query.to(value.dtype), key.to(value.dtype)
    joined: Tensor = _Packed.apply(query, key, value, layout, scaling)  # type: ignore[no-untyped-call]
    return joined.transpose(1, 2), None


@dataclass(frozen=True, slots=True)
class _Padding:
    """Between tails end to end (m tokens) and tails padded to the longest (n tails of l slots)."""

    gather: Tensor  # (n·l,): the token in each slot; any token where the slot is padding
    scatter: Tensor  # (m,): the slot of each token
    empty: Tensor  # (n, 1, l) bool
    count: int

    def pad(self, x: Tensor) -> Tensor:
        """(1, heads, m, …) to (n, heads, l, …)."""
        slots = x[0].index_select(1, self.gather)
        return slots.view(len(slots), self.count, -1, *slots.shape[2:]).transpose(0, 1)

    def unpad(self, x: Tensor) -> Tensor:
        """(n, heads, l, …) to (1, heads, m, …)."""
        return x.transpose(0, 1).flatten(1, 2).index_select(1, self.scatter)[None]


@lru_cache(maxsize=16)
def _padding(layout: Layout) -> _Padding:
    lengths = torch.tensor(layout.lengths)
    slots = torch.arange(int(lengths.max()))
    filled = slots < lengths[:, None]
    gather = ((lengths.cumsum(0) - lengths)[:, None] + slots).clamp(max=int(lengths.sum()) - 1)
    return _Padding(gather.flatten(), filled.flatten().nonzero()[:, 0], ~filled[:, None], len(lengths))


class _Packed(torch.autograd.Function):
    """Exact attention over a packed row: `query` (1, heads, tokens, d), `key`, `value` (1, groups, tokens, d).

    With o1, o2 a tail's outputs over the prefix and over itself and z1, z2 the log-normalisers of their softmaxes, the
    output is w·o1 + (1 - w)·o2, w = sigmoid(z1 - z2), and its log-normaliser z = log(exp z1 + exp z2). The backward
    pass of attention, dS = P(dP - D) with P = exp(S - z) and D = sum(dO·O), treats every key alone; so given D and z of
    the whole, each part is gone through by itself.
    """

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, layout: Layout, scaling: float | None) -> Tensor:
        shared, padding = layout.shared, _padding(layout)
        head = [x[:, :, :shared] for x in (query, key, value)]
        tail = [x[:, :, shared:] for x in (query, key, value)]
        output, normaliser = torch.empty_like(query), query.new_empty(query.shape[:-1], dtype=torch.float32)
        output[:, :, :shared], normaliser[:, :, :shared] = _forward(*head, is_causal=True, scale=scaling)
        over_prefix, z1 = _forward(tail[0], *head[1:], scale=scaling)
        own, z2 = (padding.unpad(x) for x in _forward(*map(padding.pad, tail), is_causal=True, scale=scaling))
        weight = torch.sigmoid(z1 - z2)[..., None]
        output[:, :, shared:] = torch.lerp(own.float(), over_prefix.float(), weight)
        normaliser[:, :, shared:] = torch.logaddexp(z1, z2)
        ctx.layout, ctx.scaling = layout, scaling
        ctx.save_for_backward(query, key, value, output, normaliser)
        return output

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, output, normaliser = ctx.saved_tensors
        shared, padding = ctx.layout.shared, _padding(ctx.layout)
        scale = query.shape[-1] ** -0.5 if ctx.scaling is None else ctx.scaling
        mean = (gradients[0] * output).sum(-1, dtype=torch.float32)
        every = (gradients[0], query, key, value, normaliser, mean)
        head = [x[:, :, :shared] for x in every]
        tail = [x[:, :, shared:] for x in every]
        prefix = _part(*head, scale=scale, causal=True)
        over_prefix = _part(*tail[:2], *head[2:4], *tail[4:], scale=scale, causal=False)
        padded = [padding.pad(x) for x in tail]
        padded[4].masked_fill_(padding.empty, _NEVER)
        own = [padding.unpad(x) for x in _part(*padded, scale=scale, causal=True)]
        queries = torch.cat((prefix[0], over_prefix[0] + own[0]), 2)
        keys, values = (torch.cat((prefix[n] + over_prefix[n], own[n]), 2) for n in (1, 2))
        return queries, keys, values, None, None


_NEVER = 1e30
"""The log-normaliser of a query that is none: it sees nothing, and so has no gradient."""


def _part(
    grad: Tensor,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    normaliser: Tensor,
    mean: Tensor,
    *,
    scale: float,
    causal: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """What attention over these keys adds to the gradients of query, key and value: (n, heads, q, d) and twice
    (n, groups, k, d). `normaliser` and `mean` (n, heads, q) are z and D in float32."""
    groups, length = key.shape[1], query.shape[2]
    flat_key, flat_value = key.flatten(0, 1), value.flatten(0, 1)
    queries, keys, values = torch.empty_like(query), torch.zeros_like(flat_key), torch.zeros_like(flat_value)
    # exp(S - z) from the product itself, with z in two numbers: S alone, rounded to bfloat16, would be off by percents.
    coarse = normaliser.to(query.dtype)
    fine = (normaliser - coarse).to(query.dtype)
    extended = torch.cat((query * scale, -coarse[..., None], -fine[..., None]), -1)
    seen = torch.cat((flat_key, flat_key.new_ones(*flat_key.shape[:2], 2)), -1)
    for first in range(0, length, _AT_ONCE):
        part = slice(first, min(first + _AT_ONCE, length))
        end = part.stop if causal else key.shape[2]
        out, own, rest = (_fold(x[:, :, part], groups) for x in (grad, extended, mean[..., None]))
        scores = torch.bmm(own, seen[:, :end].transpose(1, 2))
        if causal:
            later = torch.ones(part.stop - first, part.stop - first, dtype=torch.bool).triu(1)
            _unfold(scores, query, part)[..., first:].masked_fill_(later, -torch.inf)
        probabilities = scores.exp_()
        values[:, :end] += torch.bmm(probabilities.transpose(1, 2), out)
        change = torch.bmm(out, flat_value[:, :end].transpose(1, 2)).sub_(rest.to(out.dtype)).mul_(probabilities)
        keys[:, :end] += torch.bmm(change.transpose(1, 2), own[..., :-2])
        queries[:, :, part] = _unfold(torch.bmm(change, flat_key[:, :end]), query, part) * scale
    return queries, keys.view(key.shape), values.view(value.shape)


def _fold(x: Tensor, groups: int) -> Tensor:
    """(n, heads, q, d) to (n·groups, heads/groups·q, d): heads that share keys side by side."""
    return x.reshape(x.shape[0] * groups, -1, x.shape[-1])


def _unfold(x: Tensor, query: Tensor, part: slice) -> Tensor:
    """(n·groups, heads/groups·q, k) to (n, heads, q, k), q being the queries of this part."""
    return x.view(query.shape[0], query.shape[1], part.stop - part.start, x.shape[-1])
