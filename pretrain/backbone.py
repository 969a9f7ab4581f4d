"""The trainable network without its head: a timm vision transformer, built from a name and a few numbers.

Position embeddings are interpolated to each crop's size inside the network (`dynamic_img_size`), as in DINO. The
arguments given to timm travel in the checkpoint, so an encoder is rebuilt without this configuration.
"""

from __future__ import annotations

import dataclasses
import difflib
from typing import Any, Literal, cast

import timm
import torch
from torch import nn

from procmem.errors import UserError
from procmem.strict_yaml import BELOW_ONE, check_range

Pooling = Literal["class_token", "mean"]
TIMM_POOLING: dict[Pooling, dict[str, Any]] = {
    "class_token": {"global_pool": "token"},
    # fc_norm False: normalise the tokens and then average, so that patch tokens are normalised either way.
    "mean": {"global_pool": "avg", "fc_norm": False},
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class BackboneConfig:
    """Which network to train.

    Attributes:
        name: a vision transformer's name in timm.
        patch_size_px: side of a patch; None keeps the one in the name.
        drop_path_rate: stochastic depth of the student (the teacher has none).
        pooling: what the head reads: the class token after the last norm, or the mean of the patch tokens.
        options: further arguments of ``timm.create_model``, for example ``depth: 6``.
    """

    name: str = "vit_small_patch16_224"
    patch_size_px: int | None = None
    drop_path_rate: float = 0.1
    pooling: Pooling = "class_token"
    options: dict[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        check_range(self, ["drop_path_rate"], 0, BELOW_ONE)

    def timm_arguments(self, image_size_px: int) -> dict[str, Any]:
        """What ``timm.create_model`` needs to build the network for images of this size, without drop path."""
        patch = {} if self.patch_size_px is None else {"patch_size": self.patch_size_px}
        common = {"num_classes": 0, "img_size": image_size_px, "dynamic_img_size": True}
        return common | patch | TIMM_POOLING[self.pooling] | self.options


def create_backbone(name: str, arguments: dict[str, Any], *, drop_path_rate: float = 0.0) -> nn.Module:
    """Build a timm model with fresh weights (torch's global random state is used, as timm does).

    Raises:
        UserError: if timm has no such model or the model does not take the arguments.
    """
    if not timm.is_model(name):
        near = difflib.get_close_matches(name, timm.list_models("vit_*"), n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else "for example vit_small_patch16_224"
        raise UserError(f"unknown backbone {name!r}; {hint} (any vision transformer of timm.list_models('vit_*'))")
    try:
        backbone: nn.Module = timm.create_model(name, drop_path_rate=drop_path_rate, **arguments)
    except (TypeError, AssertionError, ValueError) as error:
        raise UserError(f"timm cannot build {name!r} with {arguments}: {error}") from error
    return backbone


def check_crop_sizes(backbone: nn.Module, sizes_px: dict[str, int]) -> None:
    """Refuse crops that a vision transformer cannot cut into whole patches.

    Args:
        backbone: from `create_backbone`.
        sizes_px: name of the setting -> crop size.

    Raises:
        UserError: if the patch size does not divide a crop size.
    """
    patch_size_px = backbone.patch_embed.patch_size[0]  # type: ignore[union-attr, index]
    for name, size_px in sizes_px.items():
        if size_px % patch_size_px:
            raise UserError(
                f"{name} is {size_px}, which the patch size {patch_size_px} does not divide; "
                f"take {size_px // patch_size_px * patch_size_px} or {-(-size_px // patch_size_px) * patch_size_px}"
            )


def use_plain_attention(backbone: nn.Module) -> None:
    """Switch this network's attention from the fused kernel to plain products: faster to train on a CPU.

    The backward pass of the fused kernel took half of a CPU step. `timm.layers.set_fused_attn` would switch it for
    the whole process.
    """
    for module in backbone.modules():
        if isinstance(getattr(module, "fused_attn", None), bool):
            module.fused_attn = False  # type: ignore[assignment]


def embedding_dimension(backbone: nn.Module) -> int:
    """D: length of the vector that the backbone gives for one image."""
    return cast(int, backbone.num_features)


def embed(backbone: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """(B, D) float32 embeddings of normalised float32 images (B, 3, S, S)."""
    return cast(torch.Tensor, backbone(images)).float()
