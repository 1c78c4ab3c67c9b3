"""Around the whole application: who is answered, what every answer says to a browser, and how a fault is told."""

import ipaddress
import sys
import traceback
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.serving.messages import error

HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def is_loopback(name: str) -> bool:
    """Whether ``name``, a host's name or address, is this machine's own."""
    try:
        return name.lower() == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


class Guard:
    """Answers for ``app``; with ``local`` only requests that name this machine as their host.

    Any page of the web may have its own name resolved to 127.0.0.1 (DNS rebinding) and would then read the answers
    as its own; the name stays in the request. Bodies of more than ``most`` bytes are refused: by their announced
    size before a byte is read, else as soon as too many have come.
    """

    def __init__(self, app: ASGIApp, local: bool, most: int) -> None:
        self.app, self.local, self.most = app, local, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, refuse, or tell of a fault."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        headers = Headers(scope=scope)
        answer = self.app
        if self.local and not is_loopback(_host(headers)):
            answer = error(421, "this server answers for localhost and 127.0.0.1 alone")
        elif int(headers.get("content-length", 0)) > self.most:
            answer = error(413, self._too_large)
        try:
            await answer(scope, self._counted(receive), with_headers)
        except Exception as fault:
            # The client has had its answer; an exception's own words might quote a text.
            place = traceback.extract_tb(fault.__traceback__)[-1]
            where = f"{scope['method']} {type(fault).__name__} at {place.filename}:{place.lineno}"
            print(f"graft: serve: a request failed: {where}", file=sys.stderr, flush=True)

    def _counted(self, receive: Receive) -> Receive:
        come = 0

        async def counted() -> Message:
            nonlocal come
            message = await receive()
            come += len(message.get("body", b""))
            if come > self.most:
                raise HTTPException(413, self._too_large)
            return message

        return counted

    @property
    def _too_large(self) -> str:
        return f"the body has more than {self.most} bytes; send fewer texts a request"


def _host(headers: Headers) -> str:
    try:
        return urlsplit("//" + headers.get("host", "")).hostname or ""
    except ValueError:
        return ""
