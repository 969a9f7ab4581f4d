"""A picture of what the network is fed and of what it makes of it: ``pictures/step-*.png`` in the run folder.

One row an image: the image, its views as drawn for this step, and the teacher's patch tokens of its centre as colours.
How tokens become colours is the caller's (a callable, as with the probe): the maths belongs to evaluation.

Letters: B images, h w patch grid, D embedding, S view size.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from lightning.pytorch import Trainer
from PIL import Image

from pretrain.callbacks import StepCallback
from pretrain.color import IMAGENET_MEAN, IMAGENET_STD
from pretrain.module import PretrainModule
from pretrain.view_draws import draw_views
from pretrain.views import make_views
from procmem.errors import UserError
from procmem.files import atomic_write
from procmem.progress import say

TokenColors = Callable[[torch.Tensor], torch.Tensor]
"""(B, h, w, D) patch tokens -> (B, h, w, 3) colours, 0..1."""

NUM_IMAGES, CELL_PX, GAP_PX = 6, 96, 4


class PictureCallback(StepCallback):
    """Draws a picture every n steps and after the last, on the first rank. A full disk costs the picture only.

    Args:
        run_folder: of the run.
        token_colors: colours of the teacher's patch tokens; None draws the views only.
    """

    def __init__(self, run_folder: Path, token_colors: TokenColors | None) -> None:
        self.run_folder = run_folder
        self.token_colors = token_colors

    def on_step(self, trainer: Trainer, module: PretrainModule, step: int) -> None:
        config = module.config
        if step % config.pictures_every_steps and step != config.optimization.total_steps:
            return
        if trainer.is_global_zero:
            try:
                self._draw(module, step)
            except UserError as error:
                say(f"warning: no picture at step {step}: {error}")

    @torch.no_grad()
    def _draw(self, module: PretrainModule, step: int) -> None:
        crops, images = module.config.crops, self.batch.images[:NUM_IMAGES]
        H, W = images.shape[-2:]
        draws = draw_views(
            crops,
            root_seed=module.config.root_seed,
            step=step - 1,  # the step whose images these are
            sample_indices=self.batch.sample_indices[:NUM_IMAGES],
            image_height_px=H,
            image_width_px=W,
        )
        colors = None
        if self.token_colors is not None:
            top, left = (H - crops.global_crop_px) // 2, (W - crops.global_crop_px) // 2
            centre = images[:, :, top : top + crops.global_crop_px, left : left + crops.global_crop_px]
            colors = self.token_colors(module.patch_tokens(centre))
        sheet = views_sheet(images, make_views(images, crops, draws), colors)
        with atomic_write(picture_path(self.run_folder, step)) as file:
            sheet.save(file, format="PNG")


def picture_path(run_folder: Path, completed_steps: int) -> Path:
    """Where the picture after so many steps lies."""
    return run_folder / "pictures" / f"step-{completed_steps:09d}.png"


def views_sheet(images: torch.Tensor, views: list[torch.Tensor], colors: torch.Tensor | None = None) -> Image.Image:
    """Draw the sheet.

    Args:
        images: uint8 (B, 3, H, W).
        views: V normalised views, float32 (B, 3, S, S).
        colors: (B, h, w, 3) in 0..1, drawn in the last column; None draws none.
    """
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
    columns = [images.cpu(), *(_bytes(view.cpu().float() * std + mean) for view in views)]
    if colors is not None:
        columns.append(_bytes(colors.cpu().float().permute(0, 3, 1, 2)))
    pitch = CELL_PX + GAP_PX
    sheet = Image.new("RGB", (pitch * len(columns) - GAP_PX, pitch * len(images) - GAP_PX), "white")
    for x, column in enumerate(columns):
        for y, image in enumerate(column):
            cell = Image.fromarray(image.permute(1, 2, 0).contiguous().numpy())
            sheet.paste(cell.resize((CELL_PX, CELL_PX), Image.Resampling.NEAREST), (x * pitch, y * pitch))
    return sheet


def _bytes(images: torch.Tensor) -> torch.Tensor:
    return (images * 255).round().clamp(0, 255).byte()
