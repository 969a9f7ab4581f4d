"""Lightning's way to checkpoint files, apart from `pretrain.checkpoint`, so that reading one needs no Lightning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO

from pretrain.checkpoint import load_checkpoint
from procmem.errors import UserError
from procmem.files import atomic_write


class AtomicCheckpointIO(TorchCheckpointIO):
    """Lightning's checkpoint files, written atomically and read without running code."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None) -> None:
        """Write a checkpoint.

        Raises:
            UserError: if the disk is full or the folder cannot be written; earlier checkpoints are untouched.
        """
        try:
            with atomic_write(Path(path)) as file:
                torch.save(checkpoint, file)
        except RuntimeError as error:  # torch's writer puts its own error over the file's
            reason = error.__context__ if isinstance(error.__context__, OSError) else error
            raise UserError(f"cannot write {str(path)!r}: {getattr(reason, 'strerror', None) or reason}") from error

    def load_checkpoint(
        self, path: str | Path, map_location: Any = None, weights_only: bool | None = True
    ) -> dict[str, Any]:
        """Read a checkpoint of plain values and tensors."""
        return load_checkpoint(Path(path), map_location)
