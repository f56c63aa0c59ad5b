"""Models of the hub, without a network: out of its cache, laid out as the hub's own client does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from visrep.env.snapshot import is_name

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FETCH = """
import sys
from visrep.env.faults import UserFault
from visrep.env.snapshot import SAFETENSORS, snapshot
try:
    print(snapshot("acme/tiny", sys.argv[1] or None, (SAFETENSORS, "pytorch_model*.bin"), sys.argv[2]))
except UserFault as fault:
    print("fault:", fault)
"""


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    """A hub's cache that holds one model, at one commit."""
    folder = tmp_path / "hub" / "models--acme--tiny"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text(COMMIT)
    (folder / "snapshots" / COMMIT).mkdir(parents=True)
    (folder / "snapshots" / COMMIT / "config.json").write_text("{}")
    (folder / "snapshots" / COMMIT / "pytorch_model.bin").write_bytes(b"weights")
    return tmp_path


def fetched(hub: Path, revision: str = "", instead: str = "") -> str:
    environment = os.environ | {"HF_HOME": str(hub), "HF_HUB_CACHE": str(hub / "hub"), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", FETCH, revision, instead]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("revision", ["", "main", COMMIT])
def test_a_model_is_had_at_its_revision(hub: Path, revision: str) -> None:
    assert fetched(hub, revision) == str(hub / "hub" / "models--acme--tiny" / "snapshots" / COMMIT)


def test_what_the_hub_does_not_give_is_one_line_with_what_could_be_taken(hub: Path) -> None:
    said = fetched(hub, "v9")
    assert said.startswith("fault: model 'acme/tiny' at revision 'v9' is no folder here, and the hub did not give it (")
    assert said.endswith("; check name, revision and network")
    assert "\n" not in said
    assert fetched(hub, "v9", "'another'").endswith("; check name, revision and network, or use 'another'")


@pytest.mark.parametrize(
    ("model", "named"),
    [("acme/tiny", True), ("gpt2", True), ("./tiny", False), ("/tiny", False), ("~/tiny", False), ("a/b/c", False)],
)
def test_a_name_is_told_from_a_path(model: str, named: bool) -> None:
    assert is_name(model) is named


def test_what_is_there_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models" / "tiny").mkdir(parents=True)
    assert not is_name("models/tiny")
