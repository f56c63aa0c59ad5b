"""How long a row may be: what is measured of a model, what is free, and what happens where it was too long."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch.autograd.graph import saved_tensors_hooks
from transformers import AutoModelForCausalLM, LlamaConfig, TrainingArguments

from visrep.env.faults import MachineFault
from visrep.train import attention, memory, packing
from visrep.train.packing import Tokens
from visrep.train.row_trainer import RowTrainer, Step

EXAMPLES = [Tokens((*range(90), index, *range(20 + index)), 95, 1.0 + index % 2) for index in range(12)]
WEIGHT = sum(each.weight * (len(each.ids) - each.start) for each in EXAMPLES)


@pytest.fixture
def model() -> Any:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=97, hidden_size=48, intermediate_size=64, num_hidden_layers=3, num_attention_heads=6
    )
    bare = AutoModelForCausalLM.from_config(config, attn_implementation=attention.register())
    adapted = get_peft_model(bare, LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))
    for name, weight in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.2)
    return adapted.train()


def gradients(model: Any, rows: Sequence[packing.Row]) -> list[torch.Tensor]:
    model.zero_grad()
    for row in rows:
        batch = packing.batch(row)
        torch.autograd.backward((packing.target_losses(model, batch) * batch.weights).sum())
    return [weight.grad.clone() for weight in model.parameters() if weight.requires_grad]


def test_less_memory_makes_shorter_rows_and_the_same_gradients(model: Any) -> None:
    found = []
    for budget in (2**30, 4 * 2**20):
        rows = packing.rows(EXAMPLES, memory.row_tokens(model, EXAMPLES, budget))
        found.append((rows, gradients(model, rows)))
    (whole, expected), (pieces, got) = found
    assert len(whole) == 1
    assert 1 < len(pieces) < len(EXAMPLES)
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)


def test_rows_of_the_length_found_keep_most_of_the_memory_but_no_more(model: Any) -> None:
    budget = 30 * 2**20
    limit = memory.row_tokens(model, EXAMPLES, budget)
    (row, *_) = packing.cut(packing.Row(90, tuple(EXAMPLES * (limit // 300))), limit)
    assert row.tokens > 0.9 * limit
    kept: dict[int, torch.Tensor] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor):
        packing.target_losses(model, packing.batch(row))
    assert 0.5 * budget < sum(tensor.untyped_storage().nbytes() for tensor in kept.values()) < 0.8 * budget


def test_a_dense_mask_grows_with_the_square_of_the_row(model: Any) -> None:
    model.set_attn_implementation("sdpa")
    budgets = (2**32, 2**36)
    dense = [memory.row_tokens(model, EXAMPLES, budget, dense=True) for budget in budgets]
    assert [3 * tokens**2 < 0.7 * budget for tokens, budget in zip(dense, budgets, strict=True)] == [True, True]
    assert dense[1] < 5 * dense[0]


def test_without_memory_the_rows_are_as_short_as_they_can_be(model: Any) -> None:
    assert memory.row_tokens(model, EXAMPLES, -1.0) == 1


def test_free_memory_is_not_more_than_the_machine_has() -> None:
    total = next(int(line.split()[1]) for line in Path("/proc/meminfo").read_text().splitlines() if "MemTotal" in line)
    assert 0 < memory.free(torch.device("cpu")) < total * 1024


def trainer(model: Any, folder: Path, longest: int, told: list[dict[str, Any]]) -> RowTrainer:
    """One step over all examples, on a model that says it is out of memory for rows above `longest` tokens."""

    def refuse(_: Any, __: Any, given: dict[str, Any]) -> None:
        if given["input_ids"].shape[1] > longest:
            raise torch.OutOfMemoryError("out of memory")

    model.get_base_model().register_forward_pre_hook(refuse, with_kwargs=True)
    arguments = TrainingArguments(
        str(folder), use_cpu=True, learning_rate=0.0, max_grad_norm=0.0, per_device_train_batch_size=1,
        num_train_epochs=1, remove_unused_columns=False, report_to=[], save_strategy="no", disable_tqdm=True,
    )  # fmt: skip
    plan = [Step(tuple(packing.rows(EXAMPLES, 10_000)), WEIGHT)]
    return RowTrainer(model, arguments, plan, 0.0, 10_000, told.append)


def test_where_memory_runs_out_the_step_begins_anew_with_shorter_rows(model: Any, tmp_path: Path) -> None:
    rows = packing.rows(EXAMPLES, 10_000)
    expected = sum(
        float((packing.target_losses(model, batch) * batch.weights).sum().detach()) / WEIGHT
        for batch in map(packing.batch, rows)
    )
    told: list[dict[str, Any]] = []
    training = trainer(model, tmp_path, 300, told)
    training.train()
    assert training.row_tokens == rows[0].tokens // 2
    assert [line["loss"] for line in told] == [pytest.approx(expected, rel=1e-4)]


def test_memory_that_does_not_suffice_for_one_example_is_the_machines_fault(model: Any, tmp_path: Path) -> None:
    with pytest.raises(MachineFault, match=r"out of memory in a row of \d+ tokens; free some"):
        trainer(model, tmp_path, 20, []).train()
