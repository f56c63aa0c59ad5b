"""Opening vision models: on the right device, whole, of the right kind; and one line for whatever is wrong."""

import json
import runpy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from visrep.env.faults import MachineFault, UserFault
from visrep.env.perception import Perception, blip, clip, weights

tiny = runpy.run_path(str(Path(__file__).with_name("tiny_models.py")))
write: Callable[..., Path] = tiny["write"]


@pytest.fixture(scope="module")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write("clip", tmp_path_factory.mktemp("weights") / "clip")


@pytest.fixture
def copy(clip_folder: Path, tmp_path: Path) -> Path:
    """A copy of the model, to be damaged."""
    return Path(shutil.copytree(clip_folder, tmp_path / "clip"))


def refused(load: Callable[..., Any], *arguments: Any, **options: Any) -> str:
    with pytest.raises(UserFault) as fault:
        load(*arguments, **options)
    assert "\n" not in str(fault.value)
    return str(fault.value)


def test_the_device_and_what_is_on_it_are_told(clip_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip.load(str(clip_folder), device="cpu")
    assert capsys.readouterr().err == f"{clip_folder} (CLIPModel, float32) is on cpu\n"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("device", ["auto", "cuda", "cuda:1"])
def test_a_cpu_has_to_be_asked_for(clip_folder: Path, device: str) -> None:
    said = refused(clip.load, str(clip_folder), device=device)
    assert said.startswith(f"option 'device' is {device!r}, but torch sees no GPU; set device = 'cpu'")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_gpu_is_taken_where_there_is_one(clip_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip.load(str(clip_folder))
    assert "is on cuda:0 (" in capsys.readouterr().err
    assert "but torch sees" in refused(clip.load, str(clip_folder), device="cuda:99")


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"device": "gpu"}, "option 'device' is 'gpu'; expected auto, cpu, cuda or cuda:N"),
        ({"device": "cuda:x"}, "option 'device' is 'cuda:x'; expected auto, cpu, cuda or cuda:N"),
        ({"dtype": "half"}, "option 'dtype' is 'half'; expected one of: auto, float32, float16, bfloat16"),
        ({"batch": 0}, "option 'batch' is 0; expected a whole number from 1 on"),
        ({"batch": True}, "option 'batch' is True; expected a whole number from 1 on"),
    ],
)
def test_an_option_that_cannot_be_is_named_with_what_can(clip_folder: Path, option: dict[str, Any], said: str) -> None:
    assert refused(clip.load, str(clip_folder), **{"device": "cpu"} | option) == said


@pytest.mark.parametrize("value", [-0.1, 1.1, "0.5", True, float("nan")])
def test_a_share_is_a_number_from_0_to_1(value: Any) -> None:
    assert "expected a number from 0 to 1" in refused(weights.share, "threshold", value)


def test_a_model_of_another_kind_is_named(clip_folder: Path) -> None:
    said = refused(blip.load, str(clip_folder), device="cpu")
    assert said == f"model {str(clip_folder)!r} is CLIPModel; this backend works with BlipForQuestionAnswering"


def test_a_folder_that_is_not_there_or_holds_no_model_is_named(tmp_path: Path) -> None:
    assert "is no folder; name a model's folder" in refused(clip.load, str(tmp_path / "absent"), device="cpu")
    said = refused(clip.load, str(tmp_path), device="cpu")
    assert f"{tmp_path / 'config.json'} is missing or no model's configuration" in said
    (tmp_path / "config.json").write_text("{")
    assert "no model's configuration" in refused(clip.load, str(tmp_path), device="cpu")
    (tmp_path / "config.json").write_text("{}")
    assert "is of no architecture that it names; this backend works with CLIPModel" in refused(
        clip.load, str(tmp_path), device="cpu"
    )


@pytest.mark.parametrize("revision", [None, "v9"])
def test_a_name_that_the_hub_does_not_give_is_told_with_its_revision(
    revision: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)  # as without a network, but at once
    said = refused(clip.load, "nobody/clip-of-visrep", revision=revision, device="cpu")
    wanted = "'nobody/clip-of-visrep'" + (" at revision 'v9'" if revision else "")
    assert said.startswith(f"model {wanted} is no folder here, and the hub did not give it (")
    assert said.endswith("; check name, revision and network")


def test_a_damaged_file_is_one_line(copy: Path) -> None:
    whole = (copy / "model.safetensors").read_bytes()
    for content in (b"", b"not weights", whole[: len(whole) // 2]):
        (copy / "model.safetensors").write_bytes(content)
        assert refused(clip.load, str(copy), device="cpu").startswith(f"model {str(copy)!r} cannot be opened (")


def test_a_missing_file_is_one_line(copy: Path) -> None:
    (copy / "model.safetensors").unlink()
    assert refused(clip.load, str(copy), device="cpu").startswith(f"model {str(copy)!r} cannot be opened (")


def test_a_processor_that_is_not_whole_is_one_line(copy: Path) -> None:
    words = (copy / "tokenizer.json").read_bytes()
    (copy / "tokenizer.json").unlink()
    assert "lacks its tokenizer (tokenizer.json)" in refused(clip.load, str(copy), device="cpu")
    (copy / "tokenizer.json").write_bytes(words)
    for name in ("preprocessor_config.json", "processor_config.json"):
        (copy / name).unlink(missing_ok=True)
    assert "cannot be opened" in refused(clip.load, str(copy), device="cpu")


def test_weights_of_another_size_are_one_line(copy: Path) -> None:
    config = json.loads((copy / "config.json").read_text())
    config["projection_dim"] = 64
    (copy / "config.json").write_text(json.dumps(config))
    assert "cannot be opened" in refused(clip.load, str(copy), device="cpu")


def test_weights_that_lack_a_part_of_the_model_are_refused(copy: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(copy / "model.safetensors")
    kept = {name: tensor for name, tensor in tensors.items() if not name.startswith("text_model.encoder.layers.1")}
    save_file(kept, copy / "model.safetensors", metadata={"format": "pt"})
    said = refused(clip.load, str(copy), device="cpu")
    assert f"lacks {len(tensors) - len(kept)} of its " in said
    assert "text_model.encoder.layers.1" in said


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory"),
        MemoryError(),
    ],
)
def test_too_little_memory_is_the_recipes_fault_at_first_and_the_machines_at_work(
    clip_folder: Path, error: Exception
) -> None:
    opened = clip.load(str(clip_folder), device="cpu")._opened
    words = f"^{clip_folder} ran out of memory on cpu; lower its option 'batch'"
    with pytest.raises(MachineFault, match=words), opened.working():
        raise error

    def processor(_: Path) -> Any:
        raise error

    said = refused(weights.opened, str(clip_folder), None, "cpu", "auto", ["CLIPModel"], processor)
    assert "does not fit into the memory of cpu; take a smaller model" in said


def test_a_real_allocation_that_fails_counts_as_too_little_memory(clip_folder: Path) -> None:
    opened = clip.load(str(clip_folder), device="cpu")._opened
    with pytest.raises(MachineFault, match="ran out of memory"), opened.working():
        torch.empty(2**50)


def test_a_model_that_breaks_at_work_is_a_machines_fault_with_its_message(clip_folder: Path) -> None:
    opened = clip.load(str(clip_folder), device="cpu")._opened
    with pytest.raises(MachineFault, match=r"clip broke: RuntimeError: .*shape") as fault, opened.working():
        opened.model.get_image_features(pixel_values=torch.zeros(1, 3, 5, 5).reshape(3, 7))
    assert "\n" not in str(fault.value)


def test_the_identity_goes_by_what_is_in_the_files(clip_folder: Path, copy: Path, tmp_path: Path) -> None:
    def identity(folder: Path, **options: Any) -> str:
        backend: Perception = clip.load(str(folder), device="cpu", **options)
        return backend.identity

    first = identity(clip_folder)
    assert identity(copy) == first
    assert identity(copy, dtype="bfloat16") != first
    assert identity(write("clip", tmp_path / "other", seed=1)) != first
    settings = copy / "config.json"
    settings.write_text(settings.read_text() + " ")
    assert identity(copy) != first


def test_a_change_anywhere_in_a_large_file_shows(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(bytes(3 * 2**20))
    before = weights._version(tmp_path)
    (tmp_path / "README.md").write_text("not part of the model")
    assert weights._version(tmp_path) == before
    content = bytearray(3 * 2**20)
    content[2**20 :] = b"\1" * (2 * 2**20)
    (tmp_path / "model.safetensors").write_bytes(content)
    assert weights._version(tmp_path) != before


def test_what_the_hub_gave_is_known_by_its_commit(tmp_path: Path) -> None:
    folder = tmp_path / "models--a--b" / "snapshots" / "0123abc"
    folder.mkdir(parents=True)
    assert weights._version(folder) == "0123abc"


def test_backends_are_imported_without_torch() -> None:
    import subprocess
    import sys

    backends = sorted({backend for backend, _ in tiny["KINDS"].values()} | {"endpoint", "composite"})
    code = f"import sys\nfrom visrep.env.perception import {', '.join(backends)}\n"
    code += "print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr
