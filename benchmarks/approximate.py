"""Approximate search against exact search: time to build, time of a query, recall with and without the final ranking.

    OMP_NUM_THREADS=1 python benchmarks/approximate.py [--entries 100000] [--queries 100]

Processor seconds on one thread of a busy machine, 10,000 x 384: exact 0.18 ms a query (of 100); hnsw 0.74 ms, recall@10
0.996 (as built 0.995 +- 0.001; 0.948 at faiss's own depth and without ranking), built in 3.4 s, 1,808
bytes an entry; ivfpq 0.31 ms, recall@10 0.932 (as built 0.938 +- 0.008; 0.876 without ranking), built in 32 s, 183
bytes an entry with its code books.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import faiss
import numpy as np

from memory.approximate import LISTS_PROBED, Present, build, hash_rows
from memory.mask import Mask
from memory.search import ExactSearch

sys.path.insert(0, str(Path(__file__).parent))
from search import random_embeddings

K = 10


def main() -> None:
    """Print one line for each kind of search index."""
    parser = argparse.ArgumentParser(description="Approximate search against exact search.")
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=100)
    arguments = parser.parse_args()
    entries, queries = random_embeddings(arguments.entries, seed=1), random_embeddings(arguments.queries, seed=2)
    ids = np.arange(len(entries))
    exact = ExactSearch(entries)
    start = time.process_time()
    nearest = exact.search(queries, K).ids
    print(f"exact   {1e3 * (time.process_time() - start) / len(queries):7.2f} ms a query")
    present = Present(ids, entries, np.zeros_like(ids), hash_rows(entries))
    for kind in ("hnsw", "ivfpq"):
        start = time.process_time()
        made = build(kind, present)
        build_seconds = time.process_time() - start
        start = time.process_time()
        found = made.search(present, queries, K, Mask()).ids
        query_ms = 1e3 * (time.process_time() - start) / len(queries)
        recall = np.mean([len(set(a) & set(b)) / K for a, b in zip(found.tolist(), nearest.tolist(), strict=True)])
        parameters = None if kind == "hnsw" else faiss.SearchParametersIVF(nprobe=LISTS_PROBED)
        bare = made.index.search(queries, K, params=parameters)[1]
        bare_recall = np.mean([len(set(a) & set(b)) / K for a, b in zip(bare.tolist(), nearest.tolist(), strict=True)])
        size = len(faiss.serialize_index(made.index)) / len(entries)
        print(
            f"{kind:7s} {query_ms:7.2f} ms a query, recall@{K} {recall:.3f} (as built: {made.recall.value:.3f} "
            f"+- {made.recall.standard_error:.3f}), without ranking {bare_recall:.3f}, "
            f"built in {build_seconds:.1f} s, {size:.0f} bytes an entry"
        )


if __name__ == "__main__":
    main()
