"""Asking a policy that learnt one thing: its program is written, run on the image, and shown with its answer."""

import json
import re
import runpy
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from visrep.env.drawn.nextqa import draw
from visrep.env.drawn.scene import generate, render
from visrep.env.types import Question
from visrep.policy.prompt import Prompter
from visrep.scripts import cli
from visrep.train.config import load_recipe

write_model = runpy.run_path(str(Path(__file__).parent / "tiny_policy.py"))["write_model"]

QUESTION = "How many objects?"
COUNT = "def execute_command(image):\n    return len(image.find('object'))"


SCENES = generate("a scene"), generate("another scene")


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


def taught(folder: Path, question: Question, program: str) -> Path:
    """A checkpoint, described as an exported one is, that answers the question with the program."""
    write_model(folder)
    prompter = Prompter(["ImagePatch.find"], [])
    teach(folder, prompter.prompt(question), prompter.target(question, program))
    described = {"prompter": prompter.to_json(), "recipe": load_recipe("quickstart").model_dump(exclude_none=True)}
    (folder / "visrep.json").write_text(json.dumps(described))
    return folder


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return taught(tmp_path_factory.mktemp("policy"), Question("ask", QUESTION, "answer", ""), COUNT)


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


def test_a_video_is_asked_about_with_options_to_choose_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draw(tmp_path / "videos", seed=0, tasks_per_category={"test": 1}, instances=1)
    video = next((tmp_path / "videos").rglob("*.mp4"))
    question = Question("ask", QUESTION, "choice", "", ("few", "many"), "execute_command(video, options)")
    program = f"def {question.signature}:\n    return options[video.num_frames > 3]"
    policy = taught(tmp_path / "policy", question, program)
    options = ["--option", "few", "--option", "many", "--policy", str(policy)]
    assert cli.run(["ask", str(video), QUESTION, *options]) == 0
    assert capsys.readouterr().out.startswith("many\n")


def test_the_boxes_of_one_of_two_images_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    places = [tmp_path / f"{name}.png" for name in ("a", "b")]
    for path, scene in zip(places, SCENES, strict=True):
        render(scene).save(path)
    question = Question("ask", QUESTION, "detect", "", (), "execute_command(images)")
    policy = taught(tmp_path / "policy", question, f"def {question.signature}:\n    return images[1].find('object')")
    seen = ["ask", str(places[0]), QUESTION, "--image", str(places[1]), "--kind", "detect", "--policy", str(policy)]
    assert cli.run(seen) == 0
    lines = capsys.readouterr().out.splitlines()[: len(SCENES[1].objects)]
    boxes = {tuple(map(int, re.findall(r"\d+", line)))[:4] for line in lines}
    assert boxes == {(thing.box.left, thing.box.right, thing.box.lower, thing.box.upper) for thing in SCENES[1].objects}
    assert all(line.endswith("of picture 1") for line in lines)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--option", "a"], None),
        (["--option", "a", "--kind", "answer"], "found 1 options for 'answer', expected options for 'choice'"),
        (["--kind", "choice"], "found 0 options for 'choice'"),
        (["--image", "clip.mp4"], "clip.mp4 is one of 2 files, and a video; give one video, or images alone"),
        (["--image", "gone.png"], "gone.png is missing"),
    ],
)
def test_what_does_not_go_together_is_one_line(
    policy: Path, picture: Path, arguments: list[str], message: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    cli.run(["ask", str(picture), "ℵ" * 40, "--policy", str(policy), *arguments])
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert (message or "the program did not answer") in said
