"""Optimiser steps over packed rows: which examples each has, and the Trainer that takes them.

One batch of the Trainer is one step: `settings.batch` examples in as few rows as they fit. The loss of a step is the
weighted mean over its target tokens, whatever the rows, the packing and the number of devices, so that none of them
changes the gradient.
"""

import math
import random
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import SequentialSampler
from transformers import Trainer, TrainingArguments

from visrep.env.faults import MachineFault
from visrep.train import packing
from visrep.train.clone import CloneSettings, steps

Tell = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Step:
    """One optimiser step on one device: its rows, each as long as it comes, and the summed weight of the step's targets
    over all devices."""

    rows: tuple[packing.Row, ...]
    weight: float


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
