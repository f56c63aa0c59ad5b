"""Packing must change nothing but the time: gradients, rows, and what goes wrong without an error."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from peft import LoraConfig, get_peft_model
from torch.nn.functional import scaled_dot_product_attention
from transformers import AutoModelForCausalLM, LlamaConfig, MistralConfig, PretrainedConfig, Qwen2Config

from visrep.train import attention, packing
from visrep.train.attention import Layout
from visrep.train.packing import Row, Tokens

Gradients = dict[str, torch.Tensor]

SIZES: dict[str, Any] = {
    "vocab_size": 97,
    "hidden_size": 48,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "initializer_range": 0.3,
}


def lora_model(config: PretrainedConfig) -> Any:
    """A model whose adapter is already away from zero, so that every LoRA tensor has a gradient."""
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="sdpa")
    adapted = get_peft_model(model, LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM"))
    for name, weight in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.2)
    return adapted


@pytest.fixture(scope="module")
def model() -> Any:
    return lora_model(LlamaConfig(**SIZES))


def sequences(count: int, shared: int, seed: int) -> list[Tokens]:
    """Sequences with a common prefix and tails of a prompt and a completion, of many lengths and weights."""
    dice = torch.Generator().manual_seed(seed)

    def number(low: int, high: int) -> int:
        return int(torch.randint(low, high, (1,), generator=dice))

    prefix = tuple(number(0, 97) for _ in range(shared))
    found = []
    for index in range(count):
        prompt = (index, *(number(0, 97) for _ in range(number(0, 9))))
        completion = tuple(number(0, 97) for _ in range(number(1, 20)))
        found.append(Tokens((*prefix, *prompt, *completion), shared + len(prompt), 0.5 + index % 3))
    return found


def gradients(model: Any, inputs: Sequence[packing.Batch], dense: bool = False) -> Gradients:
    model.zero_grad()
    for batch in inputs:
        (packing.target_losses(model, batch, dense) * batch.weights).sum().backward()
    return {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.requires_grad}


def worst(found: Gradients, expected: Gradients) -> float:
    """Largest relative error of any LoRA tensor's gradient."""
    assert found.keys() == expected.keys()
    assert all(gradient.norm() > 0 for gradient in expected.values())
    return max(float((found[name] - expected[name]).norm() / expected[name].norm()) for name in expected)


def batches(rows: Sequence[Row]) -> list[packing.Batch]:
    return [packing.batch(row) for row in rows]


@pytest.fixture(scope="module")
def examples() -> list[Tokens]:
    return sequences(7, 40, seed=1) + sequences(4, 25, seed=2)


@pytest.fixture(scope="module")
def expected(model: Any, examples: list[Tokens]) -> Gradients:
    model.set_attn_implementation("sdpa")
    return gradients(model, batches(packing.separate(examples)))


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("limit", [1000, 130])
def test_the_gradient_of_packed_rows_is_that_of_separate_sequences(
    model: Any, examples: list[Tokens], expected: Gradients, dense: bool, limit: int
) -> None:
    rows = packing.rows(examples, limit)
    assert len(rows) == (2 if limit == 1000 else 3)
    model.set_attn_implementation("sdpa" if dense else attention.register())
    assert worst(gradients(model, batches(rows), dense), expected) < 1e-5


def test_other_architectures_have_the_same_gradient(examples: list[Tokens]) -> None:
    other = lora_model(Qwen2Config(**SIZES))
    apart = gradients(other, batches(packing.separate(examples)))
    other.set_attn_implementation(attention.register())
    assert worst(gradients(other, batches(packing.rows(examples, 1000))), apart) < 1e-5


def test_the_first_token_of_a_completion_is_predicted_from_its_own_prompt(model: Any) -> None:
    """Programs for one question: the whole prompt but its last token is shared."""
    prompt = tuple(range(30, 60))
    same = [Tokens((*prompt, *completion), 30) for completion in ((1, 2, 3), (1, 4), (5,))]
    (row,) = packing.rows(same, 1000)
    assert row.shared == 29
    model.set_attn_implementation("sdpa")
    apart = gradients(model, batches(packing.separate(same)))
    model.set_attn_implementation(attention.register())
    assert worst(gradients(model, batches([row])), apart) < 1e-5


def test_gradients_with_gradient_checkpointing_are_the_same(examples: list[Tokens], expected: Gradients) -> None:
    other = lora_model(LlamaConfig(**SIZES))
    other.set_attn_implementation(attention.register())
    other.train()
    other.enable_input_require_grads()
    other.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    assert worst(gradients(other, batches(packing.rows(examples, 1000))), expected) < 1e-5


@pytest.mark.parametrize("fault", ["eager attention with a bool mask", "no positions", "no mask", "a tail too long"])
def test_the_comparison_sees_what_goes_wrong_without_an_error(
    model: Any, examples: list[Tokens], expected: Gradients, fault: str
) -> None:
    inputs = batches(packing.rows(examples, 1000))
    model.set_attn_implementation(attention.register())
    dense = fault.startswith("eager")
    if dense:
        model.set_attn_implementation("eager")
    elif fault == "no positions":
        inputs = [replace(each, positions=torch.arange(each.ids.shape[1])[None]) for each in inputs]
    elif fault == "no mask":
        inputs = [replace(each, layout=None) for each in inputs]
    else:
        inputs = [replace(each, layout=_moved(each.layout)) for each in inputs]
    assert worst(gradients(model, inputs, dense), expected) > 1e-2


def _moved(layout: Layout | None) -> Layout:
    """The same tokens with one boundary between tails moved by one."""
    assert layout is not None
    first, second, *others = layout.lengths
    return Layout(layout.shared, (first + 1, second - 1, *others))


def test_the_probe_shows_a_model_that_looks_back_over_a_window(examples: list[Tokens]) -> None:
    probe = packing.probe(examples)
    assert probe is not None
    assert max(map(len, (each.ids for each in probe.sequences))) == max(len(each.ids) for each in examples)
    gaps = {}
    for window in (16, 200):
        other = lora_model(MistralConfig(**SIZES, sliding_window=window))
        with torch.no_grad():
            apart = packing.measure(other, packing.separate(probe.sequences))
            other.set_attn_implementation(attention.register())
            gaps[window] = float((packing.measure(other, [probe]) - apart).abs().mean())
    assert gaps[16] > 1e-2
    assert gaps[200] < 1e-5


def test_there_is_no_probe_where_nothing_can_be_shared() -> None:
    assert packing.probe([Tokens((1, 2, 3), 1), Tokens((4, 5, 6), 1)]) is None
    assert packing.probe([Tokens((1, 2, 3), 2)]) is None


def test_rows_are_made_by_prefix_without_being_told_of_it() -> None:
    one, two = sequences(5, 60, seed=3), sequences(3, 30, seed=4)
    lonely = Tokens((96, 95, 94, 93), 2)
    rows = packing.rows([two[0], one[0], lonely, *one[1:], *two[1:]], 1000)
    assert sorted((row.shared, len(row.sequences)) for row in rows) == [(0, 1), (30, 3), (60, 5)]


def test_sequences_that_share_nothing_have_rows_of_their_own() -> None:
    rows = packing.rows([Tokens((1, 2, 3), 2), Tokens((4, 5, 6, 7), 2)], 1000)
    assert sorted((row.shared, len(row.sequences)) for row in rows) == [(0, 1), (0, 1)]


def test_a_prefix_within_a_prefix_is_split_off_only_where_that_saves_tokens() -> None:
    """All share 10 tokens, some 30 more: on a row of their own they pay the 10 again."""
    start, more = tuple(range(10)), tuple(range(10, 40))
    few = [Tokens((*start, 50 + index, 1), 11) for index in range(3)]
    many = [Tokens((*start, *more, 60 + index, 1), 41) for index in range(3)]
    assert sorted(row.shared for row in packing.rows(few + many, 1000)) == [10, 40]
    once = [Tokens((*start, *more, 70, 1), 41)]
    assert [row.shared for row in packing.rows(few + once, 1000)] == [10]


tokens = st.builds(
    lambda prompt, completion: Tokens((*prompt, *completion), len(prompt)),
    st.lists(st.integers(0, 2), min_size=1, max_size=12),
    st.lists(st.integers(0, 2), min_size=1, max_size=5),
)


@given(st.lists(tokens, min_size=1, max_size=12), st.integers(1, 60))
def test_rows_hold_every_sequence_once_within_the_limit_and_cost_no_more_than_needed(
    examples: list[Tokens], limit: int
) -> None:
    rows = packing.rows(examples, limit)
    assert sorted(each.ids for row in rows for each in row.sequences) == sorted(each.ids for each in examples)
    for row in rows:
        assert len({each.ids[: row.shared] for each in row.sequences}) == 1
        assert all(row.shared < each.start for each in row.sequences)
        assert row.tokens <= limit or len(row.sequences) == 1
    separate = sum(row.tokens for row in packing.separate(examples))
    assert sum(row.tokens for row in rows) <= separate
    assert sum(row.tokens for row in packing.rows(examples, 1000)) <= sum(row.tokens for row in rows)


def test_only_places_with_loss_reach_the_head(model: Any) -> None:
    (row,) = packing.rows(sequences(3, 20, seed=5), 1000)
    batch = packing.batch(row)
    assert len(batch.places) == sum(len(each.ids) - each.start for each in row.sequences)
    model.set_attn_implementation(attention.register())
    with torch.no_grad():
        assert packing.target_losses(model, batch).shape == batch.targets.shape


def packed_and_dense(query: torch.Tensor, key: torch.Tensor, layout: Layout) -> list[list[torch.Tensor]]:
    """Output and gradients of both attentions; `query` (1, heads, n, d), `key` (1, groups, n, d), used as value too."""
    found = []
    for packed in (True, False):
        inputs = [x.clone().requires_grad_() for x in (query, key, key.flip(-1))]
        if packed:
            output, _ = attention.packed_attention(torch.nn.Module(), *inputs, None, layout=layout)
        else:
            keys, values = (x.repeat_interleave(query.shape[1] // key.shape[1], 1) for x in inputs[1:])
            mask = attention.dense_mask(layout, query.device)
            output = scaled_dot_product_attention(inputs[0], keys, values, attn_mask=mask).transpose(1, 2)
        output.square().sum().backward()
        found.append([output.detach(), *(x.grad for x in inputs if x.grad is not None)])
    return found


@pytest.mark.parametrize("size", [1.0, 60.0], ids=["usual", "first key's probability underflows"])
def test_packed_attention_is_masked_attention(size: float) -> None:
    torch.manual_seed(0)
    layout = Layout(13, (4, 9, 1, 7))
    query, key = torch.randn(1, 6, 34, 8) * size, torch.randn(1, 2, 34, 8)
    for found, expected in zip(*packed_and_dense(query, key, layout), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))


def test_packing_loses_no_more_to_bfloat16_than_separate_sequences_do(
    model: Any, examples: list[Tokens], expected: Gradients
) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        model.set_attn_implementation("sdpa")
        apart = worst(gradients(model, batches(packing.separate(examples))), expected)
        model.set_attn_implementation(attention.register())
        together = worst(gradients(model, batches(packing.rows(examples, 1000))), expected)
    assert together < 1.5 * apart
