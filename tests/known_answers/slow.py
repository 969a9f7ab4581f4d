"""Every metric once more, slowly: loops over definitions, no shared code with the package and no array tricks.

Letters: Q queries, N entries, C classes.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

Rows = Sequence[Sequence[float]]


def cosine(a: Sequence[float], b: Sequence[float]) -> float:
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return dot / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def nearest(query: Sequence[float], entries: Rows, k: int) -> list[int]:
    """Positions of the k most similar, equals by the smaller position."""
    order = sorted(range(len(entries)), key=lambda n: (-cosine(query, entries[n]), n))
    return order[:k]


def vote(query: Sequence[float], entries: Rows, labels: Sequence[int], k: int, rule: str) -> int:
    """The class with most weight; a tie goes to the class of the nearest."""
    found = nearest(query, entries, k)
    weights: dict[int, float] = {}
    for rank, n in enumerate(found):
        similarity = cosine(query, entries[n])
        weight = {
            "plurality": 1.0,
            "distance": math.exp(-(1 - similarity)),
            "softmax": math.exp(similarity / 0.07),
            "rank": 1 / (2 + rank),
        }[rule]
        weights[labels[n]] = weights.get(labels[n], 0.0) + weight
    most = max(weights.values())
    return next(labels[n] for n in found if weights[labels[n]] > most * (1 - 1e-9))


def knn_accuracy(queries: Rows, truth: Sequence[int], entries: Rows, labels: Sequence[int], k: int, rule: str) -> float:
    answers = [vote(query, entries, labels, k, rule) for query in queries]
    return sum(a == t for a, t in zip(answers, truth, strict=True)) / len(truth)


def leave_one_out_accuracy(entries: Rows, labels: Sequence[int], k: int, rule: str) -> float:
    right = 0
    for n in range(len(entries)):
        others = [m for m in range(len(entries)) if m != n]
        answer = vote(entries[n], [entries[m] for m in others], [labels[m] for m in others], k, rule)
        right += answer == labels[n]
    return right / len(entries)


def two_afc_accuracy(triplets: Sequence[tuple[Sequence[float], Sequence[float], Sequence[float], float]]) -> float:
    """Of (reference, left, right, share of votes for right); a tie of similarities is half right."""
    total = 0.0
    for reference, left, right, share in triplets:
        difference = cosine(reference, right) - cosine(reference, left)
        if difference == 0:
            total += 0.5
        elif (difference > 0) == (share > 0.5):
            total += 1.0
    return total / len(triplets)


def expected_calibration_error(confidence: Sequence[float], correct: Sequence[bool], bins: int) -> float:
    total = 0.0
    for b in range(bins):
        low, high = b / bins, (b + 1) / bins
        own = [i for i, c in enumerate(confidence) if (low < c <= high) or (b == 0 and c == 0)]
        if own:
            gap = sum(confidence[i] for i in own) / len(own) - sum(correct[i] for i in own) / len(own)
            total += len(own) / len(confidence) * abs(gap)
    return total


def auroc(known: Sequence[float], novel: Sequence[float]) -> float:
    wins = sum(1.0 if n > k else 0.5 if n == k else 0.0 for n, k in itertools.product(novel, known))
    return wins / (len(known) * len(novel))


def hit_rate(queries: Rows, truth: Sequence[int], entries: Rows, labels: Sequence[int], k: int) -> float:
    hits = [any(labels[n] == t for n in nearest(q, entries, k)) for q, t in zip(queries, truth, strict=True)]
    return sum(hits) / len(hits)


def mcnemar(only_a: int, only_b: int) -> float:
    """Two-sided exact: all splits of n coin throws that are no likelier than this one."""
    n = only_a + only_b
    chances = [math.comb(n, i) / 2**n for i in range(n + 1)]
    return min(1.0, sum(p for p in chances if p <= chances[only_a] * (1 + 1e-9)))


def holm(p_values: Sequence[float]) -> list[float]:
    """By its definition as a step-down test: the smallest level at which each is rejected."""
    adjusted = []
    for own in range(len(p_values)):
        before = sorted(range(len(p_values)), key=lambda i: (p_values[i], i))
        steps = before[: before.index(own) + 1]
        adjusted.append(min(1.0, max((len(p_values) - j) * p_values[i] for j, i in enumerate(steps))))
    return adjusted


def line_slope(x: Sequence[float], y: Sequence[float]) -> float:
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    top = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    return top / sum((a - mean_x) ** 2 for a in x)


def psnr(a: Sequence[int], b: Sequence[int]) -> float:
    error = sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) / len(a)
    return 10 * math.log10(255**2 / error)


def probe_loss(weight: Rows, bias: Sequence[float], points: Rows, labels: Sequence[int], l2: float) -> float:
    """Mean cross-entropy plus l2 / 2 times the squared weights (D, C)."""
    total = 0.0
    for point, label in zip(points, labels, strict=True):
        logits = [sum(p * w[c] for p, w in zip(point, weight, strict=True)) + bias[c] for c in range(len(bias))]
        top = max(logits)
        total += top + math.log(sum(math.exp(z - top) for z in logits)) - logits[label]
    return total / len(points) + l2 / 2 * sum(w * w for row in weight for w in row)


def shared_variance(values: Sequence[float], members: Sequence[Sequence[int]]) -> float:
    """Of the mean of cases that are dependent where they have a member in common."""
    mean = sum(values) / len(values)
    total = sum(
        (values[s] - mean) * (values[t] - mean)
        for s in range(len(values))
        for t in range(len(values))
        if set(members[s]) & set(members[t])
    )
    return total / len(values) ** 2
