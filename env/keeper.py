"""Keeps a server for as long as its owner lives: `python keeper.py FOLDER COMMAND...`, stdin a pipe from the owner.

The pipe closes however the owner ends, `kill -9` included, and then everything the server started ends with it, and is
waited for: once this process is gone, so is all that they held. The kernel's parent-death signal alone would not do:
it comes when the starting *thread* ends, and reaches no grandchildren, of which a sampling server has several. FOLDER
is where the server's temporary files go, sockets and what its owner has put there among them; it goes when the server
does. Run as a file, with the standard library alone, so that it starts at once.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import threading

_GRACE_SECONDS = 15.0
"""What a server gets to give back shared memory and device before it is killed."""
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_libc = ctypes.CDLL(None)


def keep(folder: str, command: list[str]) -> int:
    """Run the command until it ends or stdin does, then end all its descendants and remove the folder; return the
    command's exit code."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)  # descendants whose parents die become children, and can be waited for
    try:
        server = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            process_group=0,
            preexec_fn=_end_with_keeper,
            env=os.environ | {"TMPDIR": folder},
        )
        threading.Thread(target=_follow_owner, args=(server,), daemon=True).start()
        code = server.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while True:
                os.wait()
        return code
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _end_with_keeper() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # should this process be killed itself


def _follow_owner(server: subprocess.Popen[bytes]) -> None:
    while os.read(0, 1):  # not through `sys.stdin`, whose lock would be held when this process ends by itself
        pass
    server.terminate()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGCONT)  # one that was stopped would not hear of it
    try:
        server.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()


if __name__ == "__main__":
    os.setsid()  # out of reach of the terminal's Ctrl-C
    sys.exit(keep(sys.argv[1], sys.argv[2:]) and 1)
