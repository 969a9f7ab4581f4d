"""kNN classification: the memory holds `train`, the queries are `val`, and k is never chosen on the queries.

Every (rule, k) is scored in one go from one exact search. Three ways to choose k stand side by side: what does best
when the memory classifies its own entries, each with itself left out (the headline); what does best on a held-out
fifth of each class of the memory; and the papers' "best k on the test set", named as what it is, an optimistic number.
One search of the memory with itself is the price of an honest k; above `max_selection_queries` entries a seeded
subset of them stands for all.

Letters: Q queries, N entries, K neighbours, D embedding, C classes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from eval.held_out import held_out
from eval.statistics import share_standard_error
from memory.neighbors import Neighbors
from memory.search import exact_search
from memory.sweep import SweepRow, sweep
from memory.voting import Protocol, Rule, Voting, check_classes, vote
from procgen.seeds import generator
from procmem.errors import UserError

QUERIES_AT_ONCE = 4096
"""Votes are (queries, classes) of float64: 33 MB at 1,000 classes."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class KnnSettings:
    """What is swept.

    Attributes:
        num_neighbors: values of k; those above N - 1 are left out.
        rules: voting rules; the first one is the headline's.
        temperature: of the softmax rule.
        protocol: who wins a tie, see `memory.voting`: the class of the nearest neighbour, or, "paper", the one that
            first reaches the largest score.
        max_selection_queries: most entries that classify themselves when k is chosen.
        seed: draws those entries where there are more, and the held-out fifth.

    Raises:
        UserError: for an empty or unknown value.
    """

    num_neighbors: Sequence[int] = (1, 5, 10, 20, 50, 100, 200)
    rules: Sequence[Rule] = ("softmax", "plurality", "distance", "rank")
    temperature: float = 0.07
    protocol: Protocol = "nearest"
    max_selection_queries: int = 10_000
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.num_neighbors or not all(isinstance(k, int) and k >= 1 for k in self.num_neighbors):
            raise UserError(f"num_neighbors must be whole numbers of at least 1, received {self.num_neighbors!r}")
        if not self.rules or isinstance(self.rules, str):
            raise UserError(f"rules must be a list of voting rules, received {self.rules!r}")
        self.votings()
        if self.max_selection_queries < 1:
            raise UserError(f"max_selection_queries must be at least 1, received {self.max_selection_queries}")

    def votings(self) -> list[Voting]:
        """The rules with their numbers."""
        return [Voting(rule=rule, temperature=self.temperature, protocol=self.protocol) for rule in self.rules]


@dataclasses.dataclass(frozen=True, kw_only=True)
class KnnScore:
    """One point of the sweep.

    Attributes:
        rule: of voting.
        k: neighbours that vote.
        top1_accuracy: share of queries answered rightly.
        standard_error: of that share, binomial.
        num_queries: Q.
        leave_one_out_accuracy: of the memory on its own entries, each left out; what k is chosen by.
        held_out_accuracy: of four fifths of the memory on the rest; None where no class has two entries.
        correct: (Q,) which queries are answered rightly; for paired comparisons.
    """

    rule: Rule
    k: int
    top1_accuracy: float
    standard_error: float
    num_queries: int
    leave_one_out_accuracy: float
    held_out_accuracy: float | None
    correct: npt.NDArray[np.bool_] = dataclasses.field(repr=False, compare=False)


@dataclasses.dataclass(frozen=True, kw_only=True)
class KnnOutcome:
    """What a kNN evaluation found.

    Attributes:
        scores: the sweep, rule by rule, k ascending.
        chosen: the headline: first rule, k by leave-one-out on the memory (ties to the smaller k).
        chosen_held_out: first rule, k by the held-out fifth; None where no class has two entries.
        best_on_val: the papers' number: the best of the sweep, picked on the queries themselves.
        predictions: (Q,) classes at the chosen k.
        correct: (Q,) whether they are right; for paired comparisons.
        neighbors: (Q, K) at the largest k, for sheets and audits.
    """

    scores: tuple[KnnScore, ...]
    chosen: KnnScore
    chosen_held_out: KnnScore | None
    best_on_val: KnnScore
    predictions: npt.NDArray[np.int64]
    correct: npt.NDArray[np.bool_]
    neighbors: Neighbors


def evaluate_knn(
    entries: npt.NDArray[np.float32],
    entry_labels: npt.NDArray[np.int64],
    queries: npt.NDArray[np.float32],
    query_labels: npt.NDArray[np.int64],
    *,
    num_classes: int,
    settings: KnnSettings | None = None,
    device: str = "cpu",
    is_correct: Callable[[npt.NDArray[np.int64]], npt.NDArray[np.bool_]] | None = None,
) -> KnnOutcome:
    """Sweep k and the voting rules.

    Args:
        entries: (N, D) unit-length embeddings of the memory.
        entry_labels: (N,) classes.
        queries: (Q, D) unit-length embeddings.
        query_labels: (Q,) classes.
        num_classes: C.
        settings: what is swept.
        device: of the search's fast pass.
        is_correct: which predictions (Q,) count as right; None takes those that are the query's class.

    Raises:
        UserError: if the memory has no two entries, there is no query, or no k fits the memory.
    """
    settings = settings or KnnSettings()
    if len(entries) < 2 or not len(queries):
        raise UserError(f"kNN needs at least 2 entries and 1 query, received {len(entries)} and {len(queries)}")
    ks = sorted({k for k in settings.num_neighbors if k < len(entries)})
    if not ks:
        raise UserError(f"every k of {list(settings.num_neighbors)} exceeds the {len(entries) - 1} other entries")
    found = exact_search(queries, entries, ks[-1], labels=entry_labels, device=device)
    rows = _selection_rows(len(entries), settings)
    own = exact_search(entries[rows], entries, ks[-1] + 1, labels=entry_labels, device=device)
    own = without_self(own, rows)
    for neighbors in (found, own):
        check_classes(neighbors, num_classes)
    votings = settings.votings()
    on_queries = sweep(found, query_labels, num_neighbors=ks, votings=votings)
    on_own = sweep(own, entry_labels[rows], num_neighbors=ks, votings=votings)
    on_held_out = _held_out_sweep(entries, entry_labels, ks, settings, device)
    correct = [
        row.predictions == query_labels if is_correct is None else is_correct(row.predictions) for row in on_queries
    ]
    accuracies = [float(flags.mean()) for flags in correct]
    scores = [
        KnnScore(
            rule=row.voting.rule,
            k=row.k,
            top1_accuracy=accuracies[position],
            standard_error=share_standard_error(accuracies[position], len(queries)),
            num_queries=len(queries),
            leave_one_out_accuracy=own_row.top1_accuracy,
            held_out_accuracy=on_held_out[position].top1_accuracy if on_held_out else None,
            correct=correct[position],
        )
        for position, (row, own_row) in enumerate(zip(on_queries, on_own, strict=True))
    ]
    # max takes the first of equals: the smaller k, the earlier rule
    of_first_rule = scores[: len(ks)]
    chosen = max(of_first_rule, key=lambda score: score.leave_one_out_accuracy)
    return KnnOutcome(
        scores=tuple(scores),
        chosen=chosen,
        chosen_held_out=max(of_first_rule, key=lambda score: score.held_out_accuracy or 0.0) if on_held_out else None,
        best_on_val=max(scores, key=lambda score: score.top1_accuracy),
        predictions=on_queries[scores.index(chosen)].predictions,
        correct=chosen.correct,
        neighbors=found,
    )


def predict(neighbors: Neighbors, k: int, rule: Rule, temperature: float, num_classes: int) -> npt.NDArray[np.int64]:
    """Classes (Q,) by the first k neighbours, a block of queries at a time."""
    predictions = np.empty(neighbors.num_queries, np.int64)
    for first in range(0, neighbors.num_queries, QUERIES_AT_ONCE):
        block = slice(first, first + QUERIES_AT_ONCE)
        part = neighbors.rows(block).first(k)
        voting = Voting(rule=rule, temperature=temperature)
        predictions[block] = vote(part, num_classes=num_classes, voting=voting).predictions
    return predictions


def without_self(neighbors: Neighbors, own_ids: npt.NDArray[np.int64]) -> Neighbors:
    """Entries that queried their own memory for K + 1 neighbours: the K others.

    An entry with more than K exact duplicates may be missing from its own list; then the last neighbour goes.

    Args:
        neighbors: (Q, K + 1).
        own_ids: (Q,) the id of each query in the memory.
    """
    is_self = neighbors.ids == own_ids[:, None]
    is_self[:, -1] |= ~is_self.any(axis=1)
    return dataclasses.replace(
        neighbors.keeping(~is_self).first(neighbors.num_neighbors - 1),
        memory_size=None if neighbors.memory_size is None else neighbors.memory_size - 1,
    )


def _selection_rows(N: int, settings: KnnSettings) -> npt.NDArray[np.int64]:
    if settings.max_selection_queries >= N:
        return np.arange(N)
    chance = generator(settings.seed, "knn", "selection")
    return np.sort(chance.choice(N, settings.max_selection_queries, replace=False)).astype(np.int64)


def _held_out_sweep(
    entries: npt.NDArray[np.float32],
    labels: npt.NDArray[np.int64],
    ks: list[int],
    settings: KnnSettings,
    device: str,
) -> list[SweepRow]:
    """The sweep of a memory of four fifths, asked about (at most `max_selection_queries` of) the rest."""
    is_query = held_out(labels, generator(settings.seed, "knn", "held out"))
    rows = np.flatnonzero(is_query)
    if not rows.size:
        return []
    rows = rows[_selection_rows(len(rows), settings)]  # drawn: the first ones of a sorted set are of its first classes
    kept = ~is_query
    found = exact_search(entries[rows], entries[kept], ks[-1], labels=labels[kept], device=device)
    return sweep(found, labels[rows], num_neighbors=ks, votings=settings.votings())
