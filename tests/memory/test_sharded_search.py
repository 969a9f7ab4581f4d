"""Entries spread over two processes answer like one memory, to the last bit. Letters: N entries."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from memory.mask import Mask, excluding
from memory.search import exact_search
from memory.sharded_search import ShardedSearch
from procmem.errors import UserError

MakeUnitRows = Callable[..., npt.NDArray[np.float32]]

PROCESS = """
import sys
import numpy as np
from torch import distributed
from memory.mask import Mask, excluding
from memory.sharded_search import ShardedSearch
rank, folder = int(sys.argv[1]), sys.argv[2]
distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
data = np.load(f"{folder}/data.npz")
mine = data["part"] == rank
ids = data["ids"][mine]
search = ShardedSearch(data["entries"][mine], ids=ids, labels=ids % 5, engine=("numpy", "torch")[rank])
plain = search.search(data["queries"], 9)
few = search.search(data["queries"], 9, allowed=Mask(allowed=ids < 4))
own = search.search(data["queries"], 9, allowed=Mask(exclusions=[excluding(ids, data["own"])]))
assert (plain.memory_size, few.memory_size, own.memory_size) == (len(data["ids"]), 4, None)
assert plain.exact
found = {f"{name}_{key}": getattr(n, key) for name, n in (("plain", plain), ("few", few), ("own", own))
         for key in ("ids", "labels", "similarities")}
np.savez(f"{folder}/found{rank}.npz", **found)
distributed.destroy_process_group()
"""


def test_two_processes_answer_like_one(unit_rows: MakeUnitRows, tmp_path: Path) -> None:
    entries, queries = unit_rows(400, 24), unit_rows(7, 24, 3)
    entries[200:300] = entries[:100]  # twins on both sides: ties across the processes
    ids = np.random.default_rng(2).permutation(400)
    part = (np.arange(400) >= 130).astype(int)
    queries[:5] = entries[:5]
    own = ids[[0, 1, 2, 3, 4, 5, 6]]
    np.savez(tmp_path / "data.npz", entries=entries, queries=queries, ids=ids, part=part, own=own)
    processes = [subprocess.Popen([sys.executable, "-c", PROCESS, str(rank), str(tmp_path)]) for rank in (0, 1)]
    assert [process.wait(timeout=250) for process in processes] == [0, 0]
    right = {
        "plain": exact_search(queries, entries, 9, ids=ids, labels=ids % 5),
        "few": exact_search(queries, entries, 9, ids=ids, labels=ids % 5, allowed=ids < 4),
        "own": exact_search(
            queries, entries, 9, ids=ids, labels=ids % 5, allowed=Mask(exclusions=[excluding(ids, own)])
        ),
    }
    for rank in (0, 1):
        found = np.load(tmp_path / f"found{rank}.npz")
        for name, neighbors in right.items():
            for key in ("ids", "labels", "similarities"):
                assert np.array_equal(found[f"{name}_{key}"], getattr(neighbors, key)), (rank, name, key)


def test_without_a_group_it_is_refused() -> None:
    with pytest.raises(UserError, match="start with torchrun"):
        ShardedSearch(np.eye(3), ids=np.arange(3), labels=np.zeros(3, np.int64))
