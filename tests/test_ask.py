"""Asking a policy that learnt one thing: its program is written, run on the image, and shown with its answer."""

import json
import runpy
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from visrep.env.drawn.scene import generate, render
from visrep.env.types import Question
from visrep.policy.prompt import Prompter
from visrep.scripts import cli
from visrep.train.config import load_recipe

write_model = runpy.run_path(str(Path(__file__).parent / "tiny_policy.py"))["write_model"]

QUESTION = "How many objects?"
COUNT = "def execute_command(image):\n    return len(image.find('object'))"


def teach(folder: Path, prompt: str, completion: str) -> None:
    """Train the model in the folder until it writes this completion after this prompt."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    head, tail = tokenizer(prompt).input_ids, [*tokenizer(completion).input_ids, tokenizer.eos_token_id]
    tokens = torch.tensor([head + tail])
    labels = torch.tensor([[-100] * len(head) + tail])
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # threads that wait for each other on a busy machine take a hundred times as long
    for _ in range(500):
        loss = model(input_ids=tokens, labels=labels).loss
        if loss.item() < 0.01:
            break
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    torch.set_num_threads(threads)
    model.save_pretrained(folder)


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint, described as an exported one is, that answers `QUESTION` with `COUNT`."""
    folder = write_model(tmp_path_factory.mktemp("policy"))
    question = Question(id="ask", text=QUESTION, kind="answer", category="")
    prompter = Prompter(["ImagePatch.find"], [])
    teach(folder, prompter.prompt(question), prompter.target(question, COUNT))
    described = {"prompter": prompter.to_json(), "recipe": load_recipe("quickstart").model_dump(exclude_none=True)}
    (folder / "visrep.json").write_text(json.dumps(described))
    return folder


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "scene.png"
    render(generate("a scene")).save(path)
    return path


def test_the_answer_comes_from_the_policys_program(
    policy: Path, picture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["ask", str(picture), QUESTION, "--policy", str(policy), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["program"] == COUNT
    assert said["value"] == len(generate("a scene").objects)
    assert [call["method"] for call in said["calls"]] == ["find"]


def test_answer_program_and_calls_are_shown(policy: Path, picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["ask", str(picture), QUESTION, "--policy", str(policy), "--perception", "scripted"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("3\n")
    assert "len(image.find('object'))" in text
    assert "find('object') -> [" in text


def test_a_program_that_does_not_answer_is_one_line_and_fails(
    policy: Path, picture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["ask", str(picture), "ℵ" * 40, "--policy", str(policy)]) == 1
    errors = capsys.readouterr().err
    assert errors.startswith("visrep: the program did not answer (")
    assert errors.count("\n") == 1
