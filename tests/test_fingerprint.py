"""Fingerprints of checkpoints: equal for equal weights, however they are stored."""

import json
import runpy
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from visrep.env.faults import UserFault
from visrep.policy.fingerprint import fingerprint

write_model = runpy.run_path(str(Path(__file__).with_name("tiny_policy.py")))["write_model"]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder: Path = write_model(tmp_path / "model")
    return folder


def test_equal_weights_have_one_fingerprint_however_they_are_split_into_files(model: Path, tmp_path: Path) -> None:
    before = fingerprint(model)
    assert before == fingerprint(write_model(tmp_path / "again"))
    tensors = load_file(model / "model.safetensors")
    (model / "model.safetensors").unlink()
    files = {name: f"model-{number % 2}.safetensors" for number, name in enumerate(tensors)}
    for file in set(files.values()):
        save_file({name: tensor for name, tensor in tensors.items() if files[name] == file}, model / file)
    (model / "model.safetensors.index.json").write_text(json.dumps({"weight_map": files}))
    assert fingerprint(model) == before


def test_other_weights_have_another(model: Path, tmp_path: Path) -> None:
    assert fingerprint(model) != fingerprint(write_model(tmp_path / "other", seed=1))


@pytest.mark.parametrize("place", [0, -1])
def test_a_change_in_a_single_tensor_shows(model: Path, place: int) -> None:
    before, file = fingerprint(model), model / "model.safetensors"
    tensors = load_file(file)
    tensors["model.layers.1.mlp.up_proj.weight"].view(-1)[place] += 1
    save_file(tensors, file)
    assert fingerprint(model) != before


def test_a_file_that_is_none_is_named(model: Path) -> None:
    (model / "model.safetensors").write_bytes(b"\x07\0\0\0\0\0\0\0{broken")
    with pytest.raises(UserFault, match=r"model\.safetensors is no safetensors file"):
        fingerprint(model)
