"""How many entries of a memory change an answer: the leave-one-out count of each encoder, beside its accuracy.

"Separating Knowledge and Perception with Procedural Data" (2025), section 6 and figure 12, by the definition: an entry
is private if removing it changes no prediction on the queries. The published script counts fewer; its count stands
beside ours. The share grows with the number of queries, so encoders compare on equal queries only.

Letters: N entries.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from eval.task import Conditions, Outcome, Score
from eval.tasks.embedded import embed_dataset, mean_score
from memory.audit.leave_one_out import LeaveOneOutResult, leave_one_out
from memory.audit.published_rule import published_count
from memory.neighbors import Neighbors
from memory.search import exact_search
from memory.voting import Rule
from pretrain.encoder import Encoder


@dataclasses.dataclass(frozen=True, kw_only=True)
class Privacy:
    """Leave-one-out audit of a memory of the training images.

    Attributes:
        dataset: name under PROCMEM_DATA, or path.
        k: neighbours that vote; 20 in the paper.
        rule: how they vote; softmax in the paper.
    """

    kind: ClassVar[str] = "privacy"
    dataset: str
    k: int = 20
    rule: Rule = "softmax"

    def measure(self, encoder: Encoder, conditions: Conditions) -> Outcome:
        """Remove every entry in turn; raises `UserError` as the data set, the encoder and the audit do."""
        embedded = embed_dataset(self.dataset, encoder, conditions)
        train, val = embedded.train, embedded.val
        neighbors = exact_search(val.values, train.values, self.k + 1, labels=train.labels, device=conditions.device)
        audit = leave_one_out(neighbors, self.k, query_labels=val.labels, voting=self.rule)
        changes_an_answer = np.isin(np.arange(len(train.labels)), audit.entry_ids)
        right = embedded.dataset.val.is_correct(audit.predictions)
        facts = embedded.facts() | {"num_queries": len(val.labels)}
        scores = [
            mean_score("non_private_share", changes_an_answer, train.uris, facts, is_headline=True),
            mean_score("top1_accuracy", right, val.uris, facts, is_headline=True),
        ]
        if self.rule == "softmax":
            scores += self._published(neighbors, audit, val.labels, train.labels)
        return Outcome(dataset=embedded.description, scores=tuple(scores))

    def _published(
        self,
        neighbors: Neighbors,
        audit: LeaveOneOutResult,
        query_labels: npt.NDArray[np.int64],
        labels: npt.NDArray[np.int64],
    ) -> list[Score]:
        """The shares that the published script would name, miss and name wrongly; counts, no means over cases."""
        count = published_count(neighbors, self.k, query_labels=query_labels, last_label=int(labels[-1]))
        N = len(labels)
        return [
            Score(metric=f"{name.removeprefix('num_')}_share", value=number / N, n=N, standard_error=0.0)
            for name, number in count.compared(audit).items()
        ]
