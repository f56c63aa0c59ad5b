"""What several test files share: a blank picture, and programs run on it in the real sandbox."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from PIL import Image

from visrep.env.perception import scripted
from visrep.env.perception.picture import Picture
from visrep.env.perception.service import Service
from visrep.env.sandbox import Job, Limits, Sandbox
from visrep.env.types import Execution

# A busy machine must not fail a property; and equal code gets equal examples.
settings.register_profile("visrep", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("visrep")

GADGET = """
def load(name):
    for kind in ().__class__.__base__.__subclasses__():
        if kind.__name__ == "_wrap_close":
            return kind.__init__.__globals__["__builtins__"]["__import__"](name)

def frame(body):
    load("os").write(3, load("struct").pack("<I", len(body)) + body)
"""
"""How a program gets at modules that it is not offered, and at the connection itself."""


class Runner:
    """Runs programs in a sandbox on a white image of 120 by 80, seen with scripted perception."""

    def __init__(self, sandbox: Sandbox, picture: Picture) -> None:
        self.sandbox = sandbox
        self.picture = picture
        self.answer = Service(scripted.load(), scripted.load()).answer

    def __call__(self, program: str, **job: Any) -> Execution:
        """One program, alone."""
        ((_, execution),) = self.sandbox.run([self.job(program, **job)], self.answer)
        return execution

    def body(self, body: str, **job: Any) -> Execution:
        """The body of an `execute_command(image)` that has `load` and `frame` in reach."""
        lines = "".join(f"    {line}\n" for line in body.splitlines())
        return self(f"{GADGET}\ndef execute_command(image):\n{lines}", **job)

    def job(self, program: str, key: Any = 0, **job: Any) -> Job:
        return Job(key, program, (self.picture,), **job)

    def within(self, sandbox: Sandbox) -> "Runner":
        """The same in another sandbox."""
        return Runner(sandbox, self.picture)

    @property
    def zygote(self) -> int:
        return self.sandbox.first_process

    @property
    def processes(self) -> list[int]:
        """Programs' processes that are alive."""
        children = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                state, parent = stat.read_text().rpartition(")")[2].split()[:2]
                if int(parent) == self.zygote and state != "Z":
                    children.append(int(stat.parent.name))
        return children


@pytest.fixture(scope="session")
def blank_picture(tmp_path_factory: pytest.TempPathFactory) -> Picture:
    path = tmp_path_factory.mktemp("images") / "white.png"
    Image.new("RGB", (120, 80), "white").save(path)
    return Picture(path)


@pytest.fixture(scope="module")
def run(blank_picture: Picture) -> Iterator[Runner]:
    """A runner in a sandbox of its own, with tight limits."""
    limits = Limits(cpu_seconds=1, wall_seconds=4, memory_mb=512, calls=20)
    with Sandbox(limits, parallel=8) as sandbox:
        yield Runner(sandbox, blank_picture)
