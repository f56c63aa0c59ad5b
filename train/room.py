"""Whether a machine has the memory and the disk for a run: estimates, each with what it is made of.

    serving    weights + keys and values of the programs in flight, at least those of one
    training   weights + 16 bytes a parameter of the adapter + 17 numbers a token, layer and hidden unit + 16 bytes a
               logit, for one example of policy.max_model_len tokens (`sizes.py`); longer rows take what is left
    seeing     weights of perception's models, all the time
    disk       an adapter in float32 for each iteration, the export, a merge to serve from, programs with their calls

Policy and training take turns, so the larger of the two counts. What engines, allocators and images take is not in it.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from visrep.policy.arguments import cpu_environment
from visrep.train.config import PolicySettings, Recipe
from visrep.train.machine import Finding
from visrep.train.sizes import Model

_RECORD = 1024
"""Bytes on disk of a program on one instance with its share of the completions; 700 in runs of the quickstart."""

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


def memory(recipe: Recipe, policy: Model, eyes: Sequence[Model]) -> Iterator[Finding]:
    """What policy, training and each model of perception take, and whether that much is free."""
    import torch  # seconds to import, and what follows imports it too

    from visrep.train.memory import free
    from visrep.train.trainer import multiplies_bfloat16

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    half = device.type == "cuda" or multiplies_bfloat16()
    stages = [
        _serving(recipe.policy, policy, device.type),
        _training(recipe, policy, "bfloat16" if half else "float32"),
    ]
    seeing = [_seeing(model, device.type) for model in eyes]
    yield from (taken.finding() for taken in (*stages, *seeing))
    beside = [taken for taken, model in zip(seeing, eyes, strict=True) if device.type == "cpu" or model.device != "cpu"]
    least = policy.size.weights(policy.dtype) if policy.size else 0
    yield _together(stages, beside, least, free(device), str(device))


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


def _serving(settings: PolicySettings, policy: Model, device: str) -> _Taken:
    name = "policy"
    if settings.engine == "vllm" and settings.urls:
        return _Taken(name, 0, "none here; it is served by policy.urls")
    if settings.engine not in ("vllm", "transformers"):
        return _Taken(name, 0, f"none that is known of engine {settings.engine!r}")
    if policy.size is None:
        return _Taken(name, None)
    one = policy.size.cache(settings.max_model_len, settings.dtype)
    cache, why = one, f"{shown(one)} of keys and values for each program in flight of {settings.max_model_len} tokens"
    if settings.engine == "vllm" and device == "cpu":
        space = (cpu_environment() | os.environ)["VLLM_CPU_KVCACHE_SPACE"]
        cache, why = (
            int(float(space) * 2**30),
            f"{space} GiB of keys and values, {shown(one)} for each program in flight",
        )
    return _Taken(name, policy.size.weights(settings.dtype) + cache, f"{_weights(policy, settings.dtype)}, {why}")


def _training(recipe: Recipe, policy: Model, dtype: str) -> _Taken:
    if policy.size is None:
        return _Taken("training", None)
    rank, length = recipe.clone.rank, recipe.policy.max_model_len
    whole = policy.size.training(rank, length, recipe.sampling.max_tokens, dtype)
    why = f"a step on one example of {length} tokens with an adapter of {policy.size.adapter(rank):,} parameters"
    return _Taken("training", whole, f"at least {shown(whole)}: {_weights(policy, dtype)}, and {why}")


def _seeing(model: Model, device: str) -> _Taken:
    if model.size is None:
        return _Taken(model.role, None)
    dtype = "float32" if model.dtype == "auto" and "cpu" in (device, model.device) else model.dtype
    return _Taken(model.role, model.size.weights(dtype), _weights(model, dtype))


def _weights(model: Model, dtype: str) -> str:
    assert model.size is not None
    return f"{shown(model.size.weights(dtype))} of weights ({model.size.parameters:,} parameters)"


def _together(stages: Sequence[_Taken], beside: Sequence[_Taken], least: int, free: int, device: str) -> Finding:
    """Whether it fits: what cannot be done without are the weights, the rest is an estimate."""
    seen = sum(taken.size or 0 for taken in beside)
    most = max(taken.size or 0 for taken in stages) + seen
    unknown = [taken.name for taken in (*stages, *beside) if taken.size is None]
    sums = [shown(most)] if most else []
    sums += [f"what is unknown of {', '.join(unknown)}"] if unknown else []
    found = f"at least {' and '.join(sums)} at a time; {shown(free)} free on {device}"
    remedy = "take smaller models or a lower precision, or free memory"
    if least + seen > free:
        return Finding("memory, together", "missing", found, remedy)
    if most > free:
        return Finding("memory, together", "absent", found, f"it may run out: {remedy}")
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
