"""The loop, end to end: real scenes, the real sandbox, perception on pixels, and LoRA training of a tiny model."""

import io
import json
import runpy
from pathlib import Path

import pytest
from rich.console import Console

from visrep.env import jsonl, rollouts
from visrep.env.faults import UserFault
from visrep.train.config import Recipe, load_recipe
from visrep.train.loop import train
from visrep.train.run import Run
from visrep.train.summary import lines, tables

small = runpy.run_path(str(Path(__file__).with_name("small_run.py")))
contents = small["contents"]
DRAWN = small["DRAWN"]


def recipe(folder: Path, *overrides: str) -> Recipe:
    return load_recipe("quickstart", [*small["settings"](folder), *overrides])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Path = small["prepare"](tmp_path_factory.mktemp("loop"))
    return made


@pytest.fixture(scope="module")
def run(folder: Path) -> Run:
    quiet = Console(quiet=True)
    return train(recipe(folder), folder / "run", resume=False, console=quiet)


def test_half_of_the_tasks_are_solved_and_learnt_from(run: Run) -> None:
    first = run.metrics()[2]
    assert first["sampling"]["solved"] == 0.5
    assert first["sampling"]["pass_at_k"] == {"1": 0.25, "2": 0.4167, "4": 0.5}
    assert first["selection"]["examples"] == 16
    assert first["selection"]["dropped"]["wrong"] == 64
    assert len(list(jsonl.read(run.iteration(1) / "examples.jsonl"))) == 16


def test_metrics_have_the_base_policy_with_and_without_examples_and_each_iteration(run: Run) -> None:
    assert [(record["iteration"], record["examples"]) for record in run.metrics()] == [(0, 0), (0, 6), (1, 6), (2, 6)]
    for record in run.metrics():
        evaluation = record["evaluation"]
        assert (evaluation["tasks"], evaluation["right"], evaluation["accuracy"]) == (32, 16, 0.5)
        assert 0.3 < evaluation["low"] < 0.5 < evaluation["high"] < 0.7


def test_every_program_of_every_task_has_a_rollout_with_its_author(run: Run) -> None:
    found = list(rollouts.read(run.iteration(2) / "rollouts.jsonl"))
    # Wrong and broken for all 32 tasks; right for half of them, its copy with a comment being the same program.
    assert len(found) == 32 * 2 + 16
    assert {(rollout.iteration, rollout.policy) for rollout in found} == {(2, "iteration_01")}
    assert {score.outcome for rollout in found for score in rollout.scores} >= {"ok", "wrong_answer", "syntax_error"}


def test_a_run_leaves_an_adapter_per_iteration_and_a_checkpoint(run: Run) -> None:
    assert run.finished_iterations() == [1, 2]
    for number in (1, 2):
        assert (run.iteration(number) / "adapter" / "adapter_model.safetensors").is_file()
    assert (run.folder / "export" / "visrep.json").is_file()


def test_the_tables_name_every_policy_and_category(run: Run) -> None:
    text = Console(width=200)
    with text.capture() as captured:
        for table in tables(run):
            text.print(table)
    for expected in ("base, 0 examples", "base, 6 examples", "iteration 2", "count_relation", "pass@k"):
        assert expected in captured.get()


def test_each_record_says_how_good_the_policy_is_and_where_the_time_went(run: Run) -> None:
    base, _, iteration, _ = run.metrics()
    (line,) = lines(base)
    assert line.startswith("base, 0 examples: 50.0% of 32 held-out tasks (33.6% – 66.4%), ")
    first, second, third = lines(iteration)
    assert first.endswith("learnt from 16 programs")
    stages = "sampling executing selecting training evaluating tokens/s programs/s calls/s"
    for expected in [*stages.split(), "calls cached", "policy idle", "sandbox idle", "in batches of"]:
        assert f" {expected}" in second
    assert third.startswith("  whose fault failures are: held out 16 program, 0 unclear, 0 perception")


def test_a_finished_run_is_not_done_again_and_can_be_continued(run: Run, folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in run.folder.glob("iteration_*/*")}
    again = train(recipe(folder), run.folder, resume=True, console=Console(quiet=True))
    assert {path: path.stat().st_mtime_ns for path in run.folder.glob("iteration_*/*")} == before
    assert again.metrics() == run.metrics()


def test_a_finished_run_goes_on_with_more_iterations(run: Run, folder: Path) -> None:
    quiet = Console(quiet=True)
    first = train(recipe(folder, "iterations=1"), folder / "more", resume=False, console=quiet)
    described = first.folder / "export" / "visrep.json"
    assert json.loads(described.read_text())["iteration"] == 1
    longer = train(recipe(folder), first.folder, resume=True, console=quiet)
    assert contents(longer.folder) == contents(run.folder)
    assert json.loads(described.read_text())["iteration"] == 2


def test_a_saturated_run_stops_says_why_and_can_be_carried_on(run: Run, folder: Path) -> None:
    """The scripted policy never gets better."""
    console = Console(width=400, record=True, file=io.StringIO())
    patient = recipe(folder, "iterations=9", "saturation.patience=1")
    stopped = train(patient, folder / "saturated", resume=False, console=console)
    assert stopped.finished_iterations() == [1, 2]
    assert "stopped after iteration 2: pass@1 on the training tasks was 25.0%" in console.export_text()
    assert contents(stopped.folder) == contents(run.folder)
    carried_on = train(recipe(folder, "iterations=3"), stopped.folder, resume=True, console=Console(quiet=True))
    assert carried_on.finished_iterations() == [1, 2, 3]


def test_a_run_starts_from_an_exported_checkpoint(run: Run, folder: Path) -> None:
    onward = recipe(folder, "iterations=1", f"policy.model={run.folder / 'export'}")
    made = train(onward, folder / "onward", resume=False, console=Console(quiet=True))
    assert made.finished_iterations() == [1]
    described = json.loads((made.folder / "export" / "visrep.json").read_text())
    assert described["lineage"]["base"]["model"] == str(run.folder / "export")


def test_a_run_whose_later_rounds_solved_tasks_is_resumed_as_it_was(folder: Path) -> None:
    """The first round writes the wrong program alone; the second finds the right ones; the third has half the tasks."""
    rounds = recipe(folder, "iterations=1", "sampling.n=1", "sampling.rounds=3")
    first = train(rounds, folder / "rounds", resume=False, console=Console(quiet=True))
    metrics = first.metrics()
    sampling = metrics[-1]["sampling"]
    assert [sampling[f"round_{number}"]["tasks"] for number in (1, 2, 3)] == [32, 32, 16]
    assert sampling["pass_at_k"] == {"1": 0.0}
    assert train(rounds, first.folder, resume=True, console=Console(quiet=True)).metrics() == metrics


@pytest.mark.slow
def test_a_run_cut_off_in_sampling_ends_like_one_that_was_not(run: Run, folder: Path) -> None:
    """As after `kill -9`: a torn last line of completions, half of the rollouts, no manifest."""
    cut = train(recipe(folder, "iterations=1"), folder / "cut", resume=False, console=Console(quiet=True))
    first = cut.iteration(1)
    for name in ("select", "clone", "evaluate", "sample_1", "sample_2"):
        (first / f"{name}.done.json").unlink()
    (cut.folder / "export.done.json").unlink()
    for name in ("completions.jsonl", "rollouts.jsonl"):
        data = (first / name).read_bytes()
        (first / name).write_bytes(data[: len(data) // 3])
    for path in first.glob("evaluate.*"):
        path.unlink()
    resumed = train(recipe(folder), cut.folder, resume=True, console=Console(quiet=True))
    assert contents(resumed.folder) == contents(run.folder)


def test_a_recipe_for_another_data_set_is_refused_on_resume(run: Run, folder: Path) -> None:
    with pytest.raises(UserFault, match=r"made with another 'sampling\.n'"):
        train(recipe(folder, "sampling.n=5"), run.folder, resume=True, console=Console(quiet=True))


def test_the_scripted_engine_needs_its_script(folder: Path, tmp_path: Path) -> None:
    model, data = folder / "model", folder / "drawn"
    settings = [f"data.root={data}", f"policy.model={model}", "policy.engine=scripted", *DRAWN]
    with pytest.raises(UserFault, match=r"policy\.script is missing; name its JSON file"):
        train(load_recipe("quickstart", settings), tmp_path / "run", resume=False, console=Console(quiet=True))
