"""The stages of `usual_loop.py` that get a process of their own: `usual_stage.py STAGE JOB.json RESULT.json`.

Each imports its libraries when it begins, as a script for it alone would.
"""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

from visrep.train.config import Recipe, check


def main(stage: str, job: Path, result: Path) -> None:
    given = json.loads(job.read_text(encoding="utf-8"))
    made = {"sample": sample, "fit": fit, "merge": merge}[stage](check(given.pop("recipe")), given)
    result.write_text(json.dumps(made), encoding="utf-8")


def sample(recipe: Recipe, job: dict[str, Any]) -> list[list[tuple[str, bool]]]:
    """For each prompt its completions, and whether they came to an end."""
    from visrep.scripts.raw_vllm import RawVLLM

    engine = RawVLLM(recipe, Path(job["model"]))
    written = engine.generate(job["prompts"], job["n"], job["temperature"], job["seed"])
    engine.close()
    return [[(each.text, each.finish_reason == "stop") for each in completions] for completions in written]


def fit(recipe: Recipe, job: dict[str, Any]) -> int:
    """Train an adapter; the tokens that went through the model."""
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer

    trl = importlib.import_module("trl")  # no dependency of ours, so no type checker knows it
    settings = recipe.clone
    half = bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    trainer = trl.SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(job["base"], dtype=torch.bfloat16 if half else torch.float32),
        args=trl.SFTConfig(
            output_dir=job["adapter"] + "-trainer",
            per_device_train_batch_size=1,
            gradient_accumulation_steps=settings.batch,
            num_train_epochs=settings.epochs,
            learning_rate=settings.learning_rate,
            lr_scheduler_type="linear",
            warmup_steps=settings.warmup,
            weight_decay=0.0,
            completion_only_loss=True,
            max_length=None,
            gradient_checkpointing=False,
            bf16=half,
            use_cpu=True,
            seed=recipe.seed,
            include_num_input_tokens_seen="all",
            save_strategy="no",
            report_to=[],
            dataloader_pin_memory=False,
        ),
        train_dataset=Dataset.from_list(job["rows"]),
        processing_class=AutoTokenizer.from_pretrained(job["base"]),
        peft_config=LoraConfig(
            r=settings.rank,
            lora_alpha=settings.alpha,
            lora_dropout=settings.dropout,
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        ),
    )
    trainer.train()
    trainer.save_model(job["adapter"])
    return int(trainer.state.num_input_tokens_seen)


def merge(recipe: Recipe, job: dict[str, Any]) -> None:
    """Write the base with the adapter folded in."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

    model = AutoModelForCausalLM.from_pretrained(job["base"], dtype=torch.bfloat16)
    merged = PeftModel.from_pretrained(model, job["adapter"]).merge_and_unload()
    merged.generation_config = GenerationConfig()
    merged.save_pretrained(job["to"])
    AutoTokenizer.from_pretrained(job["base"]).save_pretrained(job["to"])


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
