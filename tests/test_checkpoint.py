import json
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from visrep.env.faults import UserFault
from visrep.policy.checkpoint import EMBEDDED, cache_home, resolve

tiny = runpy.run_path(str(Path(__file__).with_name("tiny_policy.py")))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return tiny["write_model"](tmp_path_factory.mktemp("models") / "whole")


@pytest.fixture
def model(whole, tmp_path):
    return Path(shutil.copytree(whole, tmp_path / "model"))


def test_a_folder_is_itself(whole):
    assert resolve(str(whole)) == whole


def test_the_embedded_model_is_a_whole_bfloat16_checkpoint_and_writes_text():
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = resolve(EMBEDDED)
    assert resolve(EMBEDDED.upper()) == folder
    assert json.loads((folder / "config.json").read_text())["dtype"] == "bfloat16"
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder)
    assert model.num_parameters() == 134_515_008
    tokens = tokenizer("The capital of France is", return_tensors="pt").input_ids
    with torch.inference_mode():
        assert tokenizer.decode(model(tokens).logits[0, -1].argmax()) == " Paris"


@pytest.mark.slow
def test_two_processes_may_unpack_at_once(tmp_path):
    code = "from visrep.policy.checkpoint import resolve; print(resolve('smollm2-135m-instruct'))"
    environment = os.environ | {"VISREP_CACHE": str(tmp_path)}
    started = [
        subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    folders = {process.communicate()[0].strip() for process in started}
    assert [process.returncode for process in started] == [0, 0]
    assert [str(path) for path in (tmp_path / "models").iterdir()] == list(folders)


def test_the_cache_can_be_moved(monkeypatch):
    monkeypatch.delenv("VISREP_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert cache_home() == Path("/somewhere/visrep")
    monkeypatch.setenv("VISREP_CACHE", "/here")
    assert cache_home() == Path("/here")


@pytest.mark.parametrize("kept", [0, 5, 1000, -1])
def test_weights_cut_short_are_named(model, kept):
    weights = model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:kept])
    with pytest.raises(UserFault, match=r"model\.safetensors is missing or damaged"):
        resolve(str(model))


def test_a_missing_shard_is_named(model):
    (model / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "model-00002.safetensors"}}))
    with pytest.raises(UserFault, match=r"model-00002\.safetensors is missing"):
        resolve(str(model))


@pytest.mark.parametrize("index", ["", "[]", "{}", '{"weight_map": 3}'])
def test_a_broken_index_is_named(model, index):
    (model / "model.safetensors.index.json").write_text(index)
    with pytest.raises(UserFault, match="no index of weights"):
        resolve(str(model))


@pytest.mark.parametrize(
    ("file", "complaint"),
    [("config.json", "missing or no JSON"), ("tokenizer.json", "no tokenizer"), ("model.safetensors", "no model")],
)
def test_a_folder_that_is_not_whole_says_what_it_lacks(model, file, complaint):
    (model / file).unlink()
    with pytest.raises(UserFault, match=complaint):
        resolve(str(model))


def test_an_adapter_is_no_model(whole, tmp_path):
    adapter = tiny["write_adapter"](whole, tmp_path / "adapter")
    with pytest.raises(UserFault, match="is a LoRA adapter"):
        resolve(str(adapter))


@pytest.mark.parametrize("name", ["/no/such/folder", "./nothing", "a/b/c", __file__])
def test_a_path_to_nothing_is_not_looked_up_on_the_hub(name):
    with pytest.raises(UserFault, match="is not a folder"):
        resolve(name)


def test_a_model_the_hub_does_not_give_is_one_line():
    code = "from visrep.policy.checkpoint import resolve; resolve('visrep/no-such-model')"
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    last = run.stderr.strip().splitlines()[-1]
    assert last.startswith("visrep.env.faults.UserFault: model 'visrep/no-such-model' is no folder here")
    assert "use 'smollm2-135m-instruct'" in last
