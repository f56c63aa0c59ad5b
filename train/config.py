"""Recipes: a TOML file becomes typed settings, every one with its range and its reason.

A recipe says everything that a run's result depends on. Unknown keys are refused with the nearest known one; the
resolved recipe, defaults filled in, is saved with the run and is itself a recipe.
"""

import tomllib
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import tomli_w
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from visrep.env.faults import UserFault, suggestion
from visrep.env.types import Kind

Positive = Annotated[int, Field(ge=1)]
Count = Annotated[int, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]


class Settings(BaseModel):
    """Base of every section: frozen, no unknown keys, no silent conversions such as "8" to 8."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class DrawSettings(Settings):
    """Drawn scenes in the data set's own format, made where `data.root` does not exist yet."""

    seed: Count = 0
    instances: Positive = Field(4, description="scenes under one question, with different answers: makes luck rarer")
    train: Positive = Field(10, description="tasks per category of the train split")
    val: Positive = Field(4, description="tasks per category of the val split")
    test: Positive = Field(16, description="tasks per category of the test split, such as GQA's testdev")


class DataSettings(Settings):
    """A data set and which of its tasks; a recipe may have several. `options` goes to the data set's `load`."""

    dataset: str = Field(description="a module of visrep.env.tasks, or a Python file; relative to the working folder")
    root: str = Field(description="folder with the data set in its official layout; relative to the working folder")
    train: str = Field("train", description="split to learn from")
    test: str = Field("testdev", description="split to report on, never learnt from")
    train_per_category: Positive | None = Field(None, description="stratified subset; none takes all")
    test_per_category: Positive | None = Field(None, description="stratified subset; none takes all")
    options: dict[str, Any] = Field(default_factory=dict)
    draw: DrawSettings | None = None


class KindPrompt(Settings):
    """What the policy reads before a question of some kind."""

    api: list[str] = Field(min_length=1, description="members of the visual API that the prompt offers")
    examples: str = Field(description="a file of visrep.policy.examples, or a path to one")
    count: Count = Field(6, description="how many of the file's examples")


class PromptSettings(KindPrompt):
    """What the policy reads before a question."""

    format: Literal["completion", "chat"] = Field("completion", description="chat uses the model's own template")
    kinds: dict[Kind, KindPrompt] = Field(
        default_factory=dict, description="what it reads instead before questions of these kinds"
    )


class PolicySettings(Settings):
    """The language model and the engine that serves it. `options` goes to the engine's `load`."""

    engine: str = Field("vllm", description="a module of visrep.policy with `load`, or a Python file")
    options: dict[str, Any] = Field(default_factory=dict)
    model: str = Field("smollm2-135m-instruct", description="the embedded default, a folder or a hub name")
    revision: str | None = Field(None, description="of a hub name; pin it, so that the run can be repeated")
    script: str | None = Field(None, description="for the scripted engine: a JSON file of questions and their texts")
    serve: Literal["adapter", "merged", "auto"] = Field(
        "auto",
        description="sample with the adapter beside the base, or with a scratch merge (faster tokens, a restart); auto "
        "takes what was measured to be sooner, and with urls the adapter",
    )
    urls: list[str] = Field(default_factory=list, description="servers that run already; none starts one")
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    max_model_len: Positive = Field(2048, description="prompt and completion, tokens")
    port: Count = Field(0, description="of the server that is started; 0 takes a free one")


class SamplingSettings(Settings):
    """How programs for the training tasks are sampled."""

    n: Positive = Field(8, description="programs per task in the first round; pass@k is taken there")
    rounds: Positive = Field(
        6,
        description="rounds in all; those after the first go to tasks without `enough` distinct right programs, and "
        "each starts the prompt's examples with another one, since small models lean on the last",
    )
    more: Positive = Field(4, description="programs per task in each further round")
    enough: Positive = 2
    temperature: Annotated[float, Field(ge=0.0, le=2.0)] = 0.6
    top_p: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    max_tokens: Positive = Field(160, description="a program cut off here is counted and dropped")


class RetrySettings(Settings):
    """Asking again, with the right answers and a failed program in the prompt, where all rounds have led to nothing."""

    n: Count = Field(0, description="programs per task that is unsolved after an iteration's rounds; 0 asks no more")


class SandboxSettings(Settings):
    """Limits of one program on one instance."""

    cpu_seconds: Annotated[float, Field(gt=0, le=600)] = 2.0
    wall_seconds: Annotated[float, Field(gt=0, le=3600)] = Field(
        10.0, description="asleep; work counts for the above alone"
    )
    memory_mb: Annotated[int, Field(ge=128)] = 1024
    calls: Positive = Field(256, description="calls to the visual API")
    parallel: Annotated[int, Field(ge=1, le=256)] = Field(
        32, description="programs in flight, so that their calls can be batched"
    )
    numpy: bool = Field(False, description="programs may import it")
    outer: Literal["none", "bwrap"] = Field("none", description="a second wall around all programs")
    without: list[Literal["seccomp", "landlock"]] = Field(
        [], description="parts of the lock that this machine lacks, where programs are trusted"
    )


class PerceptionSettings(Settings):
    """What sees. `options` goes to the backend's `load`."""

    backend: str = Field("shapes", description="a module of visrep.env.perception, or a Python file")
    options: dict[str, Any] = Field(default_factory=dict)
    place: Annotated[str, Field(pattern=r"^(auto|inside|process|unix:.+|tcp:.+:\d+)$")] = Field(
        "auto",
        description="where it works: inside the driver; in a process of its own, watched and started again when it is "
        "lost; or the address of one that runs already. auto keeps scene, scripted and shapes inside, which take "
        "microseconds, and nothing else",
    )
    batch: Positive = Field(64, description="requests that a process's models get at once, at most")
    deadline: Annotated[float, Field(gt=0)] = Field(
        600.0, description="seconds that a process's models may take for a batch before it is lost"
    )
    cache: str | None = Field(
        None,
        description="file of replies that runs share; none is visrep's own (`visrep cache stats`) for shipped models, "
        "and memory alone for the backends that auto keeps inside and for Python files, which change",
    )
    cache_mb: Positive = Field(4096, description="size of that file; what was used longest ago goes")
    property_threshold: Fraction = Field(
        0.6, description="a property holds above this match; ViperGPT's thresh_clip and thresh_xvlm"
    )
    recheck: bool = Field(
        False,
        description="`exists` asks about each thing that was found whether it is one, as ViperGPT does: detectors err. "
        "Needs what answers `query`; shapes and scene do not err so",
    )


class VideoSettings(Settings):
    """Which frames of a video programs get; the defaults are ViperGPT's for NExT-QA (configs/benchmarks/nextqa.yaml in
    github cvlab-columbia/viper)."""

    fps: Annotated[float, Field(gt=0, le=1000)] = Field(1.0, description="frames of each second")
    most_frames: Annotated[int, Field(ge=1, le=1000)] = Field(
        30, description="of a video; more are spread over all of it"
    )


class RewardSettings(Settings):
    """From which measure on an answer earns 1, where being right is a matter of degree."""

    soft: Annotated[float, Field(gt=0, le=1)] = Field(
        0.6, description="VQA's score of an answer; 0.6 is one that two of ten people gave"
    )
    iou: Annotated[float, Field(gt=0, le=1)] = Field(
        0.5, description="overlap of a box with the annotated one, for `ground`, and to count as found for `detect`"
    )
    f1: Annotated[float, Field(gt=0, le=1)] = Field(0.5, description="of a set of boxes, for `detect`")


class SelectionSettings(Settings):
    """Which right programs are learnt from."""

    per_task: Positive = Field(3, description="distinct programs of one task at most")
    limit: Positive = Field(400, description="programs in all, shared out evenly over the categories")
    guard: bool = Field(True, description="refuse programs that do not look at the image")
    percentile: Annotated[float, Field(ge=0, le=100)] | None = Field(
        None,
        description="of the right programs for `detect`, by their mean F1, only those from here on; none takes all",
    )


class CloneSettings(Settings):
    """LoRA behaviour cloning, from the base weights in every iteration."""

    rank: Positive = 16
    alpha: Positive = 32
    dropout: Fraction = 0.0
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 2e-4
    warmup: Fraction = Field(0.1, description="share of the steps in which the learning rate rises")
    epochs: Annotated[float, Field(gt=0)] = 1.0
    batch: Positive = Field(16, description="programs per optimiser step")
    pack: bool = Field(True, description="share the prompt's prefix among the examples of a row")
    row_tokens: Positive | None = Field(None, description="longest packed row; none takes what memory allows")


class EvaluationSettings(Settings):
    """Greedy accuracy on the test split."""

    base_without_examples: bool = Field(True, description="also report the base policy with an empty example list")


class CorrectionSettings(Settings):
    """Programs written by people."""

    store: str | None = Field(None, description="JSONL file, relative to the working folder; none has no corrections")
    weight: Annotated[float, Field(gt=0)] = Field(2.0, description="of the loss; the mean policy example has 1")
    repeat: Positive = Field(
        1, description="times in an epoch: more steps, where a larger weight would make single ones larger"
    )
    per_category: Positive | None = Field(
        None, description="corrections of a category at most, of different tasks first; none takes all"
    )


class SaturationSettings(Settings):
    """When to stop before all iterations are done: the policy no longer gets better at what it learns from."""

    patience: Positive | None = Field(
        None, description="iterations without a gain after which to stop; none never does"
    )
    gain: Fraction = Field(0.01, description="rise of pass@1 on the training tasks' first round that counts as one")


class TrackingSettings(Settings):
    """Where metrics go beside metrics.jsonl."""

    wandb: Literal["disabled", "offline", "online"] = "disabled"
    project: str = "visrep"


def _several(data: Any) -> Any:
    """Data sets as a tuple: TOML has one as [data], several as [[data]]."""
    return tuple(data) if isinstance(data, list | tuple) else (data,)


DataSets = Annotated[tuple[DataSettings, ...], Field(min_length=1), BeforeValidator(_several)]


class Recipe(Settings):
    """Everything a run's result depends on."""

    iterations: Positive = 3
    seed: Count = 0
    data: DataSets
    prompt: PromptSettings
    policy: PolicySettings = PolicySettings()
    sampling: SamplingSettings = SamplingSettings()
    retry: RetrySettings = RetrySettings()
    sandbox: SandboxSettings = SandboxSettings()
    perception: PerceptionSettings = PerceptionSettings()
    video: VideoSettings = VideoSettings()
    reward: RewardSettings = RewardSettings()
    selection: SelectionSettings = SelectionSettings()
    clone: CloneSettings = CloneSettings()
    saturation: SaturationSettings = SaturationSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    corrections: CorrectionSettings = CorrectionSettings()
    tracking: TrackingSettings = TrackingSettings()


def shipped_recipes() -> list[str]:
    """Names of the recipes that come with the package."""
    folder = resources.files("visrep.train.recipes")
    return sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml"))


def load_recipe(name_or_path: str, overrides: Sequence[str] = ()) -> Recipe:
    """A shipped recipe by name or a TOML file, with `a.b=value` overrides. Raises UserFault in one line."""
    return check(_parse(name_or_path), overrides)


def check(values: dict[str, Any], overrides: Sequence[str] = ()) -> Recipe:
    """Typed settings of a recipe's values. Raises UserFault naming the first wrong setting."""
    for override in overrides:
        _override(values, override)
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        raise UserFault(_explain(error.errors()[0])) from None


def to_toml(recipe: Recipe) -> str:
    """The recipe with every default filled in; `load_recipe` reads it back to an equal one."""
    return tomli_w.dumps(recipe.model_dump(exclude_none=True))


def _parse(name_or_path: str) -> dict[str, Any]:
    path = Path(name_or_path)
    if path.suffix == ".toml" or path.is_file():
        if not path.is_file():
            raise UserFault(f"recipe {name_or_path} is no file; give a TOML file or one of: {_names()}")
        source = path.read_bytes()
    elif name_or_path in shipped_recipes():
        source = (resources.files("visrep.train.recipes") / f"{name_or_path}.toml").read_bytes()
    else:
        near = suggestion(name_or_path, shipped_recipes())
        raise UserFault(f"unknown recipe {name_or_path!r}{near or f'; expected a TOML file or one of: {_names()}'}")
    try:
        return tomllib.loads(source.decode())
    except UnicodeDecodeError as error:
        raise UserFault(f"recipe {name_or_path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise UserFault(f"recipe {name_or_path} is not TOML: {error}") from None


def _names() -> str:
    return ", ".join(shipped_recipes())


def _override(values: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key.strip():
        raise UserFault(f"--set {override!r}: expected a.b=value, for example sampling.n=16")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text  # a bare word is a string: --set perception.backend=scene
    *parents, last = key.strip().split(".")
    for parent in parents:
        values = _section(values, parent)
        if not isinstance(values, dict | list):
            raise UserFault(f"--set {override!r}: {parent!r} is a value, not a section")
    if isinstance(values, list):
        values = values[0]
    values[last] = value


def _section(values: Any, name: str) -> Any:
    """The section of that name, made where there is none. Of several data sets `data` alone means the first, `data.1`
    the second."""
    if isinstance(values, list):
        if name.isdigit():
            if int(name) >= len(values):
                raise UserFault(f"--set: the recipe has {len(values)} data sets, numbered from 0; found {name}")
            return values[int(name)]
        values = values[0]
    return values.setdefault(name, {})


def _explain(error: Any) -> str:
    # The first data set is often the only one, and named without its number, as in --set.
    name = ".".join(str(part) for part in error["loc"] if part not in (0, "[key]"))
    match error["type"]:
        case "extra_forbidden":
            section: Any = Recipe
            for part in error["loc"][:-1]:
                if part in section.model_fields:
                    section = next(_models(section.model_fields[part].annotation))
            return f"unknown setting {name!r}{suggestion(str(error['loc'][-1]), section.model_fields)}"
        case "missing":
            return f"setting {name!r} is missing; add it to the recipe or with --set {name}=…"
        case _:
            expected = error["msg"][0].lower() + error["msg"][1:]
            return f"setting {name!r} is {error['input']!r}: {expected}"


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _models(inner)
