"""The tabs of the explorer's page: one file each, layout and wiring only."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import gradio as gr

    from eval.explorer.desk import Desk
    from eval.explorer.page import Shared

Build = Callable[["Shared", "gr.Tab"], None]


def of(desk: Desk) -> list[tuple[str, Build]]:
    """Names and builders of the tabs that make sense for what is open."""
    from eval.explorer.tabs import ask, browse, changes, compare, patches, procedural, study, teach

    return [
        ("Ask", ask.build),
        ("Browse", browse.build),
        *([("Compare", compare.build)] if desk.second is not None else []),
        ("Patches", patches.build),
        ("Teach", teach.build),
        ("Procedural", procedural.build),
        ("Study", study.build),
        ("Changes", changes.build),
    ]
