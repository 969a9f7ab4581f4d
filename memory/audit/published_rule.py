"""The published count of non-private entries, replayed, so that papers' numbers can be compared and its error seen.

"Separating Knowledge and Perception with Procedural Data" (2025), section 6, defines: an entry is private if removing
it changes no prediction. Its script does not rebuild anything. For each query it takes a closed-form threshold

    threshold = score_k(predicted) - max over other classes of score_k+1(class)
                + weight of the (k+1)-th neighbour, if the *last label of the whole memory* is the predicted class

and names the voters of the predicted class whose weight is above it, where the prediction is right (helpful), or where
it is wrong and the best other class is the true one (harmful). The plots of the paper then count the harmful ones
only. Against the definition: the label in the condition should be that of the (k+1)-th neighbour; flips that leave
correctness as it was are not counted; removals outside the predicted class, which let the (k+1)-th neighbour in, are
ignored; and an entry whose weight equals the threshold makes a tie that may flip.

Written from the rule, not from the script's text; weights are those of `memory.voting` (float64, shifted by a common
factor) where the script's are float32, so a difference within rounding may decide otherwise.

Letters: Q queries, K neighbours.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from memory.audit.leave_one_out import LeaveOneOutResult
from memory.neighbors import Neighbors
from memory.voting import Voting, number_classes, tally
from procmem.errors import UserError


@dataclasses.dataclass(frozen=True, kw_only=True)
class PublishedCount:
    """Entries that the published script names.

    Attributes:
        helpful_ids: ascending ids, its "good" examples.
        harmful_ids: ascending ids, its "bad" examples, which alone enter the published numbers.
    """

    helpful_ids: npt.NDArray[np.int64]
    harmful_ids: npt.NDArray[np.int64]

    def compared(self, result: LeaveOneOutResult) -> dict[str, int]:
        """Beside the definition: how many it names, misses, and names wrongly; by the script, and as published."""
        true_ids = np.unique(result.entry_ids)
        named = np.union1d(self.helpful_ids, self.harmful_ids)
        return {
            "num_by_definition": len(true_ids),
            "num_by_script": len(named),
            "script_missed": len(np.setdiff1d(true_ids, named)),
            "script_named_wrongly": len(np.setdiff1d(named, true_ids)),
            "num_as_published": len(self.harmful_ids),
            "published_missed": len(np.setdiff1d(true_ids, self.harmful_ids)),
            "published_named_wrongly": len(np.setdiff1d(self.harmful_ids, true_ids)),
        }


def published_count(
    neighbors: Neighbors, k: int, *, query_labels: npt.NDArray[np.int64], last_label: int, temperature: float = 0.07
) -> PublishedCount:
    """Count as the script does.

    Args:
        neighbors: (Q, K) from an exact search with K >= k + 1, without weights of entries.
        k: neighbours that vote.
        query_labels: (Q,) true classes.
        last_label: class of the last entry of the memory, which the script looks at by mistake.
        temperature: divisor of similarity.

    Raises:
        UserError: for weights of entries, labels of another length, or fewer than k + 1 neighbours.
    """
    if neighbors.weights is not None and (neighbors.weights != 1).any():
        raise UserError("the published rule knows no weights of entries; audit by the definition")
    neighbors = neighbors.first(k + 1)
    if np.shape(query_labels) != (neighbors.num_queries,) or (neighbors.ids < 0).any():
        raise UserError(
            f"the published rule needs {k + 1} neighbours and a label for each of {neighbors.num_queries} queries"
        )
    classes, numbers = number_classes(neighbors.labels)
    weights = Voting(rule="softmax", temperature=temperature).own_weights(neighbors)
    scores, _ = tally(numbers[:, :k], weights[:, :k], k + 1)
    rows = np.arange(neighbors.num_queries)
    predicted = scores.argmax(axis=1)
    scores_with_next = scores.copy()
    scores_with_next[rows, numbers[:, k]] += weights[:, k]
    scores_with_next[rows, predicted] = -np.inf
    second = scores_with_next.argmax(axis=1)
    predicted_class = classes[rows, predicted]
    threshold = scores[rows, predicted] - scores_with_next[rows, second]
    threshold += np.where(predicted_class == last_label, weights[:, k], 0.0)
    is_named = (weights[:, :k] > threshold[:, None]) & (numbers[:, :k] == predicted[:, None])
    is_right, is_second_right = predicted_class == query_labels, classes[rows, second] == query_labels
    voters = neighbors.ids[:, :k]
    return PublishedCount(
        helpful_ids=np.unique(voters[is_named & is_right[:, None]]),
        harmful_ids=np.unique(voters[is_named & is_second_right[:, None]]),
    )
