"""Asking servers: real ones over HTTP that are slow, silent, hung or gone. What vLLM itself says: test_vllm.py."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from visrep.policy.client import Client, Lost, Reply, ask

PATIENCE = 2.0
Write = Callable[[dict[str, Any]], dict[str, Any] | None]
"""The reply to a request; None gives none for as long as the server is there."""


@contextmanager
def server(write: Write, counted: Callable[[], float] | None = None) -> Iterator[Client]:
    """A client of a server that writes so and has computed so many tokens; without `counted` it never tells."""
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            reply = write(request)
            if reply is None:
                over.wait()
                return
            self._send("application/json", json.dumps(reply))

        def do_GET(self) -> None:
            if counted is None:
                over.wait()
                return
            lines = (f'vllm:generation_tokens_total{{engine="{engine}"}} {counted() / 2}' for engine in range(2))
            self._send("text/plain", "# TYPE vllm:generation_tokens_total counter\n" + "\n".join(lines) + "\n")

        def _send(self, kind: str, text: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: Any) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.daemon_threads = True
    threading.Thread(target=running.serve_forever, daemon=True).start()
    client = Client(f"http://127.0.0.1:{running.server_port}", "key", PATIENCE)
    try:
        yield client
    finally:
        over.set()
        running.shutdown()
        running.server_close()
        client.close()


def asked(*clients: Client, count: int = 6, width: int = 2) -> list[Reply]:
    return list(ask(clients, range(count), lambda index: {"number": index}, width))


def echo(request: dict[str, Any]) -> dict[str, Any]:
    return {"number": request["number"]}


def test_every_request_is_answered_once_by_one_of_the_servers() -> None:
    with server(echo) as one, server(echo) as other:
        replies = asked(one, other)
    assert sorted((reply.index, reply.body["number"]) for reply in replies) == [(n, n) for n in range(6)]


def test_no_more_requests_are_under_way_than_were_allowed() -> None:
    lock, running, most = threading.Lock(), 0, 0

    def write(request: dict[str, Any]) -> dict[str, Any]:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.05)
        with lock:
            running -= 1
        return echo(request)

    with server(write) as client:
        asked(client, count=12, width=3)
    assert most == 3


def test_a_server_that_says_nothing_at_all_is_lost() -> None:
    with server(lambda request: None) as client, pytest.raises(Lost, match="timed out"):
        asked(client)


def test_a_server_that_is_busy_is_waited_for() -> None:
    begin = time.monotonic()

    def write(request: dict[str, Any]) -> dict[str, Any]:
        time.sleep(3 * PATIENCE)
        return echo(request)

    with server(write, counted=lambda: time.monotonic() - begin) as client:
        assert len(asked(client, count=1)) == 1


def test_a_server_that_answers_but_computes_nothing_is_lost_in_the_end() -> None:
    with server(lambda request: None, counted=lambda: 7.0) as client, pytest.raises(Lost, match="computed nothing"):
        asked(client)


def test_a_server_that_is_gone_is_lost_at_once() -> None:
    with server(echo) as client:
        pass
    with pytest.raises(Lost, match="refused"):
        asked(client)


def test_counters_are_summed_over_the_engines_of_a_server() -> None:
    with server(echo, counted=lambda: 12.0) as client:
        assert client.counters() == {"generation_tokens": 12.0}


def test_whoever_stops_reading_replies_is_not_held_up() -> None:
    begun = threading.Event()

    def write(request: dict[str, Any]) -> dict[str, Any] | None:
        if request["number"]:
            begun.set()
            return None
        return echo(request)

    with server(write) as client:
        for reply in ask([client], range(6), lambda index: {"number": index}, 2):
            assert reply.index == 0
            assert begun.wait(60)
            break
