"""The training process behind `clone.py`: LoRA with peft on transformers' Trainer, over packed rows.

One batch of the Trainer is one optimiser step: `settings.batch` examples in as few rows as they fit. The loss of a step
is the weighted mean over its target tokens, whatever the rows, the packing and the number of devices, so that none of
them changes the gradient.
"""

import json
import math
import random
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from peft.helpers import disable_input_dtype_casting
from safetensors import SafetensorError
from torch import Tensor
from torch.utils.data import SequentialSampler
from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer, TrainingArguments, set_seed

from visrep.env import jsonl
from visrep.env.faults import MachineFault, UserFault
from visrep.policy.checkpoint import check
from visrep.train import attention, memory, packing
from visrep.train.clone import CloneJob, CloneSettings, Report, steps
from visrep.train.measure import measure
from visrep.train.probe import write as write_probe

Tell = Callable[[dict[str, Any]], None]

TOLERANCE, HALF_TOLERANCE = 1e-3, 1e-1
"""Gap of packed and separate losses, mean nats per token, above which they differ; in float32 and in bfloat16. With the
135M model rounding makes 0.00002 and 0.035, wrong positions 0.16, no mask 0.75, a window of half the prompt 0.93."""


@dataclass(frozen=True, slots=True)
class Step:
    """One optimiser step on one device: its rows, each as long as it comes, and the summed weight of the step's targets
    over all devices."""

    rows: tuple[packing.Row, ...]
    weight: float


def train(job: CloneJob, tell: Tell) -> None:
    """Train and publish the adapter with its report.json. Raises UserFault for bad input, MachineFault for NaN."""
    started, settings = time.monotonic(), job.settings
    arguments = _arguments(job)
    device, half = arguments.device, arguments.bf16
    check(job.base)
    sequences = tokenise(job.examples, AutoTokenizer.from_pretrained(job.base))
    set_seed(job.seed)
    model = _load(job.base, sequences, torch.bfloat16 if half else torch.float32).to(device)
    packed, reason = _packable(model, sequences, settings, half)
    plan = plan_steps(sequences, settings, job.seed, packed, arguments.world_size)
    model = adapt(model, settings)
    # Autocast casts where it has to; peft would cast every input of every adapter to float32 first.
    with disable_input_dtype_casting(model):
        limit = settings.row_tokens or _row_tokens(model, sequences, half) if packed else sys.maxsize
        trainer = RowTrainer(model, arguments, plan, settings.warmup, limit, tell)
        trainer.train()
    if trainer.is_world_process_zero():
        tenth = math.ceil(len(trainer.losses) / 10)
        report = Report(
            examples=len(sequences),
            steps=len(trainer.losses),
            loss=_mean(trainer.losses),
            first_loss=_mean(trainer.losses[:tenth]),
            last_loss=_mean(trainer.losses[-tenth:]),
            seconds=round(time.monotonic() - started, 2),
            tokens=sum(row.tokens for step in plan for row in trainer.cut(step)),
            separate_tokens=sum(len(each.ids) - 1 for step in plan for row in step.rows for each in row.sequences),
            row_tokens=trainer.row_tokens if packed else None,
            packed=packed,
            reason=reason,
            precision="bfloat16" if half else "float32",
        )
        _publish(trainer, job, report)
    trainer.accelerator.wait_for_everyone()


def tokenise(examples: Path, tokenizer: Any) -> list[packing.Tokens]:
    """Prompt and completion tokenised apart, as the server continues a prompt, and the end token.

    Raises UserFault where there are none or a row lacks a part.
    """
    end = tokenizer.eos_token_id
    found = []
    for number, row in enumerate(jsonl.read(examples), 1):
        try:
            prompt, completion, weight = row["prompt"], row["completion"], float(row.get("weight", 1.0))
        except (KeyError, TypeError, ValueError) as error:
            raise UserFault(f"{examples}:{number}: {error!r}; expected prompt, completion and weight") from None
        head = tokenizer(prompt).input_ids
        if not head:
            raise UserFault(f"{examples}:{number}: the prompt is empty; the first token needs one to be predicted from")
        tail = tokenizer(completion, add_special_tokens=False).input_ids
        found.append(packing.Tokens((*head, *tail, end), len(head), weight))
    if not found:
        raise UserFault(f"{examples} holds no examples; there is nothing to train on")
    return found


def plan_steps(
    sequences: Sequence[packing.Tokens], settings: CloneSettings, seed: int, packed: bool, devices: int = 1
) -> list[Step]:
    """The steps of all epochs in order; those of several devices take turns, as accelerate deals them out."""
    dice = random.Random(seed)
    order: list[packing.Tokens] = []
    wanted = steps(len(sequences), settings)
    count = max(1, round(len(sequences) * settings.epochs))
    while len(order) < count:
        order += dice.sample(sequences, len(sequences))
    plan = []
    for first in range(0, count, settings.batch):
        examples = order[first : min(first + settings.batch, count)]
        weight = sum(each.weight * (len(each.ids) - each.start) for each in examples) / devices
        for device in range(devices):
            own = examples[device::devices] or [packing.Tokens(examples[0].ids, examples[0].start, 0.0)]
            rows = packing.rows(own, sys.maxsize) if packed else packing.separate(own)
            plan.append(Step(tuple(rows), weight))
    assert len(plan) == wanted * devices
    return plan


def linear(step: int, *, steps: int, warmup: int) -> float:
    """Share of the learning rate in a step, counted from 0: 1 in the last of `warmup` steps, then down towards 0."""
    if step < warmup:
        return (step + 1) / warmup
    return (steps - step) / (steps - warmup + 1)


class RowTrainer(Trainer):  # type: ignore[misc]
    """A Trainer whose batches are `Step`s. `losses` has the loss of every step, in nats per target token.

    Rows are cut to `row_tokens`, which is halved where a GPU's memory does not suffice.
    """

    lr_scheduler: Any

    def __init__(
        self,
        model: Any,
        arguments: TrainingArguments,
        plan: list[Step],
        warmup: float,
        row_tokens: int,
        tell: Tell,
    ) -> None:
        super().__init__(model=model, args=arguments, train_dataset=plan, data_collator=lambda batch: batch)
        self._warmup, self.row_tokens = warmup, row_tokens
        self.losses: list[float] = []
        self._dense = arguments.device.type != "cpu"
        self._total, self._tell = len(plan) // arguments.world_size, tell

    def _get_train_sampler(self, *_: Any) -> Any:
        return SequentialSampler(self.train_dataset)

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """Linear up, then linear down. Unlike transformers' schedule it never begins at a rate of 0, which would leave
        an adapter of one step as it was initialised: equal to the base."""
        if self.lr_scheduler is None:
            rate = partial(linear, steps=num_training_steps, warmup=math.ceil(num_training_steps * self._warmup))
            self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer or self.optimizer, rate)
        return self.lr_scheduler

    def cut(self, step: Step) -> list[packing.Row]:
        """The step's rows, none longer than `row_tokens`."""
        return [piece for row in step.rows for piece in packing.cut(row, self.row_tokens)]

    def training_step(self, model: Any, inputs: list[Step], num_items_in_batch: Any = None) -> Tensor:
        """Forward and backward over the rows of one step; returns its loss. Where memory runs out it begins anew, with
        rows half as long; raises MachineFault where they cannot be cut."""
        (step,) = inputs
        started = time.monotonic()
        model.train()
        total: Tensor | None = None
        while total is None:
            rows = self.cut(step)
            # Begun anew after the except clause, whose traceback holds on to what the failed attempt has taken.
            try:
                total = self._pass(model, rows, step.weight)
            except torch.OutOfMemoryError as error:
                self._halve(rows, error)
                model.zero_grad()
        reduced: Tensor = self.accelerator.reduce(total, "mean")
        self._note(reduced.item(), sum(row.tokens for row in rows) / (time.monotonic() - started))
        return reduced

    def _pass(self, model: Any, rows: Sequence[packing.Row], weight: float) -> Tensor:
        total: Tensor = torch.zeros((), device=self.args.device)
        for row in rows:
            synchronised: AbstractContextManager[Any] = (
                nullcontext() if row is rows[-1] else self.accelerator.no_sync(model)
            )
            with synchronised:
                batch = packing.batch(row).to(self.args.device)
                losses = packing.target_losses(model, batch, self._dense)
                loss = (losses * batch.weights).sum() / weight
                self.accelerator.backward(loss)
            total += loss.detach()
        return total

    def _halve(self, rows: Sequence[packing.Row], error: BaseException) -> None:
        longest = max(rows, key=lambda row: row.tokens)
        # Of several devices the others wait, with their gradients, for the attempt that failed.
        if self.args.world_size > 1 or all(len(row.sequences) == 1 for row in rows):
            raise MachineFault(
                f"out of memory in a row of {longest.tokens} tokens; free some, lower clone.row_tokens, or take a "
                "shorter prompt or a smaller model"
            ) from error
        self.row_tokens = longest.tokens // 2
        print(f"out of memory in a row of {longest.tokens} tokens; going on with {self.row_tokens}", file=sys.stderr)

    def _note(self, loss: float, rate: float) -> None:
        if not math.isfinite(loss):
            raise MachineFault(
                f"the loss became {loss} at step {len(self.losses) + 1} of {self._total}; lower clone.learning_rate"
            )
        self.losses.append(loss)
        if self.is_world_process_zero():
            line = {"step": len(self.losses), "steps": self._total, "loss": loss, "tokens_per_second": rate}
            self._tell(line)


def _arguments(job: CloneJob) -> TrainingArguments:
    settings = job.settings
    cpu = not torch.cuda.is_available()
    return TrainingArguments(
        output_dir=str(job.output.parent),
        per_device_train_batch_size=1,
        num_train_epochs=1,
        learning_rate=settings.learning_rate,
        weight_decay=0.0,
        max_grad_norm=1.0,
        bf16=not cpu or multiplies_bfloat16(),
        use_cpu=cpu,
        seed=job.seed,
        save_strategy="no",
        logging_strategy="no",
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        ddp_find_unused_parameters=False,
    )


def multiplies_bfloat16() -> bool:
    """Whether this CPU does; four times as fast as float32 where it was measured. Others emulate it, slowly."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def _load(base: Path, sequences: Sequence[packing.Tokens], dtype: torch.dtype) -> Any:
    model = AutoModelForCausalLM.from_pretrained(base, dtype=dtype, attn_implementation="sdpa")
    longest = max(len(sequence.ids) for sequence in sequences)
    window = getattr(model.config, "max_position_embeddings", None)
    if window is not None and longest > window:
        raise UserFault(
            f"an example is {longest} tokens long and the model reads {window}; offer less API or fewer examples"
        )
    return model


def _packable(model: Any, sequences: Sequence[packing.Tokens], settings: CloneSettings, half: bool) -> tuple[bool, str]:
    """Whether the model gives packed examples the losses they have apart; if so it is left ready to pack."""
    if not settings.pack:
        return False, "packing is switched off"
    device = next(model.parameters()).device
    probe = packing.probe(sequences)
    if probe is None:
        return False, "the examples share no prefix"
    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=half):
        apart = packing.measure(model, packing.separate(probe.sequences))
        if device.type == "cpu":
            model.set_attn_implementation(attention.register())
        together = packing.measure(model, [probe], dense=device.type != "cpu")
    gap = float((apart - together).abs().mean())
    if gap <= (HALF_TOLERANCE if half else TOLERANCE):
        return True, f"packed and separate losses agree to {gap:.1g} nats per token"
    model.set_attn_implementation("sdpa")
    return False, f"the model does not honour the packing: losses differ by {gap:.2g} nats per token"


def _row_tokens(model: Any, sequences: Sequence[packing.Tokens], half: bool) -> int:
    """The longest row that the memory free now allows."""
    device = next(model.parameters()).device
    model.train()
    with torch.autocast(device.type, torch.bfloat16, enabled=half):
        return memory.row_tokens(model, sequences, memory.free(device), dense=device.type != "cpu")


def adapt(model: Any, settings: CloneSettings) -> Any:
    """The model with a fresh adapter on every linear layer, its weights in float32."""
    adapted = get_peft_model(
        model,
        LoraConfig(
            r=settings.rank,
            lora_alpha=settings.alpha,
            lora_dropout=settings.dropout,
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        ),
    )
    adapted.print_trainable_parameters()
    return adapted


def _publish(trainer: RowTrainer, job: CloneJob, report: Report) -> None:
    temporary = job.output.with_name(f".{job.output.name}.new")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        model = trainer.accelerator.unwrap_model(trainer.model)
        model.save_pretrained(temporary)
        write_probe(measure(model, job, temporary, half=trainer.args.bf16))
        jsonl.write_whole(temporary / "report.json", json.dumps(asdict(report), indent=1) + "\n")
        shutil.rmtree(job.output, ignore_errors=True)
        temporary.rename(job.output)
    except (OSError, SafetensorError) as error:
        raise MachineFault(f"cannot write {job.output}: {error}; free the disk and resume") from error


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
