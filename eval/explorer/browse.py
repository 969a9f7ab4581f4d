"""Browse: the entries of a memory in an order that means something, a page at a time.

By number; by influence (how many answers to the queries turn without the entry, most first); by reliability (the share
of the queries that have it among their k nearest and are of its class, least first: candidates for a wrong label); by
use (how many queries have it among their k nearest, most first).

Letters: N entries.
"""

from __future__ import annotations

import dataclasses
from typing import Literal, get_args

import numpy as np

from eval.explorer.answers import Choice
from eval.explorer.queries import Queries
from eval.explorer.session import Session
from procmem.errors import UserError, unknown_name

Order = Literal["number", "influence", "reliability", "use"]
ORDERS: tuple[Order, ...] = get_args(Order)
PAGE_ENTRIES = 36


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which entries, and how ordered.

    Attributes:
        class_name: only of this class; "" for all.
        owner: only this owner's; "" for all.
        order: see the top of this file.
        page: 0, 1, ...
    """

    class_name: str = ""
    owner: str = ""
    order: Order = "number"
    page: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Listed:
    """One entry of a page.

    Attributes:
        id: of the entry.
        class_name: its class.
        owner: whose it is, or None.
        decides: queries whose answer turns without it; None without queries.
        near: queries that have it among their k nearest; None without queries.
        right: share of those of its class; None where there are none.
    """

    id: int
    class_name: str
    owner: str | None
    decides: int | None
    near: int | None
    right: float | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Shelf:
    """One page of entries out of `total`."""

    entries: tuple[Listed, ...]
    total: int
    page: int
    num_pages: int


def browse(session: Session, queries: Queries | None, wanted: Wanted, choice: Choice) -> Shelf:
    """One page of the entries.

    Args:
        session: the memory.
        queries: by which influence, reliability and use are counted; None orders by number only.
        wanted: which entries.
        choice: k and rule of the counts.

    Raises:
        UserError: for an unknown class or order, or an order that needs queries.
    """
    if wanted.order not in ORDERS:
        raise unknown_name("order", wanted.order, ORDERS)
    if queries is None and wanted.order != "number":
        raise UserError(f"order {wanted.order!r} is counted over queries; start the explorer with --queries")
    with session.holding() as memory:
        texts, names = session.texts(), memory.class_names
        numbers = None if queries is None else queries.numbers(choice.k, choice.rule)
    if wanted.class_name and wanted.class_name not in names:
        raise unknown_name("class", wanted.class_name, names)
    chosen = np.ones(len(texts.ids), bool)
    if wanted.class_name:
        chosen &= texts.labels == names.index(wanted.class_name)
    if wanted.owner:
        chosen &= np.array([owner == wanted.owner for owner in texts.owners], bool)
    rows = np.flatnonzero(chosen)
    if numbers is not None and wanted.order != "number":
        unreliable_first = np.where(np.isnan(numbers.right), np.inf, numbers.right)
        keys = {"influence": -numbers.decides, "use": -numbers.near, "reliability": unreliable_first}
        # of equally unreliable ones those first that mislead more queries
        rows = rows[np.lexsort((-numbers.near[rows], keys[wanted.order][rows]))]
    num_pages = max(1, -(-len(rows) // PAGE_ENTRIES))
    page = min(max(wanted.page, 0), num_pages - 1)
    shown = rows[page * PAGE_ENTRIES : (page + 1) * PAGE_ENTRIES].tolist()
    return Shelf(
        entries=tuple(
            Listed(
                id=int(texts.ids[row]),
                class_name=names[texts.labels[row]],
                owner=texts.owners[row],
                decides=None if numbers is None else int(numbers.decides[row]),
                near=None if numbers is None else int(numbers.near[row]),
                right=None if numbers is None or not numbers.near[row] else float(numbers.right[row]),
            )
            for row in shown
        ),
        total=len(rows),
        page=page,
        num_pages=num_pages,
    )
