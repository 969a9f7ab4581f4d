"""Checkpoints: Lightning's own format plus one entry, "procmem", that makes the file explain itself.

A checkpoint is written to a temporary neighbour and renamed, so a kill leaves the earlier ones whole. One that is cut
all the same (a full disk, a copied half) is named in a warning, and the newest readable one is used. Files are read
with ``weights_only``: a foreign checkpoint cannot run code.

Torch's random state is not stored: the trainer seeds it anew at every micro-batch from (root seed, step, rank), which
gives the same drop path after a restart, on every rank, without gathering the ranks' states.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from pretrain.backbone import Pooling
from procmem.errors import UserError
from procmem.progress import say
from procmem.provenance import Provenance

FORMAT = 1
ENTRY = "procmem"
TEACHER_BACKBONE_PREFIX = "teacher.backbone."


@dataclasses.dataclass(frozen=True, kw_only=True)
class BackboneState:
    """The teacher's backbone as stored in a checkpoint: all that is needed to build an encoder.

    Attributes:
        model_name: name in timm.
        model_kwargs: arguments of ``timm.create_model``.
        image_size_px: size at which it is shown images: that of its training (side of the global crops), or the one
            that an export names.
        mean: subtracted from images in 0..1, per channel.
        std: divisor after that.
        pooling: how an embedding is taken from the tokens.
        state_dict: weights, with timm's names.
        provenance: what the weights have seen.
    """

    model_name: str
    model_kwargs: dict[str, Any]
    image_size_px: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    pooling: Pooling
    state_dict: dict[str, torch.Tensor]
    provenance: Provenance


def checkpoint_path(folder: Path, completed_steps: int) -> Path:
    """Where the checkpoint after so many steps lies."""
    return folder / f"step-{completed_steps:09d}.ckpt"


def checkpoint_paths(folder: Path) -> list[Path]:
    """All checkpoints in a folder, oldest first."""
    return sorted(folder.glob("step-*.ckpt"))


def unreadable(path: Path, error: Exception) -> UserError:
    """What to raise where torch cannot read a checkpoint: the type of what it raised and the first line of that."""
    reason = ": ".join([type(error).__name__, *str(error).strip().splitlines()[:1]])
    return UserError(f"checkpoint {str(path)!r} cannot be read (cut or damaged?): {reason}")


def load_checkpoint(path: Path, map_location: Any = "cpu") -> dict[str, Any]:
    """Read a procmem checkpoint.

    Raises:
        UserError: if the file is missing, cut, or not one of ours.
    """
    if not path.is_file():
        raise UserError(f"there is no checkpoint {str(path)!r}")
    try:
        checkpoint: Any = torch.load(path, map_location=map_location, weights_only=True)
    except Exception as error:  # a cut file shows as any of six exception types, depending on where it is cut
        raise unreadable(path, error) from error
    return checked(checkpoint, path)


def checked(checkpoint: Any, path: Path) -> dict[str, Any]:
    """The content of a procmem checkpoint.

    Args:
        checkpoint: what the file holds.
        path: the file, for messages.

    Raises:
        UserError: if it is not one of ours, or of another format.
    """
    entry = checkpoint.get(ENTRY) if isinstance(checkpoint, dict) else None
    if not isinstance(entry, Mapping):
        raise UserError(f"{str(path)!r} is not a checkpoint of procmem pretrain: it has no {ENTRY!r} entry")
    if entry.get("format") != FORMAT:
        raise UserError(f"{str(path)!r} has checkpoint format {entry.get('format')!r}; this version reads {FORMAT}")
    return dict(checkpoint)


def newest_readable(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    """The newest checkpoint that can be read, and its "procmem" entry; None if the folder holds no checkpoint.

    A checkpoint that cannot be read is named in a warning and passed over.

    Raises:
        UserError: if there are checkpoints and none can be read.
    """
    paths = checkpoint_paths(folder)
    for path in reversed(paths):
        try:
            return path, dict(load_checkpoint(path)[ENTRY])
        except UserError as error:
            say(f"warning: {error}; trying the one before it")
    if paths:
        raise UserError(
            f"none of the {len(paths)} checkpoints in {str(folder)!r} can be read; delete them to start anew"
        )
    return None


def read_backbone(path: Path) -> BackboneState:
    """Read the teacher's backbone from a checkpoint.

    Raises:
        UserError: if the file is missing, cut, or not one of ours.
    """
    return backbone_of(load_checkpoint(path))


def backbone_of(checkpoint: Mapping[str, Any]) -> BackboneState:
    """The teacher's backbone in a checkpoint that is already read."""
    entry, state = checkpoint[ENTRY], checkpoint["state_dict"]
    return BackboneState(
        model_name=entry["backbone"]["name"],
        model_kwargs=dict(entry["backbone"]["kwargs"]),
        pooling=entry["backbone"]["pooling"],
        image_size_px=entry["image_size_px"],
        mean=tuple(entry["mean"]),
        std=tuple(entry["std"]),
        provenance=Provenance.from_dict(entry["provenance"]),
        state_dict={
            name.removeprefix(TEACHER_BACKBONE_PREFIX): tensor
            for name, tensor in state.items()
            if name.startswith(TEACHER_BACKBONE_PREFIX)
        },
    )


def remove_old_checkpoints(folder: Path, keep: int, keep_every_steps: int | None = None) -> None:
    """Delete all but the newest `keep` checkpoints and those at multiples of `keep_every_steps`."""
    for path in checkpoint_paths(folder)[:-keep]:
        if keep_every_steps is None or int(path.stem.removeprefix("step-")) % keep_every_steps:
            path.unlink(missing_ok=True)
