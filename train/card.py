"""The model card of an exported policy, made from its description: what it is, how it did, what it came from."""

from typing import Any

from visrep.env.rollouts import BY_POLICY

_EMBEDDED = "smollm2-135m-instruct"
_PUBLISHED = "HuggingFaceTB/SmolLM2-135M-Instruct"
"""Where the embedded model's authors publish it, under the Apache licence 2.0."""


def card(described: dict[str, Any]) -> str:
    """README.md for a folder whose visrep.json holds `described`."""
    sections = (_head(described), _title(described), _use(described), _results(described), _origin(described))
    return "\n".join(sections)


def _head(described: dict[str, Any]) -> str:
    model, adapter = described["lineage"]["base"]["model"], described["format"] == "adapter"
    lines = ["---", f"library_name: {'peft' if adapter else 'transformers'}", "pipeline_tag: text-generation"]
    if model == _EMBEDDED:
        lines += ["license: apache-2.0", f"base_model: {_PUBLISHED}"]
    elif model.count("/") == 1 and not model.startswith((".", "/", "~")):
        lines += [f"base_model: {model}"]
    return "\n".join([*lines, "tags:", "- visual-programming", "- visrep", "---", ""])


def _title(described: dict[str, Any]) -> str:
    lineage, recipe = described["lineage"], described["recipe"]
    kind = "A LoRA adapter" if described["format"] == "adapter" else "A language model"
    names = " and ".join(data["dataset"] for data in lineage["data"])
    splits = " and ".join(f"`{data['dataset']}`, split `{data['split']}`" for data in lineage["data"])
    return f"""# Visual programs for {names}, iteration {described["iteration"]}

{kind} that writes Python programs over a visual API to answer questions about images. It is
{lineage["base"]["model"]}, fine-tuned on programs that it wrote itself and that earned the annotated answers of
{splits}. It was trained with one prompt and one way of
seeing (perception backend `{recipe["perception"]["backend"]}`); of other data, prompts and backends nothing is known.
"""


def _use(described: dict[str, Any]) -> str:
    adapter = described["format"] == "adapter"
    loader = "peft import AutoPeftModelForCausalLM" if adapter else "transformers import AutoModelForCausalLM"
    generation = ", generation_config=GenerationConfig.from_pretrained(folder)" if adapter else ""
    signature = "execute_command(image)"
    return f"""## Use

`visrep ask picture.png "Is there a red circle?" --policy THIS_FOLDER` writes a program and runs it in a sandbox. By
hand, with the prompt that belongs to the model:

```python
import json
from {loader} as Model
from transformers import AutoTokenizer{", GenerationConfig" if adapter else ""}
from visrep.env.types import Question
from visrep.policy.prompt import Prompter

folder = "THIS_FOLDER"
tokenizer, model = AutoTokenizer.from_pretrained(folder), Model.from_pretrained(folder)
prompter = Prompter.from_json(json.load(open(f"{{folder}}/visrep.json"))["prompter"], tokenizer)
question = Question("1", "Is there a red circle?", "answer", "exist", signature="{signature}")
prompt = tokenizer(prompter.prompt(question), return_tensors="pt")
written = model.generate(**prompt{generation})[0, prompt.input_ids.shape[1]:]
print(prompter.program(question, tokenizer.decode(written, skip_special_tokens=True)))
```

The program is untrusted code. Run it in a sandbox.
"""


def _results(described: dict[str, Any]) -> str:
    split = " and ".join(dict.fromkeys(data["test"] for data in described["recipe"]["data"]))
    lines = [
        f"## Results on `{split}`",
        "",
        "One greedy program per task; a task counts if the program is right on all of its images.",
        "",
        "| policy | accuracy | 95 % interval | tasks |",
        "|---|---:|---:|---:|",
    ]
    for record in described["metrics"]:
        name = f"iteration {record['iteration']}" if record["iteration"] else f"base, {record['examples']} examples"
        found = record["evaluation"]
        interval = f"{found['low']:.1%} – {found['high']:.1%}"
        lines.append(f"| {name} | {found['accuracy']:.1%} | {interval} | {found['tasks']} |")
    return "\n".join([*lines, ""])


def _origin(described: dict[str, Any]) -> str:
    lineage, settings = described["lineage"], described["recipe"]["clone"]
    report, stamp, examples = lineage["training"], described["run"], lineage["examples"]
    programs = sum(examples["authors"].values())  # each once, where training counts what it repeats
    people = sum(count for author, count in examples["authors"].items() if author not in BY_POLICY)
    commit = (stamp.get("git") or {}).get("commit", "a released version")
    versions = ", ".join(f"{name} {version}" for name, version in stamp["versions"].items())
    revision = lineage["base"].get("revision")
    return f"""## Origin

* Base: {lineage["base"]["model"]}{f" at {revision}" if revision else ""}; every iteration starts again from it.
* Programs: {programs} of {len(examples["categories"])} categories, {people} of them written by people;
  examples.jsonl has SHA-256 `{examples["sha256"]}`.
* Training: LoRA of rank {settings["rank"]} on all linear layers, learning rate {settings["learning_rate"]},
  {settings["epochs"]} epochs, {report["steps"]} steps, {report["seconds"]:.0f} s, {report["precision"]};
  loss {report["first_loss"]:.3f} at the start, {report["last_loss"]:.3f} at the end.
* {_checked(described["checked"])}
* Programs ran with isolation `{stamp["isolation"]}`.
* Seed {stamp["seed"]}, visrep at {commit}, begun {stamp["started"]}; {versions}.
* The whole recipe, the prompt and the metrics are in `visrep.json`.
"""


def _checked(checked: dict[str, Any]) -> str:
    found = checked["probe"]
    said = (
        f"Checked when it was written: its log-probabilities are {found['distance']:.2g} nats per token from those\n"
        f"  that training measured (the base's: {found['to_base']:.2g})"
    )
    if "tensors" not in checked:
        return f"{said}."
    tensors, programs = checked["tensors"], checked["programs"]
    return (
        f"{said}; {tensors['changed']} tensors are base + adapter, {tensors['unchanged']} the base's bit for bit;\n  "
        f"{programs['same']} of {programs['same'] + programs['ties']} greedy programs are those of the adapter."
    )
