"""The explorer's server: the page, the pictures beside it, the guard before both, one address that is checked first.

Gradio is imported here and in the page only. Its settings are made before it is imported: uploads go to the run folder,
nothing is counted or reported anywhere, and no newer version is asked for.
"""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from eval.explorer.desk import Desk
from eval.explorer.guard import LEAST_TOKEN_LETTERS, LOOPBACK_NAMES, Application, Guard
from eval.explorer.pictures import QUERY_PX, media_type, small_picture
from eval.explorer.session import Session
from eval.explorer.uploads import MOST_BYTES
from procmem.errors import UserError

QUERY_THUMBNAIL_PX = 128
NO_PICTURE = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96"><rect width="96" height="96" fill="#8884"/>'
    b'<path d="M28 62l14-18 10 12 7-8 12 14z" fill="#8888"/><circle cx="62" cy="36" r="6" fill="#8888"/></svg>'
)


def check_address(host: str, token: str | None) -> str:
    """Refuse to open a door that nobody meant to open.

    Args:
        host: address to listen on.
        token: given by the user, or None.

    Returns:
        The token, "" for none.

    Raises:
        UserError: for an address that others can reach without a token, or a token that can be guessed.
    """
    if token is not None and (len(token) < LEAST_TOKEN_LETTERS or not token.isascii() or not token.isalnum()):
        raise UserError(
            f"a token is at least {LEAST_TOKEN_LETTERS} letters and digits that nobody can guess, for example "
            f"--token {secrets.token_hex(16)}"
        )
    if not is_loopback(host) and not token:
        raise UserError(
            f"host {host!r} can be reached from other machines; give a token as well, for example "
            f"--token {secrets.token_hex(16)}"
        )
    return token or ""


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens already, so that a taken port is known before anything is loaded.

    Raises:
        UserError: if the port is taken or the address is not this machine's.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=128)
    except (OSError, OverflowError) as error:
        raise UserError(
            f"cannot listen on {host}:{port}: {str(error).rstrip('.')}; give another one with --port"
        ) from error


def check_gradio() -> None:
    """Say early, and without loading it, that Gradio is missing.

    Raises:
        UserError: with how to install it.
    """
    if importlib.util.find_spec("gradio") is None:
        raise UserError("the explorer needs Gradio; install it with: pip install 'procmem[explorer]'")


def prepare_gradio(run: Path) -> None:
    """Make Gradio's settings, which it reads when it is imported, and an empty folder of uploads."""
    sweep(run)  # of a page that was killed
    uploads = str((run / "uploads").resolve())
    os.environ |= {
        "GRADIO_TEMP_DIR": uploads,
        "GRADIO_ANALYTICS_ENABLED": "False",
        "GRADIO_SHARE": "False",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_OFFLINE": "1",
    }
    tempfile.tempdir = uploads


def sweep(run: Path) -> None:
    """Delete what is left in the folder of uploads."""
    shutil.rmtree(run / "uploads", ignore_errors=True)
    (run / "uploads").mkdir(parents=True, exist_ok=True)


def make_application(desk: Desk, *, host: str, token: str) -> Application:
    """The whole of it: guard, pictures, page."""
    import gradio
    from fastapi import FastAPI

    from eval.explorer.page import build_page, look

    application = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    _add_pictures(application, desk)
    gradio.mount_gradio_app(
        application,
        build_page(desk),
        path="/",
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        enable_monitoring=False,
        max_file_size=MOST_BYTES,
        **look(),
    )
    return Guard(application, names=LOOPBACK_NAMES if is_loopback(host) else None, token=token)


def serve(application: Application, listening: socket.socket) -> None:
    """Answer until Ctrl-C."""
    import uvicorn

    config = uvicorn.Config(application, log_level="warning", timeout_graceful_shutdown=1, access_log=False)
    uvicorn.Server(config).run(sockets=[listening])


def _add_pictures(application: Any, desk: Desk) -> None:
    """Small pictures by number; the browser keeps none, so that an erased one is gone there too."""
    from fastapi import Response

    def answer(make: Callable[[], bytes | None]) -> Response:
        try:
            picture = make()
        except (UserError, LookupError):
            picture = None
        kept = {"Cache-Control": "no-store"}
        if picture is None:
            return Response(NO_PICTURE, media_type="image/svg+xml", headers=kept)
        return Response(picture, media_type=media_type(picture), headers=kept)

    def of_entry(session: Session, entry_id: int) -> bytes | None:
        texts = session.texts()
        row = texts.rows[entry_id]
        return desk.pictures.thumbnail(texts.datasets[row], texts.uris[row])

    def of_query(position: int, side_px: int) -> bytes | None:
        if desk.queries is None:
            return None
        return small_picture(desk.queries.images.image(position), side_px)

    def entry_picture(number: int) -> Response:
        return answer(lambda: of_entry(desk.session, number))

    def second_picture(number: int) -> Response:
        return answer(lambda: None if desk.second is None else of_entry(desk.second, number))

    def query_picture(number: int, large: int = 0) -> Response:
        return answer(lambda: of_query(number, QUERY_PX if large else QUERY_THUMBNAIL_PX))

    application.add_api_route("/picture/entry/{number}", entry_picture)
    application.add_api_route("/picture/second/{number}", second_picture)
    application.add_api_route("/picture/query/{number}", query_picture)
