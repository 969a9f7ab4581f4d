"""Exact search against faiss flat, scikit-learn and the usual torch loop: seconds, interleaved medians.

    OMP_WAIT_POLICY=PASSIVE python benchmarks/search.py [--entries 100000] [--queries 2000] [--rounds 5] [--clock cpu]

Only ours equals float64 brute force with ties by smaller id; the others return float32 order. The torch loop is that
of DINO's kNN evaluation: 100 blocks of queries, product, top-k. Without the passive wait policy the thread pools of
torch and faiss spin between rounds and slow everyone else by up to four times. ``--clock cpu`` counts processor
seconds, which on one thread (OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1) mean something on a shared machine too.
``--peers "faiss flat"`` leaves the others out.

Processor seconds on one thread of a busy machine (AMD EPYC of the Zen 3 kind, AVX2), k = 20, D = 384, numpy 2.4,
faiss 1.15, torch 2.15, scikit-learn 1.9; medians, single rounds where a call takes over 5 s:

    entries    queries      ours  faiss flat  scikit-learn  torch loop
    10,000           1    0.0015      0.0009        0.0087      0.0015
    10,000         100     0.016       0.071         0.026       0.111
    10,000       2,000      0.27        0.20          0.63        0.60
    100,000          1     0.011       0.011         0.092       0.015
    100,000        100      0.13        1.22          0.64        1.46
    100,000      2,000       2.1         2.1           9.8         5.8
    1,000,000        1     0.085       0.093          1.30        0.19
    1,000,000      100       1.7        10.3       not run     not run
    1,000,000    2,000      21.4        21.1       not run     not run

The first 32 single queries cost what faiss's do; those measured come after them (see WARM_QUERIES).

The limit for 2,000 x 100,000 is the product: 154 GFLOP, 1.75 s at the 88 GFLOP/s that numpy reaches there; the cut
adds 0.1 to 0.2 s, since the products no longer fit the cache, and the exact float64 ranking 0.04 s (20 microseconds a
query, of which gathering takes 4, products and the first level of the sums 7, the other levels 6). Over 10,000 entries
that ranking weighs a sixth of the whole, and faiss, which does without, needs a quarter less; between 4 and some 1,000
queries faiss leaves matrix products and is up to nine times slower. Of no help: pieces of 2^16 to 2^20 products for the
cut, its flags packed in words or asked of the largest of 4 or 8 products first, other blocks (1,024 to 8,192), torch's
product. Two threads share out the queries: 2.43 processor seconds instead of the 2.40 of one. One query is bound by
memory, 154 MB in 9 ms, or a quarter of them as 8-bit codes in 3 to 4, and by 0.6 ms of Python.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import faiss
import numpy as np
import numpy.typing as npt
import torch
from sklearn.neighbors import NearestNeighbors

from memory.search import ExactSearch

K = 20
DIMENSION = 384
NUM_BLOCKS = 100
PEERS = ("faiss flat", "scikit-learn", "torch loop")
WARM_QUERIES = (
    40  # after some single queries ours makes 8-bit codes of the entries, as faiss makes its index: uncounted
)

Rows = npt.NDArray[np.float32]


def random_embeddings(num_rows: int, seed: int) -> Rows:
    """(N, DIMENSION) unit rows around 1,000 centres, so that there are near and far neighbours as in real data."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(0).standard_normal((1000, DIMENSION), dtype=np.float32)
    rows = centres[rng.integers(0, 1000, num_rows)] + rng.standard_normal((num_rows, DIMENSION), dtype=np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def torch_loop(queries: Rows, entries: Rows) -> None:
    """As in DINO's eval_knn: product and top-k for each of 100 blocks of queries."""
    transposed = torch.from_numpy(entries).T
    for block in torch.from_numpy(queries).chunk(NUM_BLOCKS):
        torch.mm(block, transposed).topk(K, largest=True, sorted=True)


def contenders(queries: Rows, entries: Rows) -> dict[str, Callable[[], object]]:
    """What is compared, each a call without arguments."""
    ready = ExactSearch(entries)
    for _ in range(WARM_QUERIES if len(queries) == 1 else 0):
        ready.search(queries, K)
    flat = faiss.IndexFlatIP(DIMENSION)
    flat.add(entries)
    brute = NearestNeighbors(n_neighbors=K, algorithm="brute", metric="cosine").fit(entries)
    return {
        "ours": lambda: ready.search(queries, K),
        "faiss flat": lambda: flat.search(queries, K),
        "scikit-learn": lambda: brute.kneighbors(queries),
        "torch loop": lambda: torch_loop(queries, entries),
    }


def measure(
    calls: dict[str, Callable[[], object]], rounds: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, float]:
    """Median seconds of each call over interleaved rounds; the first does not count unless it is the only one."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds + (rounds > 1)):
        for name, call in calls.items():
            start = clock()
            call()
            seconds[name].append(clock() - start)
    return {name: statistics.median(values[rounds > 1 :]) for name, values in seconds.items()}


def main() -> None:
    """Print one table for each number of queries."""
    parser = argparse.ArgumentParser(description="Exact search against its peers.")
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--queries", type=int, nargs="+", default=[1, 100, 2000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=PEERS)
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall")
    arguments = parser.parse_args()
    clock = time.process_time if arguments.clock == "cpu" else time.perf_counter
    entries = random_embeddings(arguments.entries, seed=1)
    for num_queries in arguments.queries:
        calls = contenders(random_embeddings(num_queries, seed=2), entries)
        chosen = {name: calls[name] for name in ("ours", *arguments.peers)}
        medians = measure(chosen, arguments.rounds, clock)
        print(f"{num_queries} queries x {arguments.entries} entries x {DIMENSION}, k = {K}")
        for name, median in medians.items():
            print(f"  {name:14s} {median:9.4f} s   {median / medians['ours']:6.2f} x ours")


if __name__ == "__main__":
    main()
