"""Leaf masks against numpy, leaves against the render they follow, and images a second of every source.

    python benchmarks/mixing.py

The peer is the same rule in numpy, one image at a time, as people write it: packed colours for the first centres,
squared distances, scipy's box filter. Everything on one thread; "ratio" is the peer's CPU time over ours, each the
least of interleaved rounds: what else runs on the machine (it empties the caches) only adds.

Measured (2 cores of an AMD EPYC machine under a load of 16, torch 2.15, 2026-11):

    64 px    numpy 0.586 ms, ours 0.048 ms, ratio 12.2
    256 px   numpy 7.18 ms, ours 0.816 ms, ratio 8.8; with the join 1.49 ms; light renders 2.4 to 9.5 ms
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from scipy.ndimage import uniform_filter

from procgen.leaves import join_by_mask, join_leaves, kmeans_leaves, leaf_masks
from procgen.mixing import draw_weights, mixup
from procgen.programs import load_programs
from procgen.registry import NAMED_SOURCES, make_process
from procgen.renderer import shared_renderer

ROUNDS = 5
SECONDS_A_SOURCE = 2.0
LIGHT_PROGRAM = "ornament/quilt"
"""The lightest of eight programs of cost "light" that were tried."""


def peer_mask(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """The mask of one image (3, H, W), by numpy."""
    pixels = image.reshape(3, -1).T.astype(np.float32)
    codes = (image[0].astype(np.int32) << 16 | image[1].astype(np.int32) << 8 | image[2]).ravel()
    centres = [pixels[codes.argmin()], pixels[codes.argmax()]]
    for step in range(3):
        distances = [((pixels - centre) ** 2).sum(1) for centre in centres]
        first = distances[0] <= distances[1]
        if step < 2:
            for j, mine in enumerate((first, ~first)):
                if mine.any():
                    centres[j] = pixels[mine].mean(0)
    mask = first.reshape(image.shape[1:]).astype(np.float32)
    return uniform_filter(uniform_filter(mask, 3, mode="nearest"), 3, mode="nearest")


def cpu_milliseconds(work: Callable[[], object], count: int) -> float:
    """CPU time of one call, per image."""
    start = time.process_time()
    work()
    return (time.process_time() - start) / count * 1000


def least(*works: Callable[[], object], count: int) -> list[float]:
    """Least milliseconds an image of each, measured in turns."""
    for work in works:
        work()
    rounds = [[cpu_milliseconds(work, count) for work in works] for _ in range(ROUNDS)]
    return [min(times) for times in zip(*rounds, strict=True)]


def compare_masks(size_px: int, count: int) -> None:
    """Masks, and the whole operator, beside the peer and the render of a light program."""
    images = make_process("shaders", image_size_px=size_px, block_size=count, images_per_program=4).block(0, 0)
    arrays = images.numpy()
    a, b = images.flip(0).contiguous(), images.roll(1, 0)
    weights = draw_weights("equal", 2, count, 0)
    light = next(program for program in load_programs() if program.id == LIGHT_PROGRAM)
    parameters = light.draw_parameters(0, "benchmark", counters=np.arange(count))
    peer, masks, leaves, four, mixed, render = least(
        lambda: [peer_mask(array) for array in arrays],
        lambda: leaf_masks(images),
        lambda: join_by_mask(leaf_masks(images), a, b),
        lambda: join_leaves(kmeans_leaves(images, 4), [a, b, images, a]),
        lambda: mixup([a, b], weights),
        lambda: shared_renderer().render(light, parameters, size_px, size_px),
        count=count,
    )
    print(f"{size_px} px: numpy mask {peer:.3f} ms, ours {masks:.3f} ms, ratio {peer / masks:.1f}")
    print(
        f"    mask and join {leaves:.3f} ms, 4 leaves {four:.3f} ms, mixup of 2 {mixed:.3f} ms; light render "
        f"({light.id}) {render:.3f} ms: leaves / render {leaves / render:.1f}"
    )


def source_speed(name: str, size_px: int) -> float:
    """Images a CPU second of one source, the first block (weights, compilation) included."""
    count, made, start = 16, 0, time.process_time()
    process = make_process(name, image_size_px=size_px, block_size=count)
    while time.process_time() - start < SECONDS_A_SOURCE:
        process.block(0, made)
        made += 1
    return made * count / (time.process_time() - start)


def main() -> None:
    torch.set_num_threads(1)
    for size_px, count in ((64, 256), (224, 32), (256, 32)):
        compare_masks(size_px, count)
    print("images a CPU second, one thread: source, 64 px, 224 px")
    for name in NAMED_SOURCES:
        print(f"    {name:<22} {source_speed(name, 64):>8.1f} {source_speed(name, 224):>8.1f}", flush=True)


if __name__ == "__main__":
    main()
