"""Whether a machine has the memory and the disk for a run: estimates, each with what it is made of.

    serving    weights + keys and values, at least those of one program; vLLM takes the share of a GPU that it is given
    training   weights + 16 bytes a parameter of the adapter + 17 numbers a token, layer and hidden unit + 16 bytes a
               logit, for one example of policy.max_model_len tokens (`sizes.py`); longer rows take what is left
    seeing     weights of perception's models
    disk       an adapter in float32 for each iteration, the export, a merge to serve from, programs with their calls

Perception is there while the policy writes, and training has the device to itself, unless perception is inside the
driver: the larger of the two counts. What engines, allocators and images take is not in it.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from visrep.policy.arguments import cpu_environment
from visrep.train import parts
from visrep.train.config import PolicySettings, Recipe
from visrep.train.machine import Finding
from visrep.train.sizes import Model

_RECORD = 1024
"""Bytes on disk of a program on one instance with its share of the completions; 700 in runs of the quickstart."""

_UTILISATION, _SHARE = "--gpu-memory-utilization", 0.92
"""How vLLM is told which share of a GPU to take, and what it takes untold (0.32.0, vllm/config/cache.py)."""

_UNKNOWN = "its configuration is not here, or not one that transformers knows"
_REMEDY = "have its files here (see above), and ask again"


@dataclass(frozen=True, slots=True)
class _Taken:
    """The bytes that something takes, None where that is unknown, and how they come about."""

    name: str
    size: int | None
    told: str = _UNKNOWN

    def finding(self) -> Finding:
        """As a line of its own."""
        if self.size is None:
            return Finding(f"memory, {self.name}", "unknown", self.told, _REMEDY)
        return Finding(f"memory, {self.name}", "ok", self.told)


@dataclass(frozen=True, slots=True)
class Device:
    """Where models work: what torch calls it, its bytes, in all and free, and whether training is in bfloat16 there."""

    name: str
    total: int
    free: int
    half: bool

    @property
    def place(self) -> str:
        """What a model's option `device` calls it."""
        return "cpu" if self.name == "cpu" else "cuda:0"


def device() -> Device:
    """The first GPU, or the processor where there is none."""
    import torch  # seconds to import, and what follows imports it too

    from visrep.train.memory import free
    from visrep.train.trainer import multiplies_bfloat16

    if torch.cuda.is_available():
        gpu = torch.device("cuda:0")
        return Device("cuda", torch.cuda.get_device_properties(gpu).total_memory, free(gpu), half=True)
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Device("cpu", total, free(torch.device("cpu")), multiplies_bfloat16())


def place(model: Model, on: Device) -> str:
    """The device that a model of perception works on, "cpu" or "cuda:N"."""
    if on.name == "cpu" or model.device == "cpu":
        return "cpu"
    return "cuda:0" if model.device in ("auto", "cuda") else model.device


def memory(recipe: Recipe, policy: Model, eyes: Sequence[Model], on: Device) -> Iterator[Finding]:
    """What policy, training and each model of perception take, and whether that much is free."""
    serving, training = _serving(recipe.policy, policy, on), _training(recipe, policy, on)
    seeing = [_seeing(model, on) for model in eyes]
    yield from (taken.finding() for taken in (serving, training, *seeing))
    beside = [taken for taken, model in zip(seeing, eyes, strict=True) if place(model, on) == on.place]
    seen = sum(taken.size or 0 for taken in beside)
    stays = seen if parts.place(recipe.perception) == parts.INSIDE else 0
    weights = policy.size.weights(recipe.policy.dtype) if policy.size else 0
    least = max(seen + (0 if recipe.policy.urls else weights), stays + weights)
    most = max(seen + (serving.size or 0), stays + (training.size or 0))
    unknown = [taken.name for taken in (serving, training, *beside) if taken.size is None]
    yield _together(least, most, unknown, on)


def disk(recipe: Recipe, policy: Model, instances: tuple[int, int] | None) -> Finding:
    """What a run leaves behind, where `instances` are those to learn from and held-out ones."""
    free = shutil.disk_usage(Path.cwd()).free
    taken = _left(recipe, policy, instances)
    told = ", ".join(f"{name} {'unknown' if size is None else shown(size)}" for name, size in taken.items())
    found = f"{told}; {shown(free)} free in {Path.cwd()}"
    if sum(size or 0 for size in taken.values()) > free:
        return Finding("disk", "missing", found, "free the disk, or run where there is more (--out)")
    if None in taken.values():
        return Finding("disk", "unknown", found, "have the policy and the data here, and ask again")
    return Finding("disk", "ok", found)


def shown(size: int) -> str:
    """Bytes as a person reads them."""
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.1f} MiB"


def _serving(settings: PolicySettings, policy: Model, on: Device) -> _Taken:
    name = "policy"
    if settings.engine == "vllm" and settings.urls:
        return _Taken(name, 0, "none here; it is served by policy.urls")
    if settings.engine not in ("vllm", "transformers"):
        return _Taken(name, 0, f"none that is known of engine {settings.engine!r}")
    if policy.size is None:
        return _Taken(name, None)
    weights, one = policy.size.weights(settings.dtype), policy.size.cache(settings.max_model_len, settings.dtype)
    told = f"{_weights(policy, settings.dtype)}, {shown(one)} of keys and values for each program in flight"
    if settings.engine == "transformers":
        return _Taken(name, weights + one, told)
    if on.name == "cpu":
        space = (cpu_environment() | os.environ)["VLLM_CPU_KVCACHE_SPACE"]
        return _Taken(name, weights + int(float(space) * 2**30), f"{told}, {space} GiB in all")
    share = _share(settings.options.get("arguments", ()))
    taken = max(weights + one, int(share * on.total))
    return _Taken(name, taken, f"{told}; vLLM takes {share:.0%} of the GPU for them, {shown(taken)}")


def _share(arguments: Sequence[str]) -> float:
    """Of a GPU, that vLLM takes, by the arguments that a recipe gives it."""
    words = [word for argument in arguments for word in argument.split("=", 1)]
    return float(words[words.index(_UTILISATION) + 1]) if _UTILISATION in words else _SHARE


def _training(recipe: Recipe, policy: Model, on: Device) -> _Taken:
    if policy.size is None:
        return _Taken("training", None)
    dtype = "bfloat16" if on.half else "float32"
    rank, length = recipe.clone.rank, recipe.policy.max_model_len
    whole = policy.size.training(rank, length, recipe.sampling.max_tokens, dtype)
    why = f"a step on one example of {length} tokens with an adapter of {policy.size.adapter(rank):,} parameters"
    return _Taken("training", whole, f"at least {shown(whole)}: {_weights(policy, dtype)}, and {why}")


def _seeing(model: Model, on: Device) -> _Taken:
    if model.size is None:
        return _Taken(model.role, None)
    dtype = "float32" if model.dtype == "auto" and "cpu" in (on.name, model.device) else model.dtype
    return _Taken(model.role, model.size.weights(dtype), _weights(model, dtype))


def _weights(model: Model, dtype: str) -> str:
    assert model.size is not None
    return f"{shown(model.size.weights(dtype))} of weights ({model.size.parameters:,} parameters)"


def _together(least: int, most: int, unknown: Sequence[str], on: Device) -> Finding:
    """Whether it fits: what cannot be done without are the weights, the rest is an estimate."""
    sums = [shown(most)] if most else []
    sums += [f"what is unknown of {', '.join(unknown)}"] if unknown else []
    found = f"at least {' and '.join(sums) or 'nothing'} at a time; {shown(on.free)} free on {on.name}"
    remedy = "take smaller models or a lower precision, or free memory"
    if least > on.free:
        return Finding("memory, together", "missing", found, remedy)
    if most > on.free:
        lower = "; on a GPU leave perception more room with vLLM's --gpu-memory-utilization in policy.options.arguments"
        return Finding("memory, together", "absent", found, f"it may run out: {remedy}{lower}")
    return Finding("memory, together", "unknown" if unknown else "ok", found, _REMEDY if unknown else "")


def _left(recipe: Recipe, policy: Model, instances: tuple[int, int] | None) -> dict[str, int | None]:
    """Bytes on disk, as far as they are known."""
    taken: dict[str, int | None] = dict.fromkeys(("adapters", "export and merge", "programs at most"))
    if policy.size is not None:
        merges = recipe.policy.engine == "vllm" and recipe.policy.serve != "adapter" and not recipe.policy.urls
        taken["adapters"] = recipe.iterations * 4 * policy.size.adapter(recipe.clone.rank)
        taken["export and merge"] = (1 + merges) * policy.size.weights()
    if instances is not None:
        sampling, (learnt, held_out) = recipe.sampling, instances
        programs = sampling.n + (sampling.rounds - 1) * sampling.more
        evaluations = recipe.iterations + 1 + recipe.evaluation.base_without_examples
        taken["programs at most"] = _RECORD * (recipe.iterations * programs * learnt + evaluations * held_out)
    return taken
