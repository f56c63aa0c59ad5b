"""Attention over a packed row that does no work for pairs of tokens that may not see each other.

A dense mask over a row of 700 prefix tokens and 32 tails of 60 computes seven million pairs per head, of which two
million count. Here the prefix attends to itself, the tails to the prefix, and each tail to itself; what a tail gets of
both is joined by the normalisers. Each part is one call of torch's fused CPU kernel, which keeps no matrix of scores:
over a prefix of 4,000 tokens those would take 11 GB in a model of 135M parameters. On a GPU a dense mask in a fused
kernel is good enough.

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
_backward = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward


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
    pass of attention, dS = P(dP - D) with P = exp(S - z) and D = sum(dO·O), treats every key alone; so given the joined
    output and z, the kernel's backward pass over each part is that part of the whole's.
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
        shared, padding, scale = ctx.layout.shared, _padding(ctx.layout), ctx.scaling
        every = (gradients[0], query, key, value, output, normaliser)
        grad, *head = (x[:, :, :shared] for x in every)
        tail_grad, *tail = (x[:, :, shared:] for x in every)
        prefix = _backward(grad, *head, 0.0, True, scale=scale)
        over_prefix = _backward(tail_grad, tail[0], *head[1:3], *tail[3:], 0.0, False, scale=scale)
        padded = [padding.pad(x) for x in tail]
        padded[-1].masked_fill_(padding.empty, torch.inf)  # no probability, and so no gradient, in empty slots
        own = [padding.unpad(x) for x in _backward(padding.pad(tail_grad), *padded, 0.0, True, scale=scale)]
        queries = torch.cat((prefix[0], over_prefix[0] + own[0]), 2)
        keys, values = (torch.cat((prefix[n] + over_prefix[n], own[n]), 2) for n in (1, 2))
        return queries, keys, values, None, None
