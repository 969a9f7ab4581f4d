"""A sweep equals one vote per (rule, k). Run: pytest tests/memory/test_sweep.py.

Letters: Q queries, K neighbours, C classes.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from typing import get_args

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import top_k_accuracy_score

from memory.neighbors import Neighbors
from memory.search import exact_search
from memory.sweep import SENSITIVITY, TOP, as_csv, sensitivity_votings, sweep
from memory.voting import TIE_TOLERANCE, Protocol, Rule, Voting, vote
from procmem.errors import UserError

MakeUnitRows = Callable[..., npt.NDArray[np.float32]]


def slow_in_top(neighbors: Neighbors, q: int, truth: int, scores: npt.NDArray[np.float64]) -> bool:
    """Walk over all classes: who stands before the true one?"""
    labels = neighbors.labels[q].tolist()
    if truth not in labels:
        return False
    better = 0
    for c in set(labels) - {truth, -1}:
        tied = math.isclose(scores[c], scores[truth], rel_tol=TIE_TOLERANCE)
        better += (tied and labels.index(c) < labels.index(truth)) or (not tied and scores[c] > scores[truth])
    return better < TOP


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10_000),
    C=st.integers(1, 12),
    K=st.integers(1, 15),
    num_padded=st.integers(0, 3),
    with_weights=st.booleans(),
    rule=st.sampled_from(get_args(Rule)),
    protocol=st.sampled_from(get_args(Protocol)),
    budget_bytes=st.sampled_from([1, 1 << 20]),
)
def test_equals_a_vote_for_each_k(
    seed: int, C: int, K: int, num_padded: int, with_weights: bool, rule: Rule, protocol: Protocol, budget_bytes: int
) -> None:
    rng = np.random.default_rng(seed)
    Q, num_padded = 6, min(num_padded, K)
    similarities = -np.sort(-rng.integers(-2, 5, (Q, K)) / 5, axis=1)
    ids, labels = np.tile(np.arange(K), (Q, 1)), rng.integers(0, C, (Q, K))
    if num_padded:
        ids[:3, -num_padded:], labels[:3, -num_padded:], similarities[:3, -num_padded:] = -1, -1, -np.inf
    weights = rng.choice([0.0, 0.5, 1.0, 2.0], (Q, K)) if with_weights else None
    neighbors = Neighbors(ids=ids, labels=labels, similarities=similarities, weights=weights)
    truth = rng.integers(0, C + 1, Q)  # class C has no entry
    voting = Voting(rule=rule, protocol=protocol)
    ks = sorted({1, (K + 1) // 2, K})
    rows = sweep(neighbors, truth, num_neighbors=ks, votings=[voting], budget_bytes=budget_bytes)
    assert [row.k for row in rows] == ks
    for row in rows:
        part = neighbors.first(row.k)
        votes = vote(part, num_classes=C + 1, voting=voting)
        assert row.predictions.tolist() == votes.predictions.tolist()
        assert row.top1_accuracy == np.mean(votes.predictions == truth)
        assert row.mean_confidence == pytest.approx(votes.confidence().mean(), abs=1e-12)
        in_top = [slow_in_top(part, q, int(truth[q]), votes.scores[q]) for q in range(Q)]
        assert row.top5_accuracy == np.mean(in_top)


def test_top5_accuracy_agrees_with_scikit_learn_where_scores_differ(unit_rows: MakeUnitRows) -> None:
    entries, queries = unit_rows(400, 6, 1), unit_rows(200, 6, 2)
    rng = np.random.default_rng(0)
    labels, truth = rng.integers(0, 20, 400), rng.integers(0, 20, 200)
    neighbors = exact_search(queries, entries, 100, labels=labels)
    (row,) = sweep(neighbors, truth, num_neighbors=[100], votings=["softmax"])
    scores = vote(neighbors, num_classes=20).scores
    assert (scores > 0).sum(axis=1).min() > TOP
    assert row.top5_accuracy == top_k_accuracy_score(truth, scores, k=5, labels=range(20))
    assert row.standard_error == pytest.approx(math.sqrt(row.top1_accuracy * (1 - row.top1_accuracy) / 200))


def one_query(labels: list[int]) -> Neighbors:
    K = len(labels)
    return Neighbors(ids=np.arange(K)[None], labels=np.array([labels]), similarities=np.linspace(0.9, 0.5, K)[None])


def test_the_papers_tie_counts_at_each_k() -> None:
    voting = Voting(rule="plurality", protocol="paper")
    rows = sweep(one_query([0, 1, 1, 0]), np.array([1]), num_neighbors=[2, 4], votings=[voting])
    assert [row.predictions.tolist() for row in rows] == [[0], [1]]


@pytest.mark.parametrize(("excess", "is_in"), [(0.1 * TIE_TOLERANCE, True), (10 * TIE_TOLERANCE, False)])
def test_classes_within_the_tolerance_are_ranked_by_their_nearest_neighbour(excess: float, is_in: bool) -> None:
    # the true class has exp(0.5 - 1) once; five classes behind it have two votes each that sum to (1 + excess) of that
    half = 1 + math.log(math.exp(-0.5) * (1 + excess) / 2)
    neighbors = Neighbors(
        ids=np.arange(11)[None],
        labels=np.array([[0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]]),
        similarities=np.array([[0.5] + [half] * 10]),
    )
    (row,) = sweep(neighbors, np.array([0]), num_neighbors=[11], votings=["distance"])
    assert row.top5_accuracy == is_in


def test_per_class_accuracy_by_hand() -> None:
    neighbors = Neighbors(
        ids=np.zeros((3, 1), np.int64), labels=np.array([[0], [1], [1]]), similarities=np.full((3, 1), 0.5)
    )
    truth = np.array([0, 0, 1])
    (row,) = sweep(neighbors, truth, num_neighbors=[1], votings=["plurality"])
    np.testing.assert_array_equal(row.per_class(truth, 3), [0.5, 1.0, np.nan])


def test_rows_come_rule_by_rule_and_as_csv() -> None:
    rows = sweep(one_query([0, 1, 1]), np.array([1]), num_neighbors=[3, 1], votings=["rank", Voting(temperature=0.5)])
    assert [(row.voting.rule, row.k) for row in rows] == [("rank", 1), ("rank", 3), ("softmax", 1), ("softmax", 3)]
    assert [row.top1_accuracy for row in rows] == [0, 1, 0, 1]  # rank: 1/3 + 1/4 > 1/2
    read = list(csv.DictReader(as_csv(rows).splitlines()))
    assert [line["k"] for line in read] == ["1", "3", "1", "3"]
    assert read[2]["temperature"] == "0.5"


@pytest.mark.parametrize("rule", get_args(Rule))
def test_a_sensitivity_sweep_varies_the_rules_own_number(rule: Rule) -> None:
    votings = sensitivity_votings(rule)
    assert all(voting.rule == rule for voting in votings)
    assert len(set(votings)) == (1 if rule == "plurality" else len(SENSITIVITY[rule][1]))
    assert Voting(rule=rule) in votings  # the papers' value is among them


def test_bad_requests_are_refused() -> None:
    for bad in ([], [0], [4]):
        with pytest.raises(UserError, match="these neighbours were searched with k = 3"):
            sweep(one_query([0, 1, 1]), np.array([1]), num_neighbors=bad)
    with pytest.raises(UserError, match=r"received \(2,\) for 1"):
        sweep(one_query([0, 1, 1]), np.array([1, 1]), num_neighbors=[1])
