"""The course of programs that failed, line by line, so that a person can see what went wrong."""

from collections.abc import Sequence
from typing import Any

from visrep.env.faults import MachineFault
from visrep.env.perception import Request
from visrep.env.perception.video import DEFAULT, FrameRate, pictures
from visrep.env.sandbox import Job, Sandbox
from visrep.env.types import Rollout, Task


def retrace(sandbox: Sandbox, rollout: Rollout, task: Task, rate: FrameRate = DEFAULT) -> list[tuple[Any, ...] | None]:
    """For each instance that earned nothing its steps, `[line, {name: shown value}]`: the local variables that changed
    before the line ran; None for the others. The program runs again, on the replies that it got then; videos have to be
    sampled at the rate that they had then."""
    failed = [index for index, score in enumerate(rollout.scores) if score.reward == 0]
    courses: list[tuple[Any, ...] | None] = [None] * len(rollout.scores)
    jobs = (
        Job(
            index,
            rollout.program,
            pictures(task.instances[index], rate),
            task.question.signature,
            task.question.options,
            trace=True,
            replay=rollout.executions[index].calls,
        )
        for index in failed
    )
    for job, execution in sandbox.run(jobs, _no_model):
        courses[job.key] = execution.trace
    return courses


def _no_model(requests: Sequence[Request]) -> list[Any]:
    raise MachineFault(f"a recorded program asked {requests[0].method!r} of a model")
