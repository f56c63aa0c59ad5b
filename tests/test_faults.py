"""What a run makes of the faults of its parts: it recovers by itself, or it stops and can be resumed."""

import os
import runpy
import signal
import time
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from visrep.env import jsonl
from visrep.env.tasks import gqa

HERE = Path(__file__).parent
small = runpy.run_path(str(HERE / "small_run.py"))
drive, finish, came_to = small["drive"], small["finish"], small["came_to"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Path = small["prepare"](tmp_path_factory.mktemp("faults"))
    return made


def children(parent: int) -> dict[int, str]:
    """Command lines of its child processes by number."""
    found = (int(number) for file in Path(f"/proc/{parent}/task").glob("*/children") for number in _read(file).split())
    return {number: _read(Path(f"/proc/{number}/cmdline")).replace("\0", " ") for number in found}


def descendants(parent: int) -> dict[int, str]:
    """Those of all processes below it."""
    found = children(parent)
    return found | {number: line for child in found for number, line in descendants(child).items()}


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:  # it has just ended
        return ""


def lines(file: Path) -> int:
    return len(list(jsonl.read(file)))


def test_a_sandbox_that_is_killed_is_started_again(folder: Path) -> None:
    undisturbed = came_to(finish(folder, folder / "undisturbed"))
    out = folder / "sandbox"
    with drive(folder, out) as driver:
        while not lines(out / "iteration_01/rollouts.jsonl"):
            assert driver.poll() is None
            time.sleep(0.005)
        (first,) = (number for number, line in children(driver.pid).items() if "zygote" in line)
        os.kill(first, signal.SIGKILL)
        _, said = driver.communicate()
    assert driver.returncode == 0, said.decode()
    assert came_to(out) == undisturbed


def teach(base: Path, prompts: list[str], completions: list[str]) -> None:
    """Have the tiny model at `base` write one of these completions after whatever it reads."""
    tokenizer, model = AutoTokenizer.from_pretrained(base), AutoModelForCausalLM.from_pretrained(base)
    torch.manual_seed(0)
    optimiser = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for step in range(150):
        read = [prompts[(step * 8 + row) % len(prompts)] for row in range(8)]
        text = [head[-80:] + completions[row % len(completions)] + "\n\ndef" for row, head in enumerate(read)]
        batch = tokenizer(text, return_tensors="pt", padding=True)
        labels = batch.input_ids.masked_fill(batch.attention_mask == 0, -100)
        model(**batch, labels=labels).loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    model.save_pretrained(base)


def test_a_policy_in_the_same_process_goes_on_as_if_nothing_had_been(tmp_path: Path) -> None:
    folder = small["prepare"](tmp_path)
    tasks = list(gqa.load(folder / "drawn", "train", instances=2))
    programs = [small["body"](task.question) for task in tasks]
    teach(folder / "model", [task.question.text for task in tasks], sorted(programs, key=len)[:6])
    changes = ("policy.engine=transformers", "sampling.max_tokens=64", "prompt.count=1", "selection.guard=false")
    undisturbed = came_to(finish(folder, folder / "undisturbed", *changes))
    assert undisturbed["metrics"][-1]["selection"]["examples"] > 0
    out = folder / "killed"
    for file in ("base/examples_1.completions", "iteration_01/completions", "iteration_01/evaluate.completions"):
        with drive(folder, out, *changes) as driver:
            while lines(out / f"{file}.jsonl") < 5:
                assert driver.poll() is None
                time.sleep(0.005)
            driver.kill()
    assert came_to(finish(folder, out, *changes)) == undisturbed


def test_with_a_server_what_is_on_disk_stays_and_the_server_does_not(folder: Path) -> None:
    pytest.importorskip("vllm")
    changes = ("policy.engine=vllm", "policy.max_model_len=1536", "sampling.max_tokens=64", "prompt.count=1")
    out = folder / "server"
    file = out / "base/examples_1.completions.jsonl"
    with drive(folder, out, *changes) as driver:
        while lines(file) < 5:
            assert driver.poll() is None
            time.sleep(0.01)
        servers = [number for number, line in descendants(driver.pid).items() if "vllm" in line]
        driver.kill()
    before = file.read_text().rpartition("\n")[0]
    assert servers
    deadline = time.monotonic() + 60
    while any("vllm" in _read(Path(f"/proc/{number}/cmdline")) for number in servers):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    with drive(folder, out, *changes) as driver:
        while not (out / "base/examples_1.done.json").exists():
            assert driver.poll() is None
            time.sleep(0.05)
        driver.terminate()
        driver.communicate()
    assert driver.returncode == 143
    assert file.read_text().startswith(before)
    assert lines(file) == 32
