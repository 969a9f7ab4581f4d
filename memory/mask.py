"""Mask: which entries may answer which query, without rebuilding anything.

Two kinds, which combine: entries that may answer nobody (a flag for each entry: only data set X), and entries that
may not answer some queries (a value on both sides that must differ: a query's own entry, or its owner's). A full
(Q, N) table of flags is never made: the second kind is asked only about the few pairs that the fast pass proposes.

    Mask(allowed=datasets == "X")
    Mask(exclusions=[excluding(memory.entries.ids, query_ids)])      # not its own entry
    Mask(exclusions=[excluding(memory.owners(), query_owners)])      # nobody answers for his own images

Letters: N entries, Q queries, M pairs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from procmem.errors import UserError

_NOBODY_ENTRY, _NOBODY_QUERY = -1, -2  # different, so that None excludes nothing


class Exclusion(NamedTuple):
    """An entry may not answer a query that has the same code; make it with `excluding`."""

    entry_codes: npt.NDArray[np.int64]
    query_codes: npt.NDArray[np.int64]


def excluding(
    entry_values: Sequence[Any] | npt.NDArray[Any], query_values: Sequence[Any] | npt.NDArray[Any]
) -> Exclusion:
    """Entries and queries with equal values do not see each other.

    Args:
        entry_values: (N,) ids, owners, data sets, ... of the entries; None is equal to nothing.
        query_values: (Q,) the same of the queries.
    """
    codes = {value: code for code, value in enumerate(dict.fromkeys(map(_plain, query_values))) if value is not None}
    entry_codes = [codes.get(value, _NOBODY_ENTRY) for value in map(_plain, entry_values)]
    query_codes = [codes.get(value, _NOBODY_QUERY) for value in map(_plain, query_values)]
    return Exclusion(np.array(entry_codes, np.int64), np.array(query_codes, np.int64))


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mask:
    """What may answer.

    Attributes:
        allowed: (N,) bool, the entries that may answer at all; None for all.
        exclusions: pairs that may not meet.
    """

    allowed: npt.NDArray[np.bool_] | None = None
    exclusions: Sequence[Exclusion] = ()

    def check(self, num_queries: int, num_entries: int) -> None:
        """Refuse a mask made for other queries or entries.

        Raises:
            UserError: with the shapes.
        """
        if self.allowed is not None and (self.allowed.shape != (num_entries,) or self.allowed.dtype != np.bool_):
            raise UserError(
                f"allowed has shape {self.allowed.shape} of {self.allowed.dtype}; the {num_entries} entries need "
                f"({num_entries},) of bool"
            )
        for entry_codes, query_codes in self.exclusions:
            if entry_codes.shape != (num_entries,) or query_codes.shape != (num_queries,):
                raise UserError(
                    f"an exclusion names {len(entry_codes)} entries and {len(query_codes)} queries; this search has "
                    f"{num_entries} entries and {num_queries} queries"
                )

    def of_queries(self, part: slice) -> Mask:
        """The mask of a slice of the queries."""
        return dataclasses.replace(self, exclusions=[Exclusion(e, q[part]) for e, q in self.exclusions])

    def allows(
        self, query_rows: npt.NDArray[np.int64], entry_rows: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.bool_] | None:
        """(M,) whether each entry may answer each query; None where all may."""
        flags = None if self.allowed is None else self.allowed[entry_rows]
        for entry_codes, query_codes in self.exclusions:
            differ = entry_codes[entry_rows] != query_codes[query_rows]
            flags = differ if flags is None else flags & differ
        return flags

    def num_allowed(self, num_entries: int) -> int | None:
        """How many entries may answer; None where that depends on the query."""
        if self.exclusions:
            return None
        return num_entries if self.allowed is None else int(self.allowed.sum())
