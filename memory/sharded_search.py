"""Exact search over entries that are spread over the processes of a torch.distributed group: memories beyond one card.

Every process holds a part of the entries on its own device and searches all queries in it; the parts' answers, k per
query and process, are gathered and merged. Similarities are the same float64 values wherever an entry lies, so the
answer has the bits of a search in one process. Traffic is Q k (8 + 8 + 8) bytes a process, whatever the memory's size.
Rejected: spreading the queries instead, which needs the whole memory on every card.

    torchrun --nproc-per-node 8 ...
    mine = slice(rank, None, world)
    search = ShardedSearch(entries[mine], ids=ids[mine], labels=labels[mine], device=f"cuda:{rank}")
    neighbors = search.search(queries, k=20)        # every process calls it with the same queries, and gets the answer

Letters: Q queries, N entries, P processes.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
import torch
from torch import distributed

from memory.mask import Mask
from memory.neighbors import PADDING, Neighbors, merge_neighbors
from memory.search import Engine, ExactSearch
from procmem.errors import UserError


class ShardedSearch:
    """This process's part of the entries; make and use one in every process of the group.

    Args:
        entries: (N of this process, D); a process may have none, with D all the same.
        ids: (N,) unique over all processes.
        labels: (N,) classes.
        device: of this process.
        engine: as `ExactSearch`.
        group: the processes; all of them where omitted.

    Raises:
        UserError: as `ExactSearch`, or if torch.distributed is not initialised.
    """

    def __init__(
        self,
        entries: npt.ArrayLike,
        *,
        ids: npt.NDArray[np.int64],
        labels: npt.NDArray[np.int64],
        device: str = "cpu",
        engine: Engine = "auto",
        group: distributed.ProcessGroup | None = None,
    ) -> None:
        if not distributed.is_initialized():
            raise UserError("sharded search runs in processes that torch.distributed connects; start with torchrun")
        self._part = ExactSearch(entries, ids=ids, labels=labels, device=device, engine=engine)
        self._group = group
        # NCCL moves tensors of its own device only
        self._carrier = device if distributed.get_backend(group) == "nccl" else "cpu"

    def search(
        self, queries: npt.ArrayLike, k: int, *, allowed: Mask | None = None, budget_bytes: int | None = None
    ) -> Neighbors:
        """The k nearest entries over all processes, in every process.

        Args:
            queries: (Q, D), the same in every process.
            k: neighbours wanted.
            allowed: a mask over this process's entries; its exclusions name the same queries everywhere.
            budget_bytes: bound on this process's working memory.

        Raises:
            UserError: as `ExactSearch.search`; every process must be given requests that are right.
        """
        mine = self._part.search(queries, k, allowed=allowed, budget_bytes=budget_bytes)
        found = [self._gathered(column) for column in (mine.ids, mine.labels, mine.similarities)]
        size = PADDING if mine.memory_size is None else mine.memory_size
        sizes = [int(part[0]) for part in self._gathered(np.array([size]))]
        parts = [Neighbors(ids=i, labels=c, similarities=s) for i, c, s in zip(*found, strict=True)]
        merged = merge_neighbors(parts, k)
        return dataclasses.replace(merged, memory_size=None if PADDING in sizes else sum(sizes))

    def _gathered(self, values: npt.NDArray[np.generic]) -> list[npt.NDArray[np.generic]]:
        """The values of every process, in order of rank."""
        own = torch.from_numpy(np.ascontiguousarray(values)).to(self._carrier)
        every = [torch.empty_like(own) for _ in range(distributed.get_world_size(self._group))]
        distributed.all_gather(every, own, group=self._group)
        return [part.cpu().numpy() for part in every]
