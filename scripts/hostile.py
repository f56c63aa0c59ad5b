"""Runs a folder of hostile, faulty and honest programs through the sandbox, and says where the sandbox did not hold.

    python scripts/hostile.py ../shared/hostile
    python scripts/hostile.py ../shared/hostile --without seccomp --without landlock    # what the lock keeps out

One JSON line per file: file, outcome, reward, value, calls, seconds, and `wrong` where it is not what the file's header
expects. The header's lines are `# expect: a|b` (outcomes), `# gold: ...` (a Python literal, or SECRET for a fresh token
that is also put where a program might look for it), `# reward: 0|1`, and `# input: video` where the program takes a
video and options in place of an image. Every program runs twice, all at the same time, and has to come out alike;
afterwards no process may be left and no file touched. Run it inside an outer limit of memory and time.
"""

import ast
import gc
import json
import os
import secrets
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from PIL import Image

from visrep.env.drawn import film
from visrep.env.drawn.story import Story
from visrep.env.faults import Fault, UserFault
from visrep.env.perception import scripted
from visrep.env.perception.picture import Picture
from visrep.env.perception.service import Service
from visrep.env.perception.video import frames
from visrep.env.sandbox import Job, Sandbox
from visrep.env.types import Execution, Outcome, Scene
from visrep.train.config import SandboxSettings
from visrep.train.parts import build_sandbox

GOLD = Path("/tmp/hostile_gold")
TRACES = ("/tmp/hostile_canary", "/tmp/hostile_fill", "/dev/shm/hostile", "sitecustomize.py", "core")
PLAIN = (str, bool, int, float)


@dataclass(frozen=True, slots=True)
class Case:
    """One file: its program, the outcomes it may have, the annotated answer and the only right reward.

    `steady` is False where the value may differ between runs: the clock can be read and cannot be hidden.
    """

    name: str
    program: str
    expected: frozenset[str]
    gold: Any
    reward: int
    steady: bool
    video: bool


def read_cases(folder: Path, secret: str) -> list[Case]:
    """The folder's cases by name. Raises UserFault for a file without a header."""
    cases = []
    for file in sorted(folder.glob("*.py")):
        text = file.read_text(encoding="utf-8")
        header = dict(
            line[2:].split(": ", 1) for line in text.splitlines()[:6] if line.startswith("# ") and ": " in line
        )
        if not {"expect", "gold", "reward"} <= header.keys():
            raise UserFault(f"{file}: header lacks one of `# expect:`, `# gold:`, `# reward:`; see the folder's README")
        gold = secret if header["gold"] == "SECRET" else ast.literal_eval(header["gold"])
        expected = frozenset(header["expect"].split("|"))
        steady = "clock" not in header.get("check", "")
        video = header.get("input") == "video"
        cases.append(Case(file.name, text, expected, gold, int(header["reward"]), steady, video))
    if not cases:
        raise UserFault(f"{folder} has no *.py files; expected a folder of hostile programs")
    return cases


def run_cases(cases: list[Case], secret: str, sandbox: Sandbox) -> list[dict[str, Any]]:
    """A row per case: file, outcome, reward, value, calls, seconds, and what is wrong with it (nothing, if the sandbox
    holds). Closes the sandbox."""
    heap = [{"gold": secret, "gold_answer": secret, "answer": secret}]
    GOLD.write_text(secret)
    os.environ["GOLD_ANSWER"] = secret
    service = Service(scripted.load(), scripted.load())
    with tempfile.TemporaryDirectory() as folder, sandbox:
        image, video = Path(folder) / "image.png", Path(folder) / "video.mp4"
        Image.new("RGB", (100, 80), "white").save(image)
        film.write(Story(Scene(100, 80, ()), ()), video)
        jobs = (_job(case, image, video) for _ in range(2) for case in cases)
        runs: dict[str, list[Execution]] = {case.name: [] for case in cases}
        for job, execution in sandbox.run(jobs, service.answer):
            runs[job.key].append(execution)
    intact = GOLD.is_file() and GOLD.read_text() == heap[0]["gold"]
    GOLD.unlink(missing_ok=True)
    if not intact:
        raise UserFault(f"{GOLD} was changed by a program: the sandbox does not hold")
    return [_row(case, *runs[case.name]) for case in cases]


def damage() -> Iterator[str]:
    """What programs left behind: files that are there now, and processes of ours that still run."""
    yield from (f"{trace} exists" for trace in TRACES if Path(trace).exists())
    gc.collect()
    try:
        pid, _ = os.waitpid(-1, os.WNOHANG)
        yield f"a child process is left ({pid or 'running'})"
    except ChildProcessError:
        return


def _job(case: Case, image: Path, video: Path) -> Job:
    if case.video:
        return Job(case.name, case.program, frames(video), "execute_command(video, options)", ("red", "blue"))
    return Job(case.name, case.program, (Picture(image),))


def _row(case: Case, first: Execution, second: Execution) -> dict[str, Any]:
    outcome, reward = _judged(case, first)
    wrong = []
    if outcome not in case.expected:
        wrong.append(f"expected {'|'.join(sorted(case.expected))}: {first.message}")
    if reward != case.reward:
        wrong.append(f"reward {reward}, expected {case.reward}")
    if first.outcome != second.outcome or (case.steady and first.value != second.value):
        wrong.append(f"the second run gave {second.outcome} {str(second.value)[:80]!r}")
    row = {
        "file": case.name, "outcome": outcome, "reward": reward, "value": first.value,
        "calls": len(first.calls), "seconds": round(first.wall_seconds, 4),
    }  # fmt: skip
    return {**row, "wrong": "; ".join(wrong)} if wrong else row


def _judged(case: Case, execution: Execution) -> tuple[Outcome, int]:
    """Outcome and reward: a value is right if it has exactly the annotated one's type and equals it."""
    value = execution.value
    if execution.outcome != "ok":
        return execution.outcome, 0
    if type(value) not in PLAIN:
        return "wrong_type", 0
    right = type(value) is type(case.gold) and value == case.gold
    return ("ok", 1) if right else ("wrong_answer", 0)


def main(
    folder: Annotated[Path, typer.Argument(help="Folder of programs with headers.", show_default=False)],
    numpy: Annotated[bool, typer.Option("--numpy", help="Let programs import numpy.")] = False,
    outer: Annotated[str, typer.Option(help="Second wall around all programs: none or bwrap.")] = "none",
    without: Annotated[list[str] | None, typer.Option(help="Part of the lock to leave out: seccomp, landlock.")] = None,
) -> None:
    """Run hostile programs and check that the sandbox holds; exit 1 where it does not."""
    settings = SandboxSettings.model_validate({"numpy": numpy, "outer": outer, "without": without or []})
    secret = secrets.token_hex(16)
    cases = read_cases(folder, secret)
    sandbox = build_sandbox(settings)
    print(f"isolation: {sandbox.isolation}; as user {os.getuid()}", file=sys.stderr)
    rows = run_cases(cases, secret, sandbox)
    for row in rows:
        print(json.dumps(row))
    broken = [row["file"] for row in rows if "wrong" in row] + list(damage())
    if broken:
        raise SystemExit(f"the sandbox did not hold: {', '.join(broken)}")


if __name__ == "__main__":
    try:
        typer.run(main)
    except Fault as fault:
        sys.exit(f"hostile: {fault}")
