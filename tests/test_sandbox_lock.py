"""The lock: what a program's process holds, and what the kernel refuses it."""

from typing import Any

import pytest


def test_this_machine_has_the_whole_lock(run: Any) -> None:
    assert run.sandbox.isolation.startswith("seccomp+landlock")
    assert "open" not in run.sandbox.isolation


@pytest.mark.parametrize(
    "attempt",
    [
        "load('io').open('/etc/passwd')",
        "load('os').open('/proc/%d/mem' % load('os').getppid(), 0)",
        "load('os').listdir('/')",
        "load('os').mkdir('/tmp/visrep_was_here')",
        "load('_socket').socket()",
        "load('os').fork()",
        "load('os').execv('/bin/true', ['true'])",
        "load('os').kill(load('os').getppid(), 9)",
        "load('os').dup(3)",
        "load('os').pipe()",
        "load('os').setuid(0)",
        "load('os').nice(-5)",
        "load('resource').setrlimit(load('resource').RLIMIT_CPU, (60, 60))",
        "load('os').chroot('/')",
    ],
)
def test_what_reaches_outside_is_refused_by_the_kernel(run: Any, attempt: str) -> None:
    execution = run.body(f"{attempt}\nreturn 'escaped'")
    assert execution.outcome in ("forbidden", "runtime_error")
    assert "permitted" in execution.message or "not allowed" in execution.message


def test_memory_cannot_be_made_executable(run: Any) -> None:
    execution = run.body("ctypes = load('ctypes')\nreturn ctypes.CDLL(None).mprotect(ctypes.c_void_p(4096), 4096, 7)")
    assert execution.value == -1


def test_a_foreign_system_call_table_is_deadly(run: Any) -> None:
    execution = run.body("load('ctypes').CDLL(None).syscall(0x40000000 | 39)\nreturn 'x32'")
    assert execution.outcome == "crash"


def test_the_process_holds_one_socket_and_no_other_descriptor(run: Any) -> None:
    body = """
os, held = load('os'), []
for number in range(64):
    try:
        os.lseek(number, 0, os.SEEK_CUR)
        held.append(number)
    except OSError as error:
        held += [number] * (error.errno != 9)  # EBADF; a socket cannot seek but is there
return held"""
    assert run.body(body).value == [0, 1, 2, 3]


def test_the_process_has_an_empty_environment_and_no_host_modules(run: Any) -> None:
    execution = run.body(
        "os = load('os')\nnames = [str(n) for n in load('sys').modules if 'visrep' in str(n)]\n"
        "return [sorted(os.environ), sorted(names), os.getuid()]"
    )
    environment, modules, user = execution.value
    assert set(environment) <= {"OPENBLAS_NUM_THREADS", "PYTHONHASHSEED", "LC_CTYPE"}  # the last is CPython's own doing
    assert not {name.rpartition(".")[2] for name in modules} & {"host", "run", "environment", "types", "visual_api"}
    assert user != 0


def test_a_program_leaves_nothing_to_the_next_one(run: Any) -> None:
    run.body("import math\nmath.floor = lambda x: 7\ntype(image).find = lambda *a: 'planted'\nreturn 1")
    assert run.body("import math\nreturn math.floor(2.5) + len(image.find('cup'))").value == 5
