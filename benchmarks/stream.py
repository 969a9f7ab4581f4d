"""The stream and the data sets against rendering itself: overhead, scaling, flat cost, and what reuse gives and takes.

    python benchmarks/stream.py overhead|scaling|offline|flat|reuse

`overhead` compares processor time for one image: a process's blocks themselves, the stream in this process, and what
workers add (a block through a pipe, as an anonymous file, read once). `scaling` and `offline` are wall time with one
and two workers, interleaved; they mean something only where two cores are free, so the load is printed. `flat` draws
1,000, 10,000 and 100,000 images. `reuse` sets images a second beside diversity at an equal number of images.

Measured on 2-core llvmpipe under a load of 16 (processor time is fair under load, wall time is not and was left out):

    size  block    render + mix  in this process  through a worker's pipe   overhead: here  by workers
      64    512           1.744            1.572                    0.014           -9.8%        0.8%
     256    128          18.100           18.451                    0.208            1.9%        1.1%

The rest under a load of 3. `flat`, 16 px: 1,000 images at 606 us of processor each, 10,000 at 305, 100,000 at 245 (the
first ones pay for compilation); 733, 807 and 827 MB resident (the compiled programs). `reuse`, 64 px, 1,024 images:

    reuse  images/s of processor time  participation ratio  mean distance
        1                         581                  9.0          0.154
        2                         858                  8.2          0.155
        4                       1,614                  8.7          0.160
        8                       1,671                 10.4          0.156

So dealing a block again costs no diversity that 3 blocks could show, but a run then sees r times fewer renders, and
rendering is 5 % of a training step on a CPU: there is little to win, and 1 stays the default.

On two free cores: `scaling` 487 images/s with one worker, 994 with two (2.04); `offline` at 128 px 2.19 times with two
processes; encoding takes 1.7 ms (JPEG), 10 ms (WebP) or 20 ms (PNG) of an image of 256 px that takes 18 ms to make.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from procgen.process import Process
from procgen.registry import make_process
from procgen.shards.blocks import encode
from procgen.shards.generate import generate
from procgen.shards.recipe import Recipe
from procgen.stream import Stream
from procgen.workers import _receive_images, _send_images

NAME = "shaders_kml_mixup"


def seconds(work: Callable[[], object], clock: Callable[[], float]) -> float:
    start = clock()
    work()
    return clock() - start


def make(size_px: int, block_size: int, images_per_program: int = 16) -> Process:
    return make_process(NAME, image_size_px=size_px, block_size=block_size, images_per_program=images_per_program)


def overhead(rounds: int) -> None:
    """Processor milliseconds for one image."""
    print("size  block    render + mix  in this process  through a worker's pipe   overhead: here  by workers")
    for size_px, block_size in ((64, 512), (256, 128)):
        process, connections = make(size_px, block_size), multiprocessing.Pipe()
        block = process.block(0, 0)  # compiles

        def here(index: int, process: Process = process) -> None:
            stream = iter(Stream(process, root_seed=0, batch_size=64))
            for _ in range(process.block_size // 64):
                next(stream).images.sum()

        def pipe(block: torch.Tensor = block, ends: tuple[object, object] = connections) -> None:
            _send_images(ends[0], block)
            _, shape = ends[1].recv()
            received = _receive_images(ends[1], shape)
            for start in range(0, len(received), 64):
                received[start : start + 64].clone()

        def itself(index: int, process: Process = process) -> None:
            block = process.block(0, 0)
            for start in range(0, len(block), 64):
                block[start : start + 64].sum()

        times = []
        for index in range(rounds):
            clock = time.process_time
            times.append(
                (
                    seconds(lambda index=index: itself(index), clock),
                    seconds(lambda index=index: here(index), clock),
                    seconds(pipe, clock),
                )
            )
        direct, streamed, piped = 1000 * np.median(times, axis=0) / block_size
        print(
            f"{size_px:4}  {block_size:5}  {direct:14.3f}  {streamed:15.3f}  {piped:23.3f}  "
            f"{streamed / direct - 1:14.1%}  {piped / direct:10.1%}"
        )


def scaling(rounds: int) -> None:
    """Images a second of the stream with 1 and 2 workers."""
    process, batches = make(64, 256), 12
    rates: dict[int, list[float]] = {1: [], 2: []}
    for num_workers in list(rates) * rounds:
        stream = iter(Stream(process, root_seed=0, batch_size=256, num_workers=num_workers))
        for _ in range(2 * num_workers):
            next(stream)  # starts, compiles
        taken = seconds(lambda stream=stream: [next(stream) for _ in range(batches)], time.perf_counter)
        rates[num_workers].append(batches * 256 / taken)
        stream.close()
    one, two = (statistics.median(rates[n]) for n in (1, 2))
    print(f"stream at 64 px: 1 worker {one:.0f} images/s, 2 workers {two:.0f}, ratio {two / one:.2f}; {load()}")


def offline(rounds: int) -> None:
    """Encoding and writing against rendering, and two processes against one."""
    process = make(256, 128)
    process.block(0, 0)
    block = process.block(0, 0)
    rendering = statistics.median(seconds(lambda: process.block(0, 0), time.process_time) for _ in range(rounds)) / 128
    recipes = seconds(lambda: [process.recipe(0, 0, i) for i in range(64)], time.process_time) / 64
    print(f"processor ms for one image of 256 px: render + mix {1000 * rendering:.2f}, recipe {1000 * recipes:.2f}")
    for image_format in ("jpeg", "png", "webp"):
        sizes: list[int] = []
        spent = seconds(
            lambda f=image_format, s=sizes: s.extend(len(encode(x, f, 90)) for x in block), time.process_time
        )
        print(
            f"  encode {image_format}: {1000 * spent / 128:.2f} ms, {statistics.mean(sizes) / 256**2:.2f} bytes a pixel"
        )
    taken: dict[int, list[float]] = {1: [], 2: []}
    recipe = Recipe(specification=NAME, images=8 * 128, image_size_px=128, block_size=128)
    for num_workers in list(taken) * rounds:
        with tempfile.TemporaryDirectory() as folder:
            work = Path(folder) / "set"
            taken[num_workers].append(
                seconds(lambda w=work, n=num_workers: generate(recipe, w, num_workers=n), time.perf_counter)
            )
    one, two = (recipe.images / statistics.median(taken[n]) for n in (1, 2))
    print(f"data set at 128 px: 1 process {one:.0f} images/s, 2 processes {two:.0f}, ratio {two / one:.2f}; {load()}")


def flat(rounds: int) -> None:
    """Images a second and memory from 10^3 to 10^5 images."""
    stream = iter(Stream(make(16, 1000, images_per_program=50), root_seed=0, batch_size=500))
    done = 0
    for target in (1_000, 10_000, 100_000):
        count = target - done
        wall, processor = time.perf_counter(), time.process_time()
        for _ in range(count // 500):
            next(stream)
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        done = target
        rss_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{done:7} images: {count / wall:7.0f} images/s, {1e6 * processor / count:6.0f} us of processor, "
            f"{rss_mb:.0f} MB"
        )


def reuse(rounds: int) -> None:
    """What dealing a block several times gives and takes, at 64 px and 1,024 mixed images."""
    print(
        "reuse  images/s of processor time  participation ratio  mean distance  (of one batch of 256: ratio, distance)"
    )
    for times in (1, 2, 4, 8):
        leaves = {"leaves": {"reuse": times, "source": "shaders"}}
        specification = {"mixup": {"num_images": 2, "weights": "equal", "source": leaves}}
        process = make_process(specification, image_size_px=64, block_size=1024 // times, images_per_program=16)
        process.block(0, 0)
        spent = statistics.median(seconds(lambda p=process: p.block(0, 0), time.process_time) for _ in range(rounds))
        whole = np.mean([diversity(process.block(0, b)) for b in range(3)], axis=0)
        batch = np.mean([diversity(process.block(0, b)[:256]) for b in range(3)], axis=0)
        print(f"{times:5}  {1024 / spent:27.0f}  {whole[0]:19.1f}  {whole[1]:13.3f}  ({batch[0]:.1f}, {batch[1]:.3f})")


def diversity(images: torch.Tensor) -> tuple[float, float]:
    """Participation ratio and mean pairwise distance of 12 x 12 px thumbnails."""
    points = F.adaptive_avg_pool2d(images.float() / 255, 12).flatten(1)
    points = points - points.mean(0)
    values = torch.linalg.svdvals(points) ** 2
    distance = torch.pdist(points).mean() / points.shape[1] ** 0.5
    return float(values.sum() ** 2 / (values**2).sum()), float(distance)


def load() -> str:
    return f"load {os.getloadavg()[0]:.1f} on {len(os.sched_getaffinity(0))} cores"


def main() -> None:
    parts = {"overhead": overhead, "scaling": scaling, "offline": offline, "flat": flat, "reuse": reuse}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=parts)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(load())
    parts[options.part](options.rounds)


if __name__ == "__main__":
    main()
