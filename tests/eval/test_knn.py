"""kNN: against scikit-learn, by hand, and k never chosen on the queries. Run: pytest tests/eval/test_knn.py."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.model_selection import LeaveOneOut, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from eval.knn import KnnSettings, evaluate_knn, predict, without_self
from memory.search import exact_search
from procgen.seeds import generator
from procmem.errors import UserError


def clusters(count: int, seed: int, spread: float = 1.1) -> tuple[np.ndarray, np.ndarray]:
    chance = generator(seed, "clusters")
    centers = generator(0, "centers").normal(size=(4, 8))
    labels = chance.integers(0, 4, count)
    points = centers[labels] + spread * chance.normal(size=(count, 8))
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32), labels


def direction(*degrees: float) -> np.ndarray:
    radians = np.deg2rad(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def test_accuracy_equals_scikit_learns_for_one_and_for_many_neighbours() -> None:
    (entries, labels), (queries, truth) = clusters(150, 1), clusters(80, 2)
    outcome = evaluate_knn(
        entries, labels, queries, truth, num_classes=4, settings=KnnSettings(num_neighbors=(1, 15), rules=("softmax",))
    )

    def weights(distance: np.ndarray) -> np.ndarray:
        return np.exp(-distance / 0.07)

    for score, k in zip(outcome.scores, (1, 15), strict=True):
        peer = KNeighborsClassifier(k, metric="cosine", algorithm="brute", weights=weights).fit(entries, labels)
        assert score.k == k
        assert score.top1_accuracy == pytest.approx(peer.score(queries, truth))
        own = cross_val_score(
            KNeighborsClassifier(k, metric="cosine", algorithm="brute", weights=weights),
            entries,
            labels,
            cv=LeaveOneOut(),
        )
        assert score.leave_one_out_accuracy == pytest.approx(own.mean())
        assert score.standard_error == pytest.approx((score.top1_accuracy * (1 - score.top1_accuracy) / 80) ** 0.5)


def test_k_is_chosen_on_the_memory_even_where_the_queries_would_choose_another() -> None:
    # memory: pairs of one class far apart, so leave-one-out is right at k = 1, wrong at k = 3 (1 own, 2 foreign)
    entries = direction(0, 1, 90, 91)
    labels = np.array([0, 0, 1, 1])
    # three queries near class 0's pair, labelled so that only more neighbours could ever say 1
    queries, truth = direction(44, 44.2, 44.4), np.array([1, 1, 1])
    outcome = evaluate_knn(
        entries,
        labels,
        queries,
        truth,
        num_classes=2,
        settings=KnnSettings(num_neighbors=(3, 1), rules=("plurality", "rank")),
    )
    table = {(s.rule, s.k): (s.leave_one_out_accuracy, s.top1_accuracy) for s in outcome.scores}
    assert table["plurality", 1] == (1.0, 0.0)
    assert table["plurality", 3] == (0.0, 0.0)
    assert (outcome.chosen.rule, outcome.chosen.k) == ("plurality", 1)
    assert outcome.predictions.tolist() == [0, 0, 0]
    assert outcome.correct.tolist() == [False] * 3


def test_the_best_on_val_is_reported_beside_the_chosen_and_never_below_it() -> None:
    (entries, labels), (queries, truth) = clusters(60, 3, spread=2.0), clusters(40, 4, spread=2.0)
    outcome = evaluate_knn(entries, labels, queries, truth, num_classes=4)
    assert outcome.best_on_val.top1_accuracy == max(score.top1_accuracy for score in outcome.scores)
    own = [score for score in outcome.scores if score.rule == "softmax"]
    assert outcome.chosen.leave_one_out_accuracy == max(score.leave_one_out_accuracy for score in own)
    assert outcome.chosen.rule == "softmax"


def test_the_choice_of_k_does_not_look_at_the_answers() -> None:
    (entries, labels), (queries, truth) = clusters(60, 3, spread=2.0), clusters(40, 4, spread=2.0)
    first = evaluate_knn(entries, labels, queries, truth, num_classes=4)
    other = evaluate_knn(entries, labels, queries, (truth + 1) % 4, num_classes=4)
    assert (first.chosen.rule, first.chosen.k) == (other.chosen.rule, other.chosen.k)


def test_an_entry_never_votes_for_itself_even_among_its_duplicates() -> None:
    entries = direction(0, 0, 0, 0, 40)
    labels = np.array([0, 1, 1, 1, 0])
    rows = np.arange(5)
    others = without_self(exact_search(entries, entries, 3, labels=labels), rows)
    assert others.ids.tolist() == [[1, 2], [0, 2], [0, 1], [0, 1], [0, 1]]
    assert others.num_neighbors == 2
    assert others.memory_size == 4


def test_ks_beyond_the_memory_are_left_out() -> None:
    entries, labels = clusters(12, 5)
    outcome = evaluate_knn(entries, labels, entries, labels, num_classes=4)
    assert sorted({score.k for score in outcome.scores}) == [1, 5, 10]
    with pytest.raises(UserError, match=r"every k of \[50\] exceeds the 11 other entries"):
        evaluate_knn(entries, labels, entries, labels, num_classes=4, settings=KnnSettings(num_neighbors=(50,)))


def test_a_large_memory_chooses_k_on_a_seeded_part_of_itself() -> None:
    (entries, labels), (queries, truth) = clusters(150, 1), clusters(80, 2)
    settings = KnnSettings(max_selection_queries=40, num_neighbors=(5,))
    outcomes = [evaluate_knn(entries, labels, queries, truth, num_classes=4, settings=settings) for _ in range(2)]
    shares = [outcome.scores[0].leave_one_out_accuracy for outcome in outcomes]
    assert shares[0] == shares[1]
    assert shares[0] * 40 == pytest.approx(round(shares[0] * 40))


def test_a_large_held_out_part_is_asked_about_all_classes_and_not_the_first() -> None:
    # sorted by class: the first five lie apart, the others on one point, where no more than one in five can be right
    labels = np.repeat(np.arange(10), 20)
    entries = direction(*(10.0 * np.minimum(labels, 5)))
    settings = KnnSettings(max_selection_queries=20, num_neighbors=(1,), rules=("softmax",))
    (score,) = evaluate_knn(entries, labels, entries, labels, num_classes=10, settings=settings).scores
    assert score.held_out_accuracy is not None
    assert 0.3 <= score.held_out_accuracy <= 0.9


def test_blocks_of_queries_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    (entries, labels), (queries, _) = clusters(50, 1), clusters(33, 2)
    neighbors = exact_search(queries, entries, 7, labels=labels)
    whole = predict(neighbors, 5, "softmax", 0.07, 4)
    monkeypatch.setattr("eval.knn.QUERIES_AT_ONCE", 4)
    assert predict(neighbors, 5, "softmax", 0.07, 4).tolist() == whole.tolist()


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(UserError, match=r"num_neighbors must be whole numbers of at least 1, received \(0,\)"):
        KnnSettings(num_neighbors=(0,))
    with pytest.raises(UserError, match="did you mean 'softmax'"):
        KnnSettings(rules=("softmx",))  # type: ignore[arg-type]
    with pytest.raises(UserError, match="temperature is 0"):
        KnnSettings(temperature=0)
    entries, labels = clusters(3, 1)
    with pytest.raises(UserError, match="at least 2 entries and 1 query, received 1 and 3"):
        evaluate_knn(entries[:1], labels[:1], entries, labels, num_classes=4)
