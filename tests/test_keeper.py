import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from visrep.env import keeper

SERVER = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(float(sys.argv[1]))
"""
OWNER = f"""
import subprocess, sys, tempfile, time
folder = tempfile.mkdtemp(prefix="visrep-")
kept = subprocess.Popen([sys.executable, {keeper.__file__!r}, folder, sys.executable, "-c", {SERVER!r}, "600"],
                        stdin=subprocess.PIPE)
print(folder, kept.pid, flush=True)
time.sleep(600)
"""


def gone(pid, seconds=30.0):
    """Whether the process ends in that time; one that waits to be reaped has ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.05)
    return False


def keeping(code, *arguments):
    """A keeper of a server that runs this code, with a folder of its own."""
    folder = tempfile.mkdtemp(prefix="visrep-")
    command = [sys.executable, keeper.__file__, folder, sys.executable, "-c", code, *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def kept(seconds):
    process = keeping(SERVER, str(seconds))
    return process, int(process.stdout.readline())


def test_closing_the_pipe_ends_the_server_and_its_children():
    process, grandchild = kept(600)
    process.stdin.close()
    assert gone(process.pid)
    assert gone(grandchild)
    process.wait()


def test_children_of_a_server_that_ends_by_itself_end_too():
    process, grandchild = kept(0.2)
    assert gone(process.pid)
    assert gone(grandchild)
    process.wait()


def test_nothing_outlives_an_owner_that_is_killed():
    owner = subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE)
    folder, pid = owner.stdout.readline().decode().split()
    grandchild = int(owner.stdout.readline())
    assert Path(folder).is_dir()
    owner.kill()
    owner.wait()
    assert gone(int(pid))
    assert gone(grandchild)
    assert not Path(folder).exists()


def test_nothing_outlives_a_keeper_that_is_killed():
    process, grandchild = kept(600)
    server = int(Path(f"/proc/{grandchild}/stat").read_text().rpartition(")")[2].split()[1])
    process.kill()
    process.wait()
    assert gone(server)
    shutil.rmtree(process.args[2])  # which is its owner's to remove then


def test_when_the_keeper_is_gone_so_is_everything():
    process, grandchild = kept(600)
    process.stdin.close()
    process.wait()
    assert not Path(f"/proc/{grandchild}").exists()


def test_ctrl_c_at_the_owners_terminal_does_not_reach_the_server():
    process, grandchild = kept(600)
    assert os.getsid(grandchild) == process.pid != os.getsid(0)
    process.stdin.close()
    process.wait()


def test_a_server_that_ignores_the_polite_way_is_killed():
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(0, flush=True); time.sleep(600)"
    )
    process = keeping(stubborn)
    process.stdout.readline()
    process.stdin.close()
    assert process.wait(timeout=150) == 1


def test_a_server_that_was_stopped_is_ended_politely():
    polite = (
        "import os, signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit()); "
        "print(os.getpid(), flush=True); time.sleep(600)"
    )
    process = keeping(polite)
    os.kill(int(process.stdout.readline()), signal.SIGSTOP)
    started = time.monotonic()
    process.stdin.close()
    process.wait()
    assert time.monotonic() - started < keeper._GRACE_SECONDS


def test_what_a_killed_server_leaves_in_its_temporary_folder_goes_with_it():
    leaves = (
        "import os, signal, tempfile; print(tempfile.mkstemp()[1], flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    process = keeping(leaves)
    left = Path(process.stdout.readline().decode().strip())
    process.wait()
    assert left.parent != Path(tempfile.gettempdir())
    assert not left.parent.exists()
