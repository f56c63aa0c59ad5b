"""What packing saves: seconds of training on the same examples, packed and apart, and how far the gradients differ.

    python -m visrep.scripts.bench_packing --run runs/quickstart --iteration 1

The examples, and how they are trained on, are those of a run's iteration; without a run they are made up in the prompt
of the quickstart: short programs for questions about drawn scenes, as a run clones them. Seconds are those of the
training process, its start and the reading of the weights included.
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
from visrep.train.clone import CloneJob, CloneSettings, Report
from visrep.train.clone import run as train
from visrep.train.config import load_recipe
from visrep.train.parts import build_prompter
from visrep.train.run import Run
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
    run: Annotated[
        Path | None, typer.Option(help="Run to take examples and settings from.", show_default=False)
    ] = None,
    iteration: Annotated[int, typer.Option(min=1, help="Of the run.")] = 1,
    examples: Annotated[int, typer.Option(min=2, max=400, help="Made-up ones, without a run.")] = 64,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Change a setting of the recipe: clone.epochs=1")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
) -> None:
    """Train twice on the same examples, packed and apart; compare seconds, tokens and gradients."""
    recipe = load_recipe("quickstart" if run is None else str(run / "recipe.toml"), settings or [])
    base = resolve(recipe.policy.model, recipe.policy.revision)
    with tempfile.TemporaryDirectory() as scratch:
        if run is None:
            file = Path(scratch) / "examples.jsonl"
            jsonl.write_lines(file, _examples(build_prompter(recipe, base), examples))
        else:
            file = Run.open(run).iteration(iteration) / "examples.jsonl"
        reports: dict[bool, Report] = {}
        for pack in (True, False):
            wanted = CloneSettings(**recipe.clone.model_dump() | {"pack": pack})
            job = CloneJob(base, file, Path(scratch) / f"packed_{pack}", recipe.seed, wanted)
            reports[pack] = Report(**train(job, Console(stderr=True)))
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
