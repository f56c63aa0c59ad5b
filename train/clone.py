"""Behaviour cloning of right programs into a LoRA adapter, in a process of its own.

Training runs apart from the driver so that it can take its memory along when it ends, be killed, and run under
`accelerate launch -m visrep.train.clone JOB.json` on several devices. The process reads a job, prints progress as JSON
lines and publishes the adapter's folder by rename: it is there whole or not at all.
"""

import json
import math
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from visrep.env import jsonl
from visrep.env.faults import Fault, MachineFault, UserFault
from visrep.train import progress

MEMORY = {
    # glibc returns large blocks to the kernel when they are freed and faults them in again, page by page, at the next
    # allocation, which costs a noticeable part of a training step on a CPU. Keep what was once taken.
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(2**40),
    "MALLOC_TOP_PAD_": str(2**26),
}
_OWNED = "--owned"


@dataclass(frozen=True, slots=True)
class CloneSettings:
    """How to train. `batch` is examples per optimiser step, over all devices; `row_tokens` bounds a packed row, None as
    memory does."""

    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    learning_rate: float = 2e-4
    warmup: float = 0.1
    epochs: float = 1.0
    batch: int = 16
    pack: bool = True
    row_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class CloneJob:
    """What to train on and where the adapter goes. `examples` is a file of JSON lines with `prompt`, `completion` and
    `weight`; `base` a folder with the weights to start from."""

    base: Path
    examples: Path
    output: Path
    seed: int = 0
    settings: CloneSettings = field(default_factory=CloneSettings)

    def to_json(self) -> dict[str, Any]:
        paths = {"base": str(self.base), "examples": str(self.examples), "output": str(self.output)}
        return paths | {"seed": self.seed, "settings": asdict(self.settings)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "CloneJob":
        return cls(
            Path(values["base"]),
            Path(values["examples"]),
            Path(values["output"]),
            values["seed"],
            CloneSettings(**values["settings"]),
        )


@dataclass(frozen=True, slots=True)
class Report:
    """What training came to. `loss` is nats per target token over the whole training, `first_loss` and `last_loss`
    those of its first and last tenth; `tokens` went through the model, `separate_tokens` would have without packing;
    `row_tokens` bounded packed rows at the end."""

    examples: int
    steps: int
    loss: float
    first_loss: float
    last_loss: float
    seconds: float
    tokens: int
    separate_tokens: int
    row_tokens: int | None
    packed: bool
    reason: str
    precision: str


def steps(examples: int, settings: CloneSettings) -> int:
    """Optimiser steps that training on so many examples takes."""
    return max(1, math.ceil(round(examples * settings.epochs) / settings.batch))


def clone(job: CloneJob, advance: Callable[[dict[str, Any]], None]) -> Report:
    """Train in a new process; `advance` gets {"step", "steps", "loss", "tokens_per_second"} after every step.

    Raises UserFault for bad input and MachineFault, with the process's last words, when training fails.
    """
    file, log = _beside(job.output, ".job.json"), _beside(job.output, ".log")
    jsonl.write_whole(file, json.dumps(job.to_json(), indent=1) + "\n")
    command = [sys.executable, "-m", "visrep.train.clone", str(file), _OWNED]
    pipe = subprocess.PIPE
    with (
        log.open("w", encoding="utf-8") as errors,
        subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=errors, text=True, env=MEMORY | os.environ, start_new_session=True
        ) as process,
    ):
        try:
            for message in _messages(process):
                advance(message)
            status = process.wait()
        finally:
            _end(process)
    if status != 0:
        raise MachineFault(f"training ended with status {status}: {_last_words(log, status)}; see {log}")
    return Report(**json.loads((job.output / "report.json").read_text(encoding="utf-8")))


def run(job: CloneJob, console: Console) -> dict[str, Any]:
    """`clone` with its progress on the console; the report as plain data."""
    total = steps(sum(1 for _ in jsonl.read(job.examples)), job.settings)
    with progress.bar(console, "training steps", total) as advance:
        report = clone(
            job, lambda done: advance(rate=f"loss {done['loss']:.3f}  {done['tokens_per_second']:.0f} tokens/s")
        )
    return asdict(report)


def main(arguments: list[str]) -> int:
    """`JOB.json`: train as the job says. What libraries print goes to stderr; stdout carries our messages alone."""
    if _OWNED in arguments:
        threading.Thread(target=_follow_owner, daemon=True).start()
    messages = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def tell(message: dict[str, Any]) -> None:
        messages.write(json.dumps(message) + "\n")

    from visrep.train.trainer import train  # seconds to import, and the driver of a run never needs it

    try:
        train(CloneJob.from_json(json.loads(Path(arguments[0]).read_text(encoding="utf-8"))), tell)
    except Fault as fault:
        tell({"fault": type(fault).__name__, "message": str(fault)})
        return 1
    except OSError as error:  # on a full disk even what libraries print is one, and the log cannot say so
        tell({"fault": MachineFault.__name__, "message": f"training stopped: {error.strerror}; mend that and resume"})
        return 1
    return 0


def _messages(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    """What the process tells until it ends. Raises the fault that it tells of."""
    assert process.stdout is not None
    for line in process.stdout:
        message: dict[str, Any] = json.loads(line)
        if "fault" in message:
            raise (UserFault if message["fault"] == UserFault.__name__ else MachineFault)(message["message"])
        yield message


def _end(process: subprocess.Popen[str]) -> None:
    """Whatever became of the driver, nothing of the process's group stays behind."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _follow_owner() -> None:
    """stdin is a pipe from the driver; it closes however the driver ends, `kill -9` included."""
    while os.read(0, 1):
        pass
    os.killpg(0, signal.SIGKILL)


def _beside(output: Path, ending: str) -> Path:
    return output.with_name(output.name + ending)


def _last_words(log: Path, status: int) -> str:
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    if status == -signal.SIGKILL:
        return "killed from outside, perhaps for want of memory"
    return lines[-1] if lines else "without a word"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
