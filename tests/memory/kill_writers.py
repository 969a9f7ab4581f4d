"""Kill writers at random moments and look at what they leave: a script, run in a process of its own.

    python tests/memory/kill_writers.py FOLDER --kills 2000 --seed 0

Each round forks a child that makes one change to a small memory and is killed (SIGKILL) at a random moment, often
before or after the change. A second child then opens the memory and must find the entries of before or after the
change, nothing between and nothing lost; a pending erasure is completed by it, with the bytes gone and a receipt that
verifies. The parent never touches Lance, whose threads do not survive a fork. Prints counts as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cryptography.hazmat.primitives.asymmetric.ed25519
import filelock
import lance.file
import numpy as np
import pyarrow.compute

from memory.memory import VisualMemory
from memory.receipt import Receipt, verify_receipt
from procmem.provenance import EncoderCard, Provenance

DIMENSION = 8
CARD = EncoderCard(
    name="random:test",
    fingerprint="a" * 64,
    dimension=DIMENSION,
    preprocessing={},
    provenance=Provenance(real_images=False),
)
IMPORTED_BEFORE_FORKING = (cryptography, filelock, lance, pyarrow)
CHANGES = ("add", "add", "replace", "remove", "relabel", "restore", "protect", "erase", "erase")

_BEGUN = b"begun"

State = dict[int, tuple[int, bytes]]


def rows(count: int, seed: int) -> Any:
    values = np.random.default_rng([seed, 77]).standard_normal((count, DIMENSION))
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)


def state_of(memory: VisualMemory) -> State:
    entries = memory.entries
    return {
        int(i): (int(label), row.tobytes())
        for i, label, row in zip(entries.ids, entries.labels, entries.embeddings, strict=True)
    }


def change(folder: Path, kind: str, seed: int, begin: Callable[[], None]) -> None:
    """Make one change, the same for the same state and seed; `begin` tells that it starts now."""
    memory = VisualMemory.open(folder)
    ids = memory.entries.ids
    begin()
    chosen = np.random.default_rng(seed).permutation(ids)[:3]
    if kind == "add" or len(ids) < 8:
        memory.add(rows(5, seed), np.full(5, seed % 3))
    elif kind == "replace":
        memory.add(rows(3, seed), [2, 2, 2], ids=chosen, on_duplicate="replace")
    elif kind == "remove":
        memory.remove(chosen)
    elif kind == "relabel":
        memory.relabel(chosen, seed % 3)
    elif kind == "restore":
        memory.restore_version(memory.versions()[0].number)
        memory.add(rows(12, seed), np.zeros(12, int))
    elif kind == "protect":
        memory.protect("kept")
        memory.release("kept")
    else:
        for name in [name for version in memory.versions() for name in version.names]:
            memory.release(name)
        with memory.artefacts.saving("index", version=memory.version) as derived:
            (derived / "index.bin").write_bytes(memory.entries.embeddings.tobytes())
        memory.erase(chosen)


def examine(folder: Path, before: State, kind: str, seed: int) -> str:
    """What a killed change left; raises where that is wrong."""
    memory = VisualMemory.open(folder)
    was_pending = memory.store.erasure_is_pending
    held = state_of(memory)
    if was_pending:
        verify_receipt(memory.resume_erasure())
        held = state_of(memory)
    after = {i: value for i, value in held.items() if before.get(i) != value}
    gone = set(before) - set(held)
    erased = {int(i) for i in np.random.default_rng(seed).permutation(np.array(sorted(before)))[:3]}
    if kind == "erase" and len(before) >= 8:
        assert not after, after
        assert gone in (set(), erased), (gone, erased)
        if gone:
            check_erased(folder, [before[i][1] for i in gone])
    elif kind == "remove" and len(before) >= 8:
        assert not after, after
        assert gone in (set(), erased), gone
    elif kind == "add" or len(before) < 8:
        assert not gone, gone
        assert len(after) in (0, 5), after
    elif kind in ("replace", "relabel"):
        assert not gone, gone
        assert set(after) in (set(), erased) or kind == "relabel", after
    elif kind == "protect":
        assert not gone, gone
        assert not after, after
    assert not list(folder.glob("erasure.pending"))
    changed = bool(after or gone)
    return "pending" if was_pending else "after" if changed else "before"


def check_erased(folder: Path, patterns: list[bytes]) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not any(pattern in content for pattern in patterns), path
    newest = max((folder / "receipts").glob("*.json"))
    receipt = Receipt.from_dict(json.loads(newest.read_text()))
    verify_receipt(receipt)
    assert len(receipt.erased) >= len(patterns)


def in_child(work: Callable[..., Any], kill_after_seconds: float | None = None) -> tuple[int, Any, float]:
    """Run in a forked child; its exit status, what it returned, and how long it took.

    Where it is to be killed, `work` gets a function to call when it begins, and the time counts from then.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            result = work() if kill_after_seconds is None else work(lambda: os.write(writing, _BEGUN))
            os.write(writing, pickle.dumps(result))
            status = 0
        except BaseException as error:  # the parent must hear of everything
            os.write(writing, pickle.dumps(f"{type(error).__name__}: {error}"))
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        if kill_after_seconds is not None:
            assert pipe.read(len(_BEGUN)) == _BEGUN
            time.sleep(kill_after_seconds)
            os.kill(child, signal.SIGKILL)
        start = time.perf_counter()
        content = pipe.read()
    _, status = os.waitpid(child, 0)
    whole = os.WIFSIGNALED(status) is False
    return status, pickle.loads(content) if whole else None, time.perf_counter() - start + (kill_after_seconds or 0)


def main() -> int:
    parser = argparse.ArgumentParser(description="Kill writers at random moments.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    os.environ["PROCMEM_CONFIG"] = str(arguments.folder / "config")
    folder = arguments.folder / "memory"
    chance = np.random.default_rng(arguments.seed)
    counts: Counter[str] = Counter()

    def begin() -> None:
        memory = VisualMemory.create(folder, CARD, class_names=["a", "b", "c"])
        memory.add(rows(12, 0), np.zeros(12, int))

    status, problem, _ = in_child(begin)
    assert status == 0, problem
    durations: dict[str, float] = {}
    for number in range(arguments.kills):
        kind = CHANGES[number % len(CHANGES)]
        seed = arguments.seed * 1_000_003 + number
        _, before, _ = in_child(lambda: state_of(VisualMemory.open(folder)))
        delay = float(chance.uniform(0, durations.get(kind, 0.2)))
        status, problem, seconds = in_child(
            lambda begin, kind=kind, seed=seed: change(folder, kind, seed, begin), delay
        )
        counts["killed" if os.WIFSIGNALED(status) else "finished"] += 1
        if not os.WIFSIGNALED(status):
            assert status == 0, f"round {number} ({kind}): {problem}"
            durations[kind] = seconds
        else:
            durations[kind] = min(2.0, durations.get(kind, 0.2) * 1.15)
        status, found, _ = in_child(lambda kind=kind, seed=seed, before=before: examine(folder, before, kind, seed))
        if status != 0:
            sys.stderr.write(f"round {number} ({kind}, killed after {delay:.4f} s): {found}\n")
            return 1
        counts[f"{kind}: {found}"] += 1
    sys.stdout.write(json.dumps(dict(sorted(counts.items()))) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
