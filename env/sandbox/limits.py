"""What one program on one instance may use up."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one run. Going over one is the program's outcome, not an error of the host.

    `cpu_seconds` is processor time; the kernel stops a process at the next whole second, and a run that ended above
    the limit in between is a timeout too. `wall_seconds` stands still while the host owes the program a reply, and a
    program that is kept from a busy processor gets more of it: how loaded a machine is must not change rewards.
    """

    cpu_seconds: float = 2.0
    wall_seconds: float = 10.0
    memory_mb: int = 1024
    calls: int = 256
    patches: int = 4096
    source_bytes: int = 65536


DEFAULT = Limits()
