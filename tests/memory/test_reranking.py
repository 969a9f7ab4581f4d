"""Patch matches by loop and by hand; lists keep columns together. Run: pytest tests/memory/test_reranking.py."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from memory.neighbors import Neighbors
from memory.reranking import Candidate, PatchReranker, mutual_match_score, rerank
from memory.voting import vote
from procmem.errors import UserError

BLANK = Image.new("RGB", (4, 4))


def neighbors() -> Neighbors:
    given = Neighbors(
        ids=np.array([[3, 1, 7], [5, 3, -1]]),
        labels=np.array([[0, 1, 1], [2, 0, -1]]),
        similarities=np.array([[0.9, 0.8, 0.7], [0.6, 0.5, -np.inf]]),
        memory_size=9,
    )
    return given.weighted(np.array([1, 3, 5, 7]), np.array([0.1, 0.3, 0.5, 0.7]))


def test_lists_are_sorted_by_score_with_all_columns_and_ties_by_id() -> None:
    seen: list[list[Candidate]] = []

    def by_id(_: Image.Image, candidates: Sequence[Candidate]) -> npt.NDArray[np.float64]:
        seen.append(list(candidates))
        return np.array([{3: 2.0, 1: 2.0, 7: 3.0, 5: -1.0}[candidate.entry_id] for candidate in candidates])

    images = {i: Image.new("RGB", (1, i)) for i in (1, 3, 5, 7)}
    ranked = rerank(by_id, [BLANK] * 2, neighbors(), image_of=images.__getitem__, class_names=["a", "b", "c"])
    assert ranked.ids.tolist() == [[7, 1, 3], [3, 5, -1]]
    assert ranked.labels.tolist() == [[1, 1, 0], [0, 2, -1]]
    assert ranked.similarities.tolist() == [[3, 2, 2], [2, -1, -np.inf]]
    assert ranked.weights is not None
    assert ranked.weights[0].tolist() == [0.7, 0.1, 0.3]
    assert ranked.memory_size is None
    assert [(c.entry_id, c.label, c.similarity, c.image.height) for c in seen[1]] == [
        (5, "c", 0.6, 5),
        (3, "a", 0.5, 3),
    ]
    assert vote(ranked.first(1), num_classes=3).predictions.tolist() == [1, 0]
    first = rerank(by_id, [BLANK] * 2, neighbors(), image_of=images.__getitem__, class_names="abc", num_neighbors=2)
    assert first.ids.tolist() == [[1, 3], [3, 5]]


def test_scores_and_images_that_do_not_fit_are_refused() -> None:
    options = {"image_of": lambda _: BLANK, "class_names": "abc"}
    for scores in ([1.0], [1.0, np.nan, 0.0]):
        with pytest.raises(UserError, match="one finite score a neighbour"):
            rerank(lambda *_, scores=scores: np.array(scores), [BLANK] * 2, neighbors(), **options)  # type: ignore[misc, arg-type]
    with pytest.raises(UserError, match="2 queries need an image each; received 1"):
        rerank(lambda *_: np.zeros(3), [BLANK], neighbors(), **options)  # type: ignore[arg-type]


def test_a_match_must_be_best_for_both() -> None:
    """Both tokens of the query are nearest to the same token, which prefers the first."""
    query = np.array([[1.0, 0.0], [0.8, 0.6]])
    entry = np.array([[1.0, 0.0], [0.0, -1.0]])
    assert mutual_match_score(query, entry) == 0.5
    assert mutual_match_score(query, query[::-1]) == 1.0  # the same patches elsewhere


def test_the_score_equals_a_loop_over_any_number_of_tokens() -> None:
    rng = np.random.default_rng(0)
    tokens = [rng.standard_normal((1, length, 5)) for length in (7, 4, 9)]
    tables = iter(tokens[:1] + tokens[1:])
    reranker = PatchReranker(lambda _: next(tables), batch_size=1)
    scores = reranker(BLANK, [Candidate(0, "a", 0.0, BLANK), Candidate(1, "b", 0.0, BLANK)])
    for score, other in zip(scores, tokens[1:], strict=True):
        cosines = [[q @ e / np.linalg.norm(q) / np.linalg.norm(e) for e in other[0]] for q in tokens[0][0]]
        expected = 0.0
        for i, row in enumerate(cosines):
            j = int(np.argmax(row))
            if int(np.argmax([line[j] for line in cosines])) == i:
                expected += row[j] / 7
        assert score == pytest.approx(expected)


def test_batches_and_grids_and_empty_tokens_change_nothing() -> None:
    def colours(images: Sequence[Image.Image]) -> npt.NDArray[np.float64]:
        return np.stack([np.asarray(image, np.float64) for image in images])  # (B, 4, 4, 3); black is a zero token

    rng = np.random.default_rng(0)
    images = [Image.fromarray(rng.integers(0, 255, (4, 4, 3), np.uint8)) for _ in range(5)] + [BLANK]
    candidates = [Candidate(i, "a", 0.0, image) for i, image in enumerate(images)]
    scores = PatchReranker(colours, batch_size=2)(images[3], candidates)
    assert scores.argmax() == 3
    assert scores[3] == pytest.approx(1)
    assert scores[5] == 0
    assert scores.tolist() == PatchReranker(colours, batch_size=64)(images[3], candidates).tolist()
