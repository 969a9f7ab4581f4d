"""Two-alternative forced choice: does the encoder find more alike what people find more alike?

    answer = the option with the larger cosine similarity to the reference;  score = share that agrees with the majority

An exact tie scores one half (NIGHTS, Fu et al. 2023, "DreamSim", arXiv 2306.09344). Images are taken whole, bent to
the encoder's square. Where one photograph stands in several triplets, triplets are no independent cases: then the
standard error is over photographs, which can be several times that over triplets. Two encoders are compared with
`eval.comparison.compare`, which gives the papers' unpaired z-test, the paired test and equivalence side by side.

Letters: T triplets, I images, D embedding.
"""

from __future__ import annotations

import dataclasses
import io
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from eval.figures import SheetRow, neighbor_sheet
from eval.images import CorruptImageError, LabelledImages
from eval.resampling import bootstrap_means
from eval.sets.find_triplets import find_triplets
from eval.sets.triplets import Triplets
from eval.statistics import mean_standard_error, shared_standard_error
from eval.task import Conditions, Outcome, Score
from eval.tasks.embedded import extracted, spread
from eval.white_box import PairFormula
from eval.whole_square import DESCRIPTION, WholeSquareEncoder
from memory.similarity import pair_similarities
from pretrain.encoder import Encoder
from procgen.seeds import generator
from procmem.errors import UserError
from procmem.progress import progress, say

PICTURED = 3
"""Triplets answered as people do, and as many answered otherwise, in the picture."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TwoAfc:
    """Human similarity judgements.

    Attributes:
        dataset: triplets by name under PROCMEM_DATA, or by path.
        num_resamples: of the bootstrap over photographs.
    """

    kind: ClassVar[str] = "two_afc"
    dataset: str
    num_resamples: int = 2000

    def measure(self, encoder: Encoder, conditions: Conditions) -> Outcome:
        """Answer every triplet.

        Raises:
            UserError: if the set is missing, an image is unreadable (unless they are skipped), or nobody has a
                majority.
        """
        found = find_triplets(self.dataset)
        triplets = found.subset(conditions.max_val, conditions.seed)
        left, right, readable = option_similarities(triplets, encoder, conditions)
        lost = int((~readable).sum())
        if lost:
            say(f"{triplets.name}: left out {lost} of {len(triplets)} triplets with an unreadable image")
        answer = np.where(right > left, 1.0, np.where(right < left, 0.0, 0.5))
        drawn = f" ({triplets.drawn})" if triplets.drawn else ""
        scores = self._scores(triplets, answer, readable, conditions.seed)
        pictures = {}
        if conditions.pictures:
            pictures["triplets"] = triplet_picture(triplets, left, right, np.flatnonzero(readable))
        return Outcome(dataset=f"{triplets.name}/{triplets.split}{drawn}", scores=scores, pictures=pictures)

    def _scores(
        self, triplets: Triplets, answer: npt.NDArray[np.float64], readable: npt.NDArray[np.bool_], seed: int
    ) -> tuple[Score, ...]:
        rows = np.flatnonzero(readable & (triplets.right_share != 0.5))
        if not rows.size:
            raise UserError(f"{triplets.name}: none of {len(triplets)} triplets is readable and has a human majority")
        answer, share = answer[rows], triplets.right_share[rows]
        majority = (share > 0.5).astype(np.float64)
        members = np.stack([triplets.reference[rows], triplets.left[rows], triplets.right[rows]], axis=1)
        is_shared = np.unique(members).size < members.size
        facts = {
            "square": DESCRIPTION,
            "ties": int((answer == 0.5).sum()),
            "without_majority": int((readable & (triplets.right_share == 0.5)).sum()),
            "left_out": int((~readable).sum()),
            "images": int(np.unique(members).size),
        }
        agreements = {
            "accuracy": np.where(answer == 0.5, 0.5, (answer == majority).astype(np.float64)),
            "vote_agreement": answer * share + (1 - answer) * (1 - share),
        }
        names = tuple(triplets.names[row] for row in rows)
        return tuple(
            self._score(metric, values, members if is_shared else None, names, facts, seed)
            for metric, values in agreements.items()
        )

    def _score(
        self,
        metric: str,
        values: npt.NDArray[np.float64],
        members: npt.NDArray[np.int64] | None,
        names: tuple[str, ...],
        facts: dict[str, Any],
        seed: int,
    ) -> Score:
        over_triplets = mean_standard_error(values)
        chance = generator(seed, "two_afc", metric)
        means = bootstrap_means(values, chance, members=members, num_resamples=self.num_resamples)
        low, high = np.quantile(means, [0.025, 0.975])
        return Score(
            metric=metric,
            value=float(values.mean()),
            n=len(values),
            standard_error=over_triplets if members is None else shared_standard_error(values, members),
            config={
                **facts,
                "standard_error_over": "triplets" if members is None else "photographs",
                "standard_error_over_triplets": over_triplets,
                "low": float(low),
                "high": float(high),
            },
            is_headline=metric == "accuracy",
            per_case=values,
            case_names=names,
            case_members=members,
        )


def option_similarities(
    triplets: Triplets, encoder: Encoder, conditions: Conditions
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Similarity of the left and of the right option to the reference, and whether all three images were readable.

    Returns:
        (T,), (T,) and (T,); 0 where unreadable.

    Raises:
        UserError: as `extract`.
    """
    roles = np.stack([triplets.reference, triplets.left, triplets.right])
    used = np.unique(roles)
    images = LabelledImages(
        name=triplets.name,
        split=triplets.split,
        class_names=("image",),
        labels=np.zeros(len(used), np.int64),
        uris=tuple(triplets.uris[i] for i in used),
        sources=tuple(triplets.paths[i] for i in used),
    )
    places = np.searchsorted(used, roles)
    if isinstance(encoder, PairFormula):
        return _formula_similarities(images, places, encoder, conditions)
    embedded = extracted(images, WholeSquareEncoder(encoder), conditions)
    row_of = np.full(len(used), -1)
    row_of[embedded.positions] = np.arange(len(embedded.positions))
    rows = row_of[places]
    readable: npt.NDArray[np.bool_] = np.all(rows >= 0, axis=0)
    left, right = np.zeros(len(triplets)), np.zeros(len(triplets))
    for option, similarities in ((1, left), (2, right)):
        similarities[readable] = pair_similarities(
            embedded.values, embedded.values, rows[0, readable], rows[option, readable]
        )
    return left, right, readable


def _formula_similarities(
    images: LabelledImages, places: npt.NDArray[np.int64], formula: PairFormula, conditions: Conditions
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """The same by a formula on pixels; every pair of pictures is compared once."""
    squares: list[torch.Tensor | None] = []
    for position in range(len(images)):
        try:
            squares.append(formula.transform(images.image(position)))
        except UserError as error:
            if conditions.on_corrupt == "fail":
                raise CorruptImageError(f"{images.uris[position]}: {error}") from error
            squares.append(None)
    is_read = np.array([square is not None for square in squares])
    readable: npt.NDArray[np.bool_] = np.all(is_read[places], axis=0)
    pairs = np.sort(np.concatenate([places[[0, 1]], places[[0, 2]]], axis=1), axis=0)  # (2, 2 T)
    wanted, which = np.unique(pairs[:, np.tile(readable, 2)], axis=1, return_inverse=True)
    pictures = {place: square for place, square in enumerate(squares) if square is not None}
    likeness = np.array(
        [
            formula.likeness(pictures[first], pictures[second])
            for first, second in progress(wanted.T.tolist(), f"{formula.name} of {images.name}", wanted.shape[1])
        ]
    )
    left, right = np.zeros(places.shape[1]), np.zeros(places.shape[1])
    left[readable], right[readable] = likeness[which.reshape(-1)].reshape(2, -1) if likeness.size else ((), ())
    return left, right, readable


def triplet_picture(
    triplets: Triplets, left: npt.NDArray[np.float64], right: npt.NDArray[np.float64], rows: npt.NDArray[np.int64]
) -> Image.Image:
    """References with their two options; the tick is people's choice, the number the similarity.

    Those on which the encoder agrees with people stand to the left where there are as many of both.
    """
    rows = rows[triplets.right_share[rows] != 0.5]
    agrees = (right[rows] - left[rows]) * (triplets.right_share[rows] - 0.5) > 0
    agreed = spread(rows[agrees], PICTURED)
    shown, num_agreed = [*agreed, *spread(rows[~agrees], PICTURED)], len(agreed)
    sheet = [
        SheetRow(
            query=triplets.image(int(triplets.reference[row])),
            caption="encoder agrees" if place < num_agreed else "encoder disagrees",
            neighbors=[triplets.image(int(options[row])) for options in (triplets.left, triplets.right)],
            neighbor_captions=[
                f"votes {share:.0%}" for share in (1 - triplets.right_share[row], triplets.right_share[row])
            ],
            similarities=[float(left[row]), float(right[row])],
            is_right=[bool(triplets.right_share[row] < 0.5), bool(triplets.right_share[row] > 0.5)],
        )
        for place, row in enumerate(shown)
    ]
    return Image.open(io.BytesIO(neighbor_sheet(sheet, across=2 if len(sheet) > 1 else 1)))
