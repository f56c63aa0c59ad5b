import runpy
from pathlib import Path

import pytest
import torch

from visrep.env.faults import UserFault
from visrep.policy.prompt import cut
from visrep.policy.transformers import Transformers

tiny = runpy.run_path(str(Path(__file__).with_name("tiny_policy.py")))
PROMPTS = ["# one\ndef execute_command(image):", "# another, longer\ndef execute_command(image):", "x"]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tiny["write_model"](tmp_path_factory.mktemp("models") / "base")


@pytest.fixture(scope="module")
def adapter(base, tmp_path_factory):
    return tiny["write_adapter"](base, tmp_path_factory.mktemp("adapters") / "one")


@pytest.fixture(scope="module")
def policy(base):
    return Transformers(base, max_tokens=24)


def sampled(policy, prompts, n=4, temperature=1.0, seed=0):
    return {prompts[index]: completions for index, completions in policy.sample(prompts, n, temperature, seed)}


def test_equal_seeds_write_equal_completions_and_other_seeds_others(policy):
    first = sampled(policy, PROMPTS)
    assert sampled(policy, PROMPTS) == first
    assert sampled(policy, PROMPTS, seed=1) != first
    assert all(len(completions) == 4 for completions in first.values())
    assert len({completion.text for completion in first["x"]}) > 1


def test_what_is_written_does_not_depend_on_the_other_prompts(policy):
    together = sampled(policy, PROMPTS)
    for prompt in reversed(PROMPTS):
        assert sampled(policy, [prompt])[prompt] == together[prompt]


def test_a_prompt_that_comes_twice_gets_two_sets_of_completions(policy):
    (_, first), (_, second) = policy.sample(["x", "x"], 4, 1.0, 0)
    assert first != second


def test_greedy_is_the_likeliest_token_each_time(policy, base):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model, tokenizer = AutoModelForCausalLM.from_pretrained(base), AutoTokenizer.from_pretrained(base)
    inputs = tokenizer(PROMPTS[0], return_tensors="pt")
    whole = model.generate(**inputs, do_sample=False, max_new_tokens=24)[0, inputs.input_ids.shape[1] :]
    expected, ended = cut(tokenizer.decode(whole, skip_special_tokens=True))
    first, second = sampled(policy, PROMPTS[:1], n=2, temperature=0.0)[PROMPTS[0]]
    assert first == second
    assert first.text == expected
    assert first.finished == (ended or 0 in whole.tolist())


def test_no_completion_goes_past_its_end_or_the_limit(policy):
    for completions in sampled(policy, PROMPTS, n=32).values():
        assert all(cut(completion.text) == (completion.text, False) for completion in completions)
        assert all(0 < completion.tokens <= 24 for completion in completions)
        assert all(completion.finished for completion in completions if completion.tokens < 24)


def test_samples_follow_the_models_probabilities(base):
    policy = Transformers(base, max_tokens=1)
    ((_, completions),) = policy.sample(["x"], 4000, 1.0, 0)
    texts = [completion.text for completion in completions]
    letters = sorted((text for text in set(texts) if text.isascii() and text), key=texts.count)
    for letter in letters[-3:]:
        ((logprob,),) = policy.logprobs(["x"], [letter])
        assert texts.count(letter) / 4000 == pytest.approx(float(torch.tensor(logprob).exp()), rel=0.2)


def test_a_small_top_p_leaves_the_likeliest_token_alone(base, policy):
    narrow = Transformers(base, max_tokens=24, top_p=1e-6)
    greedy = sampled(policy, PROMPTS, temperature=0.0)
    assert sampled(narrow, PROMPTS) == greedy


def test_logprobs_are_those_of_a_plain_forward_pass(policy, base):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model, tokenizer = AutoModelForCausalLM.from_pretrained(base), AutoTokenizer.from_pretrained(base)
    tokens = tokenizer("ab" + "cde", return_tensors="pt").input_ids
    with torch.inference_mode():
        all_of_them = model(tokens).logits.log_softmax(-1)
    expected = [float(all_of_them[0, place - 1, tokens[0, place]]) for place in (2, 3, 4)]
    found = policy.logprobs(["ab", "x", "ab"], ["cde", "", "cd"])
    assert found[0] == pytest.approx(expected, abs=1e-4)
    assert found[1] == []
    assert found[2] == pytest.approx(expected[:2], abs=1e-4)


def test_an_adapter_changes_what_is_written_and_none_is_the_base_again(base, adapter, tmp_path):
    policy = Transformers(base, max_tokens=24)
    plain = sampled(policy, PROMPTS), policy.logprobs(["a"], ["bcd"])
    policy.load(adapter)
    first = sampled(policy, PROMPTS), policy.logprobs(["a"], ["bcd"])
    policy.load(tiny["write_adapter"](base, tmp_path / "other", seed=1))
    other = sampled(policy, PROMPTS), policy.logprobs(["a"], ["bcd"])
    policy.load(adapter)
    again = sampled(policy, PROMPTS), policy.logprobs(["a"], ["bcd"])
    policy.load(None)
    assert (sampled(policy, PROMPTS), policy.logprobs(["a"], ["bcd"])) == plain
    assert first == again
    assert first != plain != other != first


def test_a_damaged_adapter_is_named(policy, adapter, tmp_path):
    (tmp_path / "adapter_config.json").write_bytes((adapter / "adapter_config.json").read_bytes())
    with pytest.raises(UserFault, match=r"adapter_model\.safetensors is missing or damaged"):
        policy.load(tmp_path)


def test_a_stopped_engine_goes_on_as_it_was_with_its_adapter(base, adapter):
    policy = Transformers(base, max_tokens=24)
    policy.load(adapter)
    before = sampled(policy, PROMPTS)
    policy.stop()
    assert sampled(policy, PROMPTS) == before
    policy.stop()
    assert policy.logprobs(["x"], ["y"])
