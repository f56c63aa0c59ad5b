import json
import runpy
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from visrep.env.faults import UserFault
from visrep.policy.merge import merge

tiny = runpy.run_path(str(Path(__file__).with_name("tiny_policy.py")))
TOKENS = torch.tensor([[50, 60, 70, 80, 90, 100]])


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tiny["write_model"](tmp_path_factory.mktemp("models") / "base")


@pytest.fixture(scope="module")
def adapter(base, tmp_path_factory):
    return tiny["write_adapter"](base, tmp_path_factory.mktemp("adapters") / "one")


def logits(folder):
    with torch.inference_mode():
        return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)(TOKENS).logits


def with_adapter(base, adapter):
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), adapter)
    with torch.inference_mode():
        return model(TOKENS).logits


def test_the_merge_thinks_as_base_and_adapter_together_do(base, adapter, tmp_path):
    merge(base, adapter, tmp_path / "merged")
    assert torch.allclose(logits(tmp_path / "merged"), with_adapter(base, adapter), atol=1e-4)
    assert not torch.allclose(logits(base), with_adapter(base, adapter), atol=1e-1)


@pytest.mark.parametrize("settings", [{"use_rslora": True}, {"use_dora": True}])
def test_variants_of_lora_merge_too(base, settings, tmp_path):
    adapter = tiny["write_adapter"](base, tmp_path / "adapter", **settings)
    merge(base, adapter, tmp_path / "merged")
    assert torch.allclose(logits(tmp_path / "merged"), with_adapter(base, adapter), atol=1e-4)


def test_the_base_stays_as_it_was_and_its_tokenizer_goes_along(base, adapter, tmp_path):
    before = {file.name: file.read_bytes() for file in base.iterdir()}
    merge(base, adapter, tmp_path / "merged")
    assert {file.name: file.read_bytes() for file in base.iterdir()} == before
    assert (tmp_path / "merged" / "tokenizer.json").read_bytes() == before["tokenizer.json"]
    assert AutoTokenizer.from_pretrained(tmp_path / "merged")("ab").input_ids


def test_generation_settings_that_transformers_would_not_save_go_along(adapter, tmp_path):
    base = tiny["write_model"](tmp_path / "base")
    (base / "generation_config.json").write_text('{"do_sample": false, "temperature": 0.6, "eos_token_id": 1}')
    merge(base, adapter, tmp_path / "merged")
    assert json.loads((tmp_path / "merged" / "generation_config.json").read_text())["temperature"] == 0.6


def test_a_bfloat16_base_gives_the_fp32_sum_rounded_once(adapter, tmp_path):
    base = tiny["write_model"](tmp_path / "base", dtype=torch.bfloat16)
    merge(base, adapter, tmp_path / "merged")
    merged, before = (load_file(folder / "model.safetensors") for folder in (tmp_path / "merged", base))
    factors = load_file(adapter / "adapter_model.safetensors")
    name = "model.layers.0.mlp.up_proj"
    a, b = (factors[f"base_model.model.{name}.lora_{side}.weight"] for side in "AB")
    expected = (before[f"{name}.weight"].float() + 2 * (b @ a)).to(torch.bfloat16)
    assert torch.equal(merged[f"{name}.weight"], expected)


def test_an_adapter_of_another_model_is_refused_and_leaves_nothing(base, tmp_path):
    other = tiny["write_model"](tmp_path / "other")
    wide = tiny["write_adapter"](other, tmp_path / "wide")
    weights = load_file(wide / "adapter_model.safetensors")
    from safetensors.torch import save_file

    save_file({name: torch.zeros(3, 3) for name in weights}, wide / "adapter_model.safetensors")
    with pytest.raises(UserFault, match="does not fit base"):
        merge(base, wide, tmp_path / "merged")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "wide"]


def test_a_damaged_adapter_is_named(base, adapter, tmp_path):
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "adapter_config.json").write_bytes((adapter / "adapter_config.json").read_bytes())
    (broken / "adapter_model.safetensors").write_bytes((adapter / "adapter_model.safetensors").read_bytes()[:-9])
    with pytest.raises(UserFault, match=r"adapter_model\.safetensors is missing or damaged"):
        merge(base, broken, tmp_path / "merged")


def test_nothing_is_overwritten(base, adapter, tmp_path):
    with pytest.raises(UserFault, match="is there already"):
        merge(base, adapter, tmp_path)
