"""Draws against the rules and torchvision's distribution; views against a per-image chain.

Run: pytest tests/pretrain/test_views.py.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp
from torchvision.transforms import InterpolationMode, RandomResizedCrop
from torchvision.transforms import functional as reference

from pretrain import processor_views, views
from pretrain.color import IMAGENET_MEAN, IMAGENET_STD
from pretrain.view_draws import MultiCropConfig, ViewDraws, draw_views
from pretrain.views import make_views
from procmem.errors import UserError

MANY = 4000


def draw(config: MultiCropConfig, indices: torch.Tensor, size_px: int = 64, step: int = 0) -> list[ViewDraws]:
    return draw_views(
        config, root_seed=5, step=step, sample_indices=indices, image_height_px=size_px, image_width_px=size_px
    )


@pytest.fixture(scope="module")
def many() -> list[ViewDraws]:
    return draw(MultiCropConfig(num_local_crops=1), torch.arange(MANY), size_px=256)


@pytest.mark.parametrize(("view", "scale"), [(0, (0.4, 1.0)), (2, (0.05, 0.4))])
def test_boxes_are_distributed_like_torchvisions(many: list[ViewDraws], view: int, scale: tuple[float, float]) -> None:
    image = torch.zeros(3, 256, 256)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        top, left, height, width = np.array(
            [RandomResizedCrop.get_params(image, list(scale), [3 / 4, 4 / 3]) for _ in range(MANY)]
        ).T
    our_left, our_top, our_width, our_height = many[view].box.numpy().T
    for ours, theirs in (
        (our_width * our_height, width * height),
        (our_width / our_height, width / height),
        (our_left, left),
        (our_top, top),
    ):
        assert ks_2samp(ours, theirs).pvalue > 1e-3


def test_boxes_lie_inside_the_image(many: list[ViewDraws]) -> None:
    for draws in many:
        left, top, width, height = draws.box.unbind(1)
        assert min(left.min(), top.min()) >= 0
        assert max((left + width).max(), (top + height).max()) <= 256


def test_a_box_that_never_fits_becomes_the_whole_image() -> None:
    config = MultiCropConfig(global_crop_scale=(1.0, 1.0), aspect_ratio=(1.3, 1.3), num_local_crops=0)
    assert draw(config, torch.arange(3))[0].box.tolist() == [[0, 0, 64, 64]] * 3


def test_probabilities_are_those_of_dino(many: list[ViewDraws]) -> None:
    global_0, global_1, local = many
    tolerance = 4 * np.sqrt(0.25 / MANY)

    def share(flags: torch.Tensor) -> float:
        return float(flags.float().mean())

    for draws in many:
        assert share(draws.is_flipped) == pytest.approx(0.5, abs=tolerance)
        assert share(draws.is_grey) == pytest.approx(0.2, abs=tolerance)
        assert share(draws.jitter[:, 0] != 1) == pytest.approx(0.8, abs=tolerance)
    assert len(global_0.blurred) == MANY
    assert len(global_1.blurred) / MANY == pytest.approx(0.1, abs=tolerance)
    assert len(local.blurred) / MANY == pytest.approx(0.5, abs=tolerance)
    assert share(global_0.is_solarized) == 0
    assert share(global_1.is_solarized) == pytest.approx(0.2, abs=tolerance)
    assert share(local.is_solarized) == 0


def test_jitter_and_blur_are_uniform_in_their_ranges(many: list[ViewDraws]) -> None:
    jittered = many[0].jitter[many[0].jitter[:, 0] != 1].numpy()
    grid = np.linspace(0, 1, 20_000)
    for column, (low, high) in enumerate([(0.6, 1.4), (0.6, 1.4), (0.8, 1.2), (-0.1, 0.1)]):
        assert ks_2samp(jittered[:, column], low + (high - low) * grid).pvalue > 1e-3
    assert ks_2samp(many[0].blur_sigma_px.numpy(), 0.1 + 1.9 * grid).pvalue > 1e-3


def test_draws_of_a_sample_do_not_depend_on_its_batch_but_on_step_view_and_index() -> None:
    config = MultiCropConfig(num_local_crops=2)
    alone = draw(config, torch.tensor([17]))
    in_batch = draw(config, torch.tensor([3, 17, 2**40]))
    for ours, theirs in zip(alone, in_batch, strict=True):
        for name in ("box", "is_flipped", "jitter", "is_grey", "is_solarized"):
            assert torch.equal(getattr(ours, name)[0], getattr(theirs, name)[1])
        assert torch.equal(ours.blur_sigma_px, theirs.blur_sigma_px[theirs.blurred == 1])
    assert not torch.equal(alone[0].box, draw(config, torch.tensor([17]), step=1)[0].box)
    assert not torch.equal(alone[2].box, alone[3].box)
    assert not torch.equal(in_batch[0].box[1], in_batch[0].box[2])


def reference_view(image: torch.Tensor, size_px: int, draws: ViewDraws, index: int) -> torch.Tensor:
    """DINO's chain on one image, with torchvision's functions; the order of the jitter is drawn from the index."""
    left, top, width, height = (int(value) for value in draws.box[index])
    view = reference.resized_crop(
        image, top, left, height, width, [size_px, size_px], InterpolationMode.BICUBIC, antialias=True
    ).clamp(0, 1)
    if draws.is_flipped[index]:
        view = reference.hflip(view)
    adjust = (
        reference.adjust_brightness,
        reference.adjust_contrast,
        reference.adjust_saturation,
        reference.adjust_hue,
    )
    for operation in np.random.default_rng(index).permutation(4):
        view = adjust[operation](view, float(draws.jitter[index, operation]))
    if draws.is_grey[index]:
        view = reference.rgb_to_grayscale(view, 3)
    for sigma in draws.blur_sigma_px[draws.blurred == index].tolist():
        view = reference.gaussian_blur(view, [13, 13], [sigma, sigma])
    if draws.is_solarized[index]:
        view = reference.solarize(view, 0.5)
    return reference.normalize(view, list(IMAGENET_MEAN), list(IMAGENET_STD))


def smooth_images(low: int, high: int) -> torch.Tensor:
    coarse = torch.rand(8, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    smooth = torch.nn.functional.interpolate(coarse, size=(64, 64), mode="bicubic").clamp(0, 1)
    return (low + (high - low) * smooth).byte()


def mean_error(config: MultiCropConfig, images: torch.Tensor) -> float:
    """Mean absolute difference from the reference chain, in units of 0..1."""
    draws = draw(config, torch.arange(len(images)))
    errors = []
    for view, ours, kind in zip(make_views(images, config, draws), draws, config.views(), strict=True):
        for index, image in enumerate(images.float() / 255):
            difference = view[index] - reference_view(image, kind.size_px, ours, index)
            errors.append((difference * torch.tensor(IMAGENET_STD).view(3, 1, 1)).abs().mean())
    return float(torch.stack(errors).mean())


def test_views_equal_the_per_image_chain_where_nothing_is_clamped_and_hue_rests() -> None:
    config = MultiCropConfig(
        global_crop_px=32, local_crop_px=16, num_local_crops=3, hue=0.0, brightness=0.1, solarize_probability=0.0
    )
    assert mean_error(config, smooth_images(100, 140)) < 5e-4


def test_views_stay_near_the_per_image_chain_on_images_of_full_range() -> None:
    config = MultiCropConfig(global_crop_px=32, local_crop_px=16, num_local_crops=3, solarize_probability=0.0)
    assert mean_error(config, smooth_images(0, 255)) < 0.02


def test_a_processor_makes_the_views_of_a_gpu_whatever_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """The dense path on the same numbers; and how many images are taken at a time changes rounding only."""
    config = MultiCropConfig(global_crop_px=32, local_crop_px=16, num_local_crops=2)
    images, draws = smooth_images(0, 255), draw(config, torch.arange(8))
    made = make_views(images, config, draws)
    monkeypatch.setattr(processor_views, "CACHE_VALUES", 5 * 3 * 64 * 64)  # 5 and 3 images
    for ours, alone, kind, draws_of_kind in zip(
        made, make_views(images, config, draws), config.views(), draws, strict=True
    ):
        dense = views._colored(views._resampled(images.float() / 255, kind, draws_of_kind), draws_of_kind, config.hue)
        torch.testing.assert_close(ours, dense, atol=2e-3, rtol=0)  # the blur's last 6e-5 on each axis, divided by std
        assert float((ours - dense).abs().mean()) < 1e-4
        assert float((ours - alone).abs().mean()) < 1e-6


def test_views_are_the_same_under_autocast() -> None:
    config = MultiCropConfig(global_crop_px=32, local_crop_px=16, num_local_crops=1)
    images, draws = smooth_images(0, 255), draw(config, torch.arange(8))
    with torch.autocast("cpu", torch.bfloat16):
        automatic = make_views(images, config, draws)
    for ours, expected in zip(automatic, make_views(images, config, draws), strict=True):
        assert torch.equal(ours, expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_global_crops": 1, "num_local_crops": 0}, "at least two views"),
        ({"num_global_crops": 0}, "at least two views"),
        ({"flip_probability": 1.5}, "flip_probability must lie in 0 .. 1, got 1.5"),
        ({"global_crop_scale": (0.9, 0.4)}, "global_crop_scale must be"),
        ({"hue": 0.7}, "hue must lie in 0 .. 0.5"),
        ({"local_crop_px": 0}, "local_crop_px must be at least 1"),
    ],
)
def test_bad_settings_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        MultiCropConfig(**options)


def test_a_crop_larger_than_the_image_is_refused() -> None:
    with pytest.raises(UserError, match="global_crop_px is 224, larger than the image"):
        MultiCropConfig().check_image_size(128)
    dataclasses.replace(MultiCropConfig(), global_crop_px=128).check_image_size(128)
