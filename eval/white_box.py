"""White-box measures of likeness, by name: formulas that anybody can read, the floor of every table.

    psnr, ssim       two pictures compared pixel by pixel (scikit-image); no embedding, so only for two_afc
    sift:DATASET     bag of SIFT words, see `eval.sift`

Each may end in ``@SIZE``, as any encoder. Beside them stand the encoders of `pretrain.encoder` without training:
pixels, histogram, random:NAME.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from eval.squares import square_of_image
from eval.whole_square import DESCRIPTION
from pretrain.encoder import Encoder, UnknownEncoderError, load_encoder, split_size
from pretrain.timm_encoder import Precision
from procmem.errors import UserError
from procmem.files import fingerprint
from procmem.provenance import EncoderCard, Provenance

DEFAULT_SIZE_PX = 224
Picture = npt.NDArray[np.uint8]
"""(S, S, 3)"""


def psnr(a: Picture, b: Picture) -> float:
    """Peak signal-to-noise ratio in dB; infinite for equal pictures."""
    from skimage.metrics import peak_signal_noise_ratio

    with np.errstate(divide="ignore"):
        return float(peak_signal_noise_ratio(a, b, data_range=255))  # type: ignore[no-untyped-call]


def ssim(a: Picture, b: Picture) -> float:
    """Structural similarity, mean over colours and 7 x 7 windows (Wang et al. 2004); 1 for equal pictures."""
    from skimage.metrics import structural_similarity

    return float(structural_similarity(a, b, channel_axis=2, data_range=255))  # type: ignore[no-untyped-call]


FORMULAS: dict[str, Callable[[Picture, Picture], float]] = {"psnr": psnr, "ssim": ssim}


class PairFormula:
    """A likeness of two pictures that is not made of embeddings; stands among encoders, for `two_afc` only.

    Args:
        kind: of `FORMULAS`.
        image_size_px: S; 224 where omitted.
        name: the specification; the kind where omitted.
    """

    dimension = 0

    def __init__(self, kind: str, image_size_px: int | None = None, name: str = "") -> None:
        self.kind, self.name = kind, name or kind
        self.image_size_px = image_size_px or DEFAULT_SIZE_PX

    @property
    def provenance(self) -> Provenance:
        """No image of any kind was used."""
        return Provenance(real_images=False, notes=(f"{self.kind}: a formula, nothing was learned",))

    def card(self) -> EncoderCard:
        """What results say about it."""
        recipe = {"image_size_px": self.image_size_px, "square": DESCRIPTION, "method": self.kind}
        return EncoderCard(
            name=self.name,
            fingerprint=fingerprint({"pair formula": self.kind} | recipe),
            dimension=0,
            preprocessing=recipe,
            provenance=self.provenance,
        )

    def transform(self, image: Image.Image) -> torch.Tensor:
        """Any Pillow image to uint8 (3, S, S), without a crop."""
        return square_of_image(image, self.image_size_px, "squash")

    def likeness(self, a: torch.Tensor, b: torch.Tensor) -> float:
        """Of two uint8 (3, S, S); larger is more alike."""
        return FORMULAS[self.kind](a.permute(1, 2, 0).numpy(), b.permute(1, 2, 0).numpy())

    def embed(self, images: torch.Tensor) -> NoReturn:
        """Always refused.

        Raises:
            UserError: always.
        """
        raise UserError(f"{self.name!r} compares two pictures and has no embeddings; it is for the task two_afc")

    def patch_tokens(self, images: torch.Tensor) -> NoReturn:
        """Always refused.

        Raises:
            UserError: always.
        """
        self.embed(images)


def load_measured(
    spec: str, device: str = "cpu", image_size_px: int | None = None, precision: Precision = "float32"
) -> Encoder:
    """An encoder or a white-box measure by its specification; arguments and errors as `load_encoder`."""
    plain, size_px = split_size(spec)
    size_px = size_px if image_size_px is None else image_size_px
    if plain in FORMULAS:
        return PairFormula(plain, size_px, spec)
    if plain.startswith("sift:"):
        from eval.sift import sift_of_dataset

        return sift_of_dataset(plain.removeprefix("sift:"), size_px, spec)
    try:
        return load_encoder(spec, device, image_size_px, precision)
    except UnknownEncoderError as error:
        raise UserError(f"{error}; where encoders are measured also sift:DATASET, psnr and ssim") from error
