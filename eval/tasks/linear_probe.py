"""Linear probe and few-shot as tasks, with Grad-CAM pictures of what the probe looks at."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from PIL import Image

from eval.grad_cam import GradCamEncoder, grad_cam, overlay_sheet
from eval.linear_probe import Probe, ProbeSettings, Solver, choose_probe
from eval.task import Conditions, Outcome
from eval.tasks.embedded import Embedded, embed_dataset, mean_score, spread
from pretrain.encoder import Encoder
from procmem.progress import say

PICTURED = 8


@dataclasses.dataclass(frozen=True, kw_only=True)
class LinearProbe:
    """A linear classifier on frozen embeddings.

    Attributes:
        dataset: name under PROCMEM_DATA, path, or a set that can be downloaded.
        solver: "lbfgs", "sgd" or "auto", see `ProbeSettings`.
        l2: grid for lbfgs.
        learning_rates: grid for sgd.
        epochs: of sgd.
    """

    kind: ClassVar[str] = "linear_probe"
    dataset: str
    solver: Solver = "auto"
    l2: Sequence[float] = ProbeSettings.l2
    learning_rates: Sequence[float] = ProbeSettings.learning_rates
    epochs: int = ProbeSettings.epochs

    def measure(self, encoder: Encoder, conditions: Conditions) -> Outcome:
        """Fit and score; the setting of the headline is chosen on a held-out fifth of the training images.

        Raises:
            UserError: as the data set, the encoder and `choose_probe` do.
        """
        settings = ProbeSettings(solver=self.solver, l2=self.l2, learning_rates=self.learning_rates, epochs=self.epochs)
        embedded = embed_dataset(self.dataset, encoder, conditions)
        found = choose_probe(
            embedded.train.values,
            embedded.train.labels,
            num_classes=embedded.num_classes,
            settings=settings,
            seed=conditions.seed,
            device=conditions.device,
        )
        correct = [embedded.dataset.val.is_correct(probe.predict(embedded.val.values)) for probe in found.probes]
        best = int(np.argmax([flags.mean() for flags in correct]))
        ways = [(found.chosen, "held_out"), (best, "best_on_val"), *((g, "none") for g in range(len(correct)))]
        name = "l2" if found.solver == "lbfgs" else "learning_rate"
        scores = [
            mean_score(
                "top1_accuracy",
                correct[g],
                embedded.val.uris,
                {
                    "classifier": "linear",
                    "solver": found.solver,
                    name: found.probes[g].setting,
                    "selection": selection,
                    "held_out_accuracy": None if np.isnan(found.held_out_accuracy[g]) else found.held_out_accuracy[g],
                    "converged": found.probes[g].converged,
                    **embedded.facts(),
                },
                is_headline=position == 0,
            )
            for position, (g, selection) in enumerate(ways)
        ]
        pictures = self._pictures(encoder, found.probes[found.chosen], embedded) if conditions.pictures else {}
        return Outcome(dataset=embedded.description, scores=tuple(scores), pictures=pictures)

    def _pictures(self, encoder: Encoder, probe: Probe, embedded: Embedded) -> dict[str, Image.Image]:
        if not isinstance(encoder, GradCamEncoder):
            say(f"no Grad-CAM of {encoder.name}: its embedding is not made of patch tokens")
            return {}
        return {"grad_cam": grad_cam_picture(encoder, probe, embedded)}


def grad_cam_picture(encoder: Encoder, probe: Probe, embedded: Embedded, count: int = PICTURED) -> Image.Image:
    """Queries spread over the set, each with what speaks for the class that the probe gives it.

    Raises:
        UserError: if the encoder's embedding is not made of patch tokens.
    """
    import torch

    places = spread(np.arange(len(embedded.val.labels)), count)
    images = torch.stack([encoder.transform(embedded.dataset.val.image(place)) for place in places])
    predictions = probe.predict(embedded.val.values[places])
    maps = grad_cam(encoder, images, probe, predictions)
    names = embedded.dataset.train.class_names
    captions = [
        (names[embedded.val.labels[place]], names[predicted])
        for predicted, place in zip(predictions.tolist(), places, strict=True)
    ]
    return overlay_sheet(images, maps, captions)
