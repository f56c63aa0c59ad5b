"""Who is let in: an ASGI application in front of the page's own.

With a token, whoever has it: the address with `?token=` gives the browser a cookie, and nothing is answered without the
one or the other. Without one, which is for a studio on this machine alone, requests have to be addressed to this
machine by name, so that no other site's name can be turned to it, and to come from the studio's own page.

Gradio's own log-in asks for a name and a password, and leaves its static files open; one check before everything is
both simpler and easier to be sure of.
"""

import hashlib
import hmac
import ipaddress
from urllib.parse import urlsplit

from fastapi.requests import HTTPConnection
from fastapi.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

_FILES = ("/gradio_api/file", "/gradio_api/upload", "/gradio_api/proxy", "/gradio_api/stream")
"""Gradio's ways in and out for files. The page's images are in its text, and it takes none."""


class Door:
    """Lets those requests through to `page` that may pass; `token` is what to ask for, None for nothing."""

    def __init__(self, page: ASGIApp, token: str | None) -> None:
        self._page = page
        self._digest = None if token is None else _digest(token)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":  # the page needs none
            await send({"type": "websocket.close", "code": 1008})
            return
        answer = self._answer(HTTPConnection(scope)) if scope["type"] == "http" else None
        await (answer or self._page)(scope, receive, send)

    def _answer(self, request: HTTPConnection) -> Response | None:
        """What is said in place of the page; None where the request may pass."""
        if self._digest is not None:
            return self._asked(request, self._digest) or _no_files(request)
        if not is_local(request.url.hostname or ""):
            return PlainTextResponse("this studio is for its own machine; open it by the address that it gave\n", 403)
        origin = request.headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
            return PlainTextResponse("another site may not use this studio\n", 403)
        return _no_files(request)

    def _asked(self, request: HTTPConnection, digest: str) -> Response | None:
        cookie = f"visrep_studio_{request.url.port}"
        token = request.query_params.get("token")
        if token is not None and hmac.compare_digest(_digest(token), digest):
            response = RedirectResponse("/", 303)
            response.set_cookie(cookie, digest, httponly=True, samesite="lax")
            return response
        if hmac.compare_digest(request.cookies.get(cookie, "").encode(), digest.encode()):
            return None
        return PlainTextResponse("the studio asks for its token; open the address that `visrep studio` gave\n", 401)


def is_local(host: str) -> bool:
    """Whether a name or address can only mean the machine itself."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _no_files(request: HTTPConnection) -> Response | None:
    if request.scope["path"].startswith(_FILES):
        return PlainTextResponse("the studio gives and takes no files\n", 403)
    return None


def _digest(token: str) -> str:
    """A cookie cannot hold every text; and digests are of one length."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()
