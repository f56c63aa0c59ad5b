"""One training step of ours against TRL's SFTTrainer on the same examples: seconds, tokens, loss and peak memory.

    pip install --no-deps trl==1.16.0       # beside visrep; it is no dependency
    python -m visrep.scripts.bench_training
    python -m visrep.scripts.bench_training --prefix 650 --search    # which of SFTTrainer's settings is its best

Each side trains in a process of its own, which does one step when it is told to; the sides take turns, so that whatever
else the machine does falls on both. A step is all that lies between two updates of the weights: forward, backward,
clipping, AdamW. Not counted are the start and a warm-up, which is a whole step of ours, the first microbatch of theirs.
Peak memory is the highest resident memory of the process (VmHWM), with its libraries and weights.

Both use the same LoRA in the same precision, and losses are those at the weights that both start from. That the
examples are the same tokens with the same labels is checked. In bfloat16 two right ways to compute a loss differ by its
rounding; `--losses` compares them in float32.
"""

import importlib
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import Annotated, Any

import torch
import typer
from peft import LoraConfig
from rich.console import Console
from rich.table import Table
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback, set_seed

from visrep.env import jsonl
from visrep.env.faults import Fault, MachineFault, UserFault
from visrep.policy.checkpoint import resolve
from visrep.scripts.long_prompts import examples
from visrep.train import attention, packing
from visrep.train.clone import MEMORY, CloneJob, CloneSettings
from visrep.train.trainer import multiplies_bfloat16, tokenise, train

_TRL = "1.16.0"
_OURS = "ours"


@dataclass(frozen=True, slots=True)
class Setting:
    """A way to run SFTTrainer. None takes the precision that ours takes on this machine."""

    microbatch: int = 1
    half: bool | None = None
    padding_free: bool = False
    checkpointing: bool = False
    attention: str = "sdpa"


BEST = "1 at a time"
SETTINGS = {
    BEST: Setting(),
    "2 at a time": Setting(2),
    "4 at a time": Setting(4),
    "16 at a time": Setting(16),
    "4 at a time, padding-free": Setting(4, padding_free=True),
    "1 at a time, eager attention": Setting(attention="eager"),
    "1 at a time, checkpointing (TRL's default)": Setting(checkpointing=True),
    "1 at a time, float32": Setting(half=False),
}


@dataclass(frozen=True, slots=True)
class Side:
    """One trainer: median seconds and the tokens of a step, loss before the first, highest memory in GB."""

    seconds: float
    tokens: int
    loss: float
    memory: float


def main(
    prefix: Annotated[list[int] | None, typer.Option(min=400, help="Tokens of the prefix; repeatable.")] = None,
    tails: Annotated[int, typer.Option(min=2, max=256, help="Examples per step.")] = 16,
    pairs: Annotated[int, typer.Option(min=1, help="Steps of each side.")] = 3,
    search: Annotated[bool, typer.Option(help="Time SFTTrainer's settings instead, one after the other.")] = False,
    losses: Annotated[bool, typer.Option(help="Compare losses in float32 instead; no step is timed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON per prefix instead of tables.")] = False,
) -> None:
    """Compare training steps at each prefix in turn; without one at 650, 1,500 and 4,000 tokens."""
    if importlib.util.find_spec("trl") is None:
        raise UserFault(f"TRL is not installed here; pip install --no-deps trl=={_TRL}")
    base = resolve("smollm2-135m-instruct")
    with tempfile.TemporaryDirectory() as scratch:
        for length in prefix or [650, 1500, 4000]:
            file = Path(scratch) / "examples.jsonl"
            jsonl.write_lines(file, examples(AutoTokenizer.from_pretrained(base), length, tails))
            if losses:
                ours, theirs = _losses(base, file)
                print(json.dumps({"prefix": length, "ours": ours, "theirs": theirs, "difference": abs(ours - theirs)}))
                continue
            sides: dict[str, Side] = {}
            for together in [(name,) for name in SETTINGS] if search else [(_OURS, BEST)]:
                sides |= _measure(together, base, file, pairs)
            if as_json:
                found = {name: asdict(side) for name, side in sides.items()}
                print(json.dumps({"prefix": length, "tails": tails, "pairs": pairs, "sides": found}), flush=True)
            else:
                Console().print(_table(length, tails, sides))


def _measure(names: Sequence[str], base: Path, file: Path, pairs: int) -> dict[str, Side]:
    """The named trainers, taking turns."""
    with ExitStack() as stack:
        steppers = {name: stack.enter_context(Stepper(name, base, file, pairs)) for name in names}
        for stepper in steppers.values():
            stepper.wait()
        for _ in range(pairs):
            for stepper in steppers.values():
                stepper.step()
        return {name: stepper.finish() for name, stepper in steppers.items()}


class Stepper:
    """A trainer in a process of its own that does a step whenever it is told to."""

    def __init__(self, name: str, base: Path, file: Path, steps: int) -> None:
        self._name, self._log = name, file.with_name(f"{name}.log")
        self._seconds: list[float] = []
        module = [sys.executable, "-m", "visrep.scripts.bench_training"]
        self._process = subprocess.Popen(
            [*module, "work", name, str(base), str(file), str(steps)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log.open("w"),
            text=True,
            env=MEMORY | os.environ,
        )

    def __enter__(self) -> "Stepper":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def wait(self) -> dict[str, Any]:
        """What the process says next. Raises MachineFault where it ended instead."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            last = self._log.read_text(encoding="utf-8", errors="replace").strip().rpartition("\n")[2]
            raise MachineFault(f"{self._name!r} ended with status {self._process.wait()}: {last or 'without a word'}")
        message: dict[str, Any] = json.loads(line)
        return message

    def step(self) -> None:
        started = monotonic()
        self._go()
        self.wait()
        self._seconds.append(monotonic() - started)

    def finish(self) -> Side:
        self._go()
        return Side(seconds=statistics.median(self._seconds), **self.wait())

    def _go(self) -> None:
        assert self._process.stdin is not None
        print(file=self._process.stdin, flush=True)


def work(name: str, base: Path, file: Path, steps: int) -> None:
    """The process of a `Stepper`: a line when warm and after each step, a line read before each, and what it came to.
    Whatever libraries print goes to stderr."""
    messages = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def turn() -> None:
        messages.write("{}\n")
        sys.stdin.readline()

    if name == _OURS:
        tokens, loss = _ours(base, file, steps, turn)
    else:
        tokens, loss = _theirs(SETTINGS[name], base, file, steps, turn)
    highest = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    messages.write(json.dumps({"tokens": tokens, "loss": loss, "memory": int(highest.split()[1]) / 2**20}) + "\n")


def _ours(base: Path, file: Path, steps: int, turn: Callable[[], None]) -> tuple[int, float]:
    """Tokens and loss of the first step, which is the warm-up."""
    losses: list[float] = []

    def tell(message: dict[str, Any]) -> None:
        losses.append(message["loss"])
        turn()

    count = sum(1 for _ in jsonl.read(file))
    job = CloneJob(base, file, file.with_name("adapter"), 0, CloneSettings(epochs=steps + 1, batch=count))
    train(job, tell)
    report = json.loads((job.output / "report.json").read_text(encoding="utf-8"))
    return report["tokens"] // report["steps"], losses[0]


def _losses(base: Path, file: Path) -> tuple[float, float]:
    """The mean loss of all targets, in nats, in float32, as we and as SFTTrainer compute it from the base's weights."""
    sequences = tokenise(file, AutoTokenizer.from_pretrained(base))
    trainer = _sft_trainer(Setting(half=False), base, file, 1)
    summed = count = 0.0
    with torch.no_grad():
        for batch in trainer.get_train_dataloader():
            targets = int((batch["labels"][:, 1:] != -100).sum())
            summed += float(trainer.compute_loss(trainer.model, dict(batch))) * targets
            count += targets
        model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
        model.set_attn_implementation(attention.register())
        ours = packing.measure(model, packing.rows(sequences, sys.maxsize))
    return float(ours.mean()), summed / count


def _theirs(setting: Setting, base: Path, file: Path, steps: int, turn: Callable[[], None]) -> tuple[int, float]:
    """Tokens of a step, padding included, and loss of the first."""
    trainer = _sft_trainer(setting, base, file, steps)
    turns = _Turns(trainer, turn)
    trainer.add_callback(turns)
    trainer.train()
    return turns.tokens, trainer.state.log_history[0]["loss"]


def _sft_trainer(setting: Setting, base: Path, file: Path, steps: int) -> Any:
    """TRL's trainer for these examples. Raises MachineFault where it makes other tokens or labels of them."""
    trl, datasets = importlib.import_module("trl"), importlib.import_module("datasets")
    half = multiplies_bfloat16() if setting.half is None else setting.half
    set_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(base)
    rows = [{key: row[key] for key in ("prompt", "completion")} for row in jsonl.read(file)]
    ours = CloneSettings()
    trainer = trl.SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(
            base, dtype=torch.bfloat16 if half else torch.float32, attn_implementation=setting.attention
        ),
        args=trl.SFTConfig(
            output_dir=str(file.with_name("sft")),
            per_device_train_batch_size=setting.microbatch,
            gradient_accumulation_steps=max(1, len(rows) // setting.microbatch),
            num_train_epochs=steps,
            completion_only_loss=True,
            max_length=None,
            padding_free=setting.padding_free,
            gradient_checkpointing=setting.checkpointing,
            bf16=half,
            use_cpu=True,
            learning_rate=ours.learning_rate,
            weight_decay=0.0,
            max_grad_norm=1.0,
            logging_steps=1,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            dataloader_pin_memory=False,
        ),
        train_dataset=datasets.Dataset.from_list(rows),
        processing_class=tokenizer,
        peft_config=LoraConfig(
            r=ours.rank, lora_alpha=ours.alpha, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM"
        ),
    )
    for theirs, mine in zip(trainer.train_dataset, tokenise(file, tokenizer), strict=True):
        if theirs["input_ids"] != [*mine.ids] or theirs["labels"] != [-100] * mine.start + [*mine.ids[mine.start :]]:
            raise MachineFault("SFTTrainer makes other tokens or labels of the examples; the steps cannot be compared")
    return trainer


class _Turns(TrainerCallback):  # type: ignore[misc]
    """Warms a trainer up, and has it wait for its turn before each step."""

    def __init__(self, trainer: Any, turn: Callable[[], None]) -> None:
        self._trainer, self._turn = trainer, turn
        self.tokens = 0

    def on_train_begin(self, *_: Any, **others: Any) -> None:
        batches = list(self._trainer.get_train_dataloader())
        self.tokens = sum(batch["input_ids"].numel() for batch in batches)
        with self._trainer.compute_loss_context_manager():
            loss = self._trainer.compute_loss(others["model"], batches[0])
        torch.autograd.backward(loss)
        others["model"].zero_grad()
        self._turn()

    def on_step_end(self, *_: Any, **others: Any) -> None:
        self._turn()


def _table(prefix: int, tails: int, sides: dict[str, Side]) -> Table:
    table = Table(title=f"prefix of {prefix:,} tokens, {tails} tails, a step each", title_justify="left")
    table.add_column("")
    for column in ("seconds", "tokens", "tokens/s", "loss", "peak memory"):
        table.add_column(column, justify="right")
    for name, side in sides.items():
        values = (f"{side.seconds:.2f}", f"{side.tokens:,}", f"{side.tokens / side.seconds:,.0f}", f"{side.loss:.4f}")
        table.add_row(name if name == _OURS else f"SFTTrainer, {name}", *values, f"{side.memory:.2f} GB")
    if _OURS in sides:
        ours, theirs = sides[_OURS], sides[BEST]
        table.caption = (
            f"{theirs.seconds / ours.seconds:.1f} times as fast on {theirs.tokens / ours.tokens:.1f} times fewer tokens"
        )
    return table


if __name__ == "__main__":
    if sys.argv[1:2] == ["work"]:
        work(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]), int(sys.argv[5]))
    else:
        try:
            typer.run(main)
        except Fault as fault:
            sys.exit(f"bench_training: {fault}")
