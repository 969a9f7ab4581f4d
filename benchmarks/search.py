"""Exact search against faiss flat, scikit-learn and the usual torch loop: seconds, interleaved medians.

    OMP_WAIT_POLICY=PASSIVE python benchmarks/search.py [--entries 100000] [--queries 2000] [--rounds 5]

Only ours equals float64 brute force with ties by smaller id; the others return float32 order. The torch loop is that
of DINO's kNN evaluation: 100 blocks of queries, product, top-k. Without the passive wait policy the thread pools of
torch and faiss spin between rounds and slow everyone else by up to four times.

Measured on one thread of 2 shared cores (AMD EPYC, AVX-512; OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1), numpy 2.4,
faiss 1.15, torch 2.15, scikit-learn 1.9, 100,000 x 384, k = 20, 5 rounds:

    queries          1      100     2,000
    exact_search     0.010  0.090   1.55 s
    faiss flat       0.006  0.556   1.41 s
    scikit-learn     0.047  0.156   6.29 s
    torch loop       0.011  0.997   2.83 s
    product only     0.005  0.074   2.53 s   (in one piece, which falls out of the cache; ours goes block by block)

One query costs 5 ms more than the product: the entries' lengths are checked on every call. On two threads with other
work on the machine 2,000 queries took 2.96 s, faiss 1.41: OpenBLAS waits for its slowest thread. With both cores idle
the blocked product alone took 0.61 s and faiss 0.70.
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

from memory.search import exact_search

K = 20
DIMENSION = 384
NUM_BLOCKS = 100

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
    flat = faiss.IndexFlatIP(DIMENSION)
    flat.add(entries)
    brute = NearestNeighbors(n_neighbors=K, algorithm="brute", metric="cosine").fit(entries)
    return {
        "exact_search": lambda: exact_search(queries, entries, K),
        "faiss flat": lambda: flat.search(queries, K),
        "scikit-learn": lambda: brute.kneighbors(queries),
        "torch loop": lambda: torch_loop(queries, entries),
        "product only": lambda: [queries[start : start + 1024] @ entries.T for start in range(0, len(queries), 1024)],
    }


def measure(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each call over interleaved rounds, after one that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds + 1):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values[1:]) for name, values in seconds.items()}


def main() -> None:
    """Print one table for each number of queries."""
    parser = argparse.ArgumentParser(description="Exact search against its peers.")
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--queries", type=int, nargs="+", default=[1, 100, 2000])
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    entries = random_embeddings(arguments.entries, seed=1)
    for num_queries in arguments.queries:
        medians = measure(contenders(random_embeddings(num_queries, seed=2), entries), arguments.rounds)
        print(f"{num_queries} queries x {arguments.entries} entries x {DIMENSION}, k = {K}")
        for name, median in medians.items():
            print(f"  {name:14s} {median:8.3f} s   {median / medians['exact_search']:6.2f} x ours")


if __name__ == "__main__":
    main()
