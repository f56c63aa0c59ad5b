"""Cloning: what is learnt, what a job comes to when something is wrong, and what is left behind."""

import json
import os
import runpy
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer, MistralConfig, MistralForCausalLM

from visrep.env import jsonl
from visrep.env.faults import MachineFault, UserFault
from visrep.train import clone, packing
from visrep.train.clone import CloneJob, CloneSettings, Report
from visrep.train.packing import Tokens
from visrep.train.row_trainer import linear, plan_steps
from visrep.train.trainer import tokenise, train

write_model = runpy.run_path(str(Path(__file__).parent / "tiny_policy.py"))["write_model"]

PROMPT = "def find(name): ...\ndef exists(name): ...\n\n# {}\ndef execute_command(image):"
SETTINGS = CloneSettings(rank=8, alpha=16, learning_rate=1e-2, epochs=8, batch=4)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = write_model(tmp_path_factory.mktemp("models") / "tiny")
    return folder


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("examples") / "examples.jsonl"
    rows = [
        {"prompt": PROMPT.format(question), "completion": f"\n    return {call}", "weight": 1.0, "category": "x"}
        for question, call in (
            ("Is there a dog?", "exists('dog')"),
            ("Is there a cat?", "exists('cat')"),
            ("How many dogs?", "len(find('dog'))"),
            ("How many cats?", "len(find('cat'))"),
            ("How many red cats are there?", "len(find('red cat'))"),
        )
    ]
    jsonl.write_lines(file, rows)
    return file


@pytest.fixture
def job(base: Path, examples: Path, tmp_path: Path) -> CloneJob:
    return CloneJob(base, examples, tmp_path / "adapter", 3, SETTINGS)


def trained(job: CloneJob) -> Report:
    """The job done in this process."""
    train(job, lambda _: None)
    return Report(**json.loads((job.output / "report.json").read_text()))


def program_losses(base: Path, examples: Path, adapter: Path | None) -> torch.Tensor:
    """Nats of each target token in float32, in plain transformers and peft."""
    model: Any = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    if adapter:
        model = PeftModel.from_pretrained(model, adapter)
    with torch.no_grad():
        return packing.measure(model, packing.separate(tokenise(examples, AutoTokenizer.from_pretrained(base))))


def test_a_process_learns_the_programs_and_tells_of_its_progress(job: CloneJob) -> None:
    told: list[dict[str, Any]] = []
    report = clone.clone(job, told.append)
    assert [line["step"] for line in told] == list(range(1, 11))
    assert {line["steps"] for line in told} == {10} == {clone.steps(5, SETTINGS)}
    assert report.packed
    assert report.examples == 5
    assert report.tokens < 0.8 * report.separate_tokens
    assert report.last_loss < 0.5 * report.first_loss
    assert report.loss == pytest.approx(sum(line["loss"] for line in told) / 10)
    before = program_losses(job.base, job.examples, None).mean()
    after = program_losses(job.base, job.examples, job.output).mean()
    assert after < 0.5 * before
    assert before == pytest.approx(report.first_loss, rel=0.2)
    assert sorted(path.name for path in job.output.parent.iterdir()) == ["adapter", "adapter.job.json", "adapter.log"]


def test_packing_changes_the_time_and_not_the_outcome(job: CloneJob) -> None:
    packed = trained(job)
    apart = trained(replace(job, output=job.output.with_name("apart"), settings=replace(SETTINGS, pack=False)))
    assert (packed.packed, apart.packed) == (True, False)
    assert apart.tokens == apart.separate_tokens == packed.separate_tokens
    assert packed.loss == pytest.approx(apart.loss, rel=0.02)


def test_even_a_single_step_teaches_something(job: CloneJob) -> None:
    report = trained(replace(job, settings=replace(SETTINGS, epochs=1.0, batch=5)))
    assert report.steps == 1
    adapter = load_file(job.output / "adapter_model.safetensors")
    assert all(weight.any() for name, weight in adapter.items() if "lora_B" in name)


def test_the_learning_rate_rises_in_the_warm_up_and_falls_to_the_end() -> None:
    rates = [linear(step, steps=10, warmup=2) for step in range(10)]
    assert rates[:2] == [0.5, 1.0]
    assert rates[2:] == sorted(rates[2:], reverse=True)
    assert all(0 < rate <= 1 for rate in rates)
    assert linear(0, steps=1, warmup=0) == pytest.approx(0.5)


def test_equal_jobs_give_equal_adapters(job: CloneJob) -> None:
    found = []
    for name, seed in (("one", 3), ("two", 3), ("three", 4)):
        output = job.output.with_name(name)
        trained(replace(job, output=output, seed=seed))
        found.append(load_file(output / "adapter_model.safetensors"))
    one, two, three = found
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not all(torch.equal(one[name], three[name]) for name in one)


def test_an_adapter_of_an_earlier_attempt_is_replaced(job: CloneJob) -> None:
    job.output.mkdir()
    (job.output / "left_over").write_text("x")
    trained(job)
    assert not (job.output / "left_over").exists()


def test_a_model_that_does_not_honour_the_packing_is_trained_without(job: CloneJob, base: Path) -> None:
    folder = job.output.with_name("windowed")
    torch.manual_seed(0)
    sizes = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = MistralConfig(
        vocab_size=257, num_key_value_heads=1, sliding_window=24, initializer_range=0.3, eos_token_id=0, **sizes
    )
    MistralForCausalLM(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    report = trained(replace(job, base=folder))
    assert not report.packed
    assert "does not honour the packing" in report.reason
    assert report.last_loss < 0.8 * report.first_loss


def test_without_a_common_prefix_nothing_is_packed(job: CloneJob, tmp_path: Path) -> None:
    file = tmp_path / "one.jsonl"
    jsonl.write_lines(file, [{"prompt": "a", "completion": "b", "weight": 1.0}])
    report = trained(replace(job, examples=file))
    assert (report.packed, report.reason) == (False, "the examples share no prefix")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "holds no examples"),
        ([{"prompt": "a"}], r"examples.jsonl:1: KeyError\('completion'\); expected prompt, completion and weight"),
        ([{"prompt": "a" * 3000, "completion": "b"}], "an example is 3002 tokens long and the model reads 2048"),
        ([{"prompt": "", "completion": "b"}], "examples.jsonl:1: the prompt is empty"),
    ],
)
def test_bad_examples_are_the_users_fault(job: CloneJob, tmp_path: Path, rows: list[Any], message: str) -> None:
    file = tmp_path / "examples.jsonl"
    jsonl.write_lines(file, rows)
    with pytest.raises(UserFault, match=message):
        train(replace(job, examples=file), lambda _: None)
    assert not job.output.exists()


def test_a_loss_that_is_no_number_stops_training(job: CloneJob) -> None:
    settings = replace(SETTINGS, learning_rate=1e30, warmup=0.0)
    with pytest.raises(MachineFault, match=r"the loss became nan at step \d+ of 10; lower clone.learning_rate"):
        train(replace(job, settings=settings), lambda _: None)
    assert not job.output.exists()


def test_the_processes_fault_is_the_drivers(job: CloneJob) -> None:
    with pytest.raises(UserFault, match=r"nowhere.*missing"):
        clone.clone(replace(job, base=job.base.with_name("nowhere")), lambda _: None)


def test_a_killed_process_leaves_no_adapter_and_is_a_machine_fault(job: CloneJob) -> None:
    def kill(_: dict[str, Any]) -> None:
        (child,) = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        os.kill(int(child), signal.SIGKILL)

    with pytest.raises(MachineFault, match="killed from outside"):
        clone.clone(replace(job, settings=replace(SETTINGS, epochs=800)), kill)
    assert not job.output.exists()


DRIVER = """
import json, sys
from visrep.train.clone import CloneJob, clone
clone(CloneJob.from_json(json.loads(sys.argv[1])), lambda line: print(line, flush=True))
"""


def test_training_ends_with_a_driver_that_is_killed(job: CloneJob) -> None:
    endless = replace(job, settings=replace(SETTINGS, epochs=1e5))
    with subprocess.Popen(
        [sys.executable, "-c", DRIVER, json.dumps(endless.to_json())], stdout=subprocess.PIPE, text=True
    ) as driver:
        assert driver.stdout is not None
        driver.stdout.readline()
        (child,) = Path(f"/proc/{driver.pid}/task/{driver.pid}/children").read_text().split()
        driver.kill()
    until = time.monotonic() + 30
    while Path(f"/proc/{child}/cmdline").exists() and time.monotonic() < until:
        if not Path(f"/proc/{child}/cmdline").read_bytes():
            break  # a zombie, for whoever adopted it to bury
        time.sleep(0.05)
    else:
        assert not Path(f"/proc/{child}").exists()


def made_up(count: int) -> list[Tokens]:
    return [Tokens((1, 2, 3, index, *range(4 + index % 3)), 4, 1.0 + index % 2) for index in range(count)]


def test_each_epoch_has_every_example_once_in_an_order_of_its_own() -> None:
    plan = plan_steps(made_up(10), CloneSettings(batch=5, epochs=2), seed=1, packed=True)
    order = [each.ids for step in plan for row in step.rows for each in row.sequences]
    assert Counter(order[:10]) == Counter(order[10:]) == Counter(each.ids for each in made_up(10))
    assert plan == plan_steps(made_up(10), CloneSettings(batch=5, epochs=2), seed=1, packed=True)
    assert plan != plan_steps(made_up(10), CloneSettings(batch=5, epochs=2), seed=2, packed=True)


@pytest.mark.parametrize(("count", "epochs", "expected"), [(10, 0.5, 2), (10, 1.5, 4), (1, 0.1, 1), (9, 1.0, 3)])
def test_part_of_an_epoch_is_part_of_the_examples(count: int, epochs: float, expected: int) -> None:
    settings = CloneSettings(batch=4, epochs=epochs)
    plan = plan_steps(made_up(count), settings, seed=1, packed=False)
    assert len(plan) == expected == clone.steps(count, settings)
    assert sum(len(step.rows) for step in plan) == max(1, round(count * epochs))


def test_a_step_is_the_weighted_mean_over_its_targets_on_any_number_of_devices() -> None:
    """On d devices the gradient is the mean of d gradients: shares and their weight have to make up for it."""
    settings = CloneSettings(batch=4, epochs=1)
    (alone,) = plan_steps(made_up(4), settings, seed=1, packed=True)
    assert alone.weight == sum(each.weight * (len(each.ids) - each.start) for each in made_up(4))
    for devices in (2, 3, 5):
        shares = plan_steps(made_up(4), settings, seed=1, packed=True, devices=devices)
        assert len(shares) == devices
        counted = {
            each.ids: each.weight / share.weight / devices
            for share in shares
            for row in share.rows
            for each in row.sequences
            if each.weight
        }
        assert counted == pytest.approx({each.ids: each.weight / alone.weight for each in made_up(4)})


def test_prompt_and_completion_are_tokenised_apart_and_end_with_the_end_token(base: Path, examples: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(base)
    first = tokenise(examples, tokenizer)[0]
    assert tokenizer.decode(first.ids[: first.start]) == PROMPT.format("Is there a dog?")
    assert tokenizer.decode(first.ids[first.start : -1]) == "\n    return exists('dog')"
    assert first.ids[-1] == tokenizer.eos_token_id
