"""Support-vector machine with an RBF kernel on embeddings: the classifier of the papers' SIFT row.

"Separating Knowledge and Perception with Procedural Data" (2025), table 1, gives bags of SIFT words (encoder
``sift:DATASET``) to it, with the library's settings (C = 1, gamma = 1 / (D * variance)). It runs on any encoder.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from eval.task import Conditions, Outcome
from eval.tasks.embedded import embed_dataset, mean_score
from pretrain.encoder import Encoder
from procmem.errors import UserError

MOST_ENTRIES = 50_000
"""Its time grows with the square of the entries."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class RbfSvm:
    """scikit-learn's SVC.

    Attributes:
        dataset: name under PROCMEM_DATA, path, or a set that can be downloaded.
        penalty: C, the price of a wrong answer in training.
    """

    kind: ClassVar[str] = "rbf_svm"
    dataset: str
    penalty: float = 1.0

    def measure(self, encoder: Encoder, conditions: Conditions) -> Outcome:
        """Fit and score.

        Raises:
            UserError: as the data set and the encoder do, for one class only, or for too many training images.
        """
        from sklearn.svm import SVC

        embedded = embed_dataset(self.dataset, encoder, conditions)
        labels = embedded.train.labels
        if len(np.unique(labels)) < 2 or len(labels) > MOST_ENTRIES or not self.penalty > 0:
            raise UserError(
                f"rbf_svm needs two classes or more, at most {MOST_ENTRIES:,} training images (set max_train) and a "
                f"penalty above 0; received {len(np.unique(labels))}, {len(labels)} and {self.penalty}"
            )
        machine = SVC(C=self.penalty, kernel="rbf", gamma="scale").fit(embedded.train.values, labels)
        correct = embedded.dataset.val.is_correct(machine.predict(embedded.val.values))
        config = {"classifier": "rbf_svm", "support_vectors": int(machine.n_support_.sum()), **embedded.facts()}
        score = mean_score("top1_accuracy", correct, embedded.val.uris, config, is_headline=True)
        return Outcome(dataset=embedded.description, scores=(score,))
