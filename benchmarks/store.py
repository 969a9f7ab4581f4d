"""The store at a size that hurts: seconds and peak memory of what people wait for.

    OMP_NUM_THREADS=2 python benchmarks/store.py [--entries 1000000] [--folder DIR]

Entries stream in as batches of 50,000 x 384 float32; one is removed and the next query must not see it; one hundred,
spread over all files, are erased with the scan before and after. Two plain ways to keep embeddings stand beside it:
one numpy file (written whole, no versions, removal rewrites it) and sqlite (a row an entry, ids indexed).

Measured on 2 free cores (AMD EPYC of the Zen 3 kind), one thread; 1,000,000 x 384, Lance 14, numpy 2.4. The plain ways
were measured while other jobs ran, which stretches their clock three to four times:

                                             clock     processor
    add, one stream                          8.9 s        8.9 s   peak 0.6 GiB
    remove one entry, nothing read yet     138 ms        32 ms
    open + first query                       2.9 s        3.5 s   peak 2.4 GiB
    second query                             0.12 s       0.12 s
    remove one entry, median                20 ms        20 ms
    next query, which does not see it        0.16 s       0.16 s
    add one entry, the first after opening   1.3 s        1.3 s   (the rows in RAM move once to a longer room)
    remove an owner of 50,000 entries        0.83 s       0.84 s
    erase 100 entries, with the scan        10.5 s       10.8 s
    erase 1 more entry                       5.4 s        5.8 s

    numpy file: write                        5.0 s        2.4 s
    numpy file: open + one product           2.0 s        1.2 s
    numpy file: remove one entry             3.1 s        1.7 s
    sqlite: add                             18.7 s        7.2 s
    sqlite: read all + one product          27.4 s        7.2 s   peak 5.2 GiB
    sqlite: remove one entry                 8 ms         1 ms

Opening is one thread's work: Lance's reading 1.5 to 2 s, 0.7 s for the pages of 1.5 GB in one call
(`memory.fresh_memory`), 0.3 s to copy, 0.2 s to check lengths, 0.1 s for the query. Imports come on top where the
process has just started: 0.25 s for the room, 0.5 s for Lance and Arrow, 0.05 s for faiss. Once a file has a removed
row, Lance takes 25 ms instead of 7 to look through a million ids, which is nearly all of a removal: then 28 ms.
"""

from __future__ import annotations

import argparse
import functools
import resource
import shutil
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from memory.memory import VisualMemory
from memory.schema import Batch
from procmem.provenance import EncoderCard, Provenance

DIMENSION = 384
BATCH_ROWS = 50_000
NUM_CLASSES = 100
NUM_ERASED = 100
CARD = EncoderCard(
    name="random:benchmark",
    fingerprint="b" * 64,
    dimension=DIMENSION,
    preprocessing={},
    provenance=Provenance(real_images=False),
)


@functools.cache
def first_rows() -> npt.NDArray[np.float32]:
    """(BATCH_ROWS, DIMENSION) unit rows."""
    rows = np.random.default_rng(0).standard_normal((BATCH_ROWS, DIMENSION), dtype=np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def batch_rows(start: int) -> npt.NDArray[np.float32]:
    """(BATCH_ROWS, DIMENSION) other unit rows for each start: the first ones with other signs, which costs little."""
    signs = np.random.default_rng(start).choice(np.array([-1, 1], np.float32), DIMENSION)
    return first_rows() * signs if start else first_rows()


def batches(num_entries: int) -> Iterator[Batch]:
    """What is added."""
    for start in range(0, num_entries, BATCH_ROWS):
        labels = np.arange(start, start + BATCH_ROWS) % NUM_CLASSES
        yield Batch(embeddings=batch_rows(start), labels=labels, owner=f"owner {start // BATCH_ROWS}")


def timed(name: str, work: Callable[[], object]) -> float:
    """Run, print seconds and the peak of resident memory so far."""
    start, start_cpu = time.perf_counter(), time.process_time()
    work()
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - start_cpu
    peak_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"  {name:44s} {seconds:8.3f} s   {cpu_seconds:7.3f} s of processor   peak {peak_gib:.1f} GiB", flush=True)
    return seconds


def measure_store(folder: Path, num_entries: int, num_removals: int) -> None:
    """Print what the store takes."""
    query = batch_rows(0)[:1]
    print(f"store, {num_entries:,} x {DIMENSION}")
    first_rows()
    memory = VisualMemory.create(folder, CARD, class_names=[str(label) for label in range(NUM_CLASSES)])
    timed("add, one stream", lambda: memory.add_batches(batches(num_entries)))

    opened = VisualMemory.open(folder)
    timed("remove one entry, nothing read yet", lambda: opened.remove([num_entries // 2]))

    def open_and_search() -> None:
        nonlocal opened
        opened = VisualMemory.open(folder)
        assert opened.search(query, 20).ids[0, 0] == 0

    timed("open + first query", open_and_search)
    timed("second query", lambda: opened.search(query, 20))
    removals = [timed("remove one entry", lambda i=i: opened.remove([i])) for i in range(1, 1 + num_removals)]
    print(f"  {'median removal':44s} {1000 * statistics.median(removals):8.1f} ms")
    opened.remove([0])

    def query_again() -> None:
        assert opened.search(query, 20).ids[0, 0] != 0  # the removed entry was the nearest

    timed("next query after a removal", query_again)
    timed("query after that", query_again)
    timed("add one entry", lambda: opened.add(query, [0]))
    timed("remove an owner (50,000 entries)", lambda: opened.remove(opened.select(owner="owner 1")))
    erased = np.linspace(2 * BATCH_ROWS, num_entries - 1, NUM_ERASED).astype(np.int64)
    timed(f"erase {NUM_ERASED} entries in all files, with the scan", lambda: opened.erase(erased))
    timed("erase 1 more entry", lambda: opened.erase([num_entries - 2]))


def measure_peers(folder: Path, num_entries: int) -> None:
    """Print what the plain ways take."""
    print(f"one numpy file, {num_entries:,} x {DIMENSION}")
    path = folder / "rows.npy"
    rows = np.concatenate([batch_rows(start) for start in range(0, num_entries, BATCH_ROWS)])
    timed("write", lambda: np.save(path, rows))
    timed("open + product with one query", lambda: np.load(path) @ rows[0])
    timed("remove one entry (write it all again)", lambda: np.save(path, np.delete(rows, 5, axis=0)))
    path.unlink()
    print(f"sqlite, {num_entries:,} x {DIMENSION}")
    base = sqlite3.connect(folder / "rows.sqlite")
    base.execute("CREATE TABLE entries (id INTEGER PRIMARY KEY, embedding BLOB, label INTEGER, owner TEXT)")

    def insert() -> None:
        values = ((i, row.tobytes(), i % NUM_CLASSES, "owner") for i, row in enumerate(rows))
        base.executemany("INSERT INTO entries VALUES (?, ?, ?, ?)", values)
        base.commit()

    def read() -> None:
        blobs = b"".join(blob for (blob,) in base.execute("SELECT embedding FROM entries"))
        np.frombuffer(blobs, np.float32).reshape(-1, DIMENSION) @ rows[0]

    def remove() -> None:
        base.execute("DELETE FROM entries WHERE id = 5")
        base.commit()

    timed("add", insert)
    timed("read all + product with one query", read)
    timed("remove one entry", remove)
    base.close()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="The store at size, beside plain files.")
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--removals", type=int, default=9)
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--peers", action="store_true", help="measure the plain ways too")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(dir=arguments.folder))
    try:
        measure_store(folder / "memory", arguments.entries, arguments.removals)
        shutil.rmtree(folder / "memory")
        if arguments.peers:
            measure_peers(folder, arguments.entries)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
