"""What packing saves: seconds of training on the same examples, packed and apart, and how far the gradients differ.

    python -m visrep.scripts.bench_packing --examples 128 --batch 32

The examples are made up, in the prompt of a recipe: short programs for questions about drawn scenes, as a run clones
them. Seconds are those of the training process, its start and the reading of the weights included.
"""

import itertools
import json
import random
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.console import Console
from rich.table import Table
from transformers import AutoModelForCausalLM, AutoTokenizer

from visrep.env import jsonl
from visrep.env.faults import Fault
from visrep.env.types import Question
from visrep.policy.checkpoint import resolve
from visrep.policy.prompt import Prompter
from visrep.train import attention, packing
from visrep.train.clone import CloneJob, CloneSettings, Report, run
from visrep.train.config import load_recipe
from visrep.train.parts import build_prompter
from visrep.train.trainer import adapt, tokenise

_GRADIENT_EXAMPLES = 4
"""For the comparison of gradients, which is done in float32 and one by one."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Reports of both trainings, and the largest relative error of a LoRA tensor's gradient in float32."""

    packed: Report
    apart: Report
    gradient_error: float


def bench(
    recipe: Annotated[str, typer.Option(help="Whose model, prompt and settings.")] = "quickstart",
    examples: Annotated[int, typer.Option(min=2, max=400, help="How many.")] = 64,
    batch: Annotated[int, typer.Option(min=1, help="Examples per optimiser step.")] = 32,
    epochs: Annotated[float, typer.Option(min=0.01, help="Over the examples.")] = 1.0,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
) -> None:
    """Train twice on the same examples, packed and apart; compare seconds, tokens and gradients."""
    settings = load_recipe(recipe)
    base = resolve(settings.policy.model, settings.policy.revision)
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "examples.jsonl"
        jsonl.write_lines(file, _examples(build_prompter(settings, base), examples))
        reports: dict[bool, Report] = {}
        for pack in (True, False):
            values = settings.clone.model_dump() | {"pack": pack, "batch": batch, "epochs": epochs}
            job = CloneJob(base, file, Path(scratch) / f"packed_{pack}", settings.seed, CloneSettings(**values))
            reports[pack] = Report(**run(job, Console(stderr=True)))
        measured = Measured(reports[True], reports[False], _gradient_error(base, file))
    if as_json:
        print(json.dumps(asdict(measured), indent=1))
    else:
        Console().print(_table(measured))


def _examples(prompter: Prompter, count: int) -> Iterator[dict[str, Any]]:
    """Made-up questions, no two alike, with the shortest programs that would answer them."""
    colours, shapes = ("red", "green", "blue", "yellow", "purple"), ("circle", "square", "triangle")
    things = [f"{colour} {shape}" for colour, shape in itertools.product(colours, shapes)]
    pairs = random.Random(0).sample(list(itertools.permutations(things, 2)), count // 2 + 1)
    for index in range(count):
        one, other = pairs[index // 2]
        text, value = (
            (f"Are there more {one}s than {other}s?", f'len(image.find("{one}")) > len(image.find("{other}"))'),
            (f"Is there a {one} or a {other}?", f'image.exists("{one}") or image.exists("{other}")'),
        )[index % 2]
        question = Question(id=str(index), text=text, kind="answer", category="made_up")
        yield {"prompt": prompter.prompt(question), "completion": f"\n    return {value}", "weight": 1.0}


def _gradient_error(base: Path, file: Path) -> float:
    """Largest relative error over all LoRA tensors, packed against separate, in float32, at a fresh adapter."""
    sequences = tokenise(file, AutoTokenizer.from_pretrained(base))[:_GRADIENT_EXAMPLES]
    torch.manual_seed(0)
    bare = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32, attn_implementation="sdpa")
    model = adapt(bare, CloneSettings())
    for name, weight in model.named_parameters():
        if "lora_B" in name:  # at zero, where training starts, the other factor would have no gradient
            torch.nn.init.normal_(weight, std=0.01)
    gradients = []
    for rows in (packing.separate(sequences), packing.rows(sequences, sys.maxsize)):
        model.zero_grad()
        for row in rows:
            torch.autograd.backward(packing.measure(model, [row]).sum())
        gradients.append([weight.grad.clone() for weight in model.parameters() if weight.requires_grad])
        bare.set_attn_implementation(attention.register())
    return max(float((one - other).norm() / one.norm()) for one, other in zip(*gradients, strict=True))


def _table(measured: Measured) -> Table:
    packed, apart = measured.packed, measured.apart
    table = Table(title=f"{packed.examples} examples, {packed.steps} steps, {packed.precision}", title_justify="left")
    table.add_column("")
    for column in ("packed", "apart", "ratio"):
        table.add_column(column, justify="right")
    for name, one, other in (
        ("seconds", packed.seconds, apart.seconds),
        ("tokens", packed.tokens, apart.tokens),
        ("loss", packed.loss, apart.loss),
    ):
        table.add_row(name, f"{one:,.2f}", f"{other:,.2f}", f"{other / one:.2f}")
    table.caption = f"gradients differ by {measured.gradient_error:.1e} at most; {packed.reason}"
    return table


if __name__ == "__main__":
    try:
        typer.run(bench)
    except Fault as fault:
        sys.exit(f"bench_packing: {fault}")
