"""What perception costs: calls per second of models in a process of their own, with many programs in flight against one
call at a time; the pipeline with `shapes` inside the driver and in a process; the cache on disk.

    python -m visrep.scripts.bench_perception                                # all of it, models at random weights
    python -m visrep.scripts.bench_perception --only models --device cuda --owlv2 FOLDER --clip FOLDER

Without folders, models are OWLv2-base and CLIP-B/32 by their sizes alone, at random weights. Each picture is
looked at by eight programs with another question each, as the programs of one task do. What is compared takes turns;
medians are told.
"""

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import numpy as np
import typer
from PIL import Image

from visrep.env.drawn.scene import generate, render
from visrep.env.faults import Fault, MachineFault
from visrep.env.perception import Method, Perception, Request, View
from visrep.env.perception.asking import Inside, Models
from visrep.env.perception.cache import Cache
from visrep.env.perception.picture import Picture
from visrep.env.perception.service import Service
from visrep.env.sandbox import Job, Sandbox
from visrep.env.types import Box
from visrep.train import parts
from visrep.train.config import Recipe, load_recipe

PER_PICTURE = 8
"""Programs that look at one picture."""

_SIZE = (640, 480)
_ALONE = 8  # calls that are made one at a time, for a measurement

FIVE_CALLS = """
def execute_command(image):
    found = image.find('{0} {1}')
    return [image.exists('{0} {2}'), image.simple_query('How many {1}s are there?'), len(found)] + [
        each.simple_query('What size is this?') for each in found[:2]
    ]
"""

Part = Literal["places", "models", "cache"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A model to be measured: its method, a program's call and the request that comes of it, and further options of
    its backend."""

    method: Method
    call: str
    arguments: Callable[[str], tuple[Any, ...]]
    options: str


KINDS = {
    # No box is kept, as with random weights all might be.
    "owlv2": Kind("find", "image.find({0!r})", lambda word: (word,), ", threshold = 1.0"),
    "clip": Kind("match", "image.best_text_match([{0!r}, 'a dog'])", lambda word: ((word, "a dog"),), ""),
}


def bench(
    only: Annotated[Part | None, typer.Option(help="Measure this alone.")] = None,
    device: Annotated[str, typer.Option(help="Where models work: cpu, cuda, cuda:N.")] = "cpu",
    flights: Annotated[list[int] | None, typer.Option(help="Programs in flight. (default: 1, 8, 32, 128)")] = None,
    pairs: Annotated[int, typer.Option(min=1, help="Measurements of each, in turns.")] = 3,
    programs: Annotated[int, typer.Option(min=8, help="For the pipeline with shapes.")] = 800,
    owlv2: Annotated[Path | None, typer.Option(help="A folder with weights, instead of random ones.")] = None,
    clip: Annotated[Path | None, typer.Option(help="The same.")] = None,
) -> None:
    """Measure perception; one JSON object."""
    wanted = (only,) if only else get_args(Part)
    result: dict[str, Any] = {"cores": len(os.sched_getaffinity(0))}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "places" in wanted:
            result["places"] = places(folder, programs, pairs)
        if "models" in wanted:
            for kind, given in (("owlv2", owlv2), ("clip", clip)):
                weights = given or write_model(kind, folder / kind)
                result[kind] = in_flight(kind, weights, device, flights or [1, 8, 32, 128], pairs, folder)
        if "cache" in wanted:
            result["cache"] = cache(folder / "bench.sqlite", 100_000)
    print(json.dumps(result, indent=1))


def places(folder: Path, programs: int, pairs: int) -> dict[str, Any]:
    """Programs per second on drawn scenes that `shapes` sees, inside the driver and in a process of its own."""
    pictures = []
    for number in range(programs // PER_PICTURE):
        path = folder / f"drawn{number}.png"
        render(generate(f"bench {number}")).save(path)
        pictures.append(path)
    colours, shapes = ("red", "blue", "green"), ("circle", "square", "triangle")
    words = [(colour, one, two) for colour in colours for one in shapes for two in shapes]
    speeds: dict[str, list[float]] = {"inside": [], "process": []}
    values: dict[str, Any] = {}
    for _ in range(pairs):
        for place, found in speeds.items():
            jobs = [
                Job(n, FIVE_CALLS.format(*words[n % len(words)]), (Picture(pictures[n // PER_PICTURE]),))
                for n in range(programs)
            ]
            with closing(parts.build_service(_recipe(f"perception.place={place}"))) as service, Sandbox() as sandbox:
                started = time.perf_counter()
                told = [execution.value for _, execution in _in_order(sandbox, jobs, service)]
                found.append(programs / (time.perf_counter() - started))
            if told != values.setdefault("told", told):
                raise MachineFault("the two places gave different values")
    ratios = [one / other for one, other in zip(speeds["process"], speeds["inside"], strict=True)]
    return {
        "programs_per_second": {place: round(statistics.median(found)) for place, found in speeds.items()},
        "ratio": round(statistics.median(ratios), 3),
        "ratios": [round(ratio, 3) for ratio in ratios],
    }


def in_flight(
    kind: str, weights: Path, device: str, flights: Sequence[int], pairs: int, folder: Path
) -> dict[str, Any]:
    """Calls per second of one model with so many programs in flight, beside one call at a time in the same round."""
    pictures = list(_photos(folder, max(_ALONE, *flights) // PER_PICTURE + 1))
    options = f'backend = "{kind}", model = "{weights}", device = "{device}"{KINDS[kind].options}'
    recipe = _recipe(
        "perception.backend=composite",
        "perception.place=process",
        f"perception.options={{ {KINDS[kind].method} = {{ {options} }} }}",
    )
    alone: Perception = parts.build_perception(recipe.perception)
    models = parts.build_models(recipe)
    assert isinstance(models, Models)
    rows: dict[int, list[dict[str, float]]] = {number: [] for number in flights}
    with closing(models):
        _one_by_one(alone, kind, pictures, 1)  # the first calls are slower than all others
        _at_once(models, kind, pictures, 1, folder)
        for _ in range(pairs):
            base = _one_by_one(alone, kind, pictures, _ALONE)
            for number, found in rows.items():
                row = _at_once(models, kind, pictures, number, folder)
                found.append(row | {"one_at_a_time": base, "ratio": row["calls_per_second"] / base})
    return {
        str(number): {name: round(statistics.median(row[name] for row in found), 3) for name in found[0]}
        for number, found in rows.items()
    }


def cache(path: Path, replies: int) -> dict[str, float]:
    """Replies per second written to and read from the cache on disk, 64 at a time."""
    keys = [number.to_bytes(8) + os.urandom(8) for number in range(replies)]
    blocks = [keys[start : start + 64] for start in range(0, replies, 64)]
    with closing(Cache(path)) as made:
        started = time.perf_counter()
        for block in blocks:
            made.write("bench", dict.fromkeys(block, ("find", "[[10.5, 20.25, 30.125, 40.0, 0.75]]" * 2)))
        written = time.perf_counter() - started
        started = time.perf_counter()
        for block in blocks[::-1]:
            made.read(block)
        read = time.perf_counter() - started
    return {
        "written_per_second": round(replies / written),
        "read_per_second": round(replies / read),
        "bytes_each": round(path.stat().st_size / replies, 1),
    }


def write_model(kind: str, folder: Path) -> Path:
    """A model of the published size at random weights, with its processor, as on the hub."""
    import torch
    import transformers
    from tokenizers import pre_tokenizers

    torch.manual_seed(0)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = [*alphabet, *(f"{letter}</w>" for letter in alphabet), "<|startoftext|>", "<|endoftext|>"]
    tokenizer = transformers.CLIPTokenizer(vocab={token: n for n, token in enumerate(tokens)}, merges=[])
    model: Any
    processor: Any
    if kind == "owlv2":  # google/owlv2-base-patch16-ensemble: 960 pixels in patches of 16
        config = transformers.Owlv2Config(vision_config={"image_size": 960, "patch_size": 16})
        model = transformers.Owlv2ForObjectDetection(config)
        processor = transformers.Owlv2Processor(transformers.Owlv2ImageProcessor(), tokenizer)
    else:  # openai/clip-vit-base-patch32, which is CLIPConfig's own size
        model = transformers.CLIPModel(transformers.CLIPConfig(text_config={"eos_token_id": tokenizer.eos_token_id}))
        processor = transformers.CLIPProcessor(transformers.CLIPImageProcessor(), tokenizer)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _recipe(*changes: str) -> Recipe:
    return load_recipe("quickstart", changes)


def _photos(folder: Path, number: int) -> Iterator[Picture]:
    """Pictures of a photograph's size and smoothness."""
    dice = np.random.default_rng(0)
    for index in range(number):
        path = folder / f"photo{index}.jpg"
        coarse = Image.fromarray(dice.integers(0, 256, (12, 16, 3), dtype=np.uint8))
        coarse.resize(_SIZE, Image.Resampling.BICUBIC).save(path)
        yield Picture(path)


def _word(index: int) -> str:
    return f"thing {index % PER_PICTURE}"


def _one_by_one(backend: Perception, kind: str, pictures: Sequence[Picture], calls: int) -> float:
    """Calls per second that a model answers one after another, in this process."""
    models, method, arguments = Inside(backend), KINDS[kind].method, KINDS[kind].arguments
    started = time.perf_counter()
    for index in range(calls):
        view = View(pictures[index // PER_PICTURE], Box(0, 0, *_SIZE))
        models.ask(method, [Request(method, view, arguments(_word(index)))])
    return calls / (time.perf_counter() - started)


def _at_once(models: Models, kind: str, pictures: Sequence[Picture], number: int, folder: Path) -> dict[str, float]:
    """A call each of at least as many programs as are in flight, none of them known: calls per second, mean batch, and
    milliseconds a call that are not the model's."""
    calls = max(_ALONE, number)
    body = "def execute_command(image): return {}"
    jobs = [
        Job(index, body.format(KINDS[kind].call.format(_word(index))), (pictures[index // PER_PICTURE],))
        for index in range(calls)
    ]
    file = folder / f"{time.monotonic_ns()}.sqlite"
    service = Service(models, cache=file)
    with Sandbox(parallel=number) as sandbox:
        started = time.perf_counter()
        outcomes = {execution.outcome for _, execution in sandbox.run(jobs, service.answer, service.remembered)}
        seconds = time.perf_counter() - started
    figures = service.statistics()[KINDS[kind].method]
    if outcomes != {"ok"} or figures["hits"]:
        raise MachineFault(f"programs came out as {outcomes}, with {figures['hits']} calls known")
    return {
        "calls_per_second": calls / seconds,
        "mean_batch": figures["batched"] / figures["batches"],
        "overhead_ms": 1000 * (figures["waited"] - figures["seconds"]) / calls,
        "model_ms": 1000 * figures["seconds"] / calls,
    }


def _in_order(sandbox: Sandbox, jobs: Sequence[Job], service: Service) -> list[tuple[Job, Any]]:
    done = sandbox.run(jobs, service.answer, service.remembered)
    return sorted(done, key=lambda pair: pair[0].key)


if __name__ == "__main__":
    try:
        typer.run(bench)
    except Fault as fault:
        sys.exit(f"bench_perception: {fault}")
