"""The probe: engines that serve what was trained pass it; stale, unmerged and foreign weights do not."""

import json
import math
import runpy
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from visrep.env.faults import MachineFault, UserFault
from visrep.policy.scripted import Scripted
from visrep.policy.transformers import Transformers
from visrep.train.probe import Probe, check, distance, read

HERE = Path(__file__).parent
write_model = runpy.run_path(str(HERE / "tiny_policy.py"))["write_model"]
trained = runpy.run_path(str(HERE / "trained_policy.py"))
train_adapter = trained["train_adapter"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("probe")


@pytest.fixture(scope="module")
def base(folder: Path) -> Path:
    made: Path = write_model(folder / "base")
    return made


@pytest.fixture(scope="module")
def earlier(base: Path, folder: Path) -> Path:
    made: Path = train_adapter(base, folder / "earlier", seed=1)
    return made


@pytest.fixture(scope="module")
def adapter(base: Path, folder: Path) -> Path:
    made: Path = train_adapter(base, folder / "later", seed=2)
    return made


@pytest.fixture
def probe(adapter: Path, base: Path) -> Probe:
    return read(adapter, base)


def serving(base: Path, adapter: Path | None) -> Transformers:
    engine = Transformers(base)
    engine.load(adapter)
    return engine


def test_an_engine_with_the_trained_adapter_passes(base: Path, adapter: Path, probe: Probe) -> None:
    found = check(serving(base, adapter), probe, "the engine", "mend it")
    assert found is not None
    assert found["telling"]
    assert found["distance"] < 0.05 < 0.5 < found["to_base"]


def test_a_text_is_a_prompt_with_the_program_of_another(probe: Probe) -> None:
    own = {trained["PROMPT"].format(question): call for question, call in trained["PROGRAMS"].items()}
    assert len({text.prompt for text in probe.texts}) == 4
    for text in probe.texts:
        call = text.completion.removeprefix("\n    return ")
        assert call in own.values()
        assert call != own[text.prompt]


def test_a_stale_adapter_is_caught(base: Path, earlier: Path, probe: Probe) -> None:
    line = r"the engine does not write with adapter .*later/adapter: .* as with an earlier adapter, .*; mend it$"
    with pytest.raises(MachineFault, match=line):
        check(serving(base, earlier), probe, "the engine", "mend it")


def test_a_base_without_the_adapter_is_caught_and_named(base: Path, probe: Probe) -> None:
    line = (
        r"are \d\.\d+ nats per token from the adapter's, expected below 0\.120, and 0\.0\d\d from the base's, as with "
    )
    with pytest.raises(MachineFault, match=line + "the base alone"):
        check(serving(base, None), probe, "the engine", "mend it")


def test_an_adapter_on_another_base_is_caught(adapter: Path, probe: Probe, tmp_path: Path) -> None:
    with pytest.raises(MachineFault, match="another base"):
        check(serving(write_model(tmp_path / "other", seed=1), adapter), probe, "the engine", "mend it")


@dataclass
class Servers(Scripted):
    """Several engines that take turns, as servers do."""

    engines: Sequence[Transformers]

    def logprobs(self, prompts: Sequence[str], completions: Sequence[str]) -> list[list[float]]:  # type: ignore[override]
        texts = enumerate(zip(prompts, completions, strict=True))
        return [self.engines[index % len(self.engines)].logprobs([one], [two])[0] for index, (one, two) in texts]


def test_one_stale_server_among_several_is_caught(base: Path, earlier: Path, adapter: Path, probe: Probe) -> None:
    good, stale = serving(base, adapter), serving(base, earlier)
    assert check(Servers([good, good, good]), probe, "the engine", "mend it", engines=3)
    with pytest.raises(MachineFault, match="an earlier adapter"):
        check(Servers([good, good, stale]), probe, "the engine", "mend it", engines=3)


def test_an_engine_without_weights_is_not_asked(probe: Probe) -> None:
    assert check(Scripted({"": ["x"]}), probe, "the engine", "mend it") is None


def test_an_adapter_that_hardly_differs_from_its_base_cannot_be_told(base: Path, tmp_path: Path) -> None:
    faint = train_adapter(base, tmp_path, rate=1e-6)
    found = check(serving(base, None), read(faint, base), "the engine", "mend it")
    assert found is not None
    assert not found["telling"]
    assert found["to_base"] < 0.2


def test_another_base_in_the_folder_of_the_old_one_is_the_users_fault(adapter: Path, tmp_path: Path) -> None:
    other = write_model(tmp_path / "base", seed=1)
    with pytest.raises(UserFault, match=r"base are not those that adapter .*later/adapter was trained on; put those"):
        read(adapter, other)


@pytest.mark.parametrize("name", ["adapter_model.safetensors", "probe.json"])
@pytest.mark.parametrize("damage", ["missing", "cut", "of another"])
def test_a_damaged_publication_is_trained_again(
    adapter: Path, earlier: Path, base: Path, tmp_path: Path, name: str, damage: str
) -> None:
    copy = shutil.copytree(adapter, tmp_path / "adapter")
    whole = (copy / name).read_bytes()
    match damage:
        case "missing":
            (copy / name).unlink()
        case "cut":
            (copy / name).write_bytes(whole[: len(whole) // 2])
        case "of another":
            shutil.copyfile(earlier / name, copy / name)
    with pytest.raises(UserFault, match=r"damaged.*; remove .*clone\.done\.json and continue the run with --resume"):
        read(copy, base)


def test_texts_of_other_tokens_are_infinitely_far() -> None:
    assert distance([[1.0, 2.0], [4.0]], [[1.5, 2.0], [3.0]]) == pytest.approx(0.5)
    assert distance([[1.0]], [[1.0, 2.0]]) == math.inf


def test_a_probe_that_is_no_number_is_a_fault(base: Path, adapter: Path, probe: Probe, tmp_path: Path) -> None:
    copy = shutil.copytree(adapter, tmp_path / "adapter")
    values = json.loads((copy / "probe.json").read_text())
    values["texts"][0]["adapter"][0] = math.nan
    (copy / "probe.json").write_text(json.dumps(values))
    with pytest.raises((MachineFault, UserFault)):
        check(serving(base, adapter), read(copy, base), "the engine", "mend it")
