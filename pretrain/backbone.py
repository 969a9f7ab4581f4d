"""The trainable network without its head: a timm model, built from a name and a few numbers.

Plain vision transformers (timm's vit, deit and eva families, with or without registers) interpolate their
position embeddings to each crop's size inside the network (`dynamic_img_size`), as in DINO. Everything else is taken
as timm builds it (ResNet, ConvNeXt, ...) with mean pooling, and tried on one black image of each crop size. The
arguments given to timm travel in the checkpoint, so an encoder is rebuilt without this configuration.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import os
import shutil
from collections.abc import Collection
from typing import Any, Literal, cast

import timm
import torch
from timm.models import is_model_in_modules
from torch import nn

from procmem.errors import UserError
from procmem.strict_yaml import BELOW_ONE, check_range

Pooling = Literal["class_token", "mean"]
TIMM_POOLING: dict[Pooling, dict[str, Any]] = {
    "class_token": {"global_pool": "token"},
    # fc_norm False: normalise the tokens and then average, so that patch tokens are normalised either way.
    "mean": {"global_pool": "avg", "fc_norm": False},
}
TRANSFORMER_MODULES = ("vision_transformer", "deit", "eva")
"""Modules of timm whose networks take ``img_size`` and ``dynamic_img_size`` and give class and patch tokens."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class BackboneConfig:
    """Which network to train.

    Attributes:
        name: a model's name in timm: a vision transformer, or a convolutional network such as resnet18.
        patch_size_px: side of a patch; None keeps the one in the name.
        drop_path_rate: stochastic depth of the student (the teacher has none).
        pooling: what the head reads: the class token after the last norm, or the mean of the patch tokens (for a
            convolutional network, of its last feature map).
        options: further arguments of ``timm.create_model``, for example ``depth: 6`` or ``reg_tokens: 4``.
    """

    name: str = "vit_small_patch16_224"
    patch_size_px: int | None = None
    drop_path_rate: float = 0.1
    pooling: Pooling = "class_token"
    options: dict[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        check_range(self, ["drop_path_rate"], 0, BELOW_ONE)

    def timm_arguments(self, image_size_px: int) -> dict[str, Any]:
        """What ``timm.create_model`` needs to build the network for images of this size, without drop path.

        Raises:
            UserError: if a network without class token or patches is asked for one.
        """
        if not is_transformer(self.name):
            self._check_convolutional()
            return {"num_classes": 0, "global_pool": "avg"} | self.options
        patch = {} if self.patch_size_px is None else {"patch_size": self.patch_size_px}
        common = {"num_classes": 0, "img_size": image_size_px, "dynamic_img_size": True}
        return common | patch | TIMM_POOLING[self.pooling] | self.options

    def _check_convolutional(self) -> None:
        if not timm.is_model(self.name):
            return  # `create_backbone` says so, with the nearest names
        if self.pooling == "class_token":
            raise UserError(f"backbone {self.name!r} has no class token; set backbone.pooling: mean")
        if self.patch_size_px is not None:
            raise UserError(f"backbone {self.name!r} has no patches; leave backbone.patch_size_px out")


def is_transformer(name: str) -> bool:
    """Whether a timm name (with or without the tag of its weights) is that of a plain vision transformer."""
    return is_model_in_modules(name.partition(".")[0], TRANSFORMER_MODULES)


def create_backbone(name: str, arguments: dict[str, Any], *, drop_path_rate: float = 0.0) -> nn.Module:
    """Build a timm model with fresh weights (torch's global random state is used, as timm does).

    Raises:
        UserError: if timm has no such model or the model does not take the arguments.
    """
    if not timm.is_model(name):
        near = difflib.get_close_matches(name, timm.list_models(), n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else "for example vit_small_patch16_224 or resnet18"
        raise UserError(f"unknown backbone {name!r}; {hint} (any image model of timm.list_models())")
    try:
        # None is left out by timm: not every convolutional network knows drop path.
        backbone: nn.Module = timm.create_model(name, drop_path_rate=drop_path_rate or None, **arguments)
    except (TypeError, AssertionError, ValueError) as error:
        raise UserError(f"timm cannot build {name!r} with {arguments}: {error}") from error
    return backbone


def check_crop_sizes(backbone: nn.Module, sizes_px: dict[str, int]) -> None:
    """Refuse crops that the network cannot take: not whole patches, or too small for its strides.

    Args:
        backbone: from `create_backbone`.
        sizes_px: name of the setting -> crop size.

    Raises:
        UserError: if the patch size does not divide a crop size, or the network fails on a black image of that size.
    """
    patch_embed = getattr(backbone, "patch_embed", None)
    for name, size_px in sizes_px.items():
        if patch_embed is not None and size_px % patch_embed.patch_size[0]:
            patch_size_px = patch_embed.patch_size[0]
            raise UserError(
                f"{name} is {size_px}, which the patch size {patch_size_px} does not divide; "
                f"take {size_px // patch_size_px * patch_size_px} or {-(-size_px // patch_size_px) * patch_size_px}"
            )
        if patch_embed is None or not hasattr(backbone, "dynamic_img_size"):
            _try_size(backbone, name, size_px)


@torch.no_grad()
def _try_size(backbone: nn.Module, name: str, size_px: int) -> None:
    was_training = backbone.training
    try:
        backbone.eval()(torch.zeros(1, 3, size_px, size_px))
    except (RuntimeError, AssertionError) as error:
        raise UserError(
            f"{name} is {size_px}, which this backbone cannot take ({error}); crops of 32 px and more suit most "
            "convolutional networks, and a vision transformer whose patch divides them takes any"
        ) from error
    finally:
        backbone.train(was_training)


def use_plain_attention(backbone: nn.Module) -> None:
    """Switch this network's attention from the fused kernel to plain products: faster to train on a CPU.

    The backward pass of the fused kernel took half of a CPU step. `timm.layers.set_fused_attn` would switch it for
    the whole process.
    """
    for module in backbone.modules():
        if isinstance(getattr(module, "fused_attn", None), bool):
            module.fused_attn = False  # type: ignore[assignment]


def use_gradient_checkpointing(backbone: nn.Module) -> None:
    """Keep only the inputs of this network's blocks for the backward pass, and compute the rest again.

    Raises:
        UserError: if timm's network cannot do that.
    """
    try:
        backbone.set_grad_checkpointing(True)  # type: ignore[operator]
    except (AttributeError, AssertionError) as error:
        raise UserError(
            f"gradient_checkpointing: {type(backbone).__name__} of timm does not offer it; set it to false"
        ) from error


def compile_backbone(backbone: nn.Module) -> None:
    """Compile this network in place (names of weights stay), once for each crop size.

    Raises:
        UserError: if the processor is to compute and there is no C++ compiler.
    """
    compiler = os.environ.get("CXX", "g++")
    if not torch.cuda.is_available() and shutil.which(compiler) is None:
        raise UserError(f"compile: true needs a C++ compiler on a processor, and there is no {compiler!r}")
    backbone.compile(dynamic=False)


def patch_tokens(backbone: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """Spatial tokens (B, h, w, D) after the final norm, without class and register tokens; h = w.

    Args:
        backbone: from `create_backbone`; a convolutional one gives its last feature map.
        images: normalised float32 (B, 3, S, S).
    """
    return _spatial(backbone, backbone.forward_features(images))  # type: ignore[operator]


def block_tokens(
    backbone: nn.Module, images: torch.Tensor, blocks_before_last: Collection[int]
) -> dict[int, torch.Tensor]:
    """Spatial tokens (B, h, w, D') behind several blocks, in one pass.

    Args:
        backbone: from `create_backbone`; the blocks of a convolutional one are its stages.
        images: normalised float32 (B, 3, S, S).
        blocks_before_last: 0 is what `patch_tokens` gives, 1 the last block but one, before any final norm.

    Raises:
        UserError: if the network has not so many blocks, or timm does not show them.
    """
    earlier = sorted(set(blocks_before_last) - {0}, reverse=True)
    if not earlier:
        return {0: patch_tokens(backbone, images)}
    read = getattr(backbone, "forward_intermediates", None)
    num_blocks = len(getattr(backbone, "feature_info", ()))
    if read is None or num_blocks < 2:
        raise UserError(f"timm does not show the blocks of {type(backbone).__name__}, so ~{earlier[0]} cannot be read")
    if earlier[0] >= num_blocks:
        raise UserError(
            f"~{earlier[0]} would be a block before the last of a network that has {num_blocks} to read from; "
            f"valid: ~1 to ~{num_blocks - 1}"
        )
    with_last = 0 in blocks_before_last
    found = read(
        images,
        indices=[num_blocks - 1 - block for block in earlier],
        output_fmt="NCHW",
        intermediates_only=not with_last,
        stop_early=not with_last,
    )
    tokens = {0: _spatial(backbone, found[0])} if with_last else {}
    maps = found[1] if with_last else found
    return tokens | {block: map_.permute(0, 2, 3, 1) for block, map_ in zip(earlier, maps, strict=True)}


def _spatial(backbone: nn.Module, features: torch.Tensor) -> torch.Tensor:
    """What `forward_features` gives, as (B, h, w, D)."""
    if features.ndim == 4:
        return features if getattr(backbone, "output_fmt", "NCHW") == "NHWC" else features.permute(0, 2, 3, 1)
    spatial = features[:, cast(int, getattr(backbone, "num_prefix_tokens", 0)) :]
    side = math.isqrt(spatial.shape[1])
    return spatial.reshape(len(features), side, side, -1)


def embedding_dimension(backbone: nn.Module) -> int:
    """D: length of the vector that the backbone gives for one image."""
    return cast(int, getattr(backbone, "head_hidden_size", None) or backbone.num_features)
