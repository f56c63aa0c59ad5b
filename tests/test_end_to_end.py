"""A whole run through the command, from drawing to a question asked of what was exported.

The engine is scripted: half of the questions get a right program. All else is real: scenes, sandbox, perception on
pixels, LoRA training of a tiny model, the merge.
"""

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from visrep.env.drawn.gqa import draw
from visrep.env.tasks import gqa
from visrep.scripts import cli

HERE = Path(__file__).parent
right_program = runpy.run_path(str(HERE / "drawn_programs.py"))["program"]
write_model = runpy.run_path(str(HERE / "tiny_policy.py"))["write_model"]

HEAD = "def execute_command(image):"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Options that make the quickstart recipe a run of one iteration on 32 tasks."""
    folder = tmp_path_factory.mktemp("end_to_end")
    write_model(folder / "model")
    tasks = {"train": 1, "val": 1, "testdev": 1}
    draw(folder / "drawn", seed=0, scenes=dict.fromkeys(tasks, 60), tasks_per_category=tasks, instances=2)
    script = {"": ["\n    return 'nothing'"]}
    for split in ("train", "testdev"):
        for task in list(gqa.load(folder / "drawn", split, instances=2))[::2]:
            question = task.question
            script[question.text] = [right_program(question.category, question.text).removeprefix(HEAD).rstrip()]
    (folder / "script.json").write_text(json.dumps(script))
    overrides = {
        "iterations": 1,
        "data.root": folder / "drawn",
        "data.options.instances": 2,
        "data.draw.seed": 0,
        "data.draw.instances": 2,
        "data.draw.train": 1,
        "data.draw.val": 1,
        "data.draw.test": 1,
        "policy.engine": "scripted",
        "policy.script": folder / "script.json",
        "policy.model": folder / "model",
        "sampling.n": 1,
        "sampling.rounds": 1,
        "clone.batch": 2,
        "clone.learning_rate": 0.05,  # so that few steps show in what is written
        "evaluation.base_without_examples": "false",
    }
    return [word for key, value in overrides.items() for word in ("--set", f"{key}={value}")]


@pytest.fixture(scope="module")
def run(settings: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    assert cli.run(["train", "quickstart", "--out", str(folder), *settings]) == 0
    return folder


@pytest.fixture(scope="module")
def adapter(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "adapter"
    assert cli.run(["export", str(run), "--to", str(folder), "--format", "adapter"]) == 0
    return folder


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    """The JSON that a command prints, and nothing else with it."""
    status = cli.run([*map(str, arguments), "--json"])
    output = capsys.readouterr()
    assert status == 0, output.err
    return json.loads(output.out)


def test_a_finished_run_says_so_again_at_once(
    run: Path, settings: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = (run / "metrics.jsonl").read_text()
    assert cli.run(["train", "quickstart", "--out", str(run), "--resume", *settings]) == 0
    text = capsys.readouterr().out
    assert "iteration 1" in text
    assert str(run / "export") in text
    assert (run / "metrics.jsonl").read_text() == before


def test_the_run_is_shown_with_its_questions(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "show", run)["outcomes"]["1"]["ok"] == 8
    assert cli.run(["show", str(run), "--iteration", "1", "--category", "exist"]) == 0
    text = capsys.readouterr().out
    assert "object?" in text or "circle?" in text or "square?" in text or "triangle?" in text
    assert "annotated 'no'" in text


def test_failed_programs_are_shown_line_by_line(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["show", str(run), "--outcome", "wrong_answer", "--limit", "1"]) == 0
    assert "line 2: image = ImagePatch(0" in capsys.readouterr().out
    shown = said(capsys, "show", run, "--outcome", "wrong_answer", "--limit", 1)
    assert shown["traces"][0][0] == [2, {"image": "ImagePatch(0, 0, 224, 224)"}]
    assert "traces" not in said(capsys, "show", run, "--outcome", "ok", "--limit", 1)
    assert "traces" not in said(capsys, "show", run, "--outcome", "wrong_answer", "--limit", 1, "--no-trace")


@pytest.mark.parametrize("iteration", [0, 1])
def test_an_iteration_is_evaluated_as_it_was_in_the_run(
    run: Path, iteration: int, capsys: pytest.CaptureFixture[str]
) -> None:
    result = said(capsys, "evaluate", run, "--iteration", iteration)
    assert (result["tasks"], result["right"]) == (16, 8)
    assert result["split"] == "testdev"


def test_all_tasks_of_a_split_are_judged_on_demand(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one_each = ("--set", "data.options.instances=1", "--set", "data.test_per_category=1")
    subset = said(capsys, "evaluate", run, "--iteration", 0, *one_each)
    whole = said(capsys, "evaluate", run, "--iteration", 0, "--whole", *one_each)
    assert (subset["tasks"], whole["tasks"]) == (16, 32)


def test_what_several_programs_agree_on_has_a_column_of_its_own(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = said(capsys, "evaluate", run, "--votes", 3)
    # The script writes a right program for half of the tasks and nothing else for the others, whatever the sample.
    assert (result["right"], result["agreement"]["right"], result["agreement"]["votes"]) == (8, 8, 3)
    assert cli.run(["evaluate", str(run), "--votes", "3"]) == 0
    assert "3 agreeing" in capsys.readouterr().out


def test_an_iteration_is_evaluated_with_its_own_weights(run: Path, tmp_path: Path) -> None:
    engine = ["--set", "policy.engine=transformers", "--set", "sampling.max_tokens=12"]
    written = {}
    for name, policy in {"base": [run, "--iteration", "0"], "trained": [run], "exported": [run / "export"]}.items():
        assert cli.run(["evaluate", *map(str, policy), "--out", str(tmp_path / name), *engine]) == 0
        written[name] = (tmp_path / name / "evaluate.completions.jsonl").read_text()
    assert written["base"] != written["trained"]
    assert written["trained"] == written["exported"]


def test_what_was_exported_is_evaluated_by_itself(
    run: Path, adapter: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(capsys, "evaluate", run / "export", "--split", "train")["right"] == 8
    kept = tmp_path / "kept"
    assert said(capsys, "evaluate", adapter, "--out", kept)["right"] == 8
    assert len((kept / "evaluate.rollouts.jsonl").read_text().splitlines()) == 16


def test_two_policies_are_compared_task_by_task(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = tmp_path / "kept"
    result = said(capsys, "evaluate", run, "--against", run / "base", "--out", kept)
    assert (result["right"], result["against"]["right"]) == (8, 8)
    assert result["comparison"] == {"tasks": 16, "only_first": 0, "only_second": 0, "p_value": 1.0}
    assert (kept / "against" / "evaluate.rollouts.jsonl").is_file()
    assert cli.run(["evaluate", str(run / "iteration_01"), "--iteration", "2"]) == 1
    assert "leave --iteration out" in capsys.readouterr().err


def test_the_evaluation_is_a_table_with_every_category(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["evaluate", str(run / "export")]) == 0
    text = capsys.readouterr().out
    assert "count_relation" in text
    assert "50.0%" in text


def test_settings_change_the_recipe_of_a_checkpoint(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["evaluate", str(run / "export"), "--set", "policy.script=nowhere.json"]
    assert cli.run(arguments) == 1
    assert "nowhere.json" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["merged", "adapter"])
def test_what_was_exported_is_asked_by_itself(
    run: Path, adapter: Path, form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The tiny model writes nonsense: that it was asked at all shows in the outcome of its program."""
    (data,) = json.loads((run / "export/visrep.json").read_text())["recipe"]["data"]
    image = next((Path(data["root"]) / "images").iterdir())
    policy = run / "export" if form == "merged" else adapter
    cli.run(["ask", str(image), "Is there a red circle?", "--policy", str(policy), "--json"])
    output = capsys.readouterr()
    assert json.loads(output.out)["program"].startswith(HEAD)


def test_an_export_is_not_written_over_another(run: Path, adapter: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["export", str(run), "--to", str(adapter)]) == 1
    assert "there already" in capsys.readouterr().err


def test_an_exported_adapter_is_not_used_on_another_base(
    adapter: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = Path(json.loads((adapter / "adapter_config.json").read_text())["base_model_name_or_path"])
    weights, other = base / "model.safetensors", write_model(tmp_path / "other", seed=1) / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(other.read_bytes())
    try:
        assert cli.run(["evaluate", str(adapter)]) == 1
    finally:
        weights.write_bytes(whole)
    assert f"{base} holds other weights than adapter {adapter} was trained on" in capsys.readouterr().err
