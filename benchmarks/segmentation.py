"""Dense evaluation against its peers: PCA R2 of a batch of images, kNN segmentation over a large memory.

    OMP_NUM_THREADS=1 python benchmarks/segmentation.py [pca] [knn] [--images 8] [--entries 401408] [--rounds 3]

``pca``: 28 x 28 tokens of 384 dimensions, upsampled to 112 x 112, three components, R2 against a mask. The peer does it
as the papers do, one image at a time: `torch.nn.functional.interpolate`, `sklearn.decomposition.PCA`, and means of the
segments. Ours never makes the 112 x 112 x 384 numbers. A third row times scikit-learn's fit alone. The largest
difference of an R2 is printed beside the times; the peer's arithmetic is float32.

``knn``: soft labels of one image's 784 patches from a memory of 512 images (401,408 x 384, 617 MB as float32), against
the attention of torch over the whole memory at once, and the memory's exact top-k search. Peak memory is that of the
process above what it held before the call, seen by a thread that looks every 2 ms.

Processor seconds are printed (``time.process_time``): on one thread they mean something on a shared machine too.
Numbers as measured are in docs/segmentation.md.
"""

from __future__ import annotations

import argparse
import os
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.decomposition import PCA

from eval.patch_pca import pca_colors
from eval.segmentation_scores import explained_share
from eval.soft_segmentation import DEFAULT_BUDGET_BYTES, soft_labels
from memory.search import ExactSearch

SIDE, DIMENSION, GRID, NUM_LABELS = 28, 384, 112, 21
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def smooth_tokens(count: int) -> torch.Tensor:
    """(count, 28, 28, 384) tokens with a few smooth directions and noise, as those of a transformer have."""
    chance = torch.Generator().manual_seed(0)
    smooth = F.interpolate(torch.randn(count, 24, 7, 7, generator=chance), size=(SIDE, SIDE), mode="bilinear")
    mixing = torch.randn(24, DIMENSION, generator=chance) * torch.linspace(2, 0.2, 24)[:, None]
    noise = torch.randn(count, SIDE, SIDE, DIMENSION, generator=chance)
    return torch.einsum("bkhw,kd->bhwd", smooth, mixing) + 0.5 * noise


def label_maps(count: int) -> np.ndarray:
    """(count, 112 * 112) labels 0..5 in blobs."""
    chance = torch.Generator().manual_seed(1)
    fields = F.interpolate(torch.randn(count, 6, 6, 6, generator=chance), size=(GRID, GRID), mode="bilinear")
    return fields.argmax(dim=1).flatten(1).numpy()


def upsampled(tokens: torch.Tensor) -> np.ndarray:
    """(112 * 112, 384) of one image."""
    up = F.interpolate(tokens.permute(2, 0, 1)[None], size=(GRID, GRID), mode="bilinear")
    return up[0].flatten(1).T.contiguous().numpy()


def peer_share(tokens: torch.Tensor, labels: np.ndarray) -> float:
    """R2 of one image as the papers compute it (per-channel mean, label 0 dropped)."""
    components = PCA(3).fit_transform(upsampled(tokens))
    colors = (components - components.min(0)) / (components.max(0) - components.min(0))
    colors, labels = colors[labels > 0], labels[labels > 0]
    within = sum(
        ((colors[labels == label] - colors[labels == label].mean(0)) ** 2).sum() for label in np.unique(labels)
    )
    return 1 - within / ((colors - colors.mean(0)) ** 2).sum()


def seconds_of(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median processor seconds of each call over interleaved rounds; the first round does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds + 1):
        for name, call in calls.items():
            start = time.process_time()
            call()
            seconds[name].append(time.process_time() - start)
    return {name: statistics.median(values[1:]) for name, values in seconds.items()}


def peak_bytes(call: Callable[[], object]) -> int:
    """How far the process grows during a call."""
    done = threading.Event()
    before = peak = _resident_bytes()

    def watch() -> None:
        nonlocal peak
        while not done.is_set():
            peak = max(peak, _resident_bytes())
            time.sleep(0.002)

    watcher = threading.Thread(target=watch)
    watcher.start()
    call()
    done.set()
    watcher.join()
    return peak - before


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES


def compare_pca(num_images: int, rounds: int) -> None:
    """PCA R2 of a batch."""
    tokens, labels = smooth_tokens(num_images), label_maps(num_images)
    rows = upsampled(tokens[0])
    calls: dict[str, Callable[[], object]] = {
        "ours": lambda: explained_share(pca_colors(tokens, GRID).flatten(1, 2), torch.from_numpy(labels)),
        "one image at a time": lambda: [peer_share(*pair) for pair in zip(tokens, labels, strict=True)],
        "PCA.fit_transform alone": lambda: [PCA(3).fit_transform(rows) for _ in range(num_images)],
    }
    medians = seconds_of(calls, rounds)
    difference = np.abs(np.asarray(calls["ours"]()) - np.asarray(calls["one image at a time"]())).max()
    print(f"PCA R2, {num_images} images of {SIDE} x {SIDE} x {DIMENSION} at {GRID} x {GRID}")
    for name, median in medians.items():
        print(f"  {name:24s} {1000 * median / num_images:8.1f} ms an image  {median / medians['ours']:6.1f} x ours")
    print(f"  largest difference of an R2: {difference:.1e}")


def compare_knn(num_entries: int, rounds: int) -> None:
    """Soft and top-k labels of one image from a large memory."""
    chance = torch.Generator().manual_seed(2)
    entries = torch.randn(num_entries, DIMENSION, generator=chance)
    labels = torch.randint(NUM_LABELS, (num_entries,), generator=chance)
    queries = torch.randn(SIDE * SIDE, DIMENSION, generator=chance)
    search = ExactSearch(F.normalize(entries, dim=1), labels=labels.numpy())
    directions = F.normalize(queries, dim=1)

    def at_once() -> torch.Tensor:
        weights = (queries @ entries.T / DIMENSION**0.5).softmax(dim=1)
        return torch.zeros(len(queries), NUM_LABELS).index_add_(1, labels, weights)

    calls: dict[str, Callable[[], object]] = {
        "ours, all entries": lambda: soft_labels(queries, entries, labels, DIMENSION**0.5),
        "ours, 16 MB budget": lambda: soft_labels(queries, entries, labels, DIMENSION**0.5, 16 << 20),
        "softmax at once": at_once,
        "exact search, k = 20": lambda: search.search(directions, 20),
        "the product alone": lambda: [queries @ part.T for part in entries.split(16384)],
    }
    peaks = {name: peak_bytes(call) for name, call in calls.items()}
    medians = seconds_of(calls, rounds)
    difference = (soft_labels(queries, entries, labels, DIMENSION**0.5) - at_once()).abs().max()
    print(f"kNN segmentation, {len(queries)} patches, memory {num_entries} x {DIMENSION} ({entries.nbytes >> 20} MB)")
    for name, median in medians.items():
        ratio = median / medians["ours, all entries"]
        print(f"  {name:22s} {median:7.2f} s  {ratio:5.2f} x ours  + {peaks[name] >> 20} MB")
    print(f"  budget {DEFAULT_BUDGET_BYTES >> 20} MB; largest difference from softmax at once: {difference:.1e}")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Dense evaluation against its peers.")
    parser.add_argument("what", nargs="*", default=["pca", "knn"], help="pca, knn")
    parser.add_argument("--images", type=int, default=8)
    parser.add_argument("--entries", type=int, default=512 * SIDE * SIDE)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    if "pca" in arguments.what:
        compare_pca(arguments.images, arguments.rounds)
    if "knn" in arguments.what:
        compare_knn(arguments.entries, arguments.rounds)


if __name__ == "__main__":
    main()
