"""Checkpoints from elsewhere: DINO-style files and plain state dicts of vision transformers with timm's names.

DINO (Caron et al. 2021) writes a dict with ``student``, ``teacher``, ``optimizer``, ``epoch``, ``args`` and
``dino_loss``; the names begin with ``module.`` and ``backbone.``, and its ViT names equal timm's. The architecture is
read from the shapes, except for the number of heads, which no shape shows: published widths have one each, others
must be told. Files are read with ``weights_only``: no code in them runs.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from pretrain.backbone import TIMM_POOLING, create_backbone, is_transformer
from pretrain.checkpoint import ENTRY, BackboneState, unreadable
from pretrain.color import IMAGENET_MEAN, IMAGENET_STD
from procmem.errors import UserError, unknown_name
from procmem.files import file_fingerprint
from procmem.provenance import Provenance, RealImages

ENTRIES = ("teacher", "student", "state_dict", "model")
"""Where a state dict lies in a checkpoint; the first that is there is taken (DINO evaluates the teacher)."""
MODEL_OF_WIDTH = {
    192: ("vit_tiny_patch16_224", 3),
    384: ("vit_small_patch16_224", 6),
    768: ("vit_base_patch16_224", 12),
    1024: ("vit_large_patch16_224", 16),
    1280: ("vit_huge_patch14_224", 16),
}
"""Width -> timm's model and its heads (Dosovitskiy et al. 2020, table 1; tiny and small: Touvron et al. 2020)."""
BASE_MODEL = "vit_small_patch16_224"
"""For other widths; every number of it is given."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Imported:
    """A foreign checkpoint as ours.

    Attributes:
        state: the backbone.
        entry: where in the file it was: "teacher", ..., or "" for a plain state dict.
        left_out: names in that state dict that are not of the backbone (DINO's head, classifiers).
    """

    state: BackboneState
    entry: str
    left_out: tuple[str, ...]


def read_foreign(
    path: Path,
    *,
    content: Any = None,
    entry: str | None = None,
    architecture: str | None = None,
    num_heads: int | None = None,
    real_images: RealImages = "unknown",
) -> Imported:
    """Read a checkpoint that procmem did not write.

    Args:
        path: a file of torch.save, or .safetensors.
        content: what is in it, if it has been read already.
        entry: "teacher", "student" or another key; None takes the first of `ENTRIES` that is there.
        architecture: timm's name; None infers a vision transformer from the shapes.
        num_heads: attention heads, where the width does not tell.
        real_images: whether it was trained on real images.

    Raises:
        UserError: if the file cannot be read, holds no such entry, or does not fill the architecture; every missing
            name and every wrong shape is listed; or if it is a checkpoint of procmem pretrain.
    """
    content = read_content(path) if content is None else content
    if isinstance(content, Mapping) and ENTRY in content:
        raise UserError(
            f"{str(path)!r} is a checkpoint of procmem pretrain: it is an encoder already, and procmem export writes "
            "it for timm or ONNX"
        )
    raw, found = _state_dict(content, entry, path)
    weights, left_out = _backbone_weights(raw)
    name, arguments = _given(architecture) if architecture else infer_architecture(weights, num_heads)
    expected = create_backbone(name, arguments).state_dict()
    missing = [key for key in expected if key not in weights]
    shapes = [
        f"{key} is {tuple(weights[key].shape)}, the architecture has {tuple(tensor.shape)}"
        for key, tensor in expected.items()
        if key in weights and weights[key].shape != tensor.shape
    ]
    if missing or shapes:
        lines = [*(f"missing: {key}" for key in missing), *(f"shape: {line}" for line in shapes)]
        lines += [f"unexpected: {key}" for key in weights if key not in expected]
        given = f"timm's {name!r} with {arguments}"
        raise UserError(f"{str(path)!r} does not fill {given}; name another architecture:\n  " + "\n  ".join(lines))
    left_out += tuple(key for key in weights if key not in expected)
    state = BackboneState(
        model_name=name,
        model_kwargs=arguments,
        image_size_px=arguments.get("img_size", 224),
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        pooling="class_token" if is_transformer(name) else "mean",
        state_dict={key: weights[key] for key in expected},
        provenance=Provenance(
            real_images=real_images,
            notes=(f"imported from {path.name} (sha256 {file_fingerprint(path)[:16]}), {found or 'plain weights'}",),
        ),
    )
    return Imported(state=state, entry=found, left_out=left_out)


def read_content(path: Path) -> Any:
    """What a file holds.

    Raises:
        UserError: if it is missing, cut, or holds more than tensors and plain values.
    """
    if not path.is_file():
        raise UserError(f"there is no checkpoint {str(path)!r}")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        with torch.serialization.safe_globals([argparse.Namespace]):  # DINO's args
            return torch.load(path, map_location="cpu", weights_only=True)
    except SafetensorError as error:
        raise UserError(f"checkpoint {str(path)!r} cannot be read (cut or damaged?): {error}") from error
    except Exception as error:  # a cut file shows as any of six exception types, depending on where it is cut
        refused = re.search(r"Unsupported global: GLOBAL ([\w.]+)", str(error))
        if refused:
            raise UserError(
                f"{str(path)!r} holds a {refused[1]}, which is code to be run on loading; if you trust the file, save "
                "its weights alone: torch.save(torch.load(FILE, weights_only=False)['teacher'], 'weights.pth')"
            ) from error
        raise unreadable(path, error) from error


def infer_architecture(weights: Mapping[str, torch.Tensor], num_heads: int | None) -> tuple[str, dict[str, Any]]:
    """Name in timm, and arguments, of a vision transformer with these weights.

    Raises:
        UserError: if they are no plain vision transformer's, or the heads cannot be known.
    """
    patches, positions = weights.get("patch_embed.proj.weight"), weights.get("pos_embed")
    depth = 1 + max((int(found[1]) for key in weights if (found := re.match(r"blocks\.(\d+)\.", key))), default=-1)
    if patches is None or positions is None or not depth or "blocks.0.mlp.fc1.weight" not in weights:
        shown = ", ".join(list(weights)[:5])
        raise UserError(
            f"these are not the weights of a plain vision transformer ({shown}, ...); name its architecture"
        )
    width, _, _, patch_size_px = patches.shape
    known, heads = MODEL_OF_WIDTH.get(width, (BASE_MODEL, None))
    heads = num_heads or heads
    if heads is None:
        raise UserError(f"the number of heads of a network of width {width} cannot be known; give num_heads")
    side = math.isqrt(positions.shape[1] - 1)
    if side * side != positions.shape[1] - 1:
        raise UserError(f"{positions.shape[1] - 1} patch positions are no square grid; name the architecture")
    arguments: dict[str, Any] = {
        "num_classes": 0,
        "img_size": side * patch_size_px,
        "dynamic_img_size": True,
        "patch_size": patch_size_px,
        "embed_dim": width,
        "depth": depth,
        "num_heads": heads,
        "mlp_ratio": weights["blocks.0.mlp.fc1.weight"].shape[0] / width,
        **TIMM_POOLING["class_token"],
    }
    if "blocks.0.attn.qkv.bias" not in weights:
        arguments["qkv_bias"] = False
    if "blocks.0.ls1.gamma" in weights:
        arguments["init_values"] = 1.0  # layer scale; the value is in the weights
    return known, arguments


def _given(architecture: str) -> tuple[str, dict[str, Any]]:
    return architecture, {"num_classes": 0}


def _state_dict(content: Any, entry: str | None, path: Path) -> tuple[dict[str, torch.Tensor], str]:
    """A state dict in a checkpoint, and under which key it was."""
    if isinstance(content, Mapping):
        inner = {key: value for key, value in content.items() if isinstance(value, Mapping) and _tensors(value)}
        if entry is not None and entry not in inner:
            raise unknown_name(f"entry of {path.name}", entry, inner)
        for key in (entry,) if entry is not None else ENTRIES:
            if key in inner:
                return _tensors(inner[key]), str(key)
        if _tensors(content):
            return _tensors(content), ""
    shown = ", ".join(map(str, content)) if isinstance(content, Mapping) else type(content).__name__
    raise UserError(f"{str(path)!r} holds no weights that procmem can find: {shown or 'nothing'}; expected {ENTRIES}")


def _tensors(value: Mapping[Any, Any]) -> dict[str, torch.Tensor]:
    return {str(key): item for key, item in value.items() if torch.is_tensor(item)}


def _renamed(raw: Mapping[str, torch.Tensor]) -> dict[str, str]:
    """Name in the file -> name without ``module.`` and ``_orig_mod.`` (DataParallel, torch.compile)."""
    return {key: re.sub(r"(^|\.)(module\.|_orig_mod\.)+", r"\1", key) for key in raw}


def _backbone_weights(raw: Mapping[str, torch.Tensor]) -> tuple[dict[str, torch.Tensor], tuple[str, ...]]:
    """The backbone's weights by timm's names, and the other names of the file."""
    names = _renamed(raw)
    has_prefix = any(name.startswith("backbone.") for name in names.values())
    weights, left_out = {}, []
    for original, name in names.items():
        if has_prefix and not name.startswith("backbone."):
            left_out.append(original)
        else:
            weights[name.removeprefix("backbone.") if has_prefix else name] = raw[original]
    return weights, tuple(left_out)
