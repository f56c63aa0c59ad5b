"""A run's policy as a checkpoint of its own: weights, tokenizer, prompt, recipe, and a card that says where it is from.

`merged` loads in plain transformers and in vLLM like any other model; `adapter` is the LoRA adapter for its base. Both
hold `visrep.json`: the prompter and the recipe, so that `visrep ask` and `visrep evaluate` need nothing else.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from visrep.env.faults import MachineFault, UserFault
from visrep.policy.checkpoint import resolve
from visrep.policy.merge import merge
from visrep.policy.prompt import STOP
from visrep.train.parts import build_prompter
from visrep.train.run import Run

Format = Literal["merged", "adapter"]
TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "special_tokens_map.json")


def export(folder: Path, to: Path, form: Format, iteration: int | None = None) -> Path:
    """Write the policy of a finished iteration (the last, if none is given) of the run in `folder` to the new folder
    `to`, whole or not at all. Raises UserFault where `to` exists or the iteration does not."""
    run = Run.open(folder)
    number = _finished(run, iteration)
    if to.exists():
        raise UserFault(f"{to} is there already; remove it or export to another folder")
    base = resolve(run.recipe.policy.model, run.recipe.policy.revision)
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{to.name}-", dir=to.parent))
        try:
            made = scratch / "checkpoint"
            _write_weights(base, run.iteration(number) / "adapter", made, form)
            _describe(run, number, base, made, form)
            made.rename(to)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    except OSError as error:
        raise MachineFault(f"cannot export to {to} ({error}); choose a place with free space") from error
    return to


def _finished(run: Run, iteration: int | None) -> int:
    finished = run.finished_iterations()
    number = iteration if iteration is not None else max(finished, default=0)
    if number not in finished:
        found = ", ".join(map(str, finished)) or "none"
        raise UserFault(
            f"{run.folder} has no finished iteration {number or ''}; finished are: {found}".replace(" ;", ";")
        )
    return number


def _write_weights(base: Path, adapter: Path, to: Path, form: Format) -> None:
    if form == "merged":
        merge(base, adapter, to)
    else:
        shutil.copytree(adapter, to)
        for name in TOKENIZER:
            if (base / name).exists() and not (to / name).exists():
                shutil.copyfile(base / name, to / name)
    # Greedy, as it was evaluated; end-of-sequence ids stay those of the base, whose token ends a cloned program.
    settings = base / "generation_config.json"
    known = json.loads(settings.read_text(encoding="utf-8")) if settings.exists() else {}
    _write_json(to / "generation_config.json", known | {"do_sample": False})


def _describe(run: Run, number: int, base: Path, to: Path, form: Format) -> None:
    records = [record for record in run.metrics() if record["iteration"] in (0, number)]
    described = {
        "visrep": metadata.version("visrep"),
        "format": form,
        "iteration": number,
        "prompter": build_prompter(run.recipe, base).to_json(),
        "stop": list(STOP),
        "recipe": run.recipe.model_dump(exclude_none=True),
        "run": run.stamp(),
        "metrics": records,
    }
    _write_json(to / "visrep.json", described)
    (to / "README.md").write_text("\n".join(_card(run, number, form, records)) + "\n", encoding="utf-8")


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


def _card(run: Run, number: int, form: Format, records: list[dict[str, Any]]) -> Iterator[str]:
    """A model card in the hub's format: front matter, then what it is, how good, and how it was made."""
    recipe = run.recipe
    library = "transformers" if form == "merged" else "peft"
    yield from ("---", f"base_model: {recipe.policy.model}", f"library_name: {library}", "tags: [visrep]", "---", "")
    yield f"# {run.folder.name}, iteration {number}"
    yield ""
    yield (
        f"`{recipe.policy.model}`, taught by itself to answer questions about images with Python programs over a "
        f"visual API: {number} iterations of sampling programs for annotated tasks, running them, and cloning those "
        "that were right."
    )
    yield from ("", "| policy | tasks | greedy accuracy | 95 % interval |", "|---|---|---|---|")
    for record in records:
        evaluation = record["evaluation"]
        name = f"iteration {record['iteration']}" if record["iteration"] else f"base, {record['examples']} examples"
        interval = f"{evaluation['low']:.1%} – {evaluation['high']:.1%}"
        yield f"| {name} | {evaluation['tasks']} | {evaluation['accuracy']:.1%} | {interval} |"
    yield from (
        "",
        f"Data: `{recipe.data.dataset}` from `{recipe.data.root}`, learnt from split `{recipe.data.train}`, measured "
        f"on `{recipe.data.test}`. A task is right if its one program is right on all of its images. Perception: "
        f"`{recipe.perception.backend}`. Seed {recipe.seed}. Programs ran with isolation `{run.stamp()['isolation']}`.",
        "",
        "The prompt (API and examples), the recipe, versions and all metrics are in `visrep.json`.",
        "",
        '    visrep ask IMAGE "question" --policy THIS_FOLDER',
    )
