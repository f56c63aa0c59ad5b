"""Runs one untrusted program on one instance in one locked process.

    host.py      Sandbox: the event loop that answers programs' calls and hears how they end
    run.py       Job, and the state and verdict of one run
    keeper.py    the host's handle on the zygote
    zygote.py    the process all programs are forked from (its own script; no host code)
    lock.py      the boundary: resource limits, Landlock, seccomp
    probes.py    the self-test of the boundary
    child.py     what runs inside: compile, run, report
    trace.py     changed variables per line, from inside
    protocol.py  frames between the two sides

The process is the boundary; nothing that Python itself forbids is relied on. Annotations never enter a process that
runs, or was forked from one that holds, a program. Only the host judges.
"""

from visrep.env.sandbox.host import Sandbox
from visrep.env.sandbox.limits import Limits
from visrep.env.sandbox.run import Job

__all__ = ["Job", "Limits", "Sandbox"]
