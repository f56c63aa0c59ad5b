"""Where the studio listens, whom it asks for a token, and how long it serves."""

import errno
import secrets
import socket
from ipaddress import ip_address
from urllib.parse import quote

import uvicorn
from starlette.types import ASGIApp

from visrep.env.faults import UserFault
from visrep.train.studio.door import is_local

_GRACE = 1
"""Seconds that open pages get at the end: each holds a connection for as long as it is shown."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there, on any free port for 0. Raises UserFault where it cannot."""
    try:
        family, *_, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(place[:2], family=family)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise UserFault(f"port {port} of {host} is taken; choose another with --port, or 0 for any") from None
        why = error.strerror or str(error)
        raise UserFault(f"cannot listen on {host}, port {port}: {why}; choose another --host or --port") from None


def token_for(listening: socket.socket, wanted: str | None) -> str | None:
    """What to ask visitors for: what is wanted; where that is nothing and others could come, a text that nobody can
    guess; else nothing. Raises UserFault for an empty one."""
    if wanted is not None and not wanted.strip():
        raise UserFault("--token is empty; give a text that nobody can guess, or leave it out")
    if wanted is None and not is_local(listening.getsockname()[0]):
        return secrets.token_urlsafe(24)
    return wanted


def address(listening: socket.socket, host: str, token: str | None) -> str:
    """What to open in a browser; `host` is what it was told to listen on."""
    bound, port, *_ = listening.getsockname()
    name = socket.gethostname() if ip_address(bound).is_unspecified else host
    shown = f"[{name}]" if ":" in name else name
    return f"http://{shown}:{port}/" + (f"?token={quote(token, safe='')}" if token else "")


def serve(listening: socket.socket, app: ASGIApp) -> None:
    """Serve until the process is told to end."""
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=_GRACE)
    uvicorn.Server(config).run(sockets=[listening])
