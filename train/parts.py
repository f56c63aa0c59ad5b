"""The parts of a run, each built from its section of the recipe."""

from functools import partial
from pathlib import Path

from visrep import reward
from visrep.env.drawn.gqa import draw
from visrep.env.environment import Environment
from visrep.env.faults import UserFault
from visrep.env.perception import Perception
from visrep.env.perception.perturbed import Perturbed
from visrep.env.perception.service import Service
from visrep.env.sandbox import Limits, Sandbox
from visrep.policy import EngineSettings, Policy
from visrep.policy.prompt import Prompter, load_examples
from visrep.train.config import DataSettings, PerceptionSettings, Recipe, SandboxSettings
from visrep.train.split import Split, Tasks, stratified
from visrep.train.variants import BACKEND, DATA_SET, ENGINE, loader


def load_tasks(data: DataSettings, split: str, per_category: int | None, seed: int) -> Tasks:
    """Tasks of a split, read anew each time they are gone through; where a number per category is given that many of
    each, in memory. The subset depends on `seed` alone."""
    load = loader(DATA_SET, data.dataset, data.options)
    root = Path(data.root)
    if not root.is_dir():
        raise UserFault(f"data.root {data.root!r} is no folder; put the data set there or correct the recipe")
    read = partial(load, root, split)
    tasks: Tasks = Split(read) if per_category is None else stratified(read, per_category, seed)
    if not len(tasks):
        raise UserFault(f"split {split!r} of {data.root} has no tasks")
    return tasks


def draw_if_absent(data: DataSettings) -> None:
    """Draw the data set that the recipe describes, unless it is there; a drawn one of other settings is refused."""
    if data.draw is None:
        return
    tasks = {"train": data.draw.train, "val": data.draw.val, "testdev": data.draw.testdev}
    # Ten scenes to a task of each category are enough to find the rarer answers.
    scenes = {split: max(60, 10 * count) for split, count in tasks.items()}
    draw(Path(data.root), seed=data.draw.seed, scenes=scenes, tasks_per_category=tasks, instances=data.draw.instances)


def build_perception(settings: PerceptionSettings) -> Perception:
    """The backend that the recipe names, with its options."""
    backend: Perception = loader(BACKEND, settings.backend, settings.options)()
    return backend


def build_sandbox(settings: SandboxSettings) -> Sandbox:
    """A sandbox with the recipe's limits."""
    limits = Limits(
        cpu_seconds=settings.cpu_seconds,
        wall_seconds=settings.wall_seconds,
        memory_mb=settings.memory_mb,
        calls=settings.calls,
    )
    return Sandbox(limits, settings.parallel, numpy=settings.numpy, outer=settings.outer, without=settings.without)


def build_environment(recipe: Recipe, perturbed: bool = False) -> Environment:
    """Sandbox, perception and reward together; with `perturbed`, replies are changed, for the guard."""
    if "llm_query" in recipe.prompt.api:
        raise UserFault("setting 'prompt.api' offers 'llm_query', but no text model is there to answer; leave it out")
    backend = build_perception(recipe.perception)
    if perturbed:
        service = Service(Perturbed(backend, seed=recipe.seed))
    else:
        service = Service(backend, cache=Path(recipe.perception.cache) if recipe.perception.cache else None)
    return Environment(build_sandbox(recipe.sandbox), service, reward.score)


def build_prompter(recipe: Recipe, base: Path | None = None, count: int | None = None, first: int = 0) -> Prompter:
    """The recipe's prompt with its examples, or with `count` of them, in the recipe's order but beginning with number
    `first` of them; `base` is needed for a chat template."""
    examples = load_examples(recipe.prompt.examples)
    wanted = recipe.prompt.count if count is None else count
    if wanted > len(examples):
        raise UserFault(f"prompt.count is {wanted}, but {recipe.prompt.examples!r} has {len(examples)} examples")
    tokenizer = None
    if recipe.prompt.format == "chat":
        from transformers import AutoTokenizer  # seconds to import, and only a chat template needs it

        tokenizer = AutoTokenizer.from_pretrained(base)
    chosen = examples[:wanted]
    start = first % wanted if wanted else 0
    return Prompter(
        recipe.prompt.api, chosen[start:] + chosen[:start], format=recipe.prompt.format, tokenizer=tokenizer
    )


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
