"""Views: ours, batched, against torchvision's PIL pipeline, one image at a time. One thread each, interleaved medians.

    python benchmarks/views.py

Measured (processor milliseconds an image, one thread of a 2-core AMD EPYC machine with AVX2, medians of 5, three runs;
the machine had a load of 4 to 6, so only the ratios count; torch 2.15, 2026-11-21):

    256 px -> 2 x 224 + 8 x 96 (paper)       ours 8.02     torchvision 34.2     ratio  4.0 to 4.3
    96 px -> 2 x 64 + 6 x 32                 ours 0.654    torchvision 10.0     ratio 14.0 to 15.3 (free cores: 13.3)
    96 px -> 2 x 64 + 8 x 32                 ours 0.882    torchvision 14.1     ratio 14.9 to 17.2 (free cores: 13.9)
    48 px -> 2 x 32 + 4 x 16 (cpu_demo)      ours 0.218    torchvision  6.64    ratio 28 to 34

The goals are 2.5 at the paper's sizes and 15 at 32 to 64 px. Where the time at 2 x 64 + 6 x 32 goes (microseconds an
image, least of 80 batches): weighted sums 130, copies that turn an axis and other traffic between them 110, hue 86,
colour matrix and mean 40, order and normalisation 33, lists of taps 35, plans of the batch 45, uint8 to float 14,
draws 19. The taps are 1.34 M multiply-adds, 37 at this core's 72 GFLOP/s; the 43,008 output values could leave in 4 at
50 GB/s.
Each of PyTorch's operations is a pass over memory outside of the second cache, at 0.1 to 0.4 ns a value, and costs
2 to 5 microseconds to call: smaller blocks of images fit the cache and lose as much in calls.

Page faults were the largest piece before: memory that is freed and taken again took up to 0.3 ms an image here (3
microseconds a page in a virtual machine). `pretrain.allocator` keeps it, for the trainer and for this benchmark.

Rejected, with the cost of one view of 32 px in the same units: dense products for the second axis 7.8 (sums and turning
8.3, and 28 against 19 at 64 px); dense products for the blur, 2.8 an axis against 3.6, and 18 against 13 at 64 px;
sums over parts of a column, whose windows the embedding bag copies; `index_copy_` (five times `index_select`) and
`addcmul` of two channels' constants (three times a subtraction and a product).

The peer is DINO's own recipe: RandomResizedCrop (bicubic, antialiased), flip, jitter, grey, PIL's Gaussian blur,
solarise, ToTensor, Normalize. It starts from decoded PIL images, ours from uint8 tensors; ours includes the draws.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image, ImageFilter
from torchvision import transforms

from pretrain.allocator import keep_freed_memory
from pretrain.color import IMAGENET_MEAN, IMAGENET_STD
from pretrain.view_draws import MultiCropConfig, ViewKind, draw_views
from pretrain.views import make_views

ROUNDS = 5
SETTINGS = {
    "256 px -> 2 x 224 + 8 x 96 (paper)": (256, 16, MultiCropConfig()),
    "96 px -> 2 x 64 + 6 x 32": (96, 64, MultiCropConfig(global_crop_px=64, local_crop_px=32, num_local_crops=6)),
    "96 px -> 2 x 64 + 8 x 32": (96, 64, MultiCropConfig(global_crop_px=64, local_crop_px=32)),
    "48 px -> 2 x 32 + 4 x 16 (cpu_demo)": (
        48,
        128,
        MultiCropConfig(global_crop_px=32, local_crop_px=16, num_local_crops=4),
    ),
}


class Blur:
    """DINO's blur: PIL, sigma uniform in a range."""

    def __init__(self, low: float, high: float, random: np.random.Generator) -> None:
        self.low, self.high, self.random = low, high, random

    def __call__(self, image: Image.Image) -> Image.Image:
        return image.filter(ImageFilter.GaussianBlur(self.random.uniform(self.low, self.high)))


def peer(config: MultiCropConfig, kind: ViewKind, random: np.random.Generator) -> Callable[[Image.Image], torch.Tensor]:
    """Torchvision's pipeline of one view."""
    jitter = transforms.ColorJitter(config.brightness, config.contrast, config.saturation, config.hue)
    return transforms.Compose(
        [
            transforms.RandomResizedCrop(
                kind.size_px, kind.crop_scale, interpolation=transforms.InterpolationMode.BICUBIC
            ),
            transforms.RandomHorizontalFlip(config.flip_probability),
            transforms.RandomApply([jitter], config.jitter_probability),
            transforms.RandomGrayscale(config.grey_probability),
            transforms.RandomApply([Blur(*config.blur_sigma_px, random)], kind.blur_probability),
            transforms.RandomSolarize(128, kind.solarize_probability),
            transforms.ToTensor(),
            transforms.Normalize(IMAGENET_MEAN, IMAGENET_STD),
        ]
    )


def milliseconds(work: Callable[[], object], num_images: int) -> float:
    """CPU time of one call, per image: other users of the machine do not count."""
    start = time.process_time()
    work()
    return (time.process_time() - start) / num_images * 1000


def compare(image_size_px: int, batch_size: int, config: MultiCropConfig) -> tuple[float, float]:
    """Median milliseconds an image: ours, peer's."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (batch_size, 8, 8, 3), dtype=np.uint8)
    size = (image_size_px, image_size_px)
    pictures = [Image.fromarray(image).resize(size, Image.Resampling.BICUBIC) for image in pixels]
    images = torch.from_numpy(np.stack([np.asarray(picture) for picture in pictures])).permute(0, 3, 1, 2).contiguous()
    pipelines = [peer(config, kind, random) for kind in config.views()]

    def ours() -> object:
        draws = draw_views(
            config,
            root_seed=0,
            step=0,
            sample_indices=torch.arange(batch_size),
            image_height_px=image_size_px,
            image_width_px=image_size_px,
        )
        return make_views(images, config, draws)

    def theirs() -> object:
        return [torch.stack([pipeline(picture) for picture in pictures]) for pipeline in pipelines]

    ours(), theirs()
    times = [(milliseconds(ours, batch_size), milliseconds(theirs, batch_size)) for _ in range(ROUNDS)]
    return statistics.median(t[0] for t in times), statistics.median(t[1] for t in times)


def main() -> None:
    torch.set_num_threads(1)
    keep_freed_memory()  # as the trainer does
    for name, (image_size_px, batch_size, config) in SETTINGS.items():
        ours, theirs = compare(image_size_px, batch_size, config)
        print(f"{name}: ours {ours:.3f} ms, torchvision {theirs:.3f} ms, ratio {theirs / ours:.1f}")


if __name__ == "__main__":
    main()
