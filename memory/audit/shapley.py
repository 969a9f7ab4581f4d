"""Values: what each entry contributes to accuracy, as its Shapley value, exactly.

The game (Jia et al., "Efficient task-specific data valuation for nearest neighbor algorithms", 2019, arXiv 1908.08619):
a subset S of the entries is worth, for one query, the share of right votes among its k nearest,

    v(S) = (1 / k) * number of the min(k, |S|) nearest entries of S that have the query's class,

and for many queries the mean. The Shapley value is the only way to share v(all) out that is fair in Shapley's four
senses. In general it takes 2^N values; here it follows from the farthest entry to the nearest (theorem 1):

    s_N = right_N / N * min(k, N) / k          (the paper assumes k <= N, where the last factor is 1)
    s_i = s_(i+1) + (right_i - right_(i+1)) / k * min(k, i) / i

O(N log N) a query, all entries have a value and all values sum to v(all). Votes are unweighted: for weighted rules no
algorithm below O(N^k) is known. The price: every query ranks the whole memory, so N Q numbers are made, block by block.

Letters: Q queries, N entries, D embedding.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from memory.audit.leave_one_out import LeaveOneOutResult
from memory.search import exact_search
from memory.voting import Rule, Voting, vote
from procmem.errors import UserError

DEFAULT_BUDGET_BYTES = 256 << 20
_BYTES_PER_PAIR = 64


@dataclasses.dataclass(frozen=True, kw_only=True)
class EntryValues:
    """A value for each entry.

    Attributes:
        ids: (N,) int64, ascending.
        values: (N,) float64; larger is better for accuracy, below 0 is harmful.
        method: how they came about.
    """

    ids: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]
    method: str

    def most_valuable_first(self, chance: np.random.Generator | None = None) -> npt.NDArray[np.int64]:
        """(N,) ids; of equal values the smaller first, or in random order.

        Most leave-one-out values are 0, and ids of a memory that was built class by class tell the class: a removal
        curve by id would remove whole classes, so it wants random order.
        """
        ties = np.arange(len(self.ids)) if chance is None else chance.permutation(len(self.ids))
        return self.ids[np.lexsort((ties, -self.values))]


def knn_shapley(
    queries: npt.NDArray[np.float32],
    query_labels: npt.NDArray[np.int64],
    embeddings: npt.NDArray[np.float32],
    labels: npt.NDArray[np.int64],
    k: int,
    *,
    ids: npt.NDArray[np.int64] | None = None,
    device: str = "cpu",
    budget_bytes: int = DEFAULT_BUDGET_BYTES,
) -> EntryValues:
    """Exact Shapley values of the entries for unweighted kNN votes.

    Args:
        queries: (Q, D) L2-normalised.
        query_labels: (Q,) true classes.
        embeddings: (N, D) L2-normalised.
        labels: (N,) classes.
        k: neighbours that vote.
        ids: (N,) ascending; positions where omitted. Of equally similar entries the one with the smaller id is nearer.
        device: of the search.
        budget_bytes: bound on working memory; it changes values by rounding only.

    Raises:
        UserError: for k < 1, no query or entry, or labels of another length.
    """
    N, Q = len(embeddings), len(queries)
    if k < 1 or not N or not Q:
        raise UserError(f"values need k >= 1, an entry and a query; received k = {k}, {N} entries, {Q} queries")
    if len(labels) != N or len(query_labels) != Q:
        raise UserError(
            f"{N} entries and {Q} queries need as many labels; received {len(labels)} and {len(query_labels)}"
        )
    ids = np.arange(N) if ids is None else ids
    totals = np.zeros(N)
    block = max(1, budget_bytes // (_BYTES_PER_PAIR * N))
    for start in range(0, Q, block):
        part = slice(start, start + block)
        ranked = exact_search(queries[part], embeddings, N, labels=labels, device=device)
        values = values_by_rank(ranked.labels == query_labels[part, None], k)
        totals += np.bincount(ranked.ids.ravel(), weights=values.ravel(), minlength=N)
    return EntryValues(ids=ids, values=totals / Q, method=f"knn_shapley(k={k})")


def values_by_rank(right: npt.NDArray[np.bool_], k: int) -> npt.NDArray[np.float64]:
    """(Q, N) Shapley values of the entries of each query from nearest to farthest.

    ``for i = N - 1 down to 1: s[i] = s[i + 1] + (right[i] - right[i + 1]) / k * min(k, i) / i``, ranks from 1.

    Args:
        right: (Q, N) whether each entry has the query's class.
        k: neighbours that vote.
    """
    N = right.shape[1]
    rank = np.arange(1, N)
    values = np.empty(right.shape)
    values[:, -1] = right[:, -1] / N * (min(k, N) / k)
    values[:, :-1] = (right[:, :-1].astype(np.float64) - right[:, 1:]) * (np.minimum(k, rank) / (rank * k))
    reversed_sums: npt.NDArray[np.float64] = np.cumsum(values[:, ::-1], axis=1)[:, ::-1]
    return reversed_sums


def leave_one_out_values(result: LeaveOneOutResult, ids: npt.NDArray[np.int64]) -> EntryValues:
    """Change of accuracy that each entry makes: right answers lost without it less those gained, over the queries.

    Args:
        result: of an audit with query labels.
        ids: (N,) ascending ids of all entries.

    Raises:
        UserError: if the audit had no query labels, or `ids` are not those of the audited memory.
    """
    if len(ids) != result.memory_size:
        raise UserError(f"the audited memory has {result.memory_size} entries; received {len(ids)} ids")
    positions = np.searchsorted(ids, result.entry_ids)
    effects = np.bincount(positions, weights=result.effects(), minlength=len(ids))
    return EntryValues(ids=ids, values=effects / len(result.predictions), method=f"leave_one_out(k={result.k})")


@dataclasses.dataclass(frozen=True, kw_only=True)
class RemovalCurve:
    """Accuracy while entries are removed in an order.

    Attributes:
        shares: (P,) share of the memory that is gone, 0..1.
        accuracies: (P,) top-1 accuracy of what is left, 0..1.
        name: of the order.
    """

    shares: tuple[float, ...]
    accuracies: tuple[float, ...]
    name: str


def removal_curve(
    queries: npt.NDArray[np.float32],
    query_labels: npt.NDArray[np.int64],
    embeddings: npt.NDArray[np.float32],
    labels: npt.NDArray[np.int64],
    order: npt.NDArray[np.int64],
    *,
    shares: tuple[float, ...],
    k: int,
    voting: Voting | Rule = "plurality",
    name: str = "",
    device: str = "cpu",
) -> RemovalCurve:
    """Accuracy after the first entries of an order are gone; each point searches what is left anew.

    Measure on queries that the values were not computed from: values that have seen the queries flatter themselves.

    Args:
        queries: (Q, D) L2-normalised.
        query_labels: (Q,) true classes.
        embeddings: (N, D) L2-normalised.
        labels: (N,) classes.
        order: (N,) positions of entries, first to be removed first.
        shares: of the memory to remove, each 0 <= share < 1.
        k: neighbours that vote.
        voting: the rule.
        name: of the order.
        device: of the search.

    Raises:
        UserError: for shares out of range, or an order that is no permutation of the entries.
    """
    N = len(embeddings)
    if not np.array_equal(np.sort(order), np.arange(N)):
        raise UserError(f"the order must name each of the {N} entries once")
    if not shares or not all(0 <= share < 1 for share in shares):
        raise UserError(f"shares to remove must be at least 0 and below 1; received {shares}")
    accuracies = []
    for share in shares:
        kept = np.sort(order[round(share * N) :])
        found = exact_search(queries, embeddings[kept], min(k, len(kept)), labels=labels[kept], device=device)
        votes = vote(found, num_classes=int(labels.max()) + 1, voting=voting)
        accuracies.append(float(np.mean(votes.predictions == query_labels)))
    return RemovalCurve(shares=shares, accuracies=tuple(accuracies), name=name)
