"""Encoders: one protocol, and `load_encoder`, which turns a specification into one.

    runs/mine                       newest readable checkpoint of a run folder
    runs/mine/checkpoints/last.ckpt a checkpoint; also DINO's and other plain files of a vision transformer's weights
    exports/mine                    an export folder (procmem export, procmem import)
    procmem:NAME                    an encoder that comes with procmem
    random:runs/mine[:SEED]         the same architecture, untrained: what training is compared with
    random:NAME[:SEED]              an untrained timm model
    timm:NAME                       a timm model with published weights
    pixels, histogram               no weights at all

Each may end in ``@SIZE``: runs/mine@64 shows images at 64 px; and in features such as ``+grid2``, ``+grid4~1+std`` or
``+white``: embeddings made of its patch tokens, whitened (`pretrain.feature_parts`). A specification is a string, so
that one name serves the command line, YAML, results and reports. Everything that changes an embedding is in the
fingerprint of the card: weights (hence the seed), preprocessing, pooling, precision.

Letters: B batch, S image side, D embedding, h w patch grid.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import timm
import torch
from PIL import Image

from pretrain.backbone import create_backbone
from pretrain.checkpoint import ENTRY, BackboneState, backbone_of, checked, newest_readable, read_backbone
from pretrain.export import is_export, read_export
from pretrain.feature_parts import NAMES, PATTERN
from pretrain.features import FeatureEncoder
from pretrain.foreign_checkpoint import read_content, read_foreign
from pretrain.pixel_encoders import Histogram, Pixels
from pretrain.shipped import find_shipped
from pretrain.timm_encoder import Precision, TimmEncoder, TimmSettings, timm_settings, untrained_backbone
from pretrain.timm_weights import pretrained_backbone, pretrained_provenance
from procmem.errors import UserError
from procmem.progress import say
from procmem.provenance import EncoderCard, Provenance, code_version

PIXEL_ENCODERS: dict[str, type[Pixels] | type[Histogram]] = {"pixels": Pixels, "histogram": Histogram}
FORMS = (
    "pixels, histogram, procmem:NAME, timm:NAME, random:NAME[:SEED], random:CHECKPOINT[:SEED], "
    f"or the path of a checkpoint, run or export, each also with @SIZE and features: {NAMES}"
)


class UnknownEncoderError(UserError):
    """A specification that names no encoder; the message has the valid forms at its end."""


class Encoder(Protocol):
    """A frozen network, or a rule, that turns images into embeddings.

    Attributes:
        name: the specification it was loaded from.
        dimension: D.
        image_size_px: S.
    """

    name: str
    dimension: int
    image_size_px: int

    @property
    def provenance(self) -> Provenance:
        """What it has seen."""
        ...

    def card(self) -> EncoderCard:
        """What a memory must know; equal fingerprints mean equal embeddings."""
        ...

    def transform(self, image: Image.Image) -> torch.Tensor:
        """Any Pillow image to uint8 (3, S, S)."""
        ...

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """uint8 (B, 3, S, S) to float32 (B, D) of unit length, on the encoder's device."""
        ...

    def patch_tokens(self, images: torch.Tensor) -> torch.Tensor:
        """uint8 (B, 3, S, S) to float32 (B, h, w, D), after the final norm, not normalised."""
        ...


def load_encoder(
    spec: str, device: str = "cpu", image_size_px: int | None = None, precision: Precision = "float32"
) -> Encoder:
    """Build the encoder that a specification names.

    Args:
        spec: see the list at the top of this file.
        device: torch device name.
        image_size_px: S; None takes the specification's, or else the encoder's own (of a checkpoint: the size of
            its training images).
        precision: "bfloat16" (CUDA, or a processor with instructions for it) and "float16" (CUDA) compute under
            autocast.

    Raises:
        UserError: if the specification is unknown (nearest valid ones are named), a file is missing or unreadable, or
            weights cannot be had.
    """
    features = None if Path(spec).exists() else PATTERN.search(spec)
    if features is not None:
        plain = spec[: features.start()]
        return FeatureEncoder(load_encoder(plain, device, image_size_px, precision), features[0])
    own = {"device": device, "precision": precision, "name": spec}
    spec, size_px = split_size(spec)
    image_size_px = size_px if image_size_px is None else image_size_px
    if image_size_px is not None and image_size_px < 1:
        raise UserError(f"image_size_px must be at least 1, received {image_size_px}")
    kind, colon, rest = spec.partition(":")
    if spec in PIXEL_ENCODERS:
        return PIXEL_ENCODERS[spec](name=own["name"], device=device, image_size_px=image_size_px)
    if colon and kind == "timm":
        return _published(rest, image_size_px, own)
    if colon and kind == "procmem":
        return _trained(find_shipped(rest), image_size_px, own)
    if colon and kind == "random":
        return _untrained(rest, image_size_px, own)
    if Path(spec).exists():
        return _trained(Path(spec), image_size_px, own)
    raise _unknown_spec(spec)


def split_size(spec: str) -> tuple[str, int | None]:
    """``"NAME@64"`` to ("NAME", 64); a path that exists with the mark in its name stays whole."""
    rest, mark, size = spec.rpartition("@")
    return (rest, int(size)) if mark and size.isdecimal() and not Path(spec).exists() else (spec, None)


def _published(name: str, image_size_px: int | None, own: dict[str, Any]) -> TimmEncoder:
    settings = timm_settings(name, image_size_px)
    backbone = pretrained_backbone(name, settings.arguments)
    return TimmEncoder(backbone, settings, provenance=pretrained_provenance(name), **own)


def _untrained(target: str, image_size_px: int | None, own: dict[str, Any]) -> TimmEncoder:
    rest, _, last = target.rpartition(":")
    target, seed = (rest, int(last)) if rest and last.isdecimal() else (target, 0)
    if Path(target).exists():
        settings = _checkpoint_settings(read_state(Path(target)), image_size_px)
    elif _looks_like_a_path(target):
        raise UserError(f"no checkpoint or run folder at {target!r}")
    else:
        settings = timm_settings(target, image_size_px)
    provenance = Provenance(
        real_images=False,
        seeds={"weights": seed},
        code_version=code_version(),
        notes=("untrained: the architecture's random initial weights",),
    )
    return TimmEncoder(untrained_backbone(settings, seed), settings, provenance=provenance, **own)


def _trained(path: Path, image_size_px: int | None, own: dict[str, Any]) -> TimmEncoder:
    state = read_state(path)
    settings = _checkpoint_settings(state, image_size_px)
    backbone = create_backbone(settings.model_name, settings.arguments)
    try:
        backbone.load_state_dict(state.state_dict)
    except RuntimeError as error:
        raise UserError(f"the weights in {str(path)!r} do not fit timm's {settings.model_name!r}: {error}") from error
    return TimmEncoder(backbone, settings, provenance=state.provenance, **own)


def read_state(path: Path) -> BackboneState:
    """The weights behind a path, and all that is needed to build their encoder.

    Args:
        path: a checkpoint, ours or foreign; an export folder; or a run folder, of which the newest readable checkpoint
            counts (a run may have been cut while it wrote the last).

    Raises:
        UserError: if there is nothing that can be read.
    """
    if path.is_file():
        content = read_content(path)
        if isinstance(content, Mapping) and ENTRY in content:
            return backbone_of(checked(content, path))
        imported = read_foreign(path, content=content)
        if imported.left_out:
            say(f"{path}: left out, not of the backbone: {', '.join(imported.left_out)}")
        return imported.state
    if is_export(path):
        return read_export(path)
    newest = newest_readable(path / "checkpoints")
    if newest is None:
        raise UserError(f"no readable checkpoint in run folder {str(path)!r} (expected checkpoints/*.ckpt)")
    return read_backbone(newest[0])


def _checkpoint_settings(state: BackboneState, image_size_px: int | None) -> TimmSettings:
    return TimmSettings(
        model_name=state.model_name,
        arguments=state.model_kwargs,
        image_size_px=image_size_px or state.image_size_px,
        mean=state.mean,
        std=state.std,
    )


def _looks_like_a_path(text: str) -> bool:
    return text.endswith((".ckpt", ".pth", ".pt", ".safetensors")) or any(mark in text for mark in ("/", "\\"))


def _unknown_spec(spec: str) -> UnknownEncoderError:
    if _looks_like_a_path(spec):
        return UnknownEncoderError(f"no checkpoint or run folder at {spec!r}; an encoder is {FORMS}")
    name = spec.rpartition(":")[2]
    candidates = [*PIXEL_ENCODERS, *timm.list_models()]
    near = difflib.get_close_matches(name, candidates, n=3, cutoff=0.5)
    shown = [known if known in PIXEL_ENCODERS else f"timm:{known}' or 'random:{known}" for known in near[:1]]
    hint = f"did you mean '{shown[0]}'? " if shown else ""
    return UnknownEncoderError(f"unknown encoder {spec!r}; {hint}an encoder is {FORMS}")
