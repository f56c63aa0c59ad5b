"""What one program on one instance may use up."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one run. Going over one is the program's outcome, not an error of the host.

    `cpu_seconds` is processor time; the kernel stops a process at the next whole second, and a run that ended above
    the limit in between is a timeout too. `wall_seconds` is time that a program neither works nor waits for a
    processor, and stands still while the host owes it a reply: how loaded a machine is must not change rewards.
    `calls` counts a call that asks a model several things as so many. `sent_bytes` bounds what a process may send.
    """

    cpu_seconds: float = 2.0
    wall_seconds: float = 10.0
    memory_mb: int = 1024
    calls: int = 256
    patches: int = 4096
    source_bytes: int = 65536
    sent_bytes: int = 1024 * 1024


DEFAULT = Limits()
