"""A run as one HTML file: its numbers, its pictures, and that nothing in it runs or reaches out."""

import base64
import dataclasses
import io
import json
import runpy
import shutil
import subprocess
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console

from visrep.env import jsonl, rollouts
from visrep.env.perception.picture import Picture
from visrep.env.types import Box, Call, Execution, Rollout, Score
from visrep.scripts import cli
from visrep.train import summary
from visrep.train.config import load_recipe
from visrep.train.loop import train
from visrep.train.report import figures
from visrep.train.report.pictures import figure
from visrep.train.report.samples import choose
from visrep.train.run import Run

small = runpy.run_path(str(Path(__file__).with_name("small_run.py")))

HOSTILE = (
    "</code></pre></title><script>document.title = 'owned'</script>\"><img src=x onerror=\"document.title='owned'\">"
)
VOID = {"br", "col", "hr", "img", "input", "link", "meta"}


class Page(HTMLParser):
    """Elements with their attributes, rows of tables and the text of a page. Fails on tags that do not close in their
    order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.rows: list[list[str]] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, self.getpos()

    def handle_data(self, data: str) -> None:
        self.words += data
        if {"td", "th"} & set(self._open):
            self.rows[-1][-1] += data

    def row(self, *starts: str) -> list[str]:
        """The one row whose first cells are these."""
        (found,) = [row for row in self.rows if row[: len(starts)] == list(starts)]
        return found

    def of(self, tag: str, kind: str = "") -> list[dict[str, str | None]]:
        """The attributes of elements with a tag and a class."""
        return [found for name, found in self.elements if name == tag and kind in (found.get("class") or "")]

    def is_inert(self) -> bool:
        """Whether it has no script and refers to nothing outside of it."""
        forbidden = {"script", "iframe", "object", "embed", "base", "form"}
        addresses = [
            found[key] or "" for _, found in self.elements for key in ("src", "href", "srcset") if key in found
        ]
        return (
            not forbidden & {tag for tag, _ in self.elements}
            and not any(name.startswith("on") for _, found in self.elements for name in found)
            and all(address.startswith(("#", "data:")) for address in addresses)
        )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Path = small["prepare"](tmp_path_factory.mktemp("report"))
    return made


@pytest.fixture(scope="module")
def finished(folder: Path) -> Run:
    recipe = load_recipe("quickstart", [*small["settings"](folder), "iterations=1", "clone.pack=false"])
    return train(recipe, folder / "run", resume=False, console=Console(quiet=True))


@pytest.fixture
def run(finished: Run, folder: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the run, without its weights, and of its data set, which tests may change."""
    copy, data = tmp_path / "run", tmp_path / "drawn"
    shutil.copytree(finished.folder, copy, ignore=shutil.ignore_patterns("adapter", "export", "report.html"))
    shutil.copytree(folder / "drawn", data)
    recipe = copy / "recipe.toml"
    recipe.write_text(recipe.read_text().replace(str(folder / "drawn"), str(data)))
    yield copy
    assert Page((copy / "report.html").read_text()).is_inert()


def report(run: Path) -> Page:
    assert cli.run(["report", str(run)]) == 0
    return Page((run / "report.html").read_text(encoding="utf-8"))


def change(file: Path, how: Callable[[Rollout], Rollout]) -> None:
    """Rewrite the rollouts of a file."""
    jsonl.write_lines(file, [rollouts.to_json(how(rollout)) for rollout in rollouts.read(file)])


def test_a_run_leaves_its_report(finished: Run) -> None:
    page = Page((finished.folder / "report.html").read_text(encoding="utf-8"))
    assert page.is_inert()
    assert "50.0\N{NO-BREAK SPACE}% of 32 held-out tasks right after iteration 1" in page.words


def test_numbers_are_those_of_the_metrics(run: Path, finished: Run) -> None:
    page, records = report(run), finished.metrics()
    for record in records:
        found, name = record["evaluation"], summary.name_of(record)
        interval = f"{figures.percent(found['low'])} – {figures.percent(found['high'])}"
        assert page.row(name, figures.percent(found["accuracy"]), interval, f"{found['right']} of {found['tasks']}")
        assert page.row(name, *(f"{s:.1f}" if s is not None else "–" for s in summary.stage_seconds(record)))
    for category, last in records[-1]["evaluation"]["by_category"].items():
        assert page.row(f"{category} (2)")[-1] == f"{last['accuracy']:.0%}"
    outcomes = [record["evaluation"]["outcomes"] for record in records]
    assert page.row("ok", *(str(found["ok"]) for found in outcomes))
    sampled = [rollout for rollout in rollouts.read(run / "iteration_01" / "rollouts.jsonl") if rollout.reward == 1]
    assert page.row("ok", str(len(sampled)))
    for fact in ("seccomp+landlock", "learns from train, is tested on testdev", "iterations = 1"):
        assert fact in page.words


def test_programs_are_shown_with_their_pictures_calls_and_answers(run: Path) -> None:
    page = report(run)
    assert len(page.of("details", "card right")) == 4
    assert len(page.of("details", "card wrong")) == 4
    pictures = [found["href"] or "" for found in page.of("image")]
    assert len(pictures) == 8 * 2
    assert all(address.startswith("data:image/webp;base64,") for address in pictures)
    assert page.of("rect", "box found")
    for text in ("returned 'nothing'", "annotated: 'yes'", "def execute_command(image):", "find("):
        assert text in page.words


def test_text_of_programs_questions_and_categories_is_never_markup(run: Path, tmp_path: Path) -> None:
    questions = tmp_path / "drawn" / "testdev_balanced_questions.json"
    rows = json.loads(questions.read_text())
    questions.write_text(json.dumps({key: row | {"question": HOSTILE} for key, row in rows.items()}))

    def spoil(rollout: Rollout) -> Rollout:
        calls = (Call("find", 0, None, (HOSTILE,), None, 0.0, HOSTILE),)
        executions = tuple(Execution("ok", value=HOSTILE, calls=calls) for _ in rollout.executions)
        scores = tuple(Score(0, 0.0, "wrong_answer") for _ in rollout.scores)
        return dataclasses.replace(
            rollout, program=HOSTILE, category=HOSTILE, policy=HOSTILE, executions=executions, scores=scores, reward=0
        )

    change(run / "iteration_01" / "evaluate.rollouts.jsonl", spoil)
    metrics = (run / "metrics.jsonl").read_text().replace('"count_relation"', json.dumps(HOSTILE))
    (run / "metrics.jsonl").write_text(metrics)
    page = report(run)  # and the fixture looks for scripts and handlers
    assert page.words.count(HOSTILE) > 10
    assert not page.of("img")


def test_solved_and_forgotten_tasks_of_the_last_iteration_are_told(run: Path) -> None:
    base = {rollout.task_id: rollout for rollout in rollouts.read(run / "base" / "examples_6.rollouts.jsonl")}
    solved = next(rollout.task_id for rollout in base.values() if rollout.reward == 1)
    wrong = next(rollout for rollout in base.values() if rollout.reward == 0)

    def forget(rollout: Rollout) -> Rollout:
        return dataclasses.replace(wrong, task_id=solved) if rollout.task_id == solved else rollout

    assert "solved 0 held-out tasks anew and forgot 0" in report(run).words
    change(run / "iteration_01" / "evaluate.rollouts.jsonl", forget)
    page = report(run)
    assert "Iteration 1 solved 0 held-out tasks anew and forgot 1." in page.words
    assert "+     return 'nothing'" in page.words


def test_a_missing_image_is_said_in_its_place(run: Path, tmp_path: Path) -> None:
    before = len(report(run).of("image"))
    gone = (run / "report.html").read_text().split("<figcaption>")[1].partition("<")[0]
    (tmp_path / "drawn" / "images" / gone).unlink()
    page = report(run)
    assert len(page.of("image")) < before
    assert f"image {tmp_path / 'drawn' / 'images' / gone} is missing" in page.words


def test_a_data_set_that_has_moved_is_said_and_programs_are_there(run: Path, tmp_path: Path) -> None:
    (tmp_path / "drawn").rename(tmp_path / "elsewhere")
    page = report(run)
    assert f"The data set at {tmp_path / 'drawn'} cannot be read from here" in page.words
    assert page.of("image") == []
    assert "returned 'nothing'" in page.words


def test_what_the_records_lack_is_a_gap(run: Path) -> None:
    (run / "run.json").unlink()
    records = [{"iteration": 0, "examples": 6}, {"iteration": 1, "evaluation": {"accuracy": 0.25}, "sampling": {}}]
    jsonl.write_lines(run / "metrics.jsonl", records)
    page = report(run)
    assert "25.0\N{NO-BREAK SPACE}% of the held-out tasks right" in page.words
    assert "– – –" in page.words
    assert len(page.of("circle")) == 1


def test_a_run_that_has_only_begun_has_a_report(tmp_path: Path) -> None:
    made = Run.create(tmp_path / "run", load_recipe("quickstart", ["data.root=gone"]), isolation="seccomp+landlock")
    page = report(made.folder)
    assert page.is_inert()
    assert "Nothing is evaluated yet." in page.words
    assert "No held-out task has a program yet." in page.words


def test_the_report_goes_where_it_is_asked_to(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report(run)
    capsys.readouterr()
    assert cli.run(["report", str(run), "--to", str(tmp_path / "new" / "page.html"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said == {"report": str(tmp_path / "new/page.html"), "bytes": (tmp_path / "new/page.html").stat().st_size}
    assert cli.run(["report", str(run), "--to", str(tmp_path)]) == 1
    assert "is a folder; name the file to write" in capsys.readouterr().err


def test_a_report_that_cannot_be_written_ends_no_run(folder: Path, finished: Run) -> None:
    written = finished.folder / "report.html"
    written.rename(folder / "kept.html")
    written.mkdir()
    console = Console(record=True, file=io.StringIO(), width=400)
    train(finished.recipe, finished.folder, resume=True, console=console)
    written.rmdir()
    (folder / "kept.html").rename(written)
    text = console.export_text()
    assert "no report: " in text
    assert "exported checkpoint" in text


def rollout(task_id: str, category: str, reward: int) -> Rollout:
    return Rollout(task_id, category, "", (), (), reward)


def test_the_choice_of_programs_depends_on_the_seed_and_not_on_their_order() -> None:
    found = [rollout(f"{category}{n}", category, n % 2) for category in "abcdefghij" for n in range(20)]
    chosen = choose(found, seed=1)
    assert choose(reversed(found), seed=1) == chosen
    assert choose(found, seed=2) != chosen
    assert [each.reward for each in chosen] == [0] * 4 + [1] * 4
    assert len({each.category for each in chosen}) == 8
    assert choose(found[:20], seed=1) == [each for each in choose(found[:20], seed=1) if each.category == "a"]


def test_boxes_are_turned_over_for_the_picture_and_named_after_their_calls(tmp_path: Path) -> None:
    Image.new("RGB", (100, 80), "white").save(tmp_path / "a.png")
    whole, cup = Box(0, 0, 100, 80), Box(10, 20, 30, 60)
    calls = (
        Call("find", 0, whole, ("cup",), [[1, 10, 20, 30, 60], [2, 50, 0, 70, 10]], 0.0),
        Call("simple_query", 0, cup, ("What?",), "red", 0.0),
        Call("find", 0, whole, ("mug",), [[3, 10, 20, 30, 60]], 0.0),
        Call("crop", 0, whole, (0, 0, 40, 40), [4, 0, 0, 40, 40], 0.0),
        Call("best_image_match", None, None, ([[0, [50, 0, 70, 10]], [1, [1, 1, 2, 2]]], ["x"]), 0, 0.0),
        Call("find", 0, None, ("''",), None, 0.0, "find: no name"),
    )
    made = figure(
        Picture(tmp_path / "a.png"), 0, calls, [{"image": 0, "box": [0, 70, 10, 80]}, {"image": 1, "box": [1, 1, 9, 9]}]
    )
    assert (made.width, made.height) == (100, 80)
    assert [(o.x, o.y, o.width, o.height, o.kind, o.label) for o in made.outlines] == [
        (10, 20, 20, 40, "found", "1, 3"),
        (50, 70, 20, 10, "found", "1"),
        (10, 20, 20, 40, "asked", "2"),
        (0, 40, 40, 40, "found", "4"),
        (50, 70, 20, 10, "asked", "5"),
        (0, 0, 10, 10, "returned", "value"),
    ]


def test_large_images_are_made_smaller_and_boxes_keep_their_frame(tmp_path: Path) -> None:
    Image.new("RGB", (2000, 1000), "navy").save(tmp_path / "large.jpg")
    made = figure(Picture(tmp_path / "large.jpg"), 0, [Call("find", 0, None, ("x",), [[1, 0, 0, 500, 500]], 0.0)], None)
    embedded = Image.open(io.BytesIO(base64.b64decode(made.uri.partition(",")[2])))
    assert embedded.size == (400, 200)
    assert (made.width, made.height) == (2000, 1000)
    assert made.outlines[0].y == 500


@pytest.mark.skipif(not (shutil.which("chromium") or shutil.which("google-chrome")), reason="no Chromium installed")
def test_a_browser_shows_it_and_runs_nothing_of_it(run: Path, tmp_path: Path) -> None:
    def spoil(rollout: Rollout) -> Rollout:
        return dataclasses.replace(rollout, program=HOSTILE)

    change(run / "iteration_01" / "evaluate.rollouts.jsonl", spoil)
    report(run)
    browser = shutil.which("chromium") or shutil.which("google-chrome") or ""
    flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        f"--user-data-dir={tmp_path}",
    ]
    picture = tmp_path / "picture.png"
    address = (run / "report.html").as_uri()
    command = [browser, *flags, "--enable-logging=stderr", "--window-size=400,900"]
    shot = subprocess.run([*command, f"--screenshot={picture}", address], capture_output=True, text=True, timeout=300)
    assert ":CONSOLE" not in shot.stderr
    with Image.open(picture) as image:
        assert image.width == 400
        assert len(image.convert("RGB").getcolors(1 << 24) or ()) > 50
    seen = subprocess.run([*command, "--dump-dom", address], capture_output=True, text=True, timeout=300).stdout
    assert "<title>run · visrep</title>" in seen
    assert Page(seen.partition("<html")[2].join(["<html", ""])).is_inert()
