"""Leave-one-out audit: seconds by rule, and against really rebuilding the memory without each entry.

    python benchmarks/audit.py [--queries 10000] [--classes 100] [--k 20] [--rebuilt 50]

The audit is timed from given neighbours (a search for k + 1), since predictions need the search anyway and it has its
own benchmark. Brute force searches and votes anew without an entry; a sample of removals is timed and scaled to all,
and the sampled flips are compared.

Measured on 2 shared cores (AMD EPYC), numpy 2.4:

    10,000 queries, k = 20, 100 classes: 0.20 to 0.27 s for any of the four rules
    1,000 queries, 5,000 entries: audit 0.031 s, brute force 1,703 s (from 50 removals), ratio 55,000 on a busy machine
    50,000 queries, k = 20, 1,000 classes: 0.95 to 1.07 s a rule;  2,000 queries, k = 200: 2.4 s a rule
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from memory.audit.leave_one_out import LeaveOneOutResult, leave_one_out
from memory.neighbors import Neighbors
from memory.search import exact_search
from memory.voting import Rule, vote

DIMENSION = 384
ROUNDS = 3
BRUTE_FORCE_ENTRIES = 5_000
BRUTE_FORCE_QUERIES = 1_000


class Problem(NamedTuple):
    """Clustered embeddings whose labels are right four times in five."""

    queries: npt.NDArray[np.float32]
    entries: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]


def make_problem(num_queries: int, num_entries: int, num_classes: int) -> Problem:
    """Draw queries and entries around one centre for each class."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((num_classes, DIMENSION))

    def draw(classes: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        rows = centres[classes] + 3 * rng.standard_normal((len(classes), DIMENSION))
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    classes = rng.integers(0, num_classes, num_entries)
    labels = np.where(rng.random(num_entries) < 0.8, classes, rng.integers(0, num_classes, num_entries))
    return Problem(draw(rng.integers(0, num_classes, num_queries)), draw(classes), labels)


def timed_audit(neighbors: Neighbors, k: int, rule: Rule) -> tuple[float, LeaveOneOutResult]:
    """Median seconds of an audit, and its result."""
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        result = leave_one_out(neighbors, k, voting=rule)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds), result


def rebuild_without(problem: Problem, entry: int, k: int, num_classes: int) -> npt.NDArray[np.int64]:
    """Predictions of a memory that never held the entry."""
    rest = np.arange(len(problem.entries)) != entry
    neighbors = exact_search(problem.queries, problem.entries[rest], k, labels=problem.labels[rest])
    return vote(neighbors, num_classes=num_classes).predictions


def compare_with_brute_force(k: int, num_classes: int, num_rebuilt: int) -> None:
    """Print both times; stop if a flip differs."""
    problem = make_problem(BRUTE_FORCE_QUERIES, BRUTE_FORCE_ENTRIES, num_classes)
    neighbors = exact_search(problem.queries, problem.entries, k + 1, labels=problem.labels)
    audit_seconds, result = timed_audit(neighbors, k, "softmax")
    rebuilt = np.unique(result.entry_ids)[:num_rebuilt].tolist()
    start = time.perf_counter()
    changed = {
        entry: np.flatnonzero(rebuild_without(problem, entry, k, num_classes) != result.predictions).tolist()
        for entry in rebuilt
    }
    brute_seconds = (time.perf_counter() - start) / len(rebuilt) * BRUTE_FORCE_ENTRIES
    assert all(rows == result.query_rows[result.entry_ids == entry].tolist() for entry, rows in changed.items())
    print(f"{BRUTE_FORCE_QUERIES} queries, {BRUTE_FORCE_ENTRIES} entries: audit {audit_seconds:.3f} s,")
    print(f"  brute force {brute_seconds:.0f} s (from {len(rebuilt)} removals, flips equal), ", end="")
    print(f"ratio {brute_seconds / audit_seconds:.0f}")


def main() -> None:
    """Print seconds by rule, then the comparison with brute force."""
    parser = argparse.ArgumentParser(description="Leave-one-out audit.")
    parser.add_argument("--queries", type=int, default=10_000)
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument("--k", type=int, default=20)
    parser.add_argument("--rebuilt", type=int, default=50)
    arguments = parser.parse_args()
    problem = make_problem(arguments.queries, 20_000, arguments.classes)
    neighbors = exact_search(problem.queries, problem.entries, arguments.k + 1, labels=problem.labels)
    print(f"{arguments.queries} queries, k = {arguments.k}, {arguments.classes} classes")
    for rule in get_args(Rule):
        seconds, result = timed_audit(neighbors, arguments.k, rule)
        print(f"  {rule:10s} {seconds:6.3f} s   {result.num_flips} flips by {result.num_non_private} entries")
    compare_with_brute_force(arguments.k, arguments.classes, arguments.rebuilt)


if __name__ == "__main__":
    main()
