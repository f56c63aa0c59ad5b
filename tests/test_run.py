"""Runs on disk: stages are complete or absent, and a run has one driver and one recipe."""

import subprocess
import sys
from pathlib import Path

import pytest

from visrep.env.faults import UserFault
from visrep.train.config import Recipe, load_recipe
from visrep.train.run import Run, check_writable, stage


@pytest.fixture
def recipe() -> Recipe:
    return load_recipe("quickstart")


def test_a_finished_stage_is_not_done_again(tmp_path: Path) -> None:
    done: list[int] = []

    def work() -> dict[str, int]:
        done.append(1)
        return {"rows": 7}

    first = stage(tmp_path, "select", {"seed": 1}, work)
    assert stage(tmp_path, "select", {"seed": 1}, work) == first
    assert first["rows"] == 7
    assert done == [1]


def test_a_stage_that_failed_leaves_no_manifest(tmp_path: Path) -> None:
    def work() -> dict[str, int]:
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        stage(tmp_path, "select", {}, work)
    assert list(tmp_path.iterdir()) == []


def test_a_stage_made_from_something_else_is_refused(tmp_path: Path) -> None:
    stage(tmp_path, "clone", {"examples": 3}, dict)
    with pytest.raises(UserFault, match="made from another 'examples'"):
        stage(tmp_path, "clone", {"examples": 4}, dict)


def test_a_run_is_stamped_and_opens_again(tmp_path: Path, recipe: Recipe) -> None:
    Run.create(tmp_path / "run", recipe, isolation="none")
    run = Run.open(tmp_path / "run")
    assert run.recipe == recipe
    assert run.stamp()["isolation"] == "none"
    assert run.stamp()["versions"]["torch"]
    assert run.stamp()["hardware"]["cores"] >= 1


def test_a_second_run_in_the_same_folder_is_refused(tmp_path: Path, recipe: Recipe) -> None:
    Run.create(tmp_path / "run", recipe, isolation="none")
    with pytest.raises(UserFault, match="holds a run already; continue it with --resume"):
        Run.create(tmp_path / "run", recipe, isolation="none")


@pytest.mark.parametrize("setting", ["property_threshold=0.7", "recheck=true"])
def test_replies_are_judged_in_one_way_throughout_a_run(tmp_path: Path, recipe: Recipe, setting: str) -> None:
    Run.create(tmp_path / "run", recipe, isolation="none")
    with pytest.raises(UserFault, match=rf"made with another 'perception\.{setting.partition('=')[0]}'"):
        Run.reopen(tmp_path / "run", load_recipe("quickstart", [f"perception.{setting}"]))


def test_more_iterations_are_allowed_on_resume_but_not_other_sampling(tmp_path: Path, recipe: Recipe) -> None:
    Run.create(tmp_path / "run", recipe, isolation="none")
    longer = load_recipe("quickstart", ["iterations=9"])
    assert Run.reopen(tmp_path / "run", longer).recipe.iterations == 9
    with pytest.raises(UserFault, match=r"made with another 'sampling\.n'"):
        Run.reopen(tmp_path / "run", load_recipe("quickstart", ["sampling.n=9"]))


def test_later_iterations_may_be_trained_otherwise_and_that_is_kept(tmp_path: Path, recipe: Recipe) -> None:
    Run.create(tmp_path / "run", recipe, isolation="none")
    for rate in (5e-4, 5e-4, 2e-4):
        run = Run.reopen(tmp_path / "run", load_recipe("quickstart", [f"clone.learning_rate={rate}"]))
    assert run.recipe.clone.learning_rate == 2e-4
    first, second = run.stamp()["changed"]
    assert first == {"after_iteration": 0, "settings": {"clone.learning_rate": {"old": 1e-3, "new": 5e-4}}}
    assert second["settings"]["clone.learning_rate"] == {"old": 5e-4, "new": 2e-4}


def test_how_much_is_asked_for_may_change_between_iterations_but_not_half_way(tmp_path: Path, recipe: Recipe) -> None:
    run = Run.create(tmp_path / "run", recipe, isolation="none")
    for number in (1, 2):
        run.iteration(number).mkdir()
    stage(run.iteration(1), "evaluate", {}, dict)
    other = load_recipe("quickstart", ["sampling.rounds=4", "retry.n=3"])
    with pytest.raises(UserFault, match=r"iteration 2 of .* is half-way, .* finish it .* \(iterations=2\) first"):
        Run.reopen(run.folder, other)
    assert Run.open(run.folder).recipe == recipe
    stage(run.iteration(2), "evaluate", {}, dict)
    assert Run.reopen(run.folder, other).recipe == other
    settings = run.stamp()["changed"][0]["settings"]
    assert settings == {"retry.n": {"old": 0, "new": 3}, "sampling.rounds": {"old": 5, "new": 4}}


def test_a_second_driver_is_refused_with_the_number_of_the_first(tmp_path: Path, recipe: Recipe) -> None:
    run = Run.create(tmp_path / "run", recipe, isolation="none")
    code = (
        "import sys; from pathlib import Path; from visrep.train.run import Run\n"
        "with Run.open(Path(sys.argv[1])).lock(): pass"
    )
    with run.lock():
        second = subprocess.run([sys.executable, "-c", code, run.folder], capture_output=True, text=True)
    assert "is being driven by process" in second.stderr
    with run.lock():
        pass


def test_a_place_that_cannot_be_written_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Exception, match="choose another --out"):
        check_writable(tmp_path / "file" / "run")
