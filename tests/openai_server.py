"""A server that speaks OpenAI's protocol, for as long as a `with` lasts. Used through runpy."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = tuple[int, Any]
"""Status, and JSON or a text to send as it is."""


def said(text: str, tops: dict[str, float] | None = None) -> Reply:
    """A chat completion, with the first token's log-probabilities where some are given."""
    listed = [{"token": token, "logprob": logprob} for token, logprob in (tops or {}).items()]
    logprobs = {"content": [{"token": text[:1], "top_logprobs": listed}]} if tops else None
    return 200, {"choices": [{"message": {"role": "assistant", "content": text}, "logprobs": logprobs}]}


def by_chance(request: Any) -> Reply:
    """Another answer to another request, and always the same to the same."""
    digest = hashlib.sha256(json.dumps(request["messages"]).encode()).digest()
    return said(f"answer {digest[0]}", {letter: -1.0 - byte / 64 for letter, byte in zip("ABC", digest, strict=False)})


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # connections that wait; of more than that some are lost


@contextmanager
def served(
    reply: Callable[[Any], Reply] = by_chance,
    models: Any = ({"id": "tiny", "root": "hub/tiny"},),
    key: str | None = None,
) -> Iterator[str]:
    """The address of a server that lists these models and answers so; with `key`, only those who have it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send((200, {"data": list(models)}) if self.path == "/v1/models" else (404, "no such page"))

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._send(reply(request) if self.path == "/v1/chat/completions" else (404, "no such page"))

        def _send(self, told: Reply) -> None:
            if key is not None and self.headers["Authorization"] != f"Bearer {key}":
                told = 401, {"error": {"message": "wrong key"}}
            self.send_response(told[0])
            self.end_headers()
            self.wfile.write((told[1] if isinstance(told[1], str) else json.dumps(told[1])).encode())

        def log_message(self, *_: Any) -> None:
            pass

    running = _Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{running.server_port}"
    finally:
        running.shutdown()
        running.server_close()
