"""Segmentation scores from their definitions, in loops over Python numbers: what `segmentation.json` was made with.

    python tests/known_answers/slow_segmentation.py > tests/known_answers/segmentation.json

Nothing of the program is imported here. The first case of each kind is small enough to be worked out by hand; the
working is in the test that reads it.
"""

from __future__ import annotations

import itertools
import json
import math
import random


def explained_share(colors, labels, protocol):
    """colors: one (r, g, b) a place; labels: one a place. None without a segment."""
    dropped = min(labels) if protocol == "paper" else 0
    places = [(color, label) for color, label in zip(colors, labels, strict=True) if label != dropped]
    if not places:
        return None
    channels = list(zip(*(color for color, _ in places), strict=True))
    means = [sum(channel) / len(channel) for channel in channels]
    if protocol == "paper":
        means = [sum(means) / len(means)] * len(means)
    total = sum((value - mean) ** 2 for channel, mean in zip(channels, means, strict=True) for value in channel)
    within = 0.0
    for segment in {label for _, label in places}:
        members = [color for color, label in places if label == segment]
        for channel in zip(*members, strict=True):
            mean = sum(channel) / len(channel)
            within += sum((value - mean) ** 2 for value in channel)
    return 1 - within / total if total > 0 else 0.0


def iou(truth, predicted, label):
    both = sum(t == p == label for t, p in zip(truth, predicted, strict=True))
    either = sum(label in (t, p) for t, p in zip(truth, predicted, strict=True))
    return both / either if either else None


def mean_iou(images):
    """images: pairs (truth, predicted); places of all images together."""
    truth = [label for image, _ in images for label in image]
    predicted = [label for _, image in images for label in image]
    values = [iou(truth, predicted, label) for label in sorted({*truth, *predicted})]
    return sum(values) / len(values)


def jackknife(images):
    left = [mean_iou(images[:i] + images[i + 1 :]) for i in range(len(images))]
    mean = sum(left) / len(left)
    return math.sqrt((len(left) - 1) / len(left) * sum((value - mean) ** 2 for value in left))


def matched_iou(clusters, labels):
    """The best of all ways to give each segment a cluster of its own (or none)."""
    places = [(cluster, label) for cluster, label in zip(clusters, labels, strict=True) if label]
    segments = sorted({label for _, label in places})
    groups = sorted({cluster for cluster, _ in places}) + [None] * len(segments)
    best = 0.0
    for chosen in itertools.permutations(groups, len(segments)):
        total = 0.0
        for cluster, label in zip(chosen, segments, strict=True):
            both = sum(place == (cluster, label) for place in places)
            either = sum(place[0] == cluster or place[1] == label for place in places)
            total += both / either
        best = max(best, total / len(segments))
    return best


def soft_vote(query, tokens, values, divisor):
    """Softmax over tokens of <query, token> / divisor, averaging their values (one list a token)."""
    logits = [sum(a * b for a, b in zip(query, token, strict=True)) / divisor for token in tokens]
    weights = [math.exp(logit - max(logits)) for logit in logits]
    total = sum(weights)
    return [
        sum(weight * value[i] for weight, value in zip(weights, values, strict=True)) / total
        for i in range(len(values[0]))
    ]


def cases():
    chance = random.Random(8)
    by_hand = {"colors": [[0, 0, 0], [1, 0, 0], [1, 1, 0], [1, 1, 0], [0.3, 0.9, 0.4]], "labels": [1, 1, 2, 2, 0]}
    explained = [by_hand]
    for num_labels, lowest in ((4, 0), (3, 2), (2, 0), (1, 5)):
        explained.append(
            {
                "colors": [[round(chance.random(), 3) for _ in range(3)] for _ in range(30)],
                "labels": [lowest + chance.randrange(num_labels) for _ in range(30)],
            }
        )
    for case in explained:
        for protocol in ("corrected", "paper"):
            case[protocol] = explained_share(case["colors"], case["labels"], protocol)
    overlap = [{"images": [[[0, 0, 1, 1], [0, 1, 1, 1]], [[1, 1, 1, 1], [1, 1, 0, 0]]]}]
    overlap.append({"images": [[[chance.randrange(4) for _ in range(20)] for _ in range(2)] for _ in range(6)]})
    for case in overlap:
        case |= {"mean_iou": mean_iou(case["images"]), "standard_error": jackknife(case["images"])}
    matching = [{"clusters": [7, 7, 3, 3, 3, 7], "labels": [1, 1, 1, 2, 2, 0]}]
    for num_clusters in (2, 4):
        matching.append(
            {
                "clusters": [chance.randrange(num_clusters) for _ in range(24)],
                "labels": [chance.randrange(4) for _ in range(24)],
            }
        )
    for case in matching:
        case["mean_iou"] = matched_iou(case["clusters"], case["labels"])
    votes = [{"query": [2.0, 0.0], "tokens": [[1.0, 5.0], [0.0, 1.0]], "values": [[1, 0], [0, 1]], "divisor": 2.0}]
    votes.append(
        {
            "query": [round(chance.gauss(0, 3), 3) for _ in range(6)],
            "tokens": [[round(chance.gauss(0, 3), 3) for _ in range(6)] for _ in range(11)],
            "values": [[float(chance.randrange(3) == i) for i in range(3)] for _ in range(11)],
            "divisor": math.sqrt(6),
        }
    )
    for case in votes:
        case["answer"] = soft_vote(case["query"], case["tokens"], case["values"], case["divisor"])
    return {"explained_share": explained, "mean_iou": overlap, "matched_iou": matching, "soft_vote": votes}


if __name__ == "__main__":
    print(json.dumps(cases(), indent=1))  # noqa: T201
