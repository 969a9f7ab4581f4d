"""The guard in front of the page: who may ask, and what a browser may do with the answer.

A page on 127.0.0.1 is not private by itself: any site that the person visits can make his browser send requests there,
under a foreign name (DNS rebinding) or from a foreign page (cross-site requests). So the name in the request must be
the loopback's, a foreign origin is refused, and the browser is told to fetch nothing from anywhere else, which also
holds if a library tries. With a token, every request must carry it: once in the address, from then on as a cookie.

Written against plain ASGI, so it is tested without a browser and covers every route of the page's framework alike.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
COOKIE = "procmem_token"
LEAST_TOKEN_LETTERS = 16

# 'unsafe-inline' and 'unsafe-eval' are what Gradio's own pages need; everything must come from this very server.
CONTENT_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
    "frame-ancestors 'none'; base-uri 'self'; form-action 'self'"
)
HEADERS = (
    (b"content-security-policy", CONTENT_POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class Guard:
    """Lets only those through who may ask.

    Args:
        application: behind the guard.
        names: host names that requests may carry; None takes any (an address that others are meant to reach).
        token: that every request must carry; "" for none.
    """

    def __init__(self, application: Application, *, names: frozenset[str] | None, token: str) -> None:
        self.application, self.names, self.token = application, names, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, refuse, or pass on."""
        if scope["type"] == "lifespan":
            await self.application(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # the page uses no websockets
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get("host", "")
        if self.names is not None and _without_port(host) not in self.names:
            await _refuse(send, 421, "this address answers only under its own name (127.0.0.1 or localhost)")
        elif headers.get("origin") not in (None, f"http://{host}", f"https://{host}"):
            await _refuse(send, 403, "requests from other pages are refused")
        elif self.token and not self._knows_token(headers.get("cookie", "")):
            await self._ask_for_token(scope, send)
        else:
            await self.application(scope, receive, _with_headers(send))

    def _knows_token(self, cookies: str) -> bool:
        try:
            morsel = SimpleCookie(cookies).get(COOKIE)
        except CookieError:
            return False
        return morsel is not None and hmac.compare_digest(morsel.value.encode(), self.token.encode())

    async def _ask_for_token(self, scope: Scope, send: Send) -> None:
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        given = query.pop("token", [""])[0]
        if not hmac.compare_digest(given.encode(), self.token.encode()):
            await _refuse(send, 401, "this explorer needs its token: open the address that it printed, with ?token=...")
            return
        rest = urlencode(query, doseq=True)
        location = "/" + scope["path"].lstrip("/") + (f"?{rest}" if rest else "")  # never another host
        cookie = f"{COOKIE}={self.token}; HttpOnly; SameSite=Strict; Path=/"
        start = [(b"location", location.encode("latin-1", "ignore")), (b"set-cookie", cookie.encode())]
        await send({"type": "http.response.start", "status": 303, "headers": [*start, *HEADERS]})
        await send({"type": "http.response.body", "body": b""})


def _without_port(host: str) -> str:
    return (urlsplit(f"//{host}").netloc.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host).lower()


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = {name for name, _ in HEADERS}
            kept = [(name, value) for name, value in message.get("headers", []) if name.lower() not in own]
            message = {**message, "headers": [*kept, *HEADERS]}
        await send(message)

    return sending


async def _refuse(send: Send, status: int, reason: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), *HEADERS]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": f"{reason}\n".encode()})
