"""What the command about search indexes does; see `procmem.commands` for the conventions."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Literal

from procmem.commands import print_json


def memory_index(
    memory: Path, *, kind: Literal["hnsw", "ivfpq"] = "hnsw", rebuild: bool = False, json: bool = False
) -> None:
    """Build a search index for approximate search, or bring it up to date, and print its measured recall.

    It lies beside the entries, and erasing any entry deletes it.

    Args:
        memory: the memory's folder.
        kind: hnsw (a graph: fast, larger than the entries) or ivfpq (compressed lists: small).
        rebuild: build it anew even if it fits.
        json: print the findings as JSON.
    """
    from memory.memory import VisualMemory

    opened = VisualMemory.open(memory)
    search_index = opened.engines.search_index(kind, rebuild=rebuild)
    recall = search_index.recall
    if json:
        print_json({"kind": kind, "entries": len(search_index.ids), "recall": dataclasses.asdict(recall)})
        return
    sys.stdout.write(
        f"{kind}: {len(search_index.ids)} entries, recall@{recall.k} {recall.value:.4f} +- {recall.standard_error:.4f} "
        f"against exact search for {recall.num_queries} entries\n"
    )
