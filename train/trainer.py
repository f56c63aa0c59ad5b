"""The training process behind `clone.py`: LoRA with peft on transformers' Trainer, over packed rows."""

import json
import math
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from peft.helpers import disable_input_dtype_casting
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainingArguments, set_seed

from visrep.env import jsonl
from visrep.env.faults import MachineFault, UserFault
from visrep.policy.checkpoint import check
from visrep.train import attention, memory, packing
from visrep.train.clone import CloneJob, CloneSettings, Report
from visrep.train.measure import measure
from visrep.train.probe import write as write_probe
from visrep.train.row_trainer import RowTrainer, Tell, plan_steps

TOLERANCE, HALF_TOLERANCE = 1e-3, 1e-1
"""Gap of packed and separate losses, mean nats per token, above which they differ; in float32 and in bfloat16. With the
135M model rounding makes 0.00002 and 0.035, wrong positions 0.16, no mask 0.75, a window of half the prompt 0.93."""


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
