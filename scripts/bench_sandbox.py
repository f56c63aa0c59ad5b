"""What the sandbox costs: programs per second against a fresh interpreter for each, how late a program is killed past
its limit, and the memory of programs that wait. With --soak, whether anything is left behind by many programs.

    python scripts/bench_sandbox.py
    python scripts/bench_sandbox.py --soak 20000
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from PIL import Image

from visrep.env import image_patch
from visrep.env.faults import Fault, MachineFault
from visrep.env.perception import Request, scripted
from visrep.env.perception.picture import Picture
from visrep.env.perception.service import Service
from visrep.env.sandbox import Job, Limits, Sandbox
from visrep.env.visual_api import Session

SIX_CALLS = """
def execute_command(image):
    count = 0
    for thing in image.find("cup"):
        if thing.exists("handle"):
            count += 1
    color = image.simple_query("What color is this?")
    return f"{count} {color} {image.verify_property('cup', 'red')}"
"""

FRESH = """
import json, sys
sys.path.insert(0, sys.argv[1])
import image_patch
def ask(*question):
    print(json.dumps(question), flush=True)
    return json.loads(sys.stdin.readline())
image_patch.connect(ask)
job = json.loads(sys.stdin.readline())
scope = {"ImagePatch": image_patch.ImagePatch}
exec(job["program"], scope)
value = scope["execute_command"](image_patch._patch(job["image"]))
print(json.dumps({"value": value}), flush=True)
"""
"""What is done without a sandbox: an interpreter of its own for each program, which asks over its pipes."""

ENDLESS = {
    "loop": "while True: pass",
    "big integer": "7 ** 10 ** 9",
    "regex": "__import__('re').match('(a+)+b', 'a' * 64)",
    "loop, 600 MB held": "held = b'x' * (600 * 2**20)\n    while True: pass",
    "sleep": "__import__('random')._os.sys.modules['select'].select([], [], [], 100)",
}

MIXED = (
    SIX_CALLS,
    "def execute_command(image): return image.find('unicorn')[0]",
    "def execute_command(image): import os",
    "def execute_command(image): return [0] * 10**9",
    "def execute_command(image)",
    "def execute_command(image): return 'x' * 10**6",
    "import random\ndef execute_command(image): random._os._exit(0)",
    "import random\ndef execute_command(image): random._os.write(3, b'garbage' * 9)",
)


def bench(
    programs: Annotated[int, typer.Option(min=10, help="For each measurement of throughput.")] = 400,
    pairs: Annotated[int, typer.Option(min=1, help="Measurements, alternating; the median counts.")] = 5,
    soak: Annotated[int, typer.Option(min=0, help="Run so many programs and look for leaks instead.")] = 0,
) -> None:
    """Measure the sandbox; one JSON object."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "image.png"
        Image.new("RGB", (100, 80), "white").save(path)
        picture = Picture(path)
        if soak:
            result = {"soak": leaks(picture, soak)}
        else:
            result = {
                "throughput": throughput(picture, programs, pairs),
                "kill_milliseconds": kill_latency(picture, pairs),
                "parked": parked(picture, 128),
            }
    print(json.dumps(result | {"cores": len(os.sched_getaffinity(0))}, indent=1))


def throughput(picture: Picture, programs: int, pairs: int) -> dict[str, Any]:
    """Programs per second with six calls each, locked in and each in a fresh interpreter, alternating."""
    service = Service(scripted.load())
    ours, fresh = [], []
    with Sandbox() as sandbox:
        for _ in range(pairs):
            jobs = [Job(number, SIX_CALLS, (picture,)) for number in range(programs)]
            started = time.perf_counter()
            values = [execution.value for _, execution in sandbox.run(jobs, service.answer, service.remembered)]
            ours.append(programs / (time.perf_counter() - started))
            started = time.perf_counter()
            others = list(_fresh(picture, programs // 4))
            fresh.append(len(others) / (time.perf_counter() - started))
            if {*values} != {*others} or None in values:
                raise MachineFault(f"the two ways gave {set(values)} and {set(others)}; expected one value")
        isolation = sandbox.isolation
    ratios = [one / other for one, other in zip(ours, fresh, strict=True)]
    return {
        "isolation": isolation,
        "programs_per_second": round(statistics.median(ours)),
        "fresh_interpreters_per_second": round(statistics.median(fresh)),
        "ratio": round(statistics.median(ratios), 2),
    }


def kill_latency(picture: Picture, times: int) -> dict[str, float]:
    """Median milliseconds from a limit to the host's hearing of the end, each program alone on the machine."""
    late: dict[str, float] = {}
    limits = Limits(cpu_seconds=1.0, wall_seconds=2.0, memory_mb=1024)
    with Sandbox(limits, parallel=1) as sandbox:
        for name, body in ENDLESS.items():
            seconds = []
            for _ in range(times):
                job = Job(name, f"def execute_command(image):\n    {body}", (picture,))
                with ThreadPoolExecutor(1) as pool:
                    reached = pool.submit(_when_at_limit, sandbox.first_process, limits.cpu_seconds)
                    ((_, execution),) = sandbox.run([job], lambda requests: [])
                    ended = time.perf_counter()
                if execution.outcome != "timeout":
                    raise MachineFault(f"{name} came out as {execution.outcome}: {execution.message}")
                slept = execution.wall_seconds - limits.wall_seconds
                seconds.append(slept if name == "sleep" else ended - reached.result())
            late[name] = round(1000 * statistics.median(seconds), 1)
    return late


def _when_at_limit(zygote: int, cpu_seconds: float) -> float:
    """When the one program under way has used up its processor time, or has ended."""
    while not (children := _children(zygote)):
        time.sleep(0.0005)
    with suppress(OSError):
        while int(Path(f"/proc/{children[0]}/schedstat").read_text().split()[0]) < cpu_seconds * 1e9:
            time.sleep(0.0005)
    return time.perf_counter()


def parked(picture: Picture, count: int) -> dict[str, Any]:
    """Memory of programs that all wait for a reply at once, and the sizes of the batches that they came in."""
    batches: list[int] = []
    held: list[int] = []

    def answer(requests: Sequence[Request]) -> list[Any]:
        batches.append(len(requests))
        if len(batches) == 1:
            time.sleep(3)  # until the last one has asked, whatever the machine
            held.extend(_private_bytes(pid) for pid in _children(sandbox.first_process))
        return [() for _ in requests]

    with Sandbox(Limits(), parallel=count) as sandbox:
        jobs = [Job(number, "def execute_command(image): return len(image.find('cup'))", (picture,))
                for number in range(count)]  # fmt: skip
        outcomes = Counter(execution.outcome for _, execution in sandbox.run(jobs, answer))
    return {
        "programs": len(held),
        "private_megabytes_each": round(statistics.median(held) / 2**20, 2),
        "batches": batches,
        "outcomes": outcomes,
    }


def leaks(picture: Picture, count: int) -> dict[str, Any]:
    """Descriptors, processes and memory of host and zygote before and after many programs of all kinds of ends."""
    service = Service(scripted.load())
    with Sandbox(Limits(cpu_seconds=1), parallel=32) as sandbox:

        def run(number: int) -> Counter[str]:
            jobs = (Job(n, MIXED[n % len(MIXED)], (picture,)) for n in range(number))
            return Counter(execution.outcome for _, execution in sandbox.run(jobs, service.answer))

        run(max(count // 10, 200))  # caches and allocators fill up once
        before = _holdings(sandbox.first_process)
        started = time.perf_counter()
        outcomes = run(count)
        seconds = time.perf_counter() - started
        after = _holdings(sandbox.first_process)
    return {"programs": count, "seconds": round(seconds, 1), "outcomes": outcomes, "before": before, "after": after}


def _holdings(zygote: int) -> dict[str, int]:
    found = {}
    for name, pid in (("host", os.getpid()), ("zygote", zygote)):
        found[f"{name}_descriptors"] = len(os.listdir(f"/proc/{pid}/fd"))
        found[f"{name}_kilobytes"] = _private_bytes(pid) // 1024
    return found | {"processes": len(_children(zygote))}


def _private_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Private_"))


def _children(parent: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def _fresh(picture: Picture, programs: int) -> Iterator[Any]:
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        yield from pool.map(_in_fresh_interpreter, [picture] * programs)


def _in_fresh_interpreter(picture: Picture) -> Any:
    session, service = Session([picture], 256, 4096), Service(scripted.load())
    command = [sys.executable, "-s", "-S", "-B", "-c", FRESH, str(Path(image_patch.__file__).parent)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        said: Any = {"program": SIX_CALLS, "image": session.images()[0]}
        while True:
            process.stdin.write(json.dumps(said) + "\n")
            process.stdin.flush()
            heard = json.loads(process.stdout.readline())
            if isinstance(heard, dict):
                return heard["value"]
            pending = session.ask(heard[0], heard[1:])
            said = session.answer(pending, service.answer(list(pending.requests)), 0.0)


if __name__ == "__main__":
    try:
        typer.run(bench)
    except Fault as fault:
        sys.exit(f"bench_sandbox: {fault}")
