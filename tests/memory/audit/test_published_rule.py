"""The published rule by hand, with each of its errors, and against a loop over one query at a time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from memory.audit.leave_one_out import leave_one_out
from memory.audit.published_rule import PublishedCount, published_count
from memory.neighbors import Neighbors
from memory.search import exact_search
from procmem.errors import UserError

T = 0.07


def listed(labels: list[int], weights: list[float]) -> Neighbors:
    """One query whose neighbours weigh so much in the softmax rule, up to a common factor."""
    return Neighbors(
        ids=np.arange(len(labels))[None],
        labels=np.array([labels]),
        similarities=1 + T * np.log(np.array([weights])),
        memory_size=10,
    )


def count(neighbors: Neighbors, truth: int, last_label: int = 9) -> PublishedCount:
    k = neighbors.num_neighbors - 1
    return published_count(neighbors, k, query_labels=np.array([truth]), last_label=last_label)


def test_a_voter_above_the_threshold_is_named_helpful_or_harmful() -> None:
    # threshold 0.9 + 0.5 - (0.7 + 0.3) = 0.4; without the next one's vote for class 1 it would be 0.7
    neighbors = listed([0, 1, 0, 1], [0.9, 0.7, 0.5, 0.3])
    assert count(neighbors, truth=0).helpful_ids.tolist() == [0, 2]
    assert count(neighbors, truth=1).harmful_ids.tolist() == [0, 2]
    neither = count(neighbors, truth=2)  # a flip that touches no correctness is not counted
    assert neither.helpful_ids.size + neither.harmful_ids.size == 0


def test_the_next_neighbour_is_added_by_the_wrong_label() -> None:
    # without 0 the next (0.6, class 0) moves in: 0.3 + 0.6 > 0.5, no flip; the rule looks at the last label instead
    neighbors = listed([0, 1, 0, 0], [0.9, 0.85, 0.8, 0.79])
    assert leave_one_out(neighbors, 3).num_flips == 0
    assert count(neighbors, truth=0, last_label=9).helpful_ids.tolist() == [0]
    assert count(neighbors, truth=0, last_label=0).helpful_ids.size == 0


def test_removals_outside_the_predicted_class_are_ignored() -> None:
    # class 0 leads 1 by 1.0 to 0.9; without the entry of class 2 the next one (class 1) moves in and wins
    neighbors = listed([0, 1, 2, 1], [1.0, 0.9, 0.3, 0.2])
    result = leave_one_out(neighbors, 3, query_labels=np.array([0]))
    assert result.entry_ids.tolist() == [0, 2]
    published = count(neighbors, truth=0)
    assert 2 not in published.helpful_ids
    compared = published.compared(result)
    assert compared == {
        "num_by_definition": 2,
        "num_by_script": 1,
        "script_missed": 1,
        "script_named_wrongly": 0,
        "num_as_published": 0,
        "published_missed": 2,
        "published_named_wrongly": 0,
    }


def one_by_one(neighbors: Neighbors, k: int, truth: npt.NDArray[np.int64], last: int) -> tuple[set[int], set[int]]:
    good, bad = set(), set()
    for q in range(neighbors.num_queries):
        weights = np.exp(neighbors.similarities[q] / T)
        labels = neighbors.labels[q]
        first = {c: weights[:k][labels[:k] == c].sum() for c in range(5)}
        more = {c: weights[labels == c].sum() for c in range(5)}
        predicted = max(first, key=lambda c: first[c])
        second = max((c for c in more if c != predicted), key=lambda c: more[c])
        threshold = first[predicted] - more[second] + (weights[k] if last == predicted else 0)
        named = {int(neighbors.ids[q, r]) for r in range(k) if labels[r] == predicted and weights[r] > threshold}
        if predicted == truth[q]:
            good |= named
        elif second == truth[q]:
            bad |= named
    return good, bad


@pytest.mark.parametrize("last", [0, 3])
def test_equals_the_procedure_one_query_at_a_time(last: int) -> None:
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((260, 8))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    labels, truth = rng.integers(0, 5, 200), rng.integers(0, 5, 60)
    neighbors = exact_search(rows[200:], rows[:200], 8, labels=labels)
    published = published_count(neighbors, 7, query_labels=truth, last_label=last)
    good, bad = one_by_one(neighbors, 7, truth, last)
    assert set(published.helpful_ids.tolist()) == good
    assert set(published.harmful_ids.tolist()) == bad
    assert len(good) > 5
    assert len(bad) > 5


def test_bad_requests_are_refused() -> None:
    neighbors = listed([0, 1], [0.9, 0.5])
    with pytest.raises(UserError, match="knows no weights"):
        published_count(
            neighbors.weighted(np.arange(2), np.array([1.0, 0.5])), 1, query_labels=np.array([0]), last_label=0
        )
    with pytest.raises(UserError, match="a label for each of 1 queries"):
        published_count(neighbors, 1, query_labels=np.array([0, 1]), last_label=0)
