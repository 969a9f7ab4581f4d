"""Votes by hand, against a slow reference, and against scikit-learn where both must agree.

Run: pytest tests/memory/test_voting.py.

Letters: Q queries, K neighbours, C classes.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import get_args

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsClassifier

from memory.neighbors import Neighbors
from memory.search import exact_search
from memory.voting import MIN_TEMPERATURE, TIE_TOLERANCE, Protocol, Rule, Voting, vote
from procmem.errors import UserError

MakeUnitRows = Callable[..., npt.NDArray[np.float32]]


def one_query(labels: list[int], similarities: list[float]) -> Neighbors:
    """Neighbours of one query; label -1 is padding."""
    ids = [i if label >= 0 else -1 for i, label in enumerate(labels)]
    return Neighbors(ids=np.array([ids]), labels=np.array([labels]), similarities=np.array([similarities]))


def slow_vote(labels: list[int], similarities: list[float], C: int, rule: Rule, protocol: Protocol) -> int:
    """The definition, one neighbour at a time, with scores as in the papers (no common factor taken out)."""
    weight = {
        "plurality": lambda s, rank: 1.0,
        "distance": lambda s, rank: math.exp(-(1 - s)),
        "softmax": lambda s, rank: math.exp(s / 0.07),
        "rank": lambda s, rank: 1 / (2 + rank),
    }[rule]
    scores, history = [0.0] * C, []
    for rank, (label, similarity) in enumerate(zip(labels, similarities, strict=True)):
        if label >= 0:
            scores[label] += weight(similarity, rank)
            history.append((label, scores[label]))
    for label, score_then in history:
        reached = score_then if protocol == "paper" else scores[label]
        if reached >= max(scores) * (1 - TIE_TOLERANCE):
            return label
    return -1


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("plurality", [2.0, 1.0]),
        ("distance", [math.exp(-0.1) + math.exp(-0.5), math.exp(-0.2)]),
        ("softmax", [math.exp(-0.1 / 0.07) + math.exp(-0.5 / 0.07), math.exp(-0.2 / 0.07)]),
        ("rank", [1 / 2 + 1 / 4, 1 / 3]),
    ],
)
def test_scores_by_hand(rule: Rule, expected: list[float]) -> None:
    votes = vote(one_query([0, 1, 0], [0.9, 0.8, 0.5]), num_classes=3, voting=rule)
    np.testing.assert_allclose(votes.scores, [[*expected, 0.0]], rtol=1e-14)
    assert votes.predictions.tolist() == [0]
    assert votes.voting.rule == rule


def test_temperature_decides_between_one_near_and_two_far_neighbours() -> None:
    neighbors = one_query([0, 1, 1], [0.9, 0.8, 0.8])
    # two at 0.1 less win if 2 exp(-0.1 / t) > 1, that is t > 0.1 / ln 2 = 0.144
    assert vote(neighbors, num_classes=2, voting=Voting(temperature=0.14)).predictions.tolist() == [0]
    assert vote(neighbors, num_classes=2, voting=Voting(temperature=0.15)).predictions.tolist() == [1]


def test_a_tie_goes_to_the_class_of_the_nearest_neighbour_among_the_tied() -> None:
    neighbors = one_query([0, 1, 1, 0], [0.9, 0.8, 0.7, 0.6])
    assert vote(neighbors, num_classes=2, voting="plurality").predictions.tolist() == [0]
    # class 2 is nearest of all but not among the tied
    neighbors = one_query([2, 1, 0, 0, 1], [0.9, 0.8, 0.7, 0.6, 0.5])
    assert vote(neighbors, num_classes=3, voting="plurality").predictions.tolist() == [1]


def test_the_papers_tie_goes_to_the_class_that_first_reaches_the_maximum() -> None:
    neighbors = one_query([0, 1, 1, 0], [0.9, 0.8, 0.7, 0.6])
    assert vote(neighbors, num_classes=2, voting=Voting(rule="plurality", protocol="paper")).predictions.tolist() == [1]


@pytest.mark.parametrize(("excess", "winner"), [(0.1 * TIE_TOLERANCE, 0), (10 * TIE_TOLERANCE, 1)])
def test_scores_within_the_tolerance_are_tied(excess: float, winner: int) -> None:
    # distance rule: class 0 has exp(0.5 - 1) once; class 1 has two votes that sum to that times (1 + excess)
    half = 1 + math.log(math.exp(-0.5) * (1 + excess) / 2)
    votes = vote(one_query([0, 1, 1], [0.5, half, half]), num_classes=2, voting="distance")
    assert votes.scores[0, 1] / votes.scores[0, 0] - 1 == pytest.approx(excess, rel=1e-3)
    assert votes.predictions.tolist() == [winner]


def test_weights_do_not_depend_on_the_other_neighbours() -> None:
    both = vote(one_query([0, 1], [0.9, 0.3]), num_classes=2)
    alone = vote(one_query([1], [0.3]), num_classes=2)
    assert both.scores[0, 1] == alone.scores[0, 1]


def test_padding_has_no_vote_and_nobody_predicts_nothing() -> None:
    for rule in get_args(Rule):
        padded = vote(one_query([1, -1, -1], [0.2, -np.inf, -np.inf]), num_classes=2, voting=rule)
        assert padded.scores[0, 0] == 0
        assert padded.predictions.tolist() == [1]
        empty = vote(one_query([-1], [-np.inf]), num_classes=2, voting=rule)
        assert empty.predictions.tolist() == [-1]


@pytest.mark.parametrize("temperature", [MIN_TEMPERATURE, 100.0])
def test_extreme_temperatures_keep_every_weight_positive(temperature: float) -> None:
    votes = vote(one_query([0, 1], [1.0, -1.0]), num_classes=2, voting=Voting(temperature=temperature))
    assert (votes.scores > 0).all()
    assert np.isfinite(votes.scores).all()


@settings(max_examples=300)
@given(
    rows=st.lists(st.tuples(st.integers(0, 3), st.sampled_from([-0.5, 0.0, 0.25, 0.5, 0.9])), min_size=1, max_size=12),
    padding=st.integers(0, 2),
    rule=st.sampled_from(get_args(Rule)),
    protocol=st.sampled_from(get_args(Protocol)),
)
def test_equals_the_slow_reference_with_many_ties(
    rows: list[tuple[int, float]], padding: int, rule: Rule, protocol: Protocol
) -> None:
    rows = sorted(rows, key=lambda row: -row[1])
    labels = [label for label, _ in rows] + [-1] * padding
    similarities = [similarity for _, similarity in rows] + [-np.inf] * padding
    votes = vote(one_query(labels, similarities), num_classes=4, voting=Voting(rule=rule, protocol=protocol))
    assert votes.predictions[0] == slow_vote(labels, similarities, 4, rule, protocol)


def test_plurality_agrees_with_scikit_learn_where_no_class_ties(unit_rows: MakeUnitRows) -> None:
    entries, queries = unit_rows(500, 8, 1), unit_rows(300, 8, 2)
    labels = np.random.default_rng(0).integers(0, 4, 500)
    reference = KNeighborsClassifier(n_neighbors=9, algorithm="brute").fit(entries, labels)
    votes = vote(exact_search(queries, entries, 9, labels=labels), num_classes=4, voting="plurality")
    np.testing.assert_allclose(votes.scores / 9, reference.predict_proba(queries))
    ordered = np.sort(votes.scores, axis=1)
    decided = ordered[:, -1] > ordered[:, -2]
    assert decided.sum() > 200
    assert np.array_equal(votes.predictions[decided], reference.predict(queries)[decided])


def test_the_rules_numbers_by_hand() -> None:
    neighbors = one_query([0, 1], [0.9, 0.5])
    rank = vote(neighbors, num_classes=2, voting=Voting(rule="rank", rank_offset=0.5))
    np.testing.assert_allclose(rank.scores, [[1 / 0.5, 1 / 1.5]], rtol=1e-14)
    distance = vote(neighbors, num_classes=2, voting=Voting(rule="distance", distance_exponent=3.0))
    np.testing.assert_allclose(distance.scores, [[math.exp(-0.1) ** 3, math.exp(-0.5) ** 3]], rtol=1e-14)


@pytest.mark.parametrize("rule", get_args(Rule))
def test_entry_weights_multiply_votes(rule: Rule) -> None:
    neighbors = one_query([0, 1, 1], [0.9, 0.8, 0.7])
    plain = vote(neighbors, num_classes=2, voting=rule).scores
    alone = vote(one_query([0], [0.9]), num_classes=2, voting=rule).scores
    weighted = dataclasses.replace(neighbors, weights=np.array([[3.0, 1.0, 1.0]]))
    np.testing.assert_allclose(
        vote(weighted, num_classes=2, voting=rule).scores, plain + 2 * np.pad(alone[:, :1], ((0, 0), (0, 1)))
    )
    nobody = dataclasses.replace(neighbors, weights=np.zeros((1, 3)))
    assert vote(nobody, num_classes=2, voting=rule).predictions.tolist() == [0]  # all tied: the nearest's class


def test_confidence_and_margin_by_hand() -> None:
    votes = vote(one_query([0, 1, 0, 2], [0.9, 0.8, 0.7, 0.6]), num_classes=4, voting="plurality")
    np.testing.assert_allclose(votes.shares(), [[0.5, 0.25, 0.25, 0.0]])
    assert votes.confidence().tolist() == [0.5]
    assert votes.margins().tolist() == [0.25]
    nobody = vote(one_query([-1], [-np.inf]), num_classes=2)
    assert (nobody.confidence().tolist(), nobody.margins().tolist()) == ([0.0], [0.0])
    alone = vote(one_query([1], [0.5]), num_classes=2)
    assert (alone.confidence().tolist(), alone.margins().tolist()) == ([1.0], [1.0])


def test_bad_numbers_of_rules_are_refused() -> None:
    for offset in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(UserError, match="rank_offset is"):
            Voting(rank_offset=offset)
    for exponent in (0.0, -1.0, 351.0, float("nan")):
        with pytest.raises(UserError, match="distance_exponent is"):
            Voting(distance_exponent=exponent)


def test_bad_requests_are_refused() -> None:
    neighbors = one_query([0, 3], [0.9, 0.8])
    with pytest.raises(UserError, match="label 3 is outside the 3 classes 0 to 2"):
        vote(neighbors, num_classes=3)
    with pytest.raises(UserError, match="unknown voting rule 'softmx'; did you mean 'softmax'"):
        vote(neighbors, num_classes=4, voting="softmx")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="unknown tie protocol"):
        Voting(protocol="first")  # type: ignore[arg-type]
    for temperature in (0.0, -1.0, 1e-3, float("nan"), float("inf")):
        with pytest.raises(UserError, match="temperature is"):
            Voting(temperature=temperature)
