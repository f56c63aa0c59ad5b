"""What only the host may say: programs that forge messages, claim outcomes or die."""

import os
import resource
import signal
import time
from typing import Any

import pytest

from visrep.env.perception import Request
from visrep.env.sandbox import Limits, Sandbox
from visrep.env.types import Execution


@pytest.mark.parametrize("claim", ["timeout", "crash", "protocol", "infrastructure", "call_limit", "wrong_answer", "x"])
def test_a_program_cannot_claim_what_only_the_host_can_know(run: Any, claim: str) -> None:
    assert run.body(f'frame(b\'["result","{claim}",1,"",null]\')\nreturn 1').outcome == "protocol"


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 50_000, b"{}", b"[]", b"null", b'["ready"]', b"\xff\xfe", b'["result"]', b'["call","find"]',
        b'["result","ok",NaN,"",null]', b'["result","ok",1e999,"",null]', b'["result","ok",null,"",null]',
        b'["result","ok",' + b"9" * 5000 + b',"",null]', b'["result","ok",{"patch":99},"",null]',
        b'["result","ok",{"image":0,"box":[0,0,1,1]},"",null]', b'["result","ok",1,"",1.5]',
        b'["result","ok",[[[[[1]]]]],"",null]', b'["trace",[]]', b'["call","find",[99,"cup"]]',
        b'["call","find",[true,"cup"]]', b'["call","__init__",[0]]', b'["call","find",[0]]',
        b'["call","best_image_match",[[],["cup"]]]', b'["call","select_answer",["known","what"]]',
        b'["call","frame_from_index",[0,1]]',
    ],
    ids=lambda body: body[:40].decode("latin-1"),
)  # fmt: skip
def test_a_forged_message_is_a_protocol_fault(run: Any, body: bytes) -> None:
    assert run.body(f"frame({body!r})\nreturn 'yes'").outcome == "protocol"


def test_a_frame_that_claims_to_be_endless_is_refused_unread(run: Any) -> None:
    assert run.body("load('os').write(3, b'\\xff\\xff\\xff\\x7f')\nwhile True: pass").outcome == "protocol"


def test_the_first_result_counts(run: Any) -> None:
    execution = run.body('frame(b\'["result","ok","first","",null]\')\nreturn \'second\'')
    assert (execution.outcome, execution.value) == ("ok", "first")


def test_a_process_that_stays_after_its_result_is_ended(run: Any) -> None:
    started = time.monotonic()
    execution = run.body('frame(b\'["result","ok","first","",null]\')\nload(\'time\').sleep(600)')
    assert execution.value == "first"
    assert time.monotonic() - started < 30


def test_a_second_call_before_the_reply_is_a_protocol_fault(run: Any) -> None:
    call = """b'["call","exists",[0,"cup"]]'"""
    twice = f"load('os').write(3, 2 * (load('struct').pack('<I', len({call})) + {call}))"
    assert run.body(f"{twice}\nload('time').sleep(600)").outcome == "protocol"


@pytest.mark.parametrize(
    ("death", "outcome"),
    [
        ("load('os')._exit(0)", "crash"),  # never success
        ("load('os')._exit(1)", "crash"),
        ("load('os')._exit(12)", "memory"),  # what a process says that has no memory left to speak
        ("load('ctypes').string_at(0)", "crash"),
        ("load('os').close(3)\nwhile True: pass", "timeout"),
        ("load('os').close(3)\nreturn 1", "crash"),
        ("load('os').write(3, b'\\x08\\x00')\nload('os')._exit(0)", "crash"),
    ],
)
def test_a_death_without_a_result_is_the_programs_fault(run: Any, death: str, outcome: str) -> None:
    assert run.body(death).outcome == outcome


def test_a_process_killed_from_outside_is_the_machines_fault(run: Any) -> None:
    found: list[int] = []

    def kill(requests: list[Request]) -> list[Any]:
        found.extend(run.processes)
        for pid in found:
            os.kill(pid, signal.SIGKILL)
        return run.answer(requests)

    job = run.job("def execute_command(image): return image.simple_query('?')")
    ((_, execution),) = run.sandbox.run([job], kill)
    assert len(found) == 1
    assert execution.outcome == "infrastructure"


def test_a_process_killed_while_it_holds_much_memory_is_its_own_fault(run: Any) -> None:
    """What the kernel does where memory runs out."""

    def kill(requests: list[Request]) -> list[Any]:
        for pid in run.processes:
            os.kill(pid, signal.SIGKILL)
        return run.answer(requests)

    job = run.job("def execute_command(image):\n    held = b'x' * (300 << 20)\n    return image.simple_query('?')")
    ((_, execution),) = run.sandbox.run([job], kill)
    assert (execution.outcome, execution.message) == ("memory", f"killed while holding {_megabytes(execution)} MB")
    assert int(_megabytes(execution)) >= 300


def _megabytes(execution: Execution) -> str:
    return execution.message.split()[-2]


def test_a_lost_zygote_is_the_machines_fault_and_is_replaced(run: Any) -> None:
    def kill(requests: list[Request]) -> list[Any]:
        os.kill(run.within(sandbox).zygote, signal.SIGKILL)
        return run.answer(requests)

    with Sandbox() as sandbox:
        job = run.job("def execute_command(image): return image.simple_query('?')")
        ((_, lost),) = sandbox.run([job], kill)
        ((_, again),) = sandbox.run([job], run.answer)
    assert (lost.outcome, again.outcome) == ("infrastructure", "ok")


def test_a_process_that_hangs_up_with_a_call_pending_disturbs_nobody(run: Any) -> None:
    rude = "import random\ndef execute_command(image):\n"
    rude += '    random._os.write(3, b\'\\x16\\0\\0\\0["call","exists",[0,1]]\')\n    random._os.close(3)\n    return 1'
    polite = "def execute_command(image): return sum(image.exists('cup') for _ in range(9))"
    jobs = [run.job(rude if number % 2 else polite, key=number) for number in range(20)]
    found = {job.key: execution for job, execution in run.sandbox.run(jobs, run.answer)}
    assert [found[number].value for number in range(0, 20, 2)] == [9] * 10
    assert {found[number].outcome for number in range(1, 20, 2)} <= {"crash", "protocol"}


def test_what_is_sent_after_the_result_is_dropped(run: Any) -> None:
    body = "frame(b'[\"result\",\"ok\",7,\"\",null]')\nfor _ in range(2000): load('os').write(3, b'x' * 65536)"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert run.body(body).value == 7
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # kilobytes; all of it would be 128,000


def test_what_a_process_may_send_is_bounded(run: Any) -> None:
    with Sandbox(Limits(calls=10**6, sent_bytes=20_000)) as sandbox:
        execution = run.within(sandbox).body("for n in range(1, 10**5): image.exists('cup' * n)")
    assert (execution.outcome, execution.message) == ("call_limit", "sent more than 20000 bytes")
    assert len(execution.calls) < 400


def test_no_code_for_a_terminal_is_kept(run: Any) -> None:
    execution = run.body("raise ValueError('\\x1b[2J\\x07 gone\\u202e')")
    assert execution.message == "ValueError: ?[2J? gone?"


@pytest.mark.parametrize("line", ["0", "-7", "true", "1e3", "9" * 4000, '"4"'])
def test_a_line_that_no_program_has_is_a_violation(run: Any, line: str) -> None:
    assert run.body(f'frame(b\'["result","runtime_error",null,"",{line}]\')').outcome == "protocol"
