"""The studio in a real browser: the worst category is found, a program mended, run and kept; and what must not happen
does not. The policy is scripted and never right about "leftmost"; all else is real."""

import contextlib
import io
import json
import os
import re
import runpy
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image
from rich.console import Console

from visrep.corrections import store
from visrep.corrections.board import nearest
from visrep.env.types import Execution, Rollout, Score, Task
from visrep.scripts import cli
from visrep.train import correcting
from visrep.train.config import load_recipe
from visrep.train.loop import train
from visrep.train.parts import load_tasks
from visrep.train.run import Run
from visrep.train.studio import server, views
from visrep.train.studio.desk import PAGE, Desk, Ran
from visrep.train.studio.door import is_local

pytestmark = pytest.mark.slow  # a run, a server and a browser: more than a minute

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
needs_browser = pytest.mark.skipif(not CHROMIUM, reason="no Chromium installed")
HOSTILE = Path(__file__).parent / "hostile"
WORST = "leftmost"
ATTACKS = ("260_esc_memfd", "264_esc_read_parents_memory", "283_esc_kill_itself", "329_dos_sort_that_changes_itself")
MARKUP = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">{{this}}${1+1}"

small = runpy.run_path(str(Path(__file__).with_name("small_run.py")))
VISREP = small["VISREP"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a finished run with two iterations."""
    made: Path = small["prepare"](tmp_path_factory.mktemp("studio"))
    settings = [*small["settings"](made), "evaluation.base_without_examples=false"]
    recipe = load_recipe("quickstart", settings)
    script = json.loads((made / "script.json").read_text())
    for task in correcting.training_tasks(recipe):
        if task.question.category == WORST:
            seen = "\n    patches = image.find('circle')\n    return len(patches)"
            script[task.question.text] = [seen, small["WRONG"], seen, small["BROKEN"]]
    (made / "script.json").write_text(json.dumps(script))
    return train(recipe, made / "run", resume=False, console=Console(file=io.StringIO())).folder


@pytest.fixture
def run(folder: Path) -> Run:
    return Run.open(folder)


@pytest.fixture
def desk(run: Run, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(run, tmp_path / "store.jsonl", "Ada", 2)
    with contextlib.closing(made):
        yield made


def worst_task(desk: Desk) -> Task:
    return desk.task(desk.board.groups[0].typical)


def right_program(task: Task) -> str:
    return str(small["RIGHT"](task.question.category, task.question.text)).strip()


@dataclass(frozen=True)
class Studio:
    """One that is served, and where it keeps corrections."""

    address: str
    store: Path


@contextlib.contextmanager
def served(folder: Path, path: Path, *options: str) -> Iterator[Studio]:
    """A studio in a process of its own, which has to end when it is told to."""
    command = [VISREP, "studio", folder, "--author", "Ada", "--store", path, "--port", "0", "--json", *options]
    alone = os.environ | {"OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=alone, cwd=path.parent
    ) as process:
        assert process.stdout
        assert process.stderr
        line = process.stdout.readline()
        try:
            assert line, process.stderr.read()
            yield Studio(json.loads(line)["address"], path)
        finally:
            process.send_signal(signal.SIGTERM)
            said = process.stderr.read()
    assert process.returncode == 128 + signal.SIGTERM, said
    assert "Traceback" not in said, said


@pytest.fixture(scope="module")
def studio(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with served(folder, tmp_path_factory.mktemp("kept") / "store.jsonl") as made:
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright installed")
    with playwright.sync_playwright() as tool:
        flags = ["--no-sandbox", "--disable-background-networking"]
        started = tool.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield started
        started.close()


@pytest.fixture
def page(browser: Any, studio: Studio) -> Iterator[Any]:
    """The studio's page with a task open. Nothing it does may ask another machine or raise an error."""
    asked: list[str] = []
    errors: list[str] = []
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    made = context.new_page()
    made.on("request", lambda request: asked.append(request.url))
    made.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    made.on("pageerror", lambda error: errors.append(str(error)))
    made.goto(studio.address)
    made.locator("#editor .cm-content").wait_for()
    made.locator("#shown .run svg").first.wait_for()
    yield made
    title = made.title()
    context.close()
    assert title == "run · visrep studio"
    assert errors == []
    assert [url for url in asked if not url.startswith((studio.address, "data:", "blob:"))] == []


def write(page: Any, program: str) -> None:
    """Put a program into the editor, as one who pastes it."""
    page.locator("#editor .cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    page.keyboard.insert_text(program)


def said(page: Any, words: str) -> str:
    """What the studio says, once it says this."""
    found = page.locator("#said .said", has_text=words)
    found.wait_for()
    return str(found.inner_text())


@needs_browser
def test_the_worst_category_is_found_and_a_program_mended_run_and_kept(page: Any, studio: Studio, desk: Desk) -> None:
    # The board: what the policy always fails is its first group, and that group's typical task is open.
    groups = page.locator("#groups label")
    assert groups.count() == PAGE
    assert groups.first.inner_text().startswith(WORST)
    assert groups.first.locator("input").is_checked()
    task = worst_task(desk)
    assert page.locator(".question").inner_text() == task.question.text
    assert page.locator("#tasks label").count() == 2
    # Its program: each instance with its image and boxes, wrong answer and annotation; lines with what changed there.
    shown = page.locator("#shown")
    assert shown.locator(".run").count() == len(task.instances)
    assert shown.locator(".run").first.locator("rect.box.found").count() > 0
    assert f"annotated\n{task.instances[0].answers[0]!r}" in shown.locator(".run").first.inner_text()
    assert "returned" in shown.locator(".run").first.inner_text()
    assert "patches = [ImagePatch(" in shown.locator(".listing:visible tr", has_text="find").inner_text()
    picture = shown.locator(".run svg image").first.bounding_box()
    assert picture["width"] / picture["height"] == pytest.approx(_aspect(task), rel=0.02)
    # Earlier ones: the two iterations' programs.
    page.locator("#programs input").click()
    options = page.locator("[role=option]").all_inner_texts()
    assert {text.strip(" \n✓").partition(",")[0] for text in options} == {"iteration 1", "iteration 2"}
    page.keyboard.press("Escape")
    # A wrong one first, then the right one; all by keys.
    write(page, task_head(task) + "\n    return 'nowhere'")
    page.keyboard.press("Control+Enter")
    assert "right on 0 of 2 instances" in said(page, 'returned "nowhere"')
    page.keyboard.press("Control+s")
    said(page, "not stored: the program is right on 0 of 2 instances")
    assert store.read(studio.store) == []
    write(page, right_program(task))
    page.keyboard.press("Control+Enter")
    said(page, "right on all instances: it can be saved")
    assert shown.locator(".run.right").count() == len(task.instances)
    assert shown.locator("rect.box.found").count() > 0
    page.get_by_label("Note").fill("it has to look")
    page.locator("#save").click()
    said(page, f"kept in {studio.store}: {task.question.id}, by Ada")
    (kept,) = store.read(studio.store)
    assert (kept.task_id, kept.program) == (task.question.id, right_program(task))
    assert (kept.author, kept.note) == ("Ada", "it has to look")
    page.locator("#tasks label", has_text="✓ by Ada").wait_for()
    page.locator("#save").click()
    said(page, "already has this program")
    assert len(store.read(studio.store)) == 1


def task_head(task: Task) -> str:
    return f"def {task.question.signature}:"


def _aspect(task: Task) -> float:
    with Image.open(task.instances[0].images[0]) as image:
        return image.width / image.height


@needs_browser
def test_a_hostile_program_does_nothing_but_fail(page: Any, studio: Studio, desk: Desk) -> None:
    before = studio.store.read_bytes() if studio.store.exists() else b""
    for name in ATTACKS:
        write(page, (HOSTILE / f"{name}.py").read_text())
        page.locator("#run").click()
        said(page, "instances of task")
        assert page.locator("#shown .run.right").count() == 0
        page.locator("#save").click()
        said(page, "should begin with 'def execute_command(image):'")
    write(page, f"{task_head(worst_task(desk))}\n    return {MARKUP!r}")
    page.locator("#run").click()
    said(page, "<script>")
    assert "{{this}}${1+1}" in page.locator("#shown .run").first.inner_text()
    assert page.locator("#shown script, #shown img").count() == 0
    assert (studio.store.read_bytes() if studio.store.exists() else b"") == before
    write(page, right_program(worst_task(desk)))
    page.locator("#run").click()
    page.locator("#shown .run.right").first.wait_for()


@needs_browser
def test_only_training_tasks_are_opened(page: Any, run: Run, desk: Desk) -> None:
    held_out = next(iter(load_tasks(run.recipe, "test", whole=True)[0])).question.id
    question = page.locator(".question").inner_text()
    for task_id, words in ((held_out, "is of the test split"), ("train-99999-0", "has no task 'train-99999-0'")):
        page.get_by_label("Any training task").fill(task_id)
        page.keyboard.press("Enter")
        said(page, words)
        assert page.locator(".question").inner_text() == question
    other = desk.board.groups[-1].typical
    page.get_by_label("Any training task").fill(other)
    page.keyboard.press("Enter")
    page.get_by_text(desk.task(other).question.text, exact=True).first.wait_for()
    page.locator(".question", has_text=desk.task(other).question.text).wait_for()


@needs_browser
def test_the_keyboard_is_enough(page: Any, desk: Desk) -> None:
    """Groups and tasks by arrows, the rest by Tab; what has the focus shows it; what was written is not lost."""
    write(page, "# mine")
    page.locator("#groups input").first.focus()
    page.keyboard.press("ArrowDown")
    second = desk.board.groups[1]
    page.locator(".question", has_text=desk.task(second.typical).question.text).wait_for()
    focused = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert focused == "solid"
    page.keyboard.press("ArrowUp")
    page.locator(".question", has_text=worst_task(desk).question.text).wait_for()
    page.locator("#editor .cm-content", has_text="# mine").wait_for()
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        place = "document.activeElement.id || document.activeElement.closest('[id]')?.id"
        reached.add(page.evaluate(place))
        if page.evaluate("document.activeElement.classList.contains('cm-content')"):
            page.keyboard.press("Escape")  # Tab indents in the editor; after Escape it leaves
            reached.add("editor")
    assert {"editor", "run", "save"} <= reached


def test_a_page_of_a_board_is_all_that_is_shown(desk: Desk) -> None:
    groups = desk.board.groups
    assert len(groups) > PAGE
    first = desk.members(groups[0], 0)
    assert first[0].question.id == groups[0].typical
    assert len(first) == groups[0].tasks == len({task.question.id for task in first})
    assert desk.members(groups[0], 1) == []


def test_the_first_program_is_the_recent_one_that_is_nearest_to_being_right(desk: Desk) -> None:
    attempts = desk.attempts(worst_task(desk))
    assert [attempt.iteration for attempt in attempts] == sorted((a.iteration for a in attempts), reverse=True)
    assert attempts[desk.nearest(attempts)].rollout == nearest(attempts, 1)[0]


def test_changes_are_beside_the_line_that_made_them() -> None:
    program = (
        "def execute_command(image):\n    total = 0\n    for each in 1, 2:\n        total += each\n    return total"
    )
    course = (
        [2, {"image": "ImagePatch(0, 0, 9, 9)"}],
        [3, {"total": "0"}],
        [4, {"each": "1"}],
        [3, {"total": "1"}],
        [4, {"each": "2"}],
        [3, {"total": "3"}],
        [5, {}],
        [5, {}],
    )
    rollout = Rollout("t", "c", program, (Execution("ok", 3),), (Score(0, 0.0, "wrong_answer"),), 0)
    (listing,) = views._listings(Ran(rollout, (course,)))
    assert [(line.number, line.changes) for line in listing.lines] == [
        (1, ("image = ImagePatch(0, 0, 9, 9)",)),
        (2, ("total = 0",)),
        (3, ("each = 1", "each = 2")),
        (4, ("total = 1", "total = 3")),
        (5, ()),
    ]


def test_a_run_that_gets_further_is_read_again(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(folder, copy)
    (copy / "iteration_02/sample_1.done.json").rename(tmp_path / "later.json")
    (copy / "iteration_02/rollouts.jsonl").write_text('{"torn')  # as it is while an iteration is at work
    with contextlib.closing(Desk(Run.open(copy), tmp_path / "store.jsonl", "Ada", 2)) as desk:
        assert desk.board.iterations == (1,)
        before = desk.board
        desk.refresh()
        assert desk.board is before
        shutil.copy(folder / "iteration_02/rollouts.jsonl", copy / "iteration_02/rollouts.jsonl")
        (tmp_path / "later.json").rename(copy / "iteration_02/sample_1.done.json")
        desk.refresh()
        assert desk.board.iterations == (1, 2)


def test_nothing_gives_files_away(studio: Studio, folder: Path) -> None:
    paths = ["/etc/passwd", str(folder / "recipe.toml"), str(studio.store), "store.jsonl", "../../etc/passwd"]
    for path in paths:
        for way in ("gradio_api/file=", "gradio_api/%66ile=", "file=", "gradio_api/file/", "static/", "assets/"):
            answer = requests.get(f"{studio.address}{way}{path}", timeout=10)
            assert answer.status_code in (403, 404), (way, path)
    sent = requests.post(f"{studio.address}gradio_api/upload", files={"files": b"x"}, timeout=10)
    assert sent.status_code == 403
    named = requests.get(f"{studio.address}gradio_api/info", timeout=10).json()
    assert named == {"named_endpoints": {}, "unnamed_endpoints": {}}


def test_without_a_token_only_this_machine_and_its_own_page_are_let_in(studio: Studio) -> None:
    def status(**headers: str) -> int:
        return requests.get(studio.address, headers=headers, timeout=10).status_code

    assert status() == 200
    assert status(Host="evil.example") == 403
    assert status(Origin="http://evil.example") == 403
    assert status(Origin="null") == 403
    assert status(Origin=studio.address.rstrip("/")) == 200


def test_elsewhere_a_token_is_asked_for(folder: Path, tmp_path: Path) -> None:
    with served(folder, tmp_path / "store.jsonl", "--host", "0.0.0.0") as made:
        found = re.fullmatch(r"http://[^/]+:(\d+)/\?token=([\w-]{32})", made.address)
        assert found, made.address
        base = f"http://127.0.0.1:{found[1]}/"
        inside = ("", "config", "gradio_api/info", "theme.css", "gradio_api/queue/data?session_hash=x")
        for path in inside:
            assert requests.get(base + path, timeout=10).status_code == 401, path
        assert requests.post(f"{base}gradio_api/queue/join", json={}, timeout=10).status_code == 401
        for wrong in ("", "x", found[2][:-1], found[2] + "x"):
            assert requests.get(base, params={"token": wrong}, timeout=10).status_code == 401
        assert requests.get(base, cookies={f"visrep_studio_{found[1]}": found[2]}, timeout=10).status_code == 401
        with requests.Session() as visitor:
            answer = visitor.get(base, params={"token": found[2]}, timeout=10)
            assert (answer.status_code, answer.url) == (200, base)
            assert "HttpOnly" in answer.history[0].headers["set-cookie"]
            assert visitor.get(f"{base}config", timeout=10).status_code == 200
            assert visitor.get(f"{base}gradio_api/file=/etc/passwd", timeout=10).status_code == 403


def test_what_cannot_begin_is_said_in_one_line(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def failure(run: Path, *options: str) -> str:
        words = ["studio", str(run), "--author", "Ada", "--store", str(tmp_path / "s.jsonl"), *options]
        assert cli.run(words) == 1
        found = capsys.readouterr().err
        assert found.count("\n") == 1
        return found

    assert "is no run" in failure(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        assert f"port {port} of 127.0.0.1 is taken" in failure(folder, "--port", port)
    assert "cannot listen on no.such.invalid" in failure(folder, "--host", "no.such.invalid")
    assert "--token is empty" in failure(folder, "--port", "0", "--token", " ")
    (tmp_path / "s.jsonl").write_text("{}\n")
    assert "field 'task_id' is missing" in failure(folder, "--port", "0")
    (tmp_path / "s.jsonl").unlink()
    bare = tmp_path / "bare"
    bare.mkdir()
    shutil.copy(folder / "recipe.toml", bare)
    assert "has not sampled its tasks yet" in failure(bare, "--port", "0")
    assert cli.run(["studio", str(folder), "--author", "policy", "--store", "s.jsonl", "--port", "0"]) == 1
    assert "expected a person's name" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("host", "local"),
    [("localhost", True), ("127.0.0.1", True), ("::1", True), ("0.0.0.0", False), ("evil.example", False)],
)
def test_this_machine_is_known_by_its_names(host: str, local: bool) -> None:
    assert is_local(host) is local


def test_an_address_is_one_that_a_browser_can_open() -> None:
    with server.listen("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        assert server.address(listening, "127.0.0.1", None) == f"http://127.0.0.1:{port}/"
        assert server.address(listening, "localhost", "a&b/c") == f"http://localhost:{port}/?token=a%26b%2Fc"
        assert server.token_for(listening, None) is None
        assert server.token_for(listening, "mine") == "mine"


def test_gradio_is_told_to_keep_to_itself() -> None:
    code = "import visrep.train.studio.page, os; assert os.environ['GRADIO_ANALYTICS_ENABLED'] == 'False'"
    subprocess.run([sys.executable, "-c", code], check=True)
