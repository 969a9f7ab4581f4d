"""Evaluation: ours against the plain way. Processor seconds and wall seconds, interleaved medians, in one run.

    PROCMEM_DATA=... python benchmarks/extraction.py extraction

Measured (processor seconds, 96 photographs, one round only, a busy 2-core AMD EPYC machine, torch 2.15, 2026-11):

    extraction, ViT-Tiny at 96 px    ours 1.13    plain loop 1.36    ratio 1.2

The plain loop's workers start anew each round, which is part of that; not measured on a GPU yet.

Sections:

    extraction      embeddings of photographs, against a plain optimised loop: the same timm model, torch's DataLoader
                    with worker processes, the same resize and crop by torchvision, inference mode
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import timm
import torch
from PIL import Image
from torch.utils.data import DataLoader
from torchvision import transforms

from eval.datasets import find_dataset
from eval.extract import extract
from eval.images import LabelledImages
from pretrain.encoder import load_encoder

ROUNDS = 5
MODEL = "vit_tiny_patch16_224"
IMAGE_SIZE_PX = 96
NUM_IMAGES = 512
BATCH_SIZE = 64


def seconds_of(work: Callable[[], Any]) -> tuple[float, float]:
    """(wall, processor) seconds; the processor's with those of finished worker processes."""

    def processor() -> float:
        own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime

    wall, before = time.perf_counter(), processor()
    work()
    return time.perf_counter() - wall, processor() - before


def interleaved(ours: Callable[[], Any], peer: Callable[[], Any]) -> tuple[list[float], list[float]]:
    """Medians of (wall, processor) seconds of both, taken in turns after one round that does not count."""
    rounds = [(seconds_of(ours), seconds_of(peer)) for _ in range(ROUNDS + 1)][1:]
    return (
        [statistics.median(own[0][kind] for own in rounds) for kind in (0, 1)],
        [statistics.median(own[1][kind] for own in rounds) for kind in (0, 1)],
    )


class PlainDataset(torch.utils.data.Dataset[torch.Tensor]):
    """Files through torchvision's transforms, as published evaluation loops have them."""

    def __init__(self, images: LabelledImages) -> None:
        self.paths = images.sources
        self.transform = transforms.Compose(
            [
                transforms.Resize(round(IMAGE_SIZE_PX * 256 / 224), interpolation=transforms.InterpolationMode.BICUBIC),
                transforms.CenterCrop(IMAGE_SIZE_PX),
                transforms.ToTensor(),
                transforms.Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
            ]
        )

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, position: int) -> torch.Tensor:
        with Image.open(self.paths[position]) as image:
            tensor: torch.Tensor = self.transform(image.convert("RGB"))
        return tensor


def extraction() -> None:
    """Embeddings of the same photographs by the same network."""
    images = find_dataset("grocery81").train.subset(NUM_IMAGES)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    encoder = load_encoder(f"random:{MODEL}", device=device, image_size_px=IMAGE_SIZE_PX)
    model = timm.create_model(MODEL, num_classes=0, img_size=IMAGE_SIZE_PX).eval().to(device)

    def plain() -> Iterator[torch.Tensor]:
        loader = DataLoader(
            PlainDataset(images), BATCH_SIZE, num_workers=os.cpu_count() or 1, pin_memory=device == "cuda"
        )
        with torch.inference_mode():
            for batch in loader:
                yield torch.nn.functional.normalize(model(batch.to(device, non_blocking=True))).cpu()

    ours, peer = interleaved(
        lambda: extract(encoder, images, batch_size=BATCH_SIZE, cache=False), lambda: torch.cat(list(plain()))
    )
    print(f"extraction of {len(images)} photographs, {MODEL} at {IMAGE_SIZE_PX} px, {device}:")
    for kind, own, other in zip(("wall", "processor"), ours, peer, strict=True):
        print(f"    {kind:<10} ours {own:6.2f} s    plain loop {other:6.2f} s    ratio {other / own:.2f}")


SECTIONS: dict[str, Callable[[], None]] = {"extraction": extraction}


def main() -> None:
    """Run the sections that were named, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", choices=[*SECTIONS, []], metavar="SECTION")
    for name in parser.parse_args().sections or SECTIONS:
        SECTIONS[name]()


if __name__ == "__main__":
    main()
