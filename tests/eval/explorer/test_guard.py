"""Who may ask: names, origins and tokens, on the plain protocol, without a browser or a page behind it."""

import asyncio

import pytest

from eval.explorer.guard import LOOPBACK_NAMES, Guard
from eval.explorer.server import check_address, listen
from procmem.errors import UserError

TOKEN = "0123456789abcdef"


def ask(guard, path="/", query=b"", **headers):
    """Status, headers and body of one request."""
    sent = []

    async def receive():
        return {"type": "http.request", "body": b""}

    async def send(message):
        sent.append(message)

    listed = [(name.encode(), value.encode()) for name, value in ({"host": "127.0.0.1:7860"} | headers).items()]
    scope = {"type": "http", "method": "GET", "path": path, "query_string": query, "headers": listed}
    asyncio.run(guard(scope, receive, send))
    return sent[0]["status"], dict(sent[0]["headers"]), b"".join(message.get("body", b"") for message in sent)


async def page(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
    await send({"type": "http.response.body", "body": b"the page"})


@pytest.mark.parametrize("host", ["127.0.0.1:7860", "localhost:7860", "[::1]:7860", "localhost"])
def test_the_loopbacks_own_names_are_answered(host):
    status, headers, body = ask(Guard(page, names=LOOPBACK_NAMES, token=""), host=host)
    assert (status, body) == (200, b"the page")
    assert b"connect-src 'self'" in headers[b"content-security-policy"]
    assert b"http" not in headers[b"content-security-policy"]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:7860", "", "127.0.0.1@evil.example"])
def test_a_foreign_name_for_this_machine_is_refused(host):
    status, _, body = ask(Guard(page, names=LOOPBACK_NAMES, token=""), host=host)
    assert status == 421
    assert b"the page" not in body


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:9999"])
def test_requests_from_other_pages_are_refused(origin):
    guard = Guard(page, names=LOOPBACK_NAMES, token="")
    assert ask(guard, origin=origin)[0] == 403
    assert ask(guard, origin="http://127.0.0.1:7860")[0] == 200


def test_a_token_is_wanted_once_and_becomes_a_cookie():
    guard = Guard(page, names=None, token=TOKEN)
    host = "lab.example:80"
    assert ask(guard, host=host)[0] == 401
    assert ask(guard, host=host, query=b"token=wrong")[0] == 401
    assert ask(guard, host=host, cookie="procmem_token=wrong")[0] == 401
    status, headers, body = ask(guard, path="//evil.example", query=f"token={TOKEN}&a=1".encode(), host=host)
    assert (status, body, headers[b"location"]) == (303, b"", b"/evil.example?a=1")
    assert b"HttpOnly; SameSite=Strict" in headers[b"set-cookie"]
    assert ask(guard, host=host, cookie=headers[b"set-cookie"].decode().split(";")[0])[0] == 200


def test_an_address_for_others_needs_a_token_that_nobody_guesses():
    assert check_address("127.0.0.1", None) == ""
    assert check_address("::1", None) == ""
    assert check_address("0.0.0.0", TOKEN) == TOKEN
    for host in ("0.0.0.0", "192.168.1.5", "lab.example"):
        with pytest.raises(UserError, match="can be reached from other machines"):
            check_address(host, None)
    for token in ("", "short", "a b c d e f g h i j"):
        with pytest.raises(UserError, match="at least 16 letters"):
            check_address("127.0.0.1", token)


def test_a_taken_port_is_told_before_anything_is_loaded():
    with listen("127.0.0.1", 0) as taken, pytest.raises(UserError, match="give another one with --port"):
        listen("127.0.0.1", taken.getsockname()[1])
