"""What an export checks about itself: models that are not base + adapter, put where a merge would be, are caught."""

import json
import runpy
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel

from visrep.env.faults import MachineFault
from visrep.policy.merge import merge
from visrep.train.probe import Probe, read
from visrep.train.verify import verify_adapter, verify_merged

HERE = Path(__file__).parent
tiny = runpy.run_path(str(HERE / "tiny_policy.py"))
write_model, write_adapter = tiny["write_model"], tiny["write_adapter"]
train_adapter = runpy.run_path(str(HERE / "trained_policy.py"))["train_adapter"]

QUIET = Console(quiet=True)
TRAINED, UNTRAINED = "model.layers.0.mlp.up_proj.weight", "model.layers.0.input_layernorm.weight"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("verify")


@pytest.fixture(scope="module")
def base(folder: Path) -> Path:
    made: Path = write_model(folder / "base", dtype=torch.bfloat16)
    return made


@pytest.fixture(scope="module")
def probe(base: Path, folder: Path) -> Probe:
    return read(train_adapter(base, folder / "later", seed=2), base)


@pytest.fixture(scope="module")
def whole(base: Path, probe: Probe, folder: Path) -> Path:
    merge(base, probe.folder, folder / "merged")
    return folder / "merged"


@pytest.fixture
def merged(whole: Path, tmp_path: Path) -> Path:
    """A merge that a test may damage."""
    return shutil.copytree(whole, tmp_path / "merged")


def test_a_merge_is_found_right_and_what_was_compared_is_said(base: Path, merged: Path, probe: Probe) -> None:
    found = verify_merged(base, merged, probe, 32, QUIET)
    assert found["tensors"] == {"changed": 14, "unchanged": 6}
    assert found["probe"]["distance"] < 0.05 < 0.5 < found["probe"]["to_base"]
    assert found["programs"] == {"same": 4, "ties": 0}


def test_a_base_that_leaves_out_its_bodys_name_is_compared_by_the_name_it_is_saved_with(tmp_path: Path) -> None:
    base = write_model(tmp_path / "gpt2")
    sizes = {"vocab_size": 257, "n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 2048, "initializer_range": 0.2}
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(**sizes, bos_token_id=None, eos_token_id=0, pad_token_id=0))
    model.save_pretrained(base)
    tensors = load_file(base / "model.safetensors")
    named = {name.removeprefix("transformer."): tensor for name, tensor in tensors.items()}
    save_file(named, base / "model.safetensors", metadata={"format": "pt"})
    probe = read(train_adapter(base, tmp_path / "adapter", seed=2), base)
    merge(base, probe.folder, tmp_path / "merged")
    assert set(load_file(tmp_path / "merged" / "model.safetensors")) == set(tensors) != set(named)
    found = verify_merged(base, tmp_path / "merged", probe, 32, QUIET)
    assert found["tensors"]["changed"] > 0
    with pytest.raises(MachineFault, match=r"not base \+ adapter: tensor transformer\.h\.0\."):
        verify_merged(base, base_as_saved(base, tensors, tmp_path / "unmerged"), probe, 32, QUIET)


def base_as_saved(base: Path, tensors: dict[str, Tensor], to: Path) -> Path:
    shutil.copytree(base, to)
    save_file(tensors, to / "model.safetensors", metadata={"format": "pt"})
    return to


def test_the_base_saved_as_the_merge_is_caught(base: Path, probe: Probe) -> None:
    with pytest.raises(MachineFault, match=r"not base \+ adapter: tensor model\.layers\.0\..* and 0 from base"):
        verify_merged(base, base, probe, 32, QUIET)


def test_a_merge_of_another_adapter_is_caught(base: Path, probe: Probe, tmp_path: Path) -> None:
    merge(base, write_adapter(base, tmp_path / "another", rank=8), tmp_path / "merged")
    with pytest.raises(MachineFault, match=r"not base \+ adapter: tensor model\.layers\.0\."):
        verify_merged(base, tmp_path / "merged", probe, 32, QUIET)


def test_a_merge_into_another_base_is_caught(base: Path, probe: Probe, tmp_path: Path) -> None:
    other = write_model(tmp_path / "other", seed=1, dtype=torch.bfloat16)
    merge(other, probe.folder, tmp_path / "merged")
    with pytest.raises(MachineFault, match=r"not base \+ adapter: tensor"):
        verify_merged(base, tmp_path / "merged", probe, 32, QUIET)


def nudged(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    tensors[UNTRAINED][7] += 0.01
    return tensors


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (nudged, f"{UNTRAINED} is not the base's, though the adapter does not train it"),
        (lambda tensors: {name: tensors[name] for name in tensors if name != UNTRAINED}, f"{UNTRAINED} is missing"),
        (lambda tensors: tensors | {"lm_head.bias": torch.zeros(3)}, r"lm_head\.bias is not in the base"),
        (lambda tensors: tensors | {TRAINED: tensors[TRAINED].half()}, f"{TRAINED} is torch.float16"),
        (lambda tensors: tensors | {TRAINED: tensors[TRAINED].T.contiguous()}, rf"{TRAINED} is .* \(64, 96\), not"),
        (lambda tensors: tensors | {TRAINED: tensors[TRAINED] * 1.5}, f"{TRAINED} is .* from that"),
    ],
)
def test_a_tensor_that_is_not_what_it_has_to_be_is_named(
    base: Path,
    merged: Path,
    probe: Probe,
    damage: Callable[[dict[str, Tensor]], dict[str, Tensor]],
    message: str,
) -> None:
    file = merged / "model.safetensors"
    save_file(damage(load_file(file)), file, metadata={"format": "pt"})
    with pytest.raises(MachineFault, match=message):
        verify_merged(base, merged, probe, 32, QUIET)


def test_a_tied_tensor_that_the_base_holds_twice_may_be_saved_once(
    base: Path, merged: Path, probe: Probe, tmp_path: Path
) -> None:
    twice = shutil.copytree(base, tmp_path / "twice")
    tensors = load_file(base / "model.safetensors")
    tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"].clone()
    save_file(tensors, twice / "model.safetensors", metadata={"format": "pt"})
    assert verify_merged(twice, merged, probe, 32, QUIET)["tensors"]["changed"] == 14


def test_right_tensors_in_another_network_are_caught_by_what_they_make_of_the_texts(
    base: Path, merged: Path, probe: Probe
) -> None:
    config = json.loads((merged / "config.json").read_text())
    (merged / "config.json").write_text(json.dumps(config | {"rms_norm_eps": 0.5}))
    with pytest.raises(MachineFault, match="the merged model does not write with adapter"):
        verify_merged(base, merged, probe, 32, QUIET)


def test_a_model_that_ends_its_programs_elsewhere_is_caught(base: Path, merged: Path, probe: Probe) -> None:
    newline = json.loads((merged / "tokenizer.json").read_text())["model"]["vocab"]["Ċ"]
    (merged / "generation_config.json").write_text(json.dumps({"eos_token_id": [0, newline]}))
    with pytest.raises(MachineFault, match=r"the merged model writes .* where adapter .* nats likelier"):
        verify_merged(base, merged, probe, 32, QUIET)


def test_a_copied_adapter_is_loaded_and_asked(base: Path, probe: Probe, tmp_path: Path) -> None:
    found = verify_adapter(base, probe.folder, probe, QUIET)["probe"]
    assert found["distance"] < 0.05 < 0.5 < found["to_base"]
    copy = shutil.copytree(probe.folder, tmp_path / "copy")
    config = json.loads((copy / "adapter_config.json").read_text())
    (copy / "adapter_config.json").write_text(json.dumps(config | {"lora_alpha": 4}))
    with pytest.raises(MachineFault, match="the exported adapter does not write with adapter"):
        verify_adapter(base, copy, probe, QUIET)
