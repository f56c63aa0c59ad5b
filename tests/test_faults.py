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
from visrep.policy.prompt import Prompter

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


@pytest.mark.slow
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


@pytest.mark.slow
def test_perception_that_is_killed_is_started_again(folder: Path) -> None:
    changes = ("perception.place=process",)
    undisturbed = came_to(finish(folder, folder / "seeing", *changes))
    out = folder / "blinded"
    with drive(folder, out, *changes) as driver:
        while not lines(out / "base/examples_6.rollouts.jsonl"):
            assert driver.poll() is None
            time.sleep(0.001)
        found = descendants(driver.pid).items()
        (seeing,) = (number for number, line in found if "visrep.train.perceive" in line and "keeper" not in line)
        os.kill(seeing, signal.SIGKILL)
        _, said = driver.communicate()
    assert driver.returncode == 0, said.decode()
    assert b"the perception process was lost with " in said
    assert came_to(out) == undisturbed


def teach(base: Path, prompts: list[str], completions: list[str]) -> None:
    """Have the tiny model at `base` write one of these completions after prompts like these."""
    tokenizer, model = AutoTokenizer.from_pretrained(base), AutoModelForCausalLM.from_pretrained(base)
    torch.manual_seed(0)
    optimiser = torch.optim.AdamW(model.parameters(), lr=5e-3)
    rate = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.05, total_iters=240)
    for step in range(240):
        read = [tokenizer(prompts[(step + row) % len(prompts)]).input_ids for row in range(len(completions))]
        tails = [tokenizer(text + "\n\ndef").input_ids for text in completions]
        for head, tail in zip(read, tails, strict=True):
            ids, labels = torch.tensor([head + tail]), torch.tensor([[-100] * len(head) + tail])
            model(input_ids=ids, labels=labels).loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        rate.step()
    model.save_pretrained(base)


@pytest.mark.slow
def test_a_policy_in_the_same_process_goes_on_as_if_nothing_had_been(tmp_path: Path) -> None:
    folder = small["prepare"](tmp_path)
    tasks = list(gqa.load(folder / "drawn", "train", instances=2))
    prompter = Prompter(["ImagePatch.exists"], [])
    programs = sorted((small["body"](task.question) for task in tasks), key=len)
    teach(folder / "model", [prompter.prompt(task.question) for task in tasks], programs[:2])
    changes = [
        "policy.engine=transformers",
        "prompt.api=['ImagePatch.exists']",
        "prompt.count=0",
        "sampling.rounds=1",
        "sampling.max_tokens=48",
        "data.test_per_category=1",
    ]
    undisturbed = came_to(finish(folder, folder / "undisturbed", *changes))
    assert undisturbed["metrics"][-1]["selection"]["examples"] > 0
    out = folder / "killed"
    for file in ("base/examples_0.completions", "iteration_01/completions", "iteration_01/evaluate.completions"):
        with drive(folder, out, *changes) as driver:
            while lines(out / f"{file}.jsonl") < 5:
                assert driver.poll() is None
                time.sleep(0.005)
            driver.kill()
    assert came_to(finish(folder, out, *changes)) == undisturbed


@pytest.mark.slow
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
