import importlib.util
import os
import re
import runpy
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from visrep.env.faults import MachineFault, UserFault
from visrep.policy.prompt import cut
from visrep.policy.transformers import Transformers
from visrep.policy.vllm import VLLM
from visrep.train.probe import check, read

if importlib.util.find_spec("vllm") is None:
    pytest.skip("vLLM is not installed", allow_module_level=True)

tiny = runpy.run_path(str(Path(__file__).with_name("tiny_policy.py")))
train_adapter = runpy.run_path(str(Path(__file__).with_name("trained_policy.py")))["train_adapter"]
PROMPTS = [f"# question {number}\ndef execute_command(image):" for number in range(12)]
TEXT = "\n    return image.find"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("vllm")


@pytest.fixture(scope="module")
def base(folder):
    return tiny["write_model"](folder / "base")


@pytest.fixture(scope="module")
def adapter(base, folder):
    return tiny["write_adapter"](base, folder / "adapter")


@pytest.fixture(scope="module")
def exact(base):
    """What the server's answers are compared with."""
    return Transformers(base, max_tokens=24)


@pytest.fixture(scope="module")
def policy(base, folder):
    """One server for all tests of this module, in their order: it writes as the base first, with adapters later."""
    policy = VLLM(base, log=folder / "server.log", max_tokens=24, dtype="float32", patience=20.0)
    yield policy
    policy.close()


def sampled(policy, n=4, temperature=1.0, seed=0):
    replies = dict(policy.sample(PROMPTS, n, temperature, seed))
    return {PROMPTS[index]: replies[index] for index in sorted(replies)}


def processes(policy):
    """All processes of the server's session: its keeper first, then the server and what it started."""
    session = str(policy._server._process.pid)
    return [int(pid) for pid in subprocess.check_output(["ps", "-o", "pid=", "-s", session], text=True).split()]


def told(caplog):
    """What the engine said on the log; its HTTP library says things of its own."""
    return [record.getMessage() for record in caplog.records if record.name == "visrep.policy.vllm"]


def assert_same_logprobs(policy, exact):
    ours, theirs = (engine.logprobs(PROMPTS[:3], [TEXT] * 3) for engine in (policy, exact))
    for one, other in zip(ours, theirs, strict=True):
        assert one == pytest.approx(other, abs=2e-3)


def test_every_prompt_gets_its_completions_cut_where_programs_end(policy):
    replies = sampled(policy)
    assert set(replies) == set(PROMPTS)
    for completions in replies.values():
        assert len(completions) == 4
        assert len({completion.text for completion in completions}) > 1
        assert all(cut(completion.text) == (completion.text, False) for completion in completions)
        assert all(0 < completion.tokens <= 24 for completion in completions)
        assert all(completion.finished for completion in completions if completion.tokens < 24)


def test_greedy_writes_what_transformers_writes(policy, exact):
    ours, theirs = sampled(policy, temperature=0.0, n=2), sampled(exact, temperature=0.0, n=2)
    assert ours.keys() == theirs.keys()
    # The server holds back a character of which it has not all bytes.
    same = [ours[prompt][0].text == theirs[prompt][0].text.rstrip("\N{REPLACEMENT CHARACTER}") for prompt in PROMPTS]
    assert sum(same) >= len(PROMPTS) - 1  # sums in another order may tip a near tie
    assert all(first == second for first, second in ours.values())


def test_the_seed_decides_what_is_written(policy):
    def texts(seed):
        return [completion.text for completions in sampled(policy, seed=seed).values() for completion in completions]

    first, again, other = texts(0), texts(0), texts(1)
    assert sum(one == two for one, two in zip(first, again, strict=True)) > 0.9 * len(first)
    assert sum(one == two for one, two in zip(first, other, strict=True)) < 0.1 * len(first)


def test_logprobs_are_those_of_transformers(policy, exact):
    assert_same_logprobs(policy, exact)


def test_what_was_done_is_counted(policy):
    before = policy.statistics.completion_tokens, policy.statistics.prompt_tokens
    replies = sampled(policy)
    written = sum(completion.tokens for completions in replies.values() for completion in completions)
    assert policy.statistics.completion_tokens - before[0] == written
    assert policy.statistics.prompt_tokens - before[1] == sum(len(prompt) for prompt in PROMPTS)  # bytes are tokens
    assert policy.statistics.seconds > 0
    assert policy.statistics.starts == 1


def test_prompts_that_were_read_before_are_found_in_the_cache(policy):
    before = policy.statistics.looked_up, policy.statistics.found
    list(policy.sample(["# the same\n" * 40] * 8, 2, 1.0, 0))
    looked_up, found = policy.statistics.looked_up - before[0], policy.statistics.found - before[1]
    assert looked_up > 8 * 400
    assert 0.5 < found / looked_up < 1


def test_a_report_is_of_what_was_done_since_the_last(policy):
    policy.start()
    policy.report()
    written = sum(completion.tokens for completions in sampled(policy).values() for completion in completions)
    report = policy.report()
    assert report["completion_tokens"] == written
    assert report["completions"] == len(PROMPTS) * 4
    assert (report["served"], report["starts"]) == ("base", 0)
    assert 0 < report["prefix_cache_hits"] <= 1
    assert policy.report()["completion_tokens"] == 0


def test_a_prompt_that_is_too_long_is_the_users_fault(policy):
    with pytest.raises(UserFault, match=r"refused /v1/completions: .*2048"):
        list(policy.sample(["x" * 3000], 1, 1.0, 0))
    assert policy._server.alive()


def test_a_running_server_can_be_used_by_its_url(policy, base, adapter, exact, folder, monkeypatch):
    monkeypatch.setenv("VLLM_API_KEY", policy._server.key)
    other = VLLM(base, log=folder / "other.log", max_tokens=24, urls=[policy._server.url, policy._server.url])
    assert sampled(other).keys() == set(PROMPTS)
    assert_same_logprobs(other, exact)
    other.close()
    assert policy._server.alive()


def test_a_stranger_is_not_answered(policy, base, folder, monkeypatch):
    monkeypatch.setenv("VLLM_API_KEY", "wrong")
    stranger = VLLM(base, log=folder / "other.log", urls=[policy._server.url])
    with pytest.raises(UserFault, match="refused"):
        sampled(stranger)
    stranger.close()


@pytest.mark.slow
def test_a_server_killed_at_work_is_started_again_and_nothing_is_lost(policy, caplog):
    replies = policy.sample(PROMPTS * 8, 4, 1.0, 0)
    seen = [next(replies)[0]]
    before = policy.statistics.starts, policy.statistics.restarts
    for pid in processes(policy)[1:]:
        os.kill(pid, signal.SIGKILL)
    seen += [index for index, _ in replies]
    assert sorted(seen) == list(range(len(PROMPTS) * 8))
    assert (policy.statistics.starts, policy.statistics.restarts) == (before[0] + 1, before[1] + 1)
    (line,) = told(caplog)
    assert re.match(r"the vLLM server was lost with \d+ of 96 prompts answered, and is started once more", line)


@pytest.mark.slow
def test_a_server_that_hangs_is_noticed_and_started_again_and_nothing_is_lost(policy, caplog):
    replies = policy.sample(PROMPTS * 8, 4, 1.0, 0)
    seen = [next(replies)[0]]
    before = policy.statistics.starts, policy.statistics.restarts
    for pid in processes(policy):  # the keeper too, which then cannot end the server without being woken
        os.kill(pid, signal.SIGSTOP)
    seen += [index for index, _ in replies]
    assert sorted(seen) == list(range(len(PROMPTS) * 8))
    assert (policy.statistics.starts, policy.statistics.restarts) == (before[0] + 1, before[1] + 1)
    (line,) = told(caplog)
    assert "timed out" in line


def test_stopping_frees_everything_and_sampling_with_an_adapter_starts_again(policy, adapter, exact):
    policy.start()
    before, starts = processes(policy), policy.statistics.starts
    assert len(before) >= 3
    policy.stop()
    assert not any(Path(f"/proc/{pid}").exists() for pid in before)
    policy.load(adapter)
    exact.load(adapter)
    assert_same_logprobs(policy, exact)
    assert policy.statistics.starts == starts + 1


def test_an_adapter_that_was_written_anew_under_its_old_name_is_not_served_stale(policy, base, adapter, exact):
    starts = policy.statistics.starts
    tiny["write_adapter"](base, adapter, seed=5)
    policy.load(adapter)
    exact.load(adapter)
    assert_same_logprobs(policy, exact)
    assert policy.statistics.starts == starts


def test_without_adapter_it_is_the_base_again(policy, exact):
    starts = policy.statistics.starts
    policy.load(None)
    exact.load(None)
    assert_same_logprobs(policy, exact)
    assert policy.statistics.starts == starts


def test_a_foreign_server_gets_the_adapter_as_it_is(policy, base, adapter, exact, folder, monkeypatch):
    monkeypatch.setenv("VLLM_API_KEY", policy._server.key)
    other = VLLM(base, log=folder / "other.log", serve="auto", dtype="float32", urls=[policy._server.url])
    other.load(adapter)
    exact.load(adapter)
    assert_same_logprobs(other, exact)
    assert other.report()["served"] == "adapter"
    other.close()


def test_the_probe_tells_what_is_served(policy, base, folder):
    one, other = (train_adapter(base, folder / f"trained {seed}", seed) for seed in (1, 2))
    policy.load(one)
    found = check(policy, read(one, base), "the server", "mend it")
    assert found["telling"]
    assert found["distance"] < 0.05 < 0.5 < found["to_base"]
    with pytest.raises(MachineFault, match="as with an earlier adapter"):
        check(policy, read(other, base), "the server", "mend it")
    policy.load(None)
    with pytest.raises(MachineFault, match="as with the base alone"):
        check(policy, read(one, base), "the server", "mend it")


def test_an_adapter_the_server_cannot_take_is_refused_by_name(policy, tmp_path):
    with pytest.raises(UserFault, match=r"adapter_model\.safetensors is missing"):
        policy.load(tmp_path)


@pytest.mark.slow
def test_an_adapter_is_merged_where_that_is_sooner_and_writes_as_one_that_is_not(base, exact, tmp_path, policy):
    policy.stop()
    adapter = tiny["write_adapter"](base, tmp_path / "adapter", seed=7, rank=3)
    merged = VLLM(base, log=tmp_path / "server.log", serve="auto", max_tokens=24, dtype="float32")
    merged.load(adapter)
    exact.load(adapter)
    try:
        merged.start()  # as a probe has it, before anything is asked for
        sampled(merged)  # a model this small is merged in no time, and its server has to be started anyway
        assert_same_logprobs(merged, exact)
    finally:
        merged.close()
    report = merged.report()
    assert (report["served"], report["merges"], report["starts"]) == ("merged", 1, 1)
    assert report["choice"]["merged_seconds"] < report["choice"]["beside_seconds"]
    assert not (tmp_path / "merged").exists()


def test_a_server_that_cannot_start_says_why(base, tmp_path):
    policy = VLLM(base, log=tmp_path / "server.log", max_model_len=999_999)
    with pytest.raises(MachineFault, match=r"did not start: .*max_model_len.*server\.log"):
        policy.start()
    policy.close()


def test_a_server_that_is_lost_twice_ends_the_run(base, tmp_path):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        policy = VLLM(base, log=tmp_path / "server.log", urls=[f"http://127.0.0.1:{nobody.getsockname()[1]}"])
        with pytest.raises(MachineFault, match="lost twice"):
            sampled(policy)


def test_a_port_in_use_is_named(base, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        policy = VLLM(base, log=tmp_path / "server.log", port=port)
        with pytest.raises(UserFault, match=f"port {port} is not to be had"):
            policy.start()


def test_merging_and_foreign_servers_exclude_each_other(base, tmp_path):
    with pytest.raises(UserFault, match="cannot go with urls"):
        VLLM(base, log=tmp_path / "server.log", serve="merged", urls=["http://127.0.0.1:1"])
