"""The sandbox as the host sees it: outcomes, limits and clocks, and many programs at once."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from visrep.env.faults import UserFault
from visrep.env.perception import Request
from visrep.env.sandbox import Job, Limits, Sandbox


@pytest.mark.parametrize(
    ("program", "outcome", "message"),
    [
        ("def execute_command(image): return 'yes'", "ok", ""),
        ("def execute_command(image): return (", "syntax_error", "never closed"),
        ("def execute_command(image): return '\x00'", "syntax_error", "null bytes"),
        ("def execute_command(image): return '\ud800'", "syntax_error", "UnicodeEncodeError"),
        ("x = " + "(" * 300 + ")" * 300, "syntax_error", "parentheses"),
        ("def answer(image): return 1", "no_entry", "execute_command"),
        ("execute_command = 3", "no_entry", "execute_command"),
        ("def execute_command(image): return 1 / 0", "runtime_error", "ZeroDivisionError: division by zero"),
        ("def execute_command(image, more): return 1", "runtime_error", "missing 1 required"),
        ("raise SystemExit(0)", "runtime_error", "SystemExit"),
        ("raise TimeoutError('retry me')", "runtime_error", "TimeoutError: retry me"),
        ("import os", "forbidden", "forbidden: import os"),
        ("from os import path", "forbidden", "forbidden: import os"),
        ("import numpy", "forbidden", "forbidden: import numpy"),
        ("def execute_command(image): return open('x')", "forbidden", "forbidden: open"),
        ("def execute_command(image): return eval('1')", "forbidden", "forbidden: eval"),
        ("def execute_command(image): pass", "wrong_type", "returned NoneType"),
        ("def execute_command(image): return {'a': 1}", "wrong_type", "returned dict"),
        ("def execute_command(image): return float('inf')", "wrong_type", "not finite"),
        ("def execute_command(image): return [[[[[1]]]]]", "wrong_type", "nested"),
        ("def execute_command(image): return [0] * 20000", "output_too_large", "items"),
        ("def execute_command(image): return 'x' * 300000", "output_too_large", "bytes"),
        ("def execute_command(image): return 10 ** 5000", "output_too_large", "bits"),
        ("def execute_command(image): return [0] * 10 ** 9", "memory", "out of memory"),
        ("def execute_command(image):\n    while True: pass", "timeout", "processor time"),
        ("def execute_command(image):\n    while True: image.exists('x')", "call_limit", "more than 20 calls"),
        ("#" * 70000, "source_too_large", "at most 65536"),
    ],
)
def test_each_fault_has_its_outcome_and_says_what_it_was(run: Any, program: str, outcome: str, message: str) -> None:
    execution = run(program)
    assert (execution.outcome, execution.value is None) == (outcome, outcome != "ok")
    assert message in execution.message
    assert "\n" not in execution.message


def test_a_fault_names_the_line_of_the_program_it_came_from(run: Any) -> None:
    helper = "def helper(patch):\n    return patch.crop('a', 0, 1, 1)\n"
    execution = run(f"{helper}\ndef execute_command(image):\n    return helper(image)")
    assert execution.line == 2
    assert execution.message == "ValueError: crop: left should be a number of pixels, found 'a'"


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("'é'", "é"), ("True", True), ("3", 3), ("2.5", 2.5), ("[1, ('a', 2.0)]", [1, ["a", 2.0]]),
        ("image", {"image": 0, "box": [0, 0, 120, 80]}),
        ("[image.crop(10, 10, 20, 30)]", [{"image": 0, "box": [10, 10, 20, 30]}]),
    ],
)  # fmt: skip
def test_plain_values_and_patches_come_back_as_data(run: Any, expression: str, value: Any) -> None:
    execution = run.body(f"return {expression}")
    assert execution.value == value
    assert type(execution.value) is type(value)


def test_a_program_that_sleeps_runs_out_of_time(run: Any) -> None:
    with Sandbox(Limits(wall_seconds=0.5)) as sandbox:
        execution = run.within(sandbox).body("load('time').sleep(60)\nreturn 1")
    assert (execution.outcome, execution.message) == ("timeout", "more than 0.5 s")


def test_a_program_that_works_is_not_timed_out_by_a_slow_machine(run: Any) -> None:
    with Sandbox(Limits(cpu_seconds=20, wall_seconds=0.1)) as sandbox:
        execution = run.within(sandbox).body(
            "clock = load('time').process_time\nwhile clock() < 0.5: pass\nreturn 'done'"
        )
    assert execution.value == "done"
    assert execution.wall_seconds > 0.3


def test_the_clock_stands_still_while_models_answer(run: Any) -> None:
    def slow(requests: list[Request]) -> list[Any]:
        time.sleep(0.6)
        return run.answer(requests)

    with Sandbox(Limits(wall_seconds=0.5)) as sandbox:
        job = run.job("def execute_command(image): return image.simple_query('?')")
        ((_, execution),) = sandbox.run([job], slow)
    assert execution.value == "red"
    assert execution.calls[0].seconds >= 0.6


def test_the_clock_stands_still_while_replies_are_looked_up(run: Any) -> None:
    """For which a frame of a video may have to be decoded."""

    def slow(requests: Sequence[Request]) -> list[Any]:
        time.sleep(0.2)
        return list(run.answer(requests))

    with Sandbox(Limits(wall_seconds=0.5)) as sandbox:
        job = run.job("def execute_command(image): return [image.exists('cup') for _ in range(5)]")
        ((_, execution),) = sandbox.run([job], run.answer, slow)
    assert execution.value == [True] * 5
    assert execution.wall_seconds < 0.5


def test_the_clock_stands_still_while_the_caller_is_away(run: Any) -> None:
    with Sandbox(Limits(wall_seconds=0.3), parallel=4) as sandbox:
        program = "def execute_command(image): return sum(image.exists('x') for _ in range(20))"
        jobs = [run.job(program, key=number) for number in range(6)]
        outcomes = []
        for _, execution in sandbox.run(jobs, run.answer):
            outcomes.append(execution.outcome)
            time.sleep(0.4)
    assert outcomes == ["ok"] * 6


def test_both_a_handler_and_deafness_are_no_help_against_the_processor_limit(run: Any) -> None:
    with Sandbox(Limits(cpu_seconds=1)) as sandbox:
        execution = run.within(sandbox).body(
            "signal = load('signal')\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass"
        )
    assert execution.outcome == "timeout"
    assert execution.cpu_seconds < 5


def test_calls_of_programs_that_wait_together_are_answered_together(run: Any) -> None:
    sizes = []

    def answer(requests: list[Request]) -> list[Any]:
        sizes.append(len(requests))
        time.sleep(0.1)  # as a model would take; the other programs come to their calls meanwhile
        return run.answer(requests)

    program = "def execute_command(image): return [image.simple_query('?') for _ in range(4)]"
    executions = [e for _, e in run.sandbox.run([run.job(program, key=n) for n in range(8)], answer)]
    assert [execution.value for execution in executions] == [["red"] * 4] * 8
    assert sum(sizes) == 32
    assert max(sizes) > 1


def test_jobs_are_taken_as_there_is_room(run: Any) -> None:
    taken = []

    def jobs() -> Iterator[Job]:
        for number in range(1000):
            taken.append(number)
            yield run.job("def execute_command(image): return 1", key=number)

    for finished, _ in enumerate(run.sandbox.run(jobs(), run.answer)):
        assert len(taken) <= finished + 2 * run.sandbox.parallel
        if finished == 50:
            break


def test_abandoned_programs_are_ended(run: Any) -> None:
    spin = "def execute_command(image):\n    while True: pass"
    jobs = [run.job(spin if n else "def execute_command(image): return 1", key=n) for n in range(4)]
    finished = run.sandbox.run(jobs, run.answer)
    next(finished)
    finished.close()  # type: ignore[attr-defined]
    deadline = time.monotonic() + 20
    while run.processes and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not run.processes


def test_runs_can_be_nested(run: Any) -> None:
    jobs = [run.job("def execute_command(image): return image.exists('cup')", key=n) for n in range(20)]
    inner = [run.body("return len(image.find('cup'))").value for _ in run.sandbox.run(jobs, run.answer)]
    assert inner == [3] * 20


def test_a_hostile_neighbour_changes_nothing(run: Any) -> None:
    honest = "def execute_command(image): return len([p for p in image.find('cup') if p.verify_property('cup', 'red')])"
    bombs = (
        "def execute_command(image):\n    while True: pass",
        "def execute_command(image): return [0] * 10 ** 10",
        "def execute_command(image):\n    while True: print('x' * 10000)",
        "def execute_command(image):\n    while True: image.find('cup')",
    )
    jobs = [run.job(bombs[n // 2 % 4] if n % 2 else honest, key=n) for n in range(16)]
    values = [execution.value for job, execution in run.sandbox.run(jobs, run.answer) if job.key % 2 == 0]
    assert values == [3] * 8


def test_closing_leaves_no_process(run: Any) -> None:
    with Sandbox() as sandbox:
        zygote = run.within(sandbox).zygote
        run.within(sandbox).body("return 1")
    assert not Path(f"/proc/{zygote}").exists()
    sandbox.close()


def test_numpy_is_there_where_it_is_asked_for(run: Any) -> None:
    body = """
import numpy as np
values = np.random.default_rng(0).random(3)
part = image.crop(np.int64(1), np.float64(1), 50, 50)
return [np.float64(values.size), np.int64(np.argmax(values)), np.bool_(True), part.width, np.linalg.norm([3, 4])]"""
    with Sandbox(numpy=True) as sandbox:
        execution = run.within(sandbox).body(body)
    assert execution.outcome == "ok", execution.message
    assert execution.value[0] == 3.0
    assert execution.value[2:] == [True, 49.0, 5.0]


@pytest.mark.parametrize("signature", ["execute_command()", "execute_command(picture)", "answer(image)"])
def test_an_unknown_signature_is_the_users_fault(run: Any, signature: str) -> None:
    with pytest.raises(UserFault, match="signature"):
        run("def execute_command(image): return 1", signature=signature)


@pytest.mark.parametrize("parallel", [0, 10_000])
def test_an_impossible_number_of_programs_is_the_users_fault(parallel: int) -> None:
    with pytest.raises(UserFault, match="expected 1 to"):
        Sandbox(parallel=parallel)
