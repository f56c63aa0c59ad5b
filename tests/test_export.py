"""Exported checkpoints: what plain libraries make of them, and what they say of themselves."""

import json
import runpy
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import AutoPeftModelForCausalLM, PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

from visrep.env import jsonl
from visrep.env.faults import UserFault
from visrep.env.types import Question
from visrep.policy.prompt import Prompter
from visrep.policy.transformers import Transformers
from visrep.train import parts
from visrep.train.card import card
from visrep.train.clone import CloneJob, CloneSettings
from visrep.train.config import load_recipe
from visrep.train.export import Format, export
from visrep.train.run import Run, stage
from visrep.train.trainer import train

write_model = runpy.run_path(str(Path(__file__).parent / "tiny_policy.py"))["write_model"]

QUESTION = Question("1", "Is there a red circle?", "answer", "exist")
COMPLETION = "\n    return image.exists('red circle')"
EVALUATION = {"tasks": 40, "right": 20, "accuracy": 0.5, "low": 0.35, "high": 0.65}


def finish_iteration(run: Run, number: int, base: Path) -> None:
    """An iteration as the loop leaves it, with a policy that has learnt one program by heart."""
    folder = run.iteration(number)
    prompt = parts.build_prompter(run.recipe, base).prompt(QUESTION)
    example = {"task": "1", "category": "exist", "prompt": prompt, "completion": COMPLETION, "weight": 1.0}
    jsonl.write_lines(folder / "examples.jsonl", [example])
    authors = ("policy", "policy", "ada")
    rows = [{"task_id": "1", "category": "exist", "program": "", "weight": 1.0, "author": name} for name in authors]
    jsonl.write_lines(folder / "selection.jsonl", rows)
    settings = CloneSettings(rank=16, alpha=32, learning_rate=2e-2, epochs=30 * number, batch=1)
    train(CloneJob(base, folder / "examples.jsonl", folder / "adapter", number, settings), lambda _: None)
    stage(folder, "evaluate", {}, dict)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base whose end token can be learnt: a fresh model's padding token, the same here, begins as all zeros, and an
    adapter does not reach embeddings."""
    folder: Path = write_model(tmp_path_factory.mktemp("models") / "tiny", dtype=torch.bfloat16)
    model = AutoModelForCausalLM.from_pretrained(folder)
    torch.nn.init.normal_(model.get_input_embeddings().weight[0], std=0.2)
    model.save_pretrained(folder)
    (folder / "generation_config.json").write_text(
        json.dumps({"eos_token_id": 5, "do_sample": True, "temperature": 0.7})
    )
    return folder


@pytest.fixture(scope="module")
def run(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of two finished iterations and one that is not."""
    recipe = load_recipe("quickstart", [f"policy.model={base}", "prompt.count=0", "sampling.max_tokens=80"])
    run = Run.create(tmp_path_factory.mktemp("runs") / "run", recipe, "seccomp+landlock")
    for number in (1, 2):
        finish_iteration(run, number, base)
    run.iteration(3).mkdir()
    records = [(0, 0), (0, 6), (1, 0), (2, 0), (3, 0)]
    jsonl.write_lines(
        run.folder / "metrics.jsonl",
        [{"iteration": number, "examples": count, "evaluation": EVALUATION} for number, count in records],
    )
    return run


@pytest.fixture(scope="module", params=["merged", "adapter"])
def form(request: pytest.FixtureRequest) -> Format:
    found: Format = request.param
    return found


@pytest.fixture(scope="module")
def exported(run: Run, form: Format, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(run.folder, tmp_path_factory.mktemp("exported") / "policy", form)


def described(folder: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((folder / "visrep.json").read_text(encoding="utf-8"))
    return values


def written(folder: Path, form: Format) -> str:
    """What plain `generate` writes after the prompt that came with the weights.

    Without a single setting, but that peft reads the generation's configuration of the base and has to be handed ours.
    """
    ours = {} if form == "merged" else {"generation_config": GenerationConfig.from_pretrained(folder)}
    loader = AutoModelForCausalLM if form == "merged" else AutoPeftModelForCausalLM
    tokenizer, model = AutoTokenizer.from_pretrained(folder), loader.from_pretrained(folder)
    prompter = Prompter.from_json(described(folder)["prompter"])
    prompt = tokenizer(prompter.prompt(QUESTION), return_tensors="pt")
    generated = model.generate(**prompt, **ours)[0, prompt.input_ids.shape[1] :]
    text: str = tokenizer.decode(generated, skip_special_tokens=True)
    return text


def test_plain_transformers_and_peft_write_the_learnt_program_and_stop(exported: Path, form: Format) -> None:
    assert written(exported, form) == COMPLETION


def test_the_merged_model_is_base_plus_adapter_in_the_bases_precision(run: Run, base: Path, tmp_path: Path) -> None:
    folder = export(run.folder, tmp_path / "policy", "merged", 1)
    model: Any = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    expected = PeftModel.from_pretrained(model, run.iteration(1) / "adapter").merge_and_unload().state_dict()
    found = load_file(folder / "model.safetensors")
    assert {weight.dtype for weight in found.values()} == {torch.bfloat16}
    for name, weight in found.items():
        assert torch.equal(weight, expected[name].to(torch.bfloat16)), name


def test_our_own_engine_loads_what_was_exported(run: Run, base: Path, exported: Path, form: Format) -> None:
    engine = Transformers(exported if form == "merged" else base, max_tokens=80)
    if form == "adapter":
        engine.load(exported)
    prompt = parts.build_prompter(run.recipe, base).prompt(QUESTION)
    ((_, (completion,)),) = engine.sample([prompt], n=1, temperature=0.0, seed=0)
    assert (completion.text, completion.finished) == (COMPLETION, True)


def test_generation_is_greedy_ends_with_a_program_and_keeps_the_bases_end(exported: Path) -> None:
    config = json.loads((exported / "generation_config.json").read_text())
    assert config == {"do_sample": False, "eos_token_id": [0, 5], "max_new_tokens": 80, "pad_token_id": 0}


def test_it_says_how_to_ask_it_and_where_it_came_from(run: Run, base: Path, exported: Path, form: Format) -> None:
    found = described(exported)
    assert (found["format"], found["iteration"]) == (form, 2)
    assert Prompter.from_json(found["prompter"]).prompt(QUESTION) == (
        parts.build_prompter(run.recipe, base).prompt(QUESTION)
    )
    assert [record["iteration"] for record in found["metrics"]] == [0, 0, 1, 2]
    assert found["run"]["isolation"] == "seccomp+landlock"
    lineage = found["lineage"]
    assert lineage["base"]["model"] == str(base)
    assert lineage["examples"]["authors"] == {"policy": 2, "ada": 1}
    assert lineage["training"]["steps"] == 60
    assert len(lineage["examples"]["sha256"]) == 64


def test_the_card_has_results_lineage_and_the_corrections(exported: Path, form: Format) -> None:
    readme = (exported / "README.md").read_text(encoding="utf-8")
    head, text = readme.removeprefix("---\n").split("---\n", 1)
    assert f"library_name: {'peft' if form == 'adapter' else 'transformers'}" in head
    assert "base_model" not in head  # a local folder is no name that anybody else could look up
    assert "| iteration 2 | 50.0% | 35.0% – 65.0% | 40 |" in text
    assert "1 of them written by people" in text
    assert "iteration 3" not in text


def test_the_cards_code_runs(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = (exported / "README.md").read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    exec(code.replace("THIS_FOLDER", str(exported)), {})
    assert capsys.readouterr().out == f"def execute_command(image):{COMPLETION}\n"


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("smollm2-135m-instruct", "license: apache-2.0\nbase_model: HuggingFaceTB/SmolLM2-135M-Instruct"),
        ("Qwen/Qwen2.5-Coder-1.5B", "base_model: Qwen/Qwen2.5-Coder-1.5B"),
    ],
)
def test_the_card_names_a_published_base(exported: Path, model: str, expected: str) -> None:
    found = described(exported)
    found["lineage"]["base"]["model"] = model
    assert expected in card(found)


def test_the_tokenizer_travels_along(base: Path, exported: Path) -> None:
    text = COMPLETION + " # 'ü'"
    assert AutoTokenizer.from_pretrained(exported)(text) == AutoTokenizer.from_pretrained(base)(text)


def test_an_iteration_that_is_not_finished_is_refused(run: Run, tmp_path: Path) -> None:
    with pytest.raises(UserFault, match="has no finished iteration 3; it has 1, 2"):
        export(run.folder, tmp_path / "policy", "merged", 3)
    assert not (tmp_path / "policy").exists()


def test_a_run_without_any_finished_iteration_is_refused(run: Run, tmp_path: Path) -> None:
    young = Run.create(tmp_path / "young", run.recipe, "none")
    with pytest.raises(UserFault, match="no finished iteration yet; continue it with visrep train --resume"):
        export(young.folder, tmp_path / "policy")


def test_nothing_is_overwritten(run: Run, tmp_path: Path) -> None:
    (tmp_path / "policy").mkdir()
    with pytest.raises(UserFault, match="is there already"):
        export(run.folder, tmp_path / "policy")


def test_a_damaged_adapter_leaves_nothing_behind(run: Run, tmp_path: Path, form: Format) -> None:
    weights = run.iteration(1) / "adapter" / "adapter_model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    try:
        with pytest.raises(UserFault, match="damaged"):
            export(run.folder, tmp_path / "policy", form, 1)
    finally:
        weights.write_bytes(whole)
    assert list(tmp_path.iterdir()) == []
