"""The doctor's report names what a machine has and what a recipe's run needs, in words and as JSON."""

import dataclasses
import json
import os
import runpy
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from transformers import LlamaConfig

from visrep.scripts import cli
from visrep.train.config import load_recipe
from visrep.train.machine import Finding
from visrep.train.needs import needs
from visrep.train.room import Device, memory
from visrep.train.sizes import Size, find

small = runpy.run_path(str(Path(__file__).with_name("small_run.py")))
VISREP = Path(sys.executable).with_name("visrep")
NEEDED = {
    "visrep",
    "torch",
    "transformers",
    "peft",
    "processor",
    "memory",
    "isolation of programs",
    "outer wall (bwrap)",
    "policy server",
    "cache",
}
DATA_SETS = sorted(
    path.stem
    for path in (Path(cli.__file__).parent.parent / "env" / "tasks").glob("*.py")
    if "\ndef load(" in path.read_text(encoding="utf-8")
)
EYES = """
def load(model='acme/eyes', revision='1234', device='cpu', dtype='auto', eyes=None, ears=None, far=None):
    raise SystemExit
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Path = small["prepare"](tmp_path_factory.mktemp("doctor"))
    (made / "eyes.py").write_text(EYES)
    return made


@pytest.fixture
def settings(folder: Path) -> list[str]:
    return [*small["settings"](folder), "policy.max_model_len=1000", "clone.rank=4"]


def found(*settings: str) -> dict[str, Finding]:
    return {finding.name: finding for finding in needs(load_recipe("quickstart", settings))}


def words(settings: list[str]) -> list[str]:
    return [word for setting in settings for word in ("--set", setting)]


def test_everything_a_run_needs_is_looked_at(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["doctor", "--json"]) == 0
    findings = {finding["name"]: finding for finding in json.loads(capsys.readouterr().out)}
    assert findings.keys() >= NEEDED
    assert "landlock" in findings["isolation of programs"]["found"]
    assert all(finding["remedy"] for finding in findings.values() if finding["state"] != "ok")


def test_something_needed_that_is_missing_fails_and_says_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = subprocess.run(
        [VISREP, "doctor", "--json"], env={"VISREP_CACHE": str(tmp_path / "file/below")}, capture_output=True, text=True
    )
    findings = {finding["name"]: finding for finding in json.loads(done.stdout)}
    assert findings["cache"]["state"] == "missing"
    assert "VISREP_CACHE" in findings["cache"]["remedy"]
    assert done.returncode == 1


def test_a_run_that_can_start_lacks_nothing(
    folder: Path, settings: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["doctor", "quickstart", *words(settings), "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    findings = {finding["name"]: finding for finding in listed}
    assert len(findings) == len(listed)
    assert findings.keys() >= NEEDED
    for name in ("data gqa, split train", "data gqa, split testdev", "policy engine", "weights of policy", "disk"):
        assert findings[name]["state"] == "ok", findings[name]
    assert "with annotated scenes" in findings["data gqa, split train"]["found"]
    assert findings["weights of policy"]["found"] == str(folder / "model")
    assert cli.run(["doctor", "quickstart", *words(settings)]) == 0
    assert "A run of quickstart" in capsys.readouterr().out


def test_memory_and_disk_are_told_from_the_models_size(settings: list[str]) -> None:
    findings = found(*settings, "policy.engine=transformers", "policy.dtype=float32", "iterations=2")
    # 2 layers of 64 units; 78,208 numbers of weights, 128 of keys and values a token, 1,856 features into or out of
    # linear layers.
    assert "(78,208 parameters)" in findings["memory, policy"].found
    assert f"{1000 * 128 * 4 / 2**20:.1f} MiB of keys and values" in findings["memory, policy"].found
    assert f"adapter of {4 * 1856:,} parameters" in findings["memory, training"].found
    assert findings["memory, together"].state == "ok"
    assert f"adapters {2 * 4 * 4 * 1856 / 2**20:.1f} MiB" in findings["disk"].found


def test_what_does_not_fit_is_missing(settings: list[str], tmp_path: Path) -> None:
    huge = LlamaConfig(hidden_size=65536, intermediate_size=4 * 65536, num_hidden_layers=8, num_attention_heads=64)
    huge.architectures = ["LlamaForCausalLM"]
    huge.save_pretrained(tmp_path)
    findings = found(*settings, f"policy.model={tmp_path}", "policy.engine=transformers")
    together = findings["memory, together"]
    assert together.state == "missing"
    assert "smaller models" in together.remedy
    assert findings["weights of policy"].state == "missing"  # there is a configuration and nothing else
    assert "tokenizer" in findings["weights of policy"].found


def test_data_that_will_be_drawn_is_not_drawn_now(settings: list[str], tmp_path: Path) -> None:
    root = tmp_path / "drawn"
    findings = found(*settings, f"data.root={root}")
    assert findings["data gqa"] == Finding("data gqa", "ok", f"{root} will be drawn")
    assert not root.exists()
    assert findings["disk"].state == "unknown"
    assert "programs at most unknown" in findings["disk"].found


def test_data_drawn_with_other_settings_are_missing(settings: list[str]) -> None:
    finding = found(*settings, "data.draw.seed=5")["data gqa, split train"]
    assert finding.state == "missing"
    assert "was drawn with another seed" in finding.found


@pytest.mark.parametrize("name", DATA_SETS)
def test_files_that_a_data_set_should_have_are_named(name: str, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        f"data = {{ dataset = '{name}', root = '{tmp_path}', train = 'early', test = 'late' }}\n"
        "prompt = { api = ['ImagePatch.find'], examples = 'drawn' }\n"
    )
    finding = next(found for found in needs(load_recipe(str(recipe))) if found.name.startswith("data "))
    assert (finding.name, finding.state) == (f"data {name}, split early", "missing")
    assert f"expected: {tmp_path}/" in finding.remedy
    assert "{split}" not in finding.remedy


def test_a_data_set_from_the_hub_is_said_to_be_fetched(settings: list[str], tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        f"data = {{ dataset = 'winoground', root = '{tmp_path / 'kept'}', options = {{ hub = 'acme/set' }} }}\n"
        "prompt = { api = ['ImagePatch.find'], examples = 'drawn' }\n"
    )
    finding = next(found for found in needs(load_recipe(str(recipe))) if found.name.startswith("data "))
    assert finding.state == "ok"
    assert f"acme/set will be fetched from the hub into {tmp_path / 'kept'}" in finding.found


def test_models_of_the_hub_are_looked_for_in_its_cache(folder: Path, settings: list[str], tmp_path: Path) -> None:
    snapshots = tmp_path / "hub" / "models--acme--tiny" / "snapshots"
    snapshots.mkdir(parents=True)
    (snapshots / "abcd").symlink_to(folder / "model")
    changed = ["policy.model=acme/tiny", "policy.revision=abcd", f"perception.backend={folder / 'eyes.py'}"]
    environment = os.environ | {"HF_HOME": str(tmp_path), "HF_HUB_CACHE": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "1"}
    command = [VISREP, "doctor", "quickstart", *words([*settings, *changed]), "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    findings = {finding["name"]: finding for finding in json.loads(done.stdout)}
    assert findings["weights of policy"]["state"] == "ok"
    assert findings["weights of policy"]["found"] == str(snapshots / "abcd")
    eyes = findings["weights of perception (" + str(folder / "eyes.py") + ")"]
    assert eyes["state"] == "missing"
    assert eyes["remedy"] == "hf download acme/eyes --revision 1234"
    assert "HF_HUB_OFFLINE is set" in eyes["found"]
    assert done.returncode == 1


def test_models_that_are_not_here_are_fetched_and_their_memory_is_unknown(folder: Path, settings: list[str]) -> None:
    eyes = folder / "eyes.py"
    part = f"{{ backend = '{eyes}', model = '{folder / 'model'}', revision = 'a' }}"
    far = f"{{ backend = '{eyes}', model = 'far/away', url = 'http://far' }}"
    options = f"perception.options={{ eyes = {part}, ears = {part}, far = {far} }}"
    findings = found(*settings, f"perception.backend={eyes}", options)
    assert findings[f"weights of perception ({eyes})"].state == "absent"
    assert "acme/eyes, revision 1234: fetched from the hub" in findings[f"weights of perception ({eyes})"].found
    assert findings[f"memory, perception ({eyes})"].state == "unknown"
    # That of two parts is here, and one; what is behind an address is no concern of this machine's.
    assert findings[f"weights of ears ({eyes})"] == Finding(f"weights of ears ({eyes})", "ok", str(folder / "model"))
    assert "(78,208 parameters)" in findings[f"memory, ears ({eyes})"].found
    assert len([name for name in findings if name.startswith("weights of")]) == 3
    assert findings["memory, together"].state == "unknown"


@pytest.mark.parametrize(
    ("arguments", "share", "state"),
    [
        ([], "92%", "absent"),
        (["--gpu-memory-utilization", "0.4"], "40%", "ok"),
        (["--gpu-memory-utilization=0.5"], "50%", "ok"),
    ],
)
def test_on_a_gpu_vllm_takes_its_share_beside_perception(
    arguments: list[str], share: str, state: str, folder: Path, settings: list[str]
) -> None:
    gpu = Device("cuda", total=100 * 2**30, free=100 * 2**30, half=True)
    policy = find("policy", str(folder / "model"), None, "auto")
    eyes = dataclasses.replace(policy, role="eyes", size=Size(parameters=3 * 2**30, width=4, linear=0))
    engine = ["policy.engine=vllm", f"policy.options={{ arguments = {arguments} }}"]
    recipe = load_recipe("quickstart", [*settings, *engine])
    findings = {finding.name: finding for finding in memory(recipe, policy, [eyes], gpu)}
    assert f"vLLM takes {share} of the GPU" in findings["memory, policy"].found
    assert findings["memory, eyes"].found.startswith("12.0 GiB")
    assert findings["memory, together"].state == state
    assert ("--gpu-memory-utilization" in findings["memory, together"].remedy) == (state == "absent")


@pytest.mark.parametrize(("place", "most"), [("process", "20.0 GiB"), ("inside", "32.0 GiB")])
def test_what_is_inside_the_driver_stays_while_training_runs(
    place: str, most: str, folder: Path, settings: list[str]
) -> None:
    gpu = Device("cuda", total=100 * 2**30, free=100 * 2**30, half=True)
    policy = find("policy", str(folder / "model"), None, "auto")
    eyes = dataclasses.replace(policy, role="eyes", size=Size(parameters=3 * 2**30, width=4, linear=0))
    policy = dataclasses.replace(policy, size=Size(parameters=10 * 2**30, width=2, linear=0))
    recipe = load_recipe("quickstart", [*settings, "policy.urls=['http://far']", f"perception.place={place}"])
    findings = {finding.name: finding for finding in memory(recipe, policy, [eyes], gpu)}
    assert f"at least {most} at a time" in findings["memory, together"].found
    away = dataclasses.replace(eyes, device="cuda:1")
    findings = {finding.name: finding for finding in memory(recipe, policy, [away], gpu)}
    assert "at least 20.0 GiB at a time" in findings["memory, together"].found, "another device's memory is its own"


def test_where_perception_works_is_told(folder: Path, settings: list[str]) -> None:
    assert found(*settings)["perception"].found.startswith("inside the driver; it names no model")
    eyes = [*settings, f"perception.backend={folder / 'eyes.py'}"]
    beside = "on cpu, beside the policy" if not torch.cuda.is_available() else "on cpu, which the policy leaves to it"
    process = f"in a process of its own, {beside}; ends while training runs, and starts again"
    assert found(*eyes)["perception"] == Finding("perception", "ok", process)
    inside = f"inside the driver, {beside}; stays there while training runs"
    assert found(*eyes, "perception.place=inside")["perception"] == Finding("perception", "ok", inside)


def test_a_perception_service_is_asked_whether_it_is_there_and_holds_the_models(
    settings: list[str], tmp_path: Path
) -> None:
    address = f"unix:{tmp_path}/eyes"
    seeing = [*settings, "perception.backend=scripted", f"perception.place={address}"]
    absent = found(*seeing)["perception"]
    assert (absent.state, absent.remedy.split(" with ")[0]) == ("missing", "start it")
    assert f"service at {address} cannot be reached" in absent.found
    command = [sys.executable, "-m", "visrep.train.perceive", "quickstart", address, "perception.backend=scripted"]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as service:
        deadline = time.monotonic() + 60
        while not (tmp_path / "eyes").exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        there = found(*seeing)["perception"]
        other = found(*seeing, "perception.options.found=9")["perception"]
        service.kill()
    assert there.state == "ok"
    assert f"service at {address} answers (scripted 3" in there.found
    assert (other.state, other.remedy) == ("missing", "start it anew")
    assert "but the recipe wants scripted with options" in other.found


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_perception_for_a_gpu_that_is_not_there_is_missing(folder: Path, settings: list[str]) -> None:
    findings = found(*settings, f"perception.backend={folder / 'eyes.py'}", "perception.options.device=auto")
    finding = findings[f"device of perception ({folder / 'eyes.py'})"]
    assert finding.state == "missing"
    assert 'device = "cpu"' in finding.remedy


@pytest.mark.parametrize(
    ("setting", "name", "said"),
    [
        ("perception.backend=shape", "parts of the recipe", "did you mean 'shapes'?"),
        ("prompt.examples=drwan", "parts of the recipe", "no examples 'drwan'"),
        ("policy.script=nowhere.json", "policy engine", "policy.script is 'nowhere.json'"),
        ("policy.model=/nowhere", "weights of policy", "/nowhere is no folder"),
    ],
)
def test_what_the_recipe_names_and_is_not_there_is_missing(
    settings: list[str], setting: str, name: str, said: str
) -> None:
    finding = found(*settings, setting)[name]
    assert finding.state == "missing"
    assert said in f"{finding.found}; {finding.remedy}"


def test_a_server_that_does_not_answer_is_missing(settings: list[str]) -> None:
    finding = found(*settings, "policy.engine=vllm", "policy.urls=['http://127.0.0.1:9']")["policy engine"]
    assert finding.state == "missing"
    assert "http://127.0.0.1:9 does not answer" in finding.found


def test_a_wrong_recipe_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["doctor", "quickstrat"]) == 1
    assert "did you mean 'quickstart'?" in capsys.readouterr().err
