"""Audits: seconds by rule, against really rebuilding the memory, and against the published procedure.

    python benchmarks/audit.py [--queries 10000] [--classes 100] [--k 20] [--rebuilt 20] [--one-by-one 200]
    python benchmarks/audit.py --only whole [--queries 1000] [--entries 1281167]

The audit is timed from given neighbours (a search for k + 1), since predictions need the search anyway and it has its
own benchmark. Peers, each run on a sample, scaled to all, in the same run:

* brute force searches and votes anew without an entry; the sampled flips are compared;
* the published procedure takes one query at a time in torch: all similarities, top k + 1, score tables over all
  classes, a threshold (its steps as its paper and protocol describe them; it does not even find the right entries, see
  `memory.audit.published_rule`). Search and count are timed apart, on both sides.

``whole`` searches memories that grow to ImageNet's size with some queries, and says what all 50,000 would take by the
linear law that the smaller sizes show; processor seconds, which mean something on a shared machine too.

Measured: see docs/audits.md.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import NamedTuple, get_args

import numpy as np
import numpy.typing as npt
import torch

from memory.audit.leave_one_out import LeaveOneOutResult, leave_one_out
from memory.neighbors import Neighbors
from memory.search import ExactSearch, exact_search
from memory.voting import Rule, vote

DIMENSION = 384
ROUNDS = 3
BRUTE_FORCE_ENTRIES = 5_000
BRUTE_FORCE_QUERIES = 1_000
PUBLISHED_ENTRIES = 20_000
TEMPERATURE = 0.07
IMAGENET_ENTRIES, IMAGENET_QUERIES = 1_281_167, 50_000
ENTRIES_AT_ONCE = 50_000


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


def listed_neighbors(num_queries: int, num_neighbors: int, num_classes: int) -> Neighbors:
    """Lists as a search would give them, without the search: half of each list is of one class."""
    rng = np.random.default_rng(0)
    own = rng.integers(0, num_classes, (num_queries, 1))
    is_own = rng.random((num_queries, num_neighbors)) < 0.5
    return Neighbors(
        ids=np.argsort(rng.random((num_queries, num_neighbors)), axis=1)
        + num_neighbors * np.arange(num_queries)[:, None],
        labels=np.where(is_own, own, rng.integers(0, num_classes, (num_queries, num_neighbors))),
        similarities=np.sort(rng.uniform(0.2, 0.9, (num_queries, num_neighbors)), axis=1)[:, ::-1].copy(),
        memory_size=num_queries * num_neighbors,
    )


def timed_audit(neighbors: Neighbors, k: int, rule: Rule) -> tuple[float, LeaveOneOutResult]:
    """Median seconds of an audit, and its result."""
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        result = leave_one_out(neighbors, k, voting=rule)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds), result


def time_rules(num_queries: int, k: int, num_classes: int) -> None:
    """Print seconds for each rule and all four, from given neighbours."""
    neighbors = listed_neighbors(num_queries, k + 1, num_classes)
    print(f"{num_queries} queries, k = {k}, {num_classes} classes, from given neighbours")
    total = 0.0
    for rule in get_args(Rule):
        seconds, result = timed_audit(neighbors, k, rule)
        total += seconds
        print(f"  {rule:10s} {seconds:6.3f} s   {result.num_flips} flips by {result.num_non_private} entries")
    print(f"  all four   {total:6.3f} s")


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


def published_search(query: torch.Tensor, entries: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Similarities and ids of the k + 1 nearest entries of one query."""
    similarity, ids = (query[None] @ entries).topk(k + 1)
    return similarity[0], ids[0]


def published_count_one(
    similarity: torch.Tensor, ids: torch.Tensor, labels: torch.Tensor, k: int, num_classes: int
) -> torch.Tensor:
    """Entries that the published rule names for one query: two score tables over all classes, and a threshold."""
    weights, classes = (similarity / TEMPERATURE).exp(), labels[ids]
    votes = torch.zeros(k + 1, num_classes).scatter_(1, classes[:, None], 1) * weights[:, None]
    first, more = votes[:-1].sum(0), votes.sum(0)
    ranked, order = first.sort(descending=True)
    predicted = order[0]
    more[predicted] = -torch.inf
    threshold = ranked[0] - more.sort(descending=True)[0][0]
    if labels[-1] == predicted:
        threshold = threshold + weights[k]
    return ids[:k][(weights[:k] > threshold) & (classes[:k] == predicted)]


def compare_with_published(k: int, num_classes: int, num_one_by_one: int) -> None:
    """Print both times, from given neighbours and with the search, interleaved."""
    problem = make_problem(BRUTE_FORCE_QUERIES, PUBLISHED_ENTRIES, num_classes)
    queries, entries, labels = (torch.from_numpy(part) for part in problem)
    entries = entries.t().contiguous()
    seconds: dict[str, list[float]] = {"our search": [], "our count": [], "their search": [], "their count": []}

    def timed(name: str, start: float, count: int) -> float:
        seconds[name].append((time.perf_counter() - start) / count)
        return time.perf_counter()

    for _ in range(ROUNDS):
        clock = time.perf_counter()
        neighbors = exact_search(problem.queries, problem.entries, k + 1, labels=problem.labels)
        clock = timed("our search", clock, len(queries))
        leave_one_out(neighbors, k)
        clock = timed("our count", clock, len(queries))
        found = [published_search(query, entries, k) for query in queries[:num_one_by_one]]
        clock = timed("their search", clock, num_one_by_one)
        for similarity, ids in found:
            published_count_one(similarity, ids, labels, k, num_classes)
        timed("their count", clock, num_one_by_one)
    medians = {name: 1e3 * statistics.median(values) for name, values in seconds.items()}
    print(f"{PUBLISHED_ENTRIES} entries, k = {k}, {num_classes} classes, milliseconds a query:")
    print("  " + ", ".join(f"{name} {value:.4f}" for name, value in medians.items()))
    with_search = (medians["their search"] + medians["their count"]) / (medians["our search"] + medians["our count"])
    print(f"  ratio {medians['their count'] / medians['our count']:.0f} from given neighbours, ", end="")
    print(f"{with_search:.1f} with the search")


def draw_entries(num_entries: int, num_classes: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """As `make_problem` draws them, but a block at a time: a million float64 rows would not fit beside their copy."""
    rng = np.random.default_rng(1)
    centres = np.random.default_rng(0).standard_normal((num_classes, DIMENSION), dtype=np.float32)
    labels = rng.integers(0, num_classes, num_entries)
    entries = np.empty((num_entries, DIMENSION), np.float32)
    for start in range(0, num_entries, ENTRIES_AT_ONCE):
        block = entries[start : start + ENTRIES_AT_ONCE]
        rng.standard_normal(dtype=np.float32, out=block)
        block *= 3
        block += centres[labels[start : start + ENTRIES_AT_ONCE]]
        block /= np.linalg.norm(block, axis=1, keepdims=True)
    return entries, labels


def audit_whole(num_queries: int, num_entries: int, k: int, num_classes: int) -> None:
    """Print processor seconds of search and audit at growing sizes, and what 50,000 queries would take at the last."""
    entries, labels = draw_entries(num_entries, num_classes)
    queries = draw_entries(num_queries, num_classes)[0]
    print(f"{num_queries} queries, k = {k}, {DIMENSION} numbers, {num_classes} classes; processor seconds:")
    for size in sorted({min(size, num_entries) for size in (10_000, 100_000, 400_000, num_entries)}):
        ready = ExactSearch(entries[:size], labels=labels[:size], checked=True)
        start = time.process_time()
        neighbors = ready.search(queries, k + 1)
        searched = time.process_time() - start
        result = leave_one_out(neighbors, k)
        audited = time.process_time() - start - searched
        print(
            f"  {size:9,} entries: search {searched:7.2f} ({1e9 * searched / num_queries / size:.2f} ns a pair), ",
            end="",
        )
        print(f"audit {audited:.3f}, {result.num_non_private} non-private")
    scale = IMAGENET_QUERIES / num_queries
    print(f"  50,000 queries at the last size: search {scale * searched:.0f}, audit {scale * audited:.1f}")


def main() -> None:
    """Print seconds by rule, then the comparisons."""
    parser = argparse.ArgumentParser(description="Leave-one-out audit.")
    parser.add_argument("--queries", type=int, default=10_000)
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument("--k", type=int, default=20)
    parser.add_argument("--rebuilt", type=int, default=20)
    parser.add_argument("--one-by-one", type=int, default=200)
    parser.add_argument("--only", choices=("rules", "brute-force", "published", "whole"))
    parser.add_argument("--entries", type=int, default=IMAGENET_ENTRIES)
    arguments = parser.parse_args()
    if arguments.only in (None, "rules"):
        time_rules(arguments.queries, arguments.k, arguments.classes)
    if arguments.only in (None, "brute-force"):
        compare_with_brute_force(arguments.k, arguments.classes, arguments.rebuilt)
    if arguments.only in (None, "published"):
        compare_with_published(arguments.k, arguments.classes, arguments.one_by_one)
    if arguments.only == "whole":
        audit_whole(arguments.queries, arguments.entries, arguments.k, arguments.classes)


if __name__ == "__main__":
    main()
