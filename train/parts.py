"""The parts of a run, each built from its section of the recipe."""

import hashlib
import importlib
import json
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

from visrep import reward
from visrep.env import drawn
from visrep.env.environment import Environment, Reward
from visrep.env.faults import UserFault, suggestion
from visrep.env.judging import Judging
from visrep.env.perception import Perception, TextModel, scene
from visrep.env.perception.asking import Inside, Models
from visrep.env.perception.composite import Composite
from visrep.env.perception.process import Address, Process
from visrep.env.perception.remote import Remote
from visrep.env.perception.service import Service
from visrep.env.perception.video import FrameRate
from visrep.env.sandbox import Limits, Sandbox
from visrep.env.types import Kind
from visrep.env.visual_api import ASKS
from visrep.policy import EngineSettings, Policy
from visrep.policy.checkpoint import cache_home
from visrep.policy.prompt import Example, Prompter, load_examples
from visrep.reward.rules import Rules
from visrep.train.config import (
    DataSettings,
    KindPrompt,
    PerceptionSettings,
    Recipe,
    SandboxSettings,
    VideoSettings,
    to_toml,
)
from visrep.train.split import Mixed, Reachable, Split, Tasks, stratified
from visrep.train.variants import BACKEND, COMPOSITE, DATA_SET, ENGINE, digests, loader

INSIDE, PROCESS = "inside", "process"
"""Where perception works: in the driver, or in a process of its own."""

_CHEAP = ("scene", "scripted", "shapes")
"""Backends that take microseconds a call: a process of their own, or a file of their replies, would take longer."""


def load_tasks(
    recipe: Recipe, part: Literal["train", "test"], *, whole: bool = False, split: str | None = None
) -> tuple[Tasks, int]:
    """The tasks that a recipe learns from or is tested on, read anew each time they are gone through, and how many were
    left out of them because no answer can earn 1, which happens in learning only.

    Where a number per category is given, that many of each are taken, in memory; the subset depends on the recipe's
    seed alone. With `whole` there is no such limit; with `split` it is this split in place of the recipe's own, and
    nothing is left out.
    """
    found: dict[str, Tasks] = {}
    left_out = 0
    for name, data in named(recipe.data).items():
        of = data.train if part == "train" else data.test
        limit = data.train_per_category if part == "train" else data.test_per_category
        seed = recipe.seed if part == "train" else 0
        read = Reachable(reader(data, split or of), recipe.reward.soft if part == "train" and split is None else 0.0)
        found[name] = Split(read) if whole or limit is None else stratified(read, limit, seed)
        left_out += read.left_out
        if not len(found[name]):
            raise UserFault(f"split {split or of!r} of {data.root} has no tasks")
    return (Mixed(found) if len(found) > 1 else found.popitem()[1]), left_out


def named(data: Sequence[DataSettings]) -> dict[str, DataSettings]:
    """A recipe's data sets by name; one that is there twice gets a number."""
    found: dict[str, DataSettings] = {}
    for each in data:
        name = Path(each.dataset).stem
        same = sum(Path(other.dataset).stem == name for other in found.values())
        found[f"{name}-{same + 1}" if same else name] = each
    return found


def reader(data: DataSettings, split: str) -> Any:
    """A function that reads a split of a data set from the beginning. Raises UserFault where there is no folder, unless
    it is only where a set from the hub will be kept."""
    load = loader(DATA_SET, data.dataset, data.options)
    root = Path(data.root)
    if not root.is_dir() and not data.options.get("hub"):
        raise UserFault(f"data.root {data.root!r} is no folder; put the data set there or correct the recipe")
    return partial(load, root, split)


def draw_if_absent(data: Sequence[DataSettings]) -> None:
    """Draw the data sets that the recipe describes, unless they are there; drawn ones of other settings are refused."""
    for each in data:
        if each.draw is not None:
            module, counts = writer(each.dataset), (each.draw.train, each.draw.val, each.draw.test)
            tasks = dict(zip(module.SPLITS, counts, strict=True))
            module.draw(Path(each.root), seed=each.draw.seed, tasks_per_category=tasks, instances=each.draw.instances)


def writer(dataset: str) -> Any:
    """The module that draws in this data set's layout: `SPLITS` names its three splits, `draw` makes them."""
    folder = Path(drawn.__file__).parent
    known = [path.stem for path in sorted(folder.glob("*.py")) if "\ndef draw(" in path.read_text(encoding="utf-8")]
    if dataset not in known:
        near = suggestion(dataset, known) or f"; expected one of: {', '.join(known)}"
        raise UserFault(f"no drawn scenes in the layout of {dataset!r}{near}")
    return importlib.import_module(f"visrep.env.drawn.{dataset}")


def build_perception(settings: PerceptionSettings) -> Perception:
    """The backend that the recipe names, with its options."""
    backend: Perception = loader(BACKEND, settings.backend, settings.options)()
    return backend


def text_model(backend: Perception) -> TextModel | None:
    """What answers `llm_query` beside this backend: a composite's part for it, if it has one."""
    return backend.text_model if isinstance(backend, Composite) else None


def build_sandbox(settings: SandboxSettings) -> Sandbox:
    """A sandbox with the recipe's limits."""
    limits = Limits(
        cpu_seconds=settings.cpu_seconds,
        wall_seconds=settings.wall_seconds,
        memory_mb=settings.memory_mb,
        calls=settings.calls,
    )
    return Sandbox(limits, settings.parallel, numpy=settings.numpy, outer=settings.outer, without=settings.without)


def build_environment(recipe: Recipe, log: Path | None = None) -> Environment:
    """Sandbox, perception and reward together; a process that perception is in writes its `log` there."""
    check_answered(recipe)
    service, rate, judged = build_service(recipe, log), frame_rate(recipe.video), judging(recipe.perception)
    return Environment(build_sandbox(recipe.sandbox), service, build_reward(recipe), rate, judged)


def build_annotated(recipe: Recipe) -> Environment:
    """The recipe's sandbox and reward, with annotated scenes in place of its perception: these are judged as by
    default, since a threshold of the recipe's was chosen for its models, and what is annotated needs no second look."""
    service = Service(scene.load())
    return Environment(build_sandbox(recipe.sandbox), service, build_reward(recipe), frame_rate(recipe.video))


def judging(settings: PerceptionSettings) -> Judging:
    """How the recipe has replies judged."""
    return Judging(settings.property_threshold, settings.recheck)


def check_answered(recipe: Recipe) -> None:
    """Raise UserFault where a prompt offers a call that nothing is there to answer, or `exists` is to ask what nothing
    answers: only a composite answers `llm_query`, and only what it has parts for."""
    is_composite = recipe.perception.backend == COMPOSITE
    answered = set(recipe.perception.options) if is_composite else {"find", "query", "match", "depth"}
    if recipe.perception.recheck and "query" not in answered:
        raise UserFault(
            "setting 'perception.recheck' is true, but no part for 'query' is there to ask; "
            "add perception.options.query or set it to false"
        )
    for member in (member for prompt in (recipe.prompt, *recipe.prompt.kinds.values()) for member in prompt.api):
        asks = ASKS.get(member.rpartition(".")[2])
        if asks is not None and asks not in answered:
            lacking = "no text model is there" if asks == "complete" else f"no part for {asks!r} is there"
            remedy = f"add perception.options.{asks} or leave it out" if is_composite else "leave it out"
            raise UserFault(f"setting 'prompt.api' offers {member!r}, but {lacking} to answer; {remedy}")


def build_service(recipe: Recipe, log: Path | None = None) -> Service:
    """Perception where the recipe wants it, behind its cache."""
    settings = recipe.perception
    return Service(build_models(recipe, log), cache=_cache_file(recipe), cache_mb=settings.cache_mb)


def build_models(recipe: Recipe, log: Path | None = None) -> Models:
    """What sees, where the recipe wants it: in this process, in one that is started for it, or at an address.
    Prints where the models of another process are, as a backend in this one would."""
    settings = recipe.perception
    where = place(settings)
    if where == INSIDE:
        backend = build_perception(settings)
        return Inside(backend, text_model(backend))
    command = [sys.executable, "-m", "visrep.train.perceive"]
    origin = Process(command, to_toml(recipe), log) if where == PROCESS else Address(where)
    models = Remote(origin, made_from(settings), settings.deadline)
    for line in models.said:
        print(line, file=sys.stderr)
    return models


def place(settings: PerceptionSettings) -> str:
    """Where the recipe's perception works: INSIDE, PROCESS, or the address of a service."""
    if settings.place != "auto":
        return settings.place
    return INSIDE if settings.backend in _CHEAP else PROCESS


def made_from(settings: PerceptionSettings) -> str:
    """What says which models a process holds, so that another recipe's are not asked by mistake. Options may hold keys,
    and an address may be open to others, so only their digest is told."""
    options = json.dumps(settings.options, sort_keys=True, default=str)
    return f"{settings.backend} with options {hashlib.sha256(options.encode()).hexdigest()[:12]}"


def default_cache() -> Path:
    """The file of replies that runs share unless their recipes name another."""
    return cache_home() / "perception.sqlite"


def _cache_file(recipe: Recipe) -> Path | None:
    settings = recipe.perception
    if settings.cache:
        return Path(settings.cache)
    # A Python file that is being written changes its replies sooner than its identity.
    is_written = any(setting.startswith("perception.") for setting in digests(recipe))
    return None if settings.backend in _CHEAP or is_written else default_cache()


def frame_rate(settings: VideoSettings) -> FrameRate:
    """How the recipe's videos are sampled."""
    return FrameRate(settings.fps, settings.most_frames)


def build_reward(recipe: Recipe) -> Reward:
    """The reward, with the recipe's thresholds."""
    return partial(reward.score, rules=Rules(**recipe.reward.model_dump()))


def build_prompter(recipe: Recipe, base: Path | None = None, count: int | None = None, first: int = 0) -> Prompter:
    """The recipe's prompt with its examples, or with `count` of them, in the recipe's order but beginning with number
    `first` of them; `base` is needed for a chat template."""
    settings, tokenizer = recipe.prompt, None
    if settings.format == "chat":
        from transformers import AutoTokenizer  # seconds to import, and only a chat template needs it

        tokenizer = AutoTokenizer.from_pretrained(base)

    def of(own: KindPrompt, kinds: Mapping[Kind, Prompter]) -> Prompter:
        return Prompter(own.api, _examples(own, count, first), settings.format, tokenizer, kinds)

    return of(settings, {kind: of(own, {}) for kind, own in settings.kinds.items()})


def _examples(settings: KindPrompt, count: int | None, first: int) -> list[Example]:
    examples = load_examples(settings.examples)
    wanted = settings.count if count is None else count
    if wanted > len(examples):
        raise UserFault(f"prompt.count is {wanted}, but {settings.examples!r} has {len(examples)} examples")
    start = first % wanted if wanted else 0
    return examples[start:wanted] + examples[:start]


def build_policy(recipe: Recipe, base: Path, log: Path) -> Policy:
    """The engine that the recipe names, serving the base weights; `log` is the file that a server of it writes."""
    policy, sampling = recipe.policy, recipe.sampling
    settings = EngineSettings(
        max_tokens=sampling.max_tokens,
        top_p=sampling.top_p,
        dtype=policy.dtype,
        max_model_len=policy.max_model_len,
        serve=policy.serve,
        urls=tuple(policy.urls),
        port=policy.port,
        script=policy.script,
    )
    engine: Policy = loader(ENGINE, policy.engine, policy.options)(base, settings, log)
    return engine
