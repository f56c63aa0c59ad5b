"""Runs one untrusted program on one instance in one locked process.

    host.py      Sandbox: what the rest of the host uses
    loop.py      the event loop that answers programs' calls and hears how they end
    run.py       Job, and the state and verdict of one run
    keeper.py    the host's handle on the zygote
    outer.py     bubblewrap around the zygote, where a second wall is wanted
    zygote.py    the process all programs are forked from (its own script; no host code)
    lock.py      the boundary: resource limits, Landlock, seccomp
    syscalls.py  the system calls that are left, on x86-64 (run and tested) and aarch64 (checked against the kernel's
                 tables and in a reader of the filter, not run)
    probes.py    the self-test of the boundary
    child.py     what runs inside: compile, run, report
    trace.py     changed variables per line, from inside
    protocol.py  frames between the two sides

Threat model
------------
The adversary is the program: any Python text, by a policy that is paid for right answers and has read this code. It has
full control of its own process, interpreter and memory included; nothing that Python itself forbids is relied on.

Promised, with the whole lock in force (`Sandbox.isolation` says what is; a self-test at the start refuses otherwise):

* It cannot learn an annotation but by asking perception about its own images: no file, no environment, no network, no
  other process, and no process it was forked from ever held one.
* It cannot be paid but by a value: messages have no field that means "right", values are parsed by the host, of exact
  plain types, and judged there. What breaks the protocol earns nothing.
* It cannot change what another program does, sees or earns, nor what the next one finds: processes are never shared.
* It cannot leave anything behind: no file, no process, no signal; handles and memory go with its process.
* It cannot stop or slow the host for longer than its limits: processor time, wall time (which stands still while the
  host owes it a reply), memory, calls, handles and bytes are bounded, and the host never waits for a program.
* It cannot have itself run again: `infrastructure` is for the machine's faults, and only the host says so.

Not promised: faults of the kernel in the calls that are left (a reason for the outer wall); side channels of the
processor and of timing (the clock can be read); that the trace, which the program's process tells, is true; that a
value which happens to be right was not guessed; any isolation on macOS and Windows, where the sandbox refuses to start.
"""

from visrep.env.sandbox.host import Sandbox
from visrep.env.sandbox.limits import Limits
from visrep.env.sandbox.run import Job

__all__ = ["Job", "Limits", "Sandbox"]
