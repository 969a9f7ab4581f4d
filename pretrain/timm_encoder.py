"""An encoder around a timm backbone: pretrained, untrained, or ours from a checkpoint.

The backbone stays timm's own module and does its own pooling (class token after the last norm for a ViT, mean for a
ResNet), so a new architecture needs no code here. Cost: what "the" embedding is, timm decides; the card says which
pooling that was. One probe image at construction finds the dimension and turns a size that the backbone cannot
take into a message, instead of an assertion in the middle of a data set.

Letters: B batch, S image side, D embedding, L tokens, h w patch grid.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import math
from collections.abc import Collection
from typing import Any, Literal, get_args

import torch
from PIL import Image
from torch import nn

from pretrain import preprocessing
from pretrain.backbone import block_tokens, check_crop_sizes, create_backbone, patch_tokens
from pretrain.embedding import check_images, unit_length
from pretrain.timm_weights import published_settings
from procmem.errors import UserError
from procmem.files import fingerprint
from procmem.provenance import EncoderCard, Provenance

Precision = Literal["float32", "bfloat16", "float16"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class TimmSettings:
    """How to build a backbone and feed it.

    Attributes:
        model_name: timm architecture, without tag.
        arguments: of ``timm.create_model``.
        image_size_px: S.
        mean: per channel, of images in [0, 1].
        std: per channel, of images in [0, 1].
    """

    model_name: str
    arguments: dict[str, Any]
    image_size_px: int
    mean: tuple[float, ...]
    std: tuple[float, ...]


class TimmEncoder:
    """A frozen timm backbone with its preprocessing and its provenance.

    Attributes:
        name: the specification it was loaded from.
        dimension: D.
        image_size_px: S.
        provenance: what the weights have seen.
    """

    def __init__(
        self,
        backbone: nn.Module,
        settings: TimmSettings,
        *,
        name: str,
        provenance: Provenance,
        device: str = "cpu",
        precision: Precision = "float32",
    ) -> None:
        """Freeze the backbone, move it to the device and try it on one black image.

        Args:
            backbone: timm module without classifier (``num_classes=0``).
            settings: image size and normalisation.
            name: the specification, for messages and cards.
            provenance: what the weights have seen.
            device: torch device name.
            precision: "bfloat16" (CUDA, or a processor with instructions for it) and "float16" (CUDA) compute under
                autocast; results are float32 either way.

        Raises:
            UserError: if the backbone cannot take S px images, or the device cannot compute in that precision.
        """
        self.name = name
        self.image_size_px = settings.image_size_px
        self.provenance = provenance
        self.device = torch.device(device)
        check_precision(precision, self.device)
        self.precision = precision
        self._settings = settings
        self._backbone = backbone.to(self.device).float().eval().requires_grad_(False)
        if hasattr(getattr(backbone, "patch_embed", None), "patch_size"):
            check_crop_sizes(backbone, {"image_size_px": self.image_size_px})
        try:
            with torch.inference_mode():
                probe = torch.zeros(1, 3, self.image_size_px, self.image_size_px, dtype=torch.uint8)
                self.dimension = int(self._backbone(self._normalised(probe)).shape[1])
        except (AssertionError, RuntimeError) as error:
            raise UserError(f"encoder {name!r} cannot take {self.image_size_px} px images: {error}") from error

    @torch.inference_mode()
    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """Embeddings of uint8 (B, 3, S, S): float32 (B, D) of unit length, on the encoder's device.

        Raises:
            UserError: if the images have another shape or type, or an embedding is zero or not finite.
        """
        with self._autocast():
            pooled = self._backbone(self._normalised(images))
        return unit_length(pooled, self.name)

    @torch.inference_mode()
    def patch_tokens(self, images: torch.Tensor) -> torch.Tensor:
        """Spatial tokens after the final norm, not normalised: float32 (B, h, w, D).

        A ViT's class and register tokens are left out; a convolutional backbone gives its last feature map.
        """
        with self._autocast():
            return patch_tokens(self._backbone, self._normalised(images)).float()

    @torch.inference_mode()
    def block_tokens(self, images: torch.Tensor, blocks_before_last: Collection[int]) -> dict[int, torch.Tensor]:
        """Spatial tokens of several blocks (of a convolutional network: stages) in one pass: float32 (B, h, w, D').

        Args:
            images: uint8 (B, 3, S, S).
            blocks_before_last: 0 is the last one, as `patch_tokens` gives it.

        Raises:
            UserError: if there is no such block.
        """
        with self._autocast():
            found = block_tokens(self._backbone, self._normalised(images), blocks_before_last)
        return {block: tokens.float() for block, tokens in found.items()}

    def embed_from_tokens(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Embeddings with gradient to the patch tokens that they are made of: what Grad-CAM needs.

        Of a transformer these are the tokens that enter its last block, after the block's first norm (behind its
        attention the class token no longer depends on them); of a convolutional backbone the last feature map.

        Args:
            images: uint8 (B, 3, S, S).

        Returns:
            Tokens (B, h, w, D'), and embeddings (B, D) of unit length.

        Raises:
            UserError: if the images have another shape or type.
        """
        normalised = self._normalised(images)
        blocks = getattr(self._backbone, "blocks", None)
        if blocks is None or not hasattr(blocks[-1], "norm1"):
            return self._embed_from_map(normalised)
        prefix, kept = getattr(self._backbone, "num_prefix_tokens", 0), []

        def replace(module: nn.Module, inputs: Any, output: torch.Tensor) -> torch.Tensor:
            side = math.isqrt(output.shape[1] - prefix)
            kept.append(output[:, prefix:].detach().reshape(len(output), side, side, -1).requires_grad_())
            return torch.cat([output[:, :prefix].detach(), kept[0].flatten(1, 2)], dim=1)

        hook = blocks[-1].norm1.register_forward_hook(replace)
        try:
            pooled = self._backbone(normalised)
        finally:
            hook.remove()
        return kept[0], unit_length(pooled, self.name)

    def _embed_from_map(self, normalised: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features = self._backbone.forward_features(normalised).detach()  # type: ignore[operator]
        channels_last = getattr(self._backbone, "output_fmt", "NCHW") == "NHWC"
        tokens = (features if channels_last else features.permute(0, 2, 3, 1)).requires_grad_()
        last_map = tokens if channels_last else tokens.permute(0, 3, 1, 2)
        return tokens, unit_length(self._backbone.forward_head(last_map), self.name)  # type: ignore[operator]

    def transform(self, image: Image.Image) -> torch.Tensor:
        """Any Pillow image to uint8 (3, S, S); see `preprocessing.to_square`."""
        return preprocessing.to_square(image, self.image_size_px)

    def card(self) -> EncoderCard:
        """Card for memories and results; its fingerprint covers weights, preprocessing, pooling and precision."""
        recipe: dict[str, Any] = {
            "image_size_px": self.image_size_px,
            "square": preprocessing.DESCRIPTION,
            "mean": list(self._settings.mean),
            "std": list(self._settings.std),
            "pooling": str(getattr(self._backbone, "global_pool", "") or "the backbone's own"),
            "precision": self.precision,
        }
        return EncoderCard(
            name=self.name,
            fingerprint=fingerprint({"weights": self._weights_fingerprint} | recipe),
            dimension=self.dimension,
            preprocessing=recipe,
            provenance=self.provenance,
        )

    @property
    def num_parameters(self) -> int:
        """Weights of the network."""
        return sum(parameter.numel() for parameter in self._backbone.parameters())

    @functools.cached_property
    def _weights_fingerprint(self) -> str:
        digest = hashlib.sha256(type(self._backbone).__qualname__.encode())
        for name, tensor in sorted(self._backbone.state_dict().items()):
            digest.update(f"{name}:{tensor.dtype}:{tuple(tensor.shape)}:".encode())
            digest.update(tensor.cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
        return digest.hexdigest()

    def _normalised(self, images: torch.Tensor) -> torch.Tensor:
        check_images(images, self.image_size_px)
        unit = images.to(self.device, non_blocking=True).float() / 255
        mean, std = (unit.new_tensor(value).view(3, 1, 1) for value in (self._settings.mean, self._settings.std))
        return (unit - mean) / std

    def _autocast(self) -> torch.autocast:
        kind = torch.float16 if self.precision == "float16" else torch.bfloat16
        return torch.autocast(self.device.type, kind, enabled=self.precision != "float32")


def check_precision(precision: Precision, device: torch.device) -> None:
    """Refuse a precision that a device has no instructions for: it would be slower than float32, or fail half-way.

    Raises:
        UserError: with what the device can do.
    """
    if precision not in get_args(Precision):
        raise UserError(f"precision is {precision!r}; valid: {', '.join(get_args(Precision))}")
    if precision == "float32" or device.type == "cuda":
        return
    if precision == "bfloat16" and device.type == "cpu":
        if processor_has_bfloat16():
            return
        raise UserError("precision 'bfloat16' needs AVX512-BF16 or AMX, which this processor has not; use 'float32'")
    raise UserError(f"precision {precision!r} needs a CUDA device, received device {str(device)!r}; use 'float32'")


def processor_has_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 by itself (x86: AVX512-BF16 or AMX; ARM: BF16)."""
    known = torch.cpu.get_capabilities()
    return any(bool(known.get(name)) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def untrained_backbone(settings: TimmSettings, seed: int) -> nn.Module:
    """A timm backbone with its architecture's own random initialisation: same arguments, same weights.

    The initialisers of torch draw from the global CPU generator; it is forked here and left as it was.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return create_backbone(settings.model_name, settings.arguments)


def timm_settings(name: str, image_size_px: int | None) -> TimmSettings:
    """Settings of a timm model as published.

    Args:
        name: timm name, with or without the tag of its weights.
        image_size_px: S; None takes the size that the model was made for.

    Raises:
        UserError: if timm has no such model or tag, with the nearest names.
    """
    published = published_settings(name)
    own_size = published.input_size[-1]
    size = image_size_px or own_size
    # Models with position tables are built for one size; convolutional ones take any and know no such argument.
    sized = {"img_size": size} if published.fixed_input_size and size != own_size else {}
    return TimmSettings(
        model_name=name.partition(".")[0],
        arguments={"num_classes": 0} | sized,
        image_size_px=size,
        mean=tuple(published.mean),
        std=tuple(published.std),
    )
