"""Multi-crop views (Caron et al. 2020, 2021), batched on the device.

`make_views` is a pure function of images and drawn numbers (`pretrain.view_draws`): crop, resize, flip and blur are
linear maps of the two axes (`pretrain.resampling`), jitter and grey one of the colours and a hue shift
(`pretrain.color`). On a GPU they are two dense products for each view; a processor goes its own way to the same
values (`pretrain.processor_views`).

Blur acts before the jitter here and after it in DINO: it is linear and its weights sum to 1, so it commutes with all
of the jitter but the hue shift, and with that where neighbours have one hue.

Letters: B images, V views, H W image size, S view size.
"""

from __future__ import annotations

import torch

from pretrain.color import apply_color_map, color_map, normalize_, shift_hue_, solarize_
from pretrain.processor_views import make_views_on_processor
from pretrain.resampling import blur_weights, crop_weights, resample
from pretrain.view_draws import MultiCropConfig, ViewDraws, ViewKind


def make_views(images: torch.Tensor, config: MultiCropConfig, draws: list[ViewDraws]) -> list[torch.Tensor]:
    """Make the views of a batch, on the device of the images.

    Args:
        images: uint8 (B, 3, H, W).
        config: what a view is.
        draws: from `draw_views`, for this batch.

    Returns:
        V normalised views, float32 (B, 3, S, S), global crops first.
    """
    with torch.autocast(images.device.type, enabled=False):
        if images.device.type == "cpu":
            return make_views_on_processor(images, config, draws)
        pixels = images.float() / 255
        return [
            _colored(_resampled(pixels, kind, draw), draw, config.hue)
            for kind, draw in zip(config.views(), (draw.to(images.device) for draw in draws), strict=True)
        ]


def _resampled(images: torch.Tensor, kind: ViewKind, draws: ViewDraws) -> torch.Tensor:
    """Crop, resize, flip and blur float32 images (B, 3, H, W) by matrix products: (B, 3, S, S)."""
    (H, W), size_px = images.shape[-2:], kind.size_px
    left, top, width, height = draws.box.unbind(1)
    rows = crop_weights(top, height, input_size=H, output_size=size_px)
    columns = crop_weights(left, width, input_size=W, output_size=size_px, flip=draws.is_flipped)
    blur = blur_weights(draws.blur_sigma_px, size_px)
    rows[draws.blurred] = blur @ rows[draws.blurred]
    columns[draws.blurred] = blur @ columns[draws.blurred]
    return resample(images, rows, columns)


def _colored(view: torch.Tensor, draws: ViewDraws, max_turns: float) -> torch.Tensor:
    """Jitter, grey, solarise and normalise float32 (B, 3, S, S)."""
    view = apply_color_map(view, *color_map(draws.jitter[:, :3], draws.is_grey))
    view = shift_hue_(view, draws.jitter[:, 3], max_turns=max_turns).clamp_(0, 1)
    return normalize_(solarize_(view, draws.is_solarized))
