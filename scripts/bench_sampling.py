"""How near sampling comes to vLLM itself: programs for a recipe's training tasks, written through visrep's engine (a
server, asked over HTTP) and by vLLM's offline `LLM.generate` with the same arguments, prompts, seeds and stops.

    python -m visrep.scripts.bench_sampling
    python -m visrep.scripts.bench_sampling nlvr --set sampling.n=10 --tasks 32

Both engines are started once and stay, and take turns; one that waits takes no processor time. Each writes everything
once before the first pair, so that both prefix caches hold every prompt. The data set is the recipe's (`visrep draw`
makes the drawn one).
"""

import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from visrep.env.faults import Fault, MachineFault
from visrep.policy.arguments import cpu_environment
from visrep.policy.checkpoint import resolve
from visrep.policy.vllm import VLLM
from visrep.train.config import Recipe, load_recipe
from visrep.train.parts import build_prompter, draw_if_absent, load_tasks


def main(
    recipe: Annotated[str, typer.Argument(help="A shipped recipe or a TOML file.")] = "quickstart",
    tasks: Annotated[int, typer.Option(min=1, help="Training tasks to write programs for.")] = 48,
    pairs: Annotated[int, typer.Option(min=1, help="Turns that each engine gets; the median counts.")] = 5,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Change a setting of the recipe: sampling.n=10")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
) -> None:
    """Compare tokens per second of visrep's engine and of raw vLLM."""
    chosen = load_recipe(recipe, settings or [])
    base = resolve(chosen.policy.model, chosen.policy.revision)
    prompts = _prompts(chosen, base, tasks)
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        raw = stack.enter_context(_raw(chosen, base, Path(scratch)))
        engine = VLLM(
            base,
            log=Path(scratch) / "server.log",
            max_tokens=chosen.sampling.max_tokens,
            top_p=chosen.sampling.top_p,
            dtype=chosen.policy.dtype,
            max_model_len=chosen.policy.max_model_len,
        )
        stack.callback(engine.close)
        engine.start()
        result = _measure(engine, raw, chosen, prompts, pairs)
    result = {"prompts": len(prompts), "n": chosen.sampling.n, "cores": len(os.sched_getaffinity(0))} | result
    if as_json:
        print(json.dumps(result, indent=1))
    else:
        Console().print(_table(result))


def _prompts(recipe: Recipe, base: Path, tasks: int) -> list[str]:
    draw_if_absent(recipe.data)
    found = list(load_tasks(recipe, "train")[0])
    prompter = build_prompter(recipe, base)
    return [prompter.prompt(task.question) for task in found[:: max(1, len(found) // tasks)][:tasks]]


def _measure(engine: VLLM, raw: Connection, recipe: Recipe, prompts: list[str], pairs: int) -> dict[str, Any]:
    """Tokens per second of each in each pair, and medians."""
    n, temperature = recipe.sampling.n, recipe.sampling.temperature
    rates: dict[str, list[float]] = {"visrep": [], "vllm": []}
    for pair in range(pairs + 1):
        for side in ("visrep", "vllm") if pair % 2 else ("vllm", "visrep"):
            started = time.monotonic()
            if side == "visrep":
                written = engine.sample(prompts, n, temperature, seed=pair)
                tokens = sum(completion.tokens for _, completions in written for completion in completions)
                seconds = time.monotonic() - started
            else:
                raw.send((prompts, n, temperature, pair))
                tokens, seconds = _received(raw)
            rates[side].append(round(tokens / seconds, 1))
    pairwise = [ours / theirs for ours, theirs in zip(rates["visrep"], rates["vllm"], strict=True)]
    return {
        "warming_up": {side: values[0] for side, values in rates.items()},
        "pairs": {side: values[1:] for side, values in rates.items()},
        "median": {side: statistics.median(values[1:]) for side, values in rates.items()},
        "ratios": [round(ratio, 3) for ratio in pairwise[1:]],
        "ratio": round(statistics.median(pairwise[1:]), 3),
    }


@contextmanager
def _raw(recipe: Recipe, base: Path, scratch: Path) -> Iterator[Connection]:
    """A process that writes with vLLM alone, once it is ready."""
    for name, value in cpu_environment().items():
        os.environ.setdefault(name, value)
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_write_raw, args=(theirs, recipe, base, scratch / "raw.log"))
    process.start()
    theirs.close()
    try:
        _received(ours)
        yield ours
    finally:
        ours.close()
        process.join()


def _received(raw: Connection) -> tuple[int, float]:
    try:
        found: tuple[int, float] = raw.recv()
    except EOFError:
        raise MachineFault("raw vLLM ended; its last words stand above") from None
    return found


def _write_raw(pipe: Connection, recipe: Recipe, base: Path, log: Path) -> None:
    """The other process: tokens and seconds of everything it is asked for, until the pipe is closed."""
    with log.open("wb") as file:  # stdout carries our JSON
        os.dup2(file.fileno(), 1)
    from visrep.scripts.raw_vllm import RawVLLM  # vLLM, which this process alone may hold

    engine = RawVLLM(recipe, base)
    pipe.send((0, 0.0))
    while True:
        try:
            prompts, n, temperature, seed = pipe.recv()
        except EOFError:
            engine.close()
            return
        started = time.monotonic()
        written = engine.generate(prompts, n, temperature, seed)
        tokens = sum(len(completion.token_ids) for completions in written for completion in completions)
        pipe.send((tokens, time.monotonic() - started))


def _table(result: dict[str, Any]) -> Table:
    title = f"Tokens per second, {result['prompts']} prompts × {result['n']}, {result['cores']} cores"
    table = Table(title=title, title_justify="left")
    for column in ("pair", "visrep", "vLLM", "ratio"):
        table.add_column(column, justify="right")
    for number, ratio in enumerate(result["ratios"]):
        pair = (result["pairs"][side][number] for side in ("visrep", "vllm"))
        table.add_row(str(number + 1), *(f"{rate:.0f}" for rate in pair), f"{ratio:.3f}")
    table.add_section()
    medians = (f"{result['median'][side]:.0f}" for side in ("visrep", "vllm"))
    table.add_row("median", *medians, f"{result['ratio']:.3f}")
    return table


if __name__ == "__main__":
    try:
        typer.run(main)
    except Fault as fault:
        sys.exit(f"bench_sampling: {fault}")
