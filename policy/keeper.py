"""Keeps a server for as long as its owner lives: `python keeper.py COMMAND...`, with a pipe from the owner as stdin.

The pipe closes however the owner ends, `kill -9` included, and then everything the server started ends with it. The
kernel's parent-death signal would not do: it comes when the starting *thread* ends, and reaches no grandchildren, of
which a sampling server has several. Run as a file, with the standard library alone, so that it starts at once.
"""

import os
import signal
import subprocess
import sys
import threading

_GRACE_SECONDS = 15.0
"""What a server gets to give back shared memory and device before it is killed."""


def keep(command: list[str]) -> None:
    """Run the command until it ends or stdin does, then end the whole process group, oneself included."""
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    threading.Thread(target=_follow_owner, args=(server,), daemon=True).start()
    server.wait()
    os.killpg(0, signal.SIGKILL)


def _follow_owner(server: subprocess.Popen[bytes]) -> None:
    sys.stdin.buffer.read()
    server.terminate()
    try:
        server.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    os.setsid()  # a group of our own: ours to end as a whole, and out of reach of the terminal's Ctrl-C
    keep(sys.argv[1:])
