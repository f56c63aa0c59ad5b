"""Asking a policy that learnt one thing: its program is written, run on the image, and shown with its answer."""

import json
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from visrep.env.drawn.scene import generate, render
from visrep.env.types import Question
from visrep.policy.prompt import Prompter
from visrep.scripts import cli
from visrep.train.config import load_recipe

QUESTION = "How many objects?"
COUNT = "def execute_command(image):\n    return len(image.find('object'))"


def byte_tokenizer() -> PreTrainedTokenizerFast:
    """One token per byte, and one for the end: needs no download."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE(vocab={sign: i for i, sign in enumerate([*alphabet, "</s>"])}, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token="</s>", pad_token="</s>")


def taught(completion: str, prompt: str, tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """A tiny model that has learnt to write this completion after this prompt."""
    torch.manual_seed(0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # threads that wait for each other on a busy machine take a hundred times as long
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 4}
    end = tokenizer.eos_token_id
    model = LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), eos_token_id=end, bos_token_id=None, **sizes))
    head, tail = tokenizer(prompt).input_ids, [*tokenizer(completion).input_ids, end]
    tokens = torch.tensor([head + tail])
    labels = torch.tensor([[-100] * len(head) + tail])
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(300):
        loss = model(input_ids=tokens, labels=labels).loss
        if loss.item() < 0.01:
            break
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    torch.set_num_threads(threads)
    return model


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint, described as an exported one is, that answers `QUESTION` with `COUNT`."""
    folder = tmp_path_factory.mktemp("policy")
    question = Question(id="ask", text=QUESTION, kind="answer", category="")
    prompter = Prompter(["ImagePatch.find"], [])
    tokenizer = byte_tokenizer()
    taught(prompter.target(question, COUNT), prompter.prompt(question), tokenizer).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
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
