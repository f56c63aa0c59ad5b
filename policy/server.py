"""A vLLM server as a child: started, known to be ready, read when it dies, ended with its owner.

Not an engine: `vllm.py` talks to it. The server runs out of process because its memory and its faults are then its
own, and because stopping it gives the whole device back to training.
"""

import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import requests

from visrep.env import keeper
from visrep.env.faults import MachineFault, UserFault
from visrep.policy.arguments import cpu_environment

_HOST = "127.0.0.1"
_TELLING = re.compile(r"\w(Error|Exception): ")
_READY_SECONDS = 1800.0
"""Loading a large model from a slow disk takes many minutes; a server that fails ends by itself much sooner."""


class Server:
    """One running server of `model`. `url` and `key` are how to reach it. Raises a Fault if it does not get ready."""

    def __init__(self, model: Path, log: Path, port: int, arguments: Sequence[str]) -> None:
        self.log = log
        self.key = secrets.token_hex(16)
        port = _free_port(port)
        self.url = f"http://{_HOST}:{port}"
        log.parent.mkdir(parents=True, exist_ok=True)
        self._begin = log.stat().st_size if log.exists() else 0
        command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(model)]
        command += ["--served-model-name", "base", "--host", _HOST, "--port", str(port), *arguments]
        self._folder = tempfile.mkdtemp(prefix="visrep-")
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                [sys.executable, keeper.__file__, self._folder, *command],
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=cpu_environment() | os.environ | _environment(self.key),
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def alive(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        """End the server and wait until its memory is free."""
        assert self._process.stdin is not None
        self._process.send_signal(signal.SIGCONT)  # one that was stopped would not see that it is to end
        self._process.stdin.close()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)  # should the keeper have been killed itself

    def last_words(self) -> str:
        """What this server's log says of why it died, and where to read the rest."""
        with self.log.open("rb") as file:
            file.seek(self._begin)
            lines = file.read().decode(errors="replace").splitlines()
        last = max((number for number, line in enumerate(lines) if _TELLING.search(line)), default=len(lines) - 1)
        # What a validation error is about stands in the lines after it.
        words = " ".join(line.strip() for line in lines[max(last, 0) : last + 3])
        return f"{words[:400] or 'it said nothing'} (log: {self.log})"

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        session = requests.Session()
        session.trust_env = False  # a proxy in the environment is not for this
        while time.monotonic() < deadline:
            if not self.alive():
                raise MachineFault(f"the vLLM server did not start: {self.last_words()}")
            try:
                # Asking with the key makes sure that it is this server, not another that took the port meanwhile.
                reply = session.get(
                    f"{self.url}/v1/models", headers={"Authorization": f"Bearer {self.key}"}, timeout=10
                )
                if reply.status_code == 200:
                    return
            except requests.RequestException:
                pass
            time.sleep(0.1)
        raise MachineFault(f"the vLLM server was not ready after {_READY_SECONDS:.0f} s: {self.last_words()}")


def _environment(key: str) -> dict[str, str]:
    return {
        "VLLM_API_KEY": key,  # in the environment, as command lines can be read by everybody on the machine
        "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True",
        "VLLM_NO_USAGE_STATS": "1",
        "HF_HUB_OFFLINE": "1",  # the model is a local folder: nothing is to be fetched
        "PYTHONSAFEPATH": "1",  # else a folder named `vllm` or `train` where the user stands would be imported
    }


def _free_port(port: int) -> int:
    """The port itself, checked to be free, or any free one for 0."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError as error:
            raise UserFault(f"port {port} is not to be had ({error.strerror}); name a free one, or 0 for any") from None
        number: int = probe.getsockname()[1]
        return number
