"""What the command about the explorer does; see `procmem.commands` for the conventions."""

from __future__ import annotations

from pathlib import Path

from procmem.errors import UserError
from procmem.progress import say


def explore(
    *,
    memory: Path,
    encoder: str | None = None,
    memory_b: Path | None = None,
    encoder_b: str | None = None,
    queries: str | None = None,
    num_queries: int = 500,
    images: list[Path] | None = None,
    allow_edit: bool = False,
    host: str = "127.0.0.1",
    token: str | None = None,
    port: int = 7860,
    run: Path = Path("runs/explore"),
) -> None:
    """Open a local page on which a person asks a memory, sees what decides, and changes it.

    Only this machine can reach the page, and it asks nothing of any other. Ctrl-C ends it.

    Args:
        memory: the memory's folder.
        encoder: the memory's encoder; by default the specification that it was built with.
        memory_b: a second memory, of another encoder, to compare answers with.
        encoder_b: the second memory's encoder.
        queries: data set whose validation images can be picked; by default that of the memory's images.
        num_queries: at most so many of them, drawn by class with a fixed seed.
        images: folders in which the images of entries are looked up, beside PROCMEM_DATA.
        allow_edit: allow the page to add, remove and erase entries; it asks first, and writes down what was done.
        host: address to listen on; one that other machines can reach needs a token.
        token: secret that every visitor must bring, at least 16 letters and digits.
        port: of the address; 0 takes a free one.
        run: folder of uploads, receipts, the log of changes and the answers of studies.
    """
    from eval.explorer import server
    from eval.explorer.opening import open_desk, open_session
    from procmem.audit_subject import find_device

    checked = server.check_address(host, token)
    if encoder_b is not None and memory_b is None:
        raise UserError("--encoder-b is the encoder of --memory-b, which is missing")
    server.check_gradio()
    with server.listen(host, port) as listening:
        device = find_device()
        session = open_session(memory, encoder, device)
        second = None if memory_b is None else open_session(memory_b, encoder_b, device)
        desk = open_desk(
            session,
            second=second,
            queries=queries,
            num_queries=num_queries,
            images=images or [],
            run=run,
            allow_edit=allow_edit,
        )
        server.prepare_gradio(run)
        try:
            application = server.make_application(desk, host=host, token=checked)
            address = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}/"
            say(f"explorer: {address}{f'?token={checked}' if checked else ''}  (Ctrl-C ends it)")
            server.serve(application, listening)
        finally:
            server.sweep(run)
