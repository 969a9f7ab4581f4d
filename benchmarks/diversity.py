"""Diversity of the processes at equal image count: distances, participation ratio, Vendi score.

    python benchmarks/diversity.py [--images 192] [--seeds 3] [--json FILE]

Two fixed embeddings that have learnt nothing: `random:resnet18` (seed 0, mean-pooled, 512 numbers; random convolutions
see texture, colour and layout coarsely), and 16 px colour patches (2 an image, from seeded places, 768 numbers). Both
are standardised by the mean and the spread over *all* processes together, so that numbers compare between processes:

    distance       mean Euclidean distance of two images, divided by the mean over all processes' pooled images
    participation  (sum of eigenvalues)^2 / sum of squares, of the covariance: how many directions the images use
    Vendi score    exp(entropy of the eigenvalues of K / n) (Friedman and Dieng 2023, arXiv 2210.02410), K = exp(-d^2 /
                   2 s^2), s the median distance over the pooled images: how many distinct images there are, 1 to n

Each number is the mean over the seeds; the spread over them is given for the Vendi score.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from pretrain.encoder import load_encoder
from procgen.registry import make_process
from procgen.seeds import generator

SIZE_PX = 64
PATCH_PX, PATCHES_AN_IMAGE = 16, 2
ENCODER = "random:resnet18"
PROCESSES = (
    "shaders", "shaders_mixup", "shaders_cutmix", "shaders_kml", "shaders_kml_mixup",
    "stylegan", "stylegan_mixup", "stylegan_kml", "stylegan_kml_mixup",
    "dead_leaves_squares", "dead_leaves_oriented", "dead_leaves_mixed", "dead_leaves_textures",
    "spectrum", "wmm", "spectrum_color", "spectrum_color_wmm", "fractals", "flames",
)  # fmt: skip
Floats = npt.NDArray[np.float64]
Embeddings = dict[tuple[str, int], Floats]


def sample(name: str, num_images: int, seed: int) -> torch.Tensor:
    """Images of one process, in one block, from as many programs as the default block holds."""
    return make_process(name, image_size_px=SIZE_PX, block_size=num_images, images_per_program=4).block(seed, 0)


def patches(images: torch.Tensor, seed: int) -> Floats:
    """(n * 2, 768) patches at seeded places."""
    random = generator(seed, "diversity", "patches")
    corners = random.integers(0, SIZE_PX - PATCH_PX + 1, size=(len(images), PATCHES_AN_IMAGE, 2))
    cut = [
        image[:, y : y + PATCH_PX, x : x + PATCH_PX].reshape(-1)
        for image, own in zip(images.numpy(), corners, strict=True)
        for y, x in own
    ]
    return np.stack(cut).astype(np.float64) / 255


def distances(values: Floats) -> Floats:
    """(n, n) Euclidean."""
    squares = (values**2).sum(1)
    return np.sqrt(np.maximum(squares[:, None] + squares - 2 * values @ values.T, 0))


def measure(values: Floats, bandwidth: float, mean_distance: float) -> dict[str, float]:
    between = distances(values)
    spectrum = np.linalg.eigvalsh(np.cov(values.T))
    kernel = np.linalg.eigvalsh(np.exp(-(between**2) / (2 * bandwidth**2)) / len(values))
    kernel = kernel[kernel > 1e-12]
    return {
        "distance": float(between[np.triu_indices(len(between), 1)].mean() / mean_distance),
        "participation": float(spectrum.sum() ** 2 / (spectrum**2).sum()),
        "vendi": float(np.exp(-(kernel * np.log(kernel)).sum())),
    }


def measure_all(embeddings: Embeddings) -> dict[str, dict[str, float]]:
    """Means over seeds for each process, and the Vendi score's standard deviation over them."""
    pooled = np.concatenate([values[:: max(1, len(values) // 50)] for values in embeddings.values()])
    shift, scale = pooled.mean(0), pooled.std(0) + 1e-9
    pooled_distances = distances((pooled - shift) / scale)[np.triu_indices(len(pooled), 1)]
    bandwidth, mean_distance = float(np.median(pooled_distances)), float(pooled_distances.mean())
    table: dict[str, dict[str, float]] = {}
    seeds = sorted({seed for _, seed in embeddings})
    for name in dict.fromkeys(name for name, _ in embeddings):
        rows = [measure((embeddings[name, seed] - shift) / scale, bandwidth, mean_distance) for seed in seeds]
        table[name] = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
        table[name]["vendi_std"] = float(np.std([row["vendi"] for row in rows], ddof=1))
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=192)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    encoder = load_encoder(ENCODER, image_size_px=SIZE_PX)
    embedded: Embeddings = {}
    patched: Embeddings = {}
    for name in PROCESSES:
        for seed in range(arguments.seeds):
            images = sample(name, arguments.images, seed)
            embedded[name, seed] = encoder.embed(images).double().numpy()
            patched[name, seed] = patches(images, seed)
    results: dict[str, Any] = {
        "embedding": measure_all(embedded),
        "patches": measure_all(patched),
    }
    for kind, table in results.items():
        print(f"\n{kind}: process, distance, participation, Vendi score (spread over seeds)")
        for name, row in table.items():
            print(
                f"    {name:<22} {row['distance']:.3f} {row['participation']:>7.2f} "
                f"{row['vendi']:>7.2f} ({row['vendi_std']:.2f})"
            )
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
