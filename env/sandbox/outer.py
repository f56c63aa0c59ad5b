"""bubblewrap around the zygote: an optional second wall, should the first have a hole.

Inside it there are the interpreter's folders, read-only, an empty /tmp, and no other process, user or network. It is
put around the zygote once, so that programs cost no more. Whether it can be had is found out by running it: a container
or a kernel setting may refuse what is installed.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from typing import Literal

from visrep.env.faults import UserFault

Outer = Literal["none", "bwrap"]

_LIBRARIES = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/etc/ld.so.cache")
_TRIAL_SECONDS = 60.0


def wrapped(command: Sequence[str], folders: Iterable[str]) -> list[str]:
    """The command inside bubblewrap, with these folders readable. Raises UserFault where it cannot be run here."""
    program = shutil.which("bwrap")
    if program is None:
        raise UserFault("sandbox.outer is 'bwrap', but bwrap is not there; install bubblewrap or set it to 'none'")
    walls = [program, *_walls((*_LIBRARIES, sys.base_prefix, sys.prefix, *folders)), "--"]
    trial = subprocess.run(
        [*walls, sys.executable, "-S", "-c", ""], capture_output=True, text=True, timeout=_TRIAL_SECONDS, cwd="/"
    )
    if trial.returncode != 0:
        said = " ".join(trial.stderr.split())[:300] or f"exit status {trial.returncode}"
        raise UserFault(f"sandbox.outer is 'bwrap', but it does not run here ({said}); allow it or set it to 'none'")
    return [*walls, *command]


def _walls(folders: Iterable[str]) -> list[str]:
    binds = [word for folder in dict.fromkeys(folders) for word in ("--ro-bind-try", folder, folder)]
    return [
        "--unshare-all", "--unshare-user", "--uid", "65534", "--gid", "65534", "--die-with-parent", "--new-session",
        "--tmpfs", "/tmp", *binds, "--proc", "/proc", "--dev", "/dev", "--chdir", "/",
    ]  # fmt: skip
