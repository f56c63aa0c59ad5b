"""The packages import each other in one direction, so that each can be read, tested and used without those above it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {
    "env": {"env"},
    "reward": {"env", "reward"},
    "corrections": {"env", "reward", "corrections"},
    "policy": {"env", "policy"},
    "train": {"env", "reward", "corrections", "policy", "train"},
    "scripts": {"env", "reward", "corrections", "policy", "train", "scripts"},
}
FILES = [path for package in MAY_IMPORT for path in sorted((ROOT / package).rglob("*.py"))]


def imports(tree: ast.AST, package: str) -> Iterator[str]:
    """Dotted names of all that a module imports, anywhere in it; each name of a `from` import by itself."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            within = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            module = ".".join([*within, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def faults(path: Path, text: str) -> list[str]:
    """What a file of ours may not import but does."""
    own = path.parts[0]
    found = []
    for name in imports(ast.parse(text), ".".join(["visrep", *path.parent.parts])):
        parts = name.split(".")
        if parts[0] == "visrep" and parts[1] not in MAY_IMPORT[own]:
            found.append(f"{path} imports {name}: {own} may import {', '.join(sorted(MAY_IMPORT[own]))}")
        if parts[0] in MAY_IMPORT:
            found.append(f"{path} imports {name}: say visrep.{name}")
        if own == "policy" and (parts[:3] == ["visrep", "env", "tasks"] or parts[-1] in ("Task", "Instance")):
            found.append(f"{path} imports {name}: a policy sees questions, never what their answers are")
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_what_is_below_it(path: Path) -> None:
    assert faults(path.relative_to(ROOT), path.read_text(encoding="utf-8")) == []


def test_every_folder_of_code_is_covered() -> None:
    tracked = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert tracked == set(MAY_IMPORT)


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("env/a.py", "import visrep.reward"),
        ("env/a.py", "from visrep import reward"),
        ("env/sandbox/a.py", "from ...reward import score"),
        ("env/a.py", "def f():\n    from visrep.train import loop"),
        ("reward/a.py", "from visrep.policy.prompt import Prompter"),
        ("corrections/a.py", "import visrep.train.config as config"),
        ("train/a.py", "from visrep.scripts import cli"),
        ("scripts/a.py", "from env.types import Task"),
        ("policy/a.py", "from visrep.reward import score"),
        ("policy/a.py", "from visrep.env.types import Question, Task"),
        ("policy/a.py", "from visrep.env.tasks import gqa"),
    ],
)
def test_an_import_against_the_order_is_found(file: str, line: str) -> None:
    assert faults(Path(file), line)


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("train/a.py", "from visrep.env.types import Task"),
        ("policy/a.py", "from visrep.env.types import Question"),
        ("env/sandbox/a.py", "from .lock import lock\nimport ast, environment"),
    ],
)
def test_an_import_along_the_order_is_not(file: str, line: str) -> None:
    assert not faults(Path(file), line)
