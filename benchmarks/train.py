"""A training step: where its time goes, and how it compares with the loop of the public DINO script.

    python benchmarks/train.py [--setting demo|medium] [--rounds 5] [--device cpu|cuda]
    python benchmarks/train.py --waiting 1 [--seconds 120]

The peer is that loop written anew from its description: every image is a PIL image, every crop is made alone by
torchvision's transforms (benchmarks/views.py), one collated batch at a time; the teacher sees the global crops, the
student all of them, one pass for each size; the loss is a double loop over views; every gradient is clipped by its own
norm in a Python loop; AdamW; the teacher moves parameter by parameter. Model, crops, batch and precision are the same,
images are ready in memory for both, and rounds alternate. The real script has a pool of loader processes, which hides
the crops where there are idle cores; here both have one core, so what is compared is work, not overlap.

Measured (processor seconds, one thread of a 2-core AMD EPYC machine under a load of 6, float32, torch 2.15, 2026-11-21;
three interleaved rounds, so the ratio counts and the seconds are too long):

    demo   ours 1.563 s a step, 81.9 images/s   views 0.036  forward 0.730  backward 0.772  rest 0.025
           peer 2.605 s a step, 49.1 images/s   views 1.070  forward 0.717  backward 0.795  rest 0.022
           ratio 1.67; model-FLOP utilisation 44 % of a measured 94 GFLOP/s at 0.50 GFLOP an image

So the gain is the views (30x); the network is the same on both sides, and views are 2 % of our step. Making the images
takes 9.5 % of the time where the training process does it itself (num_workers: 0, llvmpipe on one thread). With one
worker, 8 steps waited 0.0 % of their time under a load of 6, which slowed the step as much as the worker: whether it is
within the 5 % that we want has to be seen on free cores. bf16 on this processor (no AMX, no AVX-512) took 8.7 processor
seconds for a step of 64 images instead of 0.83. `medium` and GPUs have not been measured.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from PIL import Image
from torch import nn
from views import peer as pil_view  # benchmarks/views.py

from pretrain.allocator import keep_freed_memory
from pretrain.backbone import use_plain_attention
from pretrain.config import PretrainConfig
from pretrain.loss import DINOLoss
from pretrain.module import Network, PretrainModule
from pretrain.optimizer import clip_gradients, make_optimizer, set_schedule
from pretrain.teacher import update_teacher
from pretrain.throughput import flops_per_image, peak_flops
from pretrain.view_draws import draw_views
from pretrain.views import make_views
from procgen.exclusions import Exclusions
from procgen.process import Process
from procgen.registry import make_process
from procgen.stream import Position, Stream
from procmem.provenance import Provenance

DEMO = Path(__file__).resolve().parents[1] / "configs" / "pretrain" / "cpu_demo.yaml"
SETTINGS = {
    "demo": {},
    "medium": {
        "image_size_px": 96,
        "crops.global_crop_px": 64,
        "crops.local_crop_px": 32,
        "crops.num_local_crops": 6,
        "optimization.batch_size": 64,
    },
}
WARM_BLOCKS = 2
LEARNING_RATE, WEIGHT_DECAY, MOMENTUM = 1e-3, 0.04, 0.99


class Clock:
    """Processor seconds by part: other users of the machine do not count (wall seconds on a GPU)."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seconds: dict[str, float] = defaultdict(float)

    def now(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize()
            return time.perf_counter()
        return time.process_time()

    @contextlib.contextmanager
    def part(self, name: str) -> Iterator[None]:
        start = self.now()
        yield
        self.seconds[name] += self.now() - start


def make_networks(config: PretrainConfig, device: torch.device) -> tuple[Network, Network]:
    """Student and teacher as the trainer makes them."""
    process = make_process("spectrum", image_size_px=config.image_size_px, block_size=config.block_size)
    module = PretrainModule(
        config, process, lambda seen: Provenance(real_images=False), Exclusions(Path("nowhere")), Position()
    )
    if device.type == "cpu":
        use_plain_attention(module)
    return module.student.to(device).train(), module.teacher.to(device).train()


def ours(config: PretrainConfig, device: torch.device) -> Callable[[int, torch.Tensor, Clock], None]:
    """A step of the trainer's parts: (number, images, clock)."""
    student, teacher = make_networks(config, device)
    loss = DINOLoss(config.head.num_prototypes, config.loss).to(device)
    optimizer = make_optimizer(student)
    num_global = config.crops.num_global_crops

    def step(number: int, images: torch.Tensor, clock: Clock) -> None:
        with clock.part("views"):
            draws = draw_views(
                config.crops,
                root_seed=0,
                step=number,
                sample_indices=torch.arange(len(images)),
                image_height_px=images.shape[2],
                image_width_px=images.shape[3],
            )
            views = make_views(images.to(device), config.crops, draws)
        with clock.part("forward"), autocast(device):
            with torch.no_grad():
                _, teacher_logits = teacher(views[:num_global])
            _, student_logits = student(views)
            value = loss(student_logits, teacher_logits)
        with clock.part("backward"):
            value.backward()
        with clock.part("rest"):
            set_schedule(optimizer, LEARNING_RATE, WEIGHT_DECAY)
            clip_gradients(student.parameters(), "per_parameter", 3.0)
            optimizer.step()
            optimizer.zero_grad()
            update_teacher(teacher, student, MOMENTUM)
            loss.update_center()

    return step


def peer(config: PretrainConfig, images: torch.Tensor, device: torch.device) -> Callable[[int, Clock], None]:
    """A step of the public loop, from its description."""
    import numpy as np

    student, teacher = make_networks(config, device)
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in student.parameters() if p.ndim > 1], "weight_decay": WEIGHT_DECAY},
            {"params": [p for p in student.parameters() if p.ndim <= 1], "weight_decay": 0.0},
        ],
        lr=LEARNING_RATE,
    )
    center = torch.zeros(config.head.num_prototypes, device=device)
    random = np.random.default_rng(0)
    transforms = [pil_view(config.crops, kind, random) for kind in config.crops.views()]
    pictures = [Image.fromarray(image) for image in images.permute(0, 2, 3, 1).numpy()]

    def step(number: int, clock: Clock) -> None:
        nonlocal center
        with clock.part("views"):
            samples = [[transform(picture) for transform in transforms] for picture in pictures]
            views = [torch.stack(view).to(device) for view in zip(*samples, strict=True)]
        with clock.part("forward"), autocast(device):
            with torch.no_grad():
                _, teacher_logits = teacher(views[: config.crops.num_global_crops])
            _, student_logits = student(views)
            value = double_loop(student_logits, teacher_logits, center)
        with clock.part("backward"):
            optimizer.zero_grad()
            value.backward()
        with clock.part("rest"):
            clip_one_by_one(student, 3.0)
            optimizer.step()
            with torch.no_grad():
                for slow, fast in zip(teacher.parameters(), student.parameters(), strict=True):
                    slow.data.mul_(MOMENTUM).add_((1 - MOMENTUM) * fast.detach().data)
                center = center * 0.9 + teacher_logits.flatten(0, 1).mean(0) * 0.1

    return step


def double_loop(student: torch.Tensor, teacher: torch.Tensor, center: torch.Tensor) -> torch.Tensor:
    """The loss as algorithm 1 of the paper writes it."""
    targets = [torch.softmax((logits - center) / 0.04, dim=-1).detach() for logits in teacher]
    terms = [
        torch.sum(-target * torch.log_softmax(logits / 0.1, dim=-1), dim=-1).mean()
        for t, target in enumerate(targets)
        for s, logits in enumerate(student)
        if s != t
    ]
    return torch.stack(terms).mean()


def clip_one_by_one(network: nn.Module, max_norm: float) -> None:
    """One norm, one comparison and one product for each parameter."""
    for parameter in network.parameters():
        if parameter.grad is not None:
            factor = max_norm / (float(parameter.grad.norm(2)) + 1e-6)
            if factor < 1:
                parameter.grad.mul_(factor)


def autocast(device: torch.device) -> contextlib.AbstractContextManager[object]:
    """bf16 on a GPU, float32 on a processor, for both."""
    if device.type == "cuda":
        return torch.autocast("cuda", torch.bfloat16)
    return contextlib.nullcontext()


def make_images(config: PretrainConfig) -> Process:
    """The recipe's process."""
    return make_process(
        config.process,
        image_size_px=config.image_size_px,
        block_size=config.block_size,
        images_per_program=config.images_per_program,
    )


def data_share(config: PretrainConfig, rounds: int, seconds_per_image: float) -> float:
    """Processor time that making a warm image takes, as a share of a step's (0 workers, so nothing is hidden)."""
    batches = iter(Stream(make_images(config), root_seed=0, batch_size=config.block_size))
    next(batches)  # compiles what this block needs
    times = []
    for _ in range(rounds):
        start = time.process_time()
        next(batches)
        times.append((time.process_time() - start) / config.block_size)
    making = statistics.median(times)
    return making / (making + seconds_per_image)


def measure_waiting(config: PretrainConfig, device: torch.device, num_workers: int, limit_seconds: float) -> None:
    """Wall seconds that steps wait for images which workers make beside them, after two blocks of warming up."""
    stream = Stream(
        make_images(config),
        root_seed=0,
        batch_size=config.optimization.batch_size,
        num_workers=num_workers,
    )
    steps_per_block = config.block_size // stream.batch_size
    warm_steps, end = WARM_BLOCKS * steps_per_block, time.perf_counter() + limit_seconds
    step, clock = ours(config, device), Clock(device)
    began, busy_began, waited_before = 0.0, 0.0, 0.0
    for number, batch in enumerate(stream):
        whole_blocks, rest = divmod(number, steps_per_block)
        if number == warm_steps:
            print(f"warm after {stream.seconds_waited:.1f} s of waiting")
            began, busy_began, waited_before = time.perf_counter(), time.process_time(), stream.seconds_waited
        elif not rest and whole_blocks > WARM_BLOCKS and time.perf_counter() > end:
            break
        step(number, batch.images, clock)
    seconds, busy = time.perf_counter() - began, time.process_time() - busy_began
    waited, steps = stream.seconds_waited - waited_before, number - warm_steps
    print(
        f"{num_workers} workers: {steps} steps of {seconds / steps:.3f} s, waiting for images {waited / seconds:.1%}; "
        f"this process had a core for {busy / (seconds - waited):.0%} of the rest, load {os.getloadavg()[0]:.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--setting", choices=SETTINGS, default="demo")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--waiting", type=int, metavar="WORKERS", help="measure the waiting for images instead")
    parser.add_argument("--seconds", type=float, default=120.0, help="how long to measure it")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()  # as the trainer does; the peer has it too
    device = torch.device(arguments.device)
    config = PretrainConfig.from_yaml(DEMO, SETTINGS[arguments.setting])
    if arguments.waiting is not None:
        measure_waiting(config, device, arguments.waiting, arguments.seconds)
        return
    batch_size = config.optimization.batch_size
    images = make_process("spectrum", image_size_px=config.image_size_px, block_size=batch_size).block(0, 0)
    our_step = ours(config, device)
    steps = {"ours": lambda number, clock: our_step(number, images, clock), "peer": peer(config, images, device)}
    totals: dict[str, list[dict[str, float]]] = {name: [] for name in steps}
    for number in range(arguments.rounds + 1):
        for name, step in steps.items():
            clock = Clock(device)
            step(number, clock)
            if number:  # the first warms up
                totals[name].append(clock.seconds)
    medians = {
        name: {part: statistics.median(row[part] for row in rows) for part in rows[0]} for name, rows in totals.items()
    }
    for name, parts in medians.items():
        total = sum(parts.values())
        split = ", ".join(f"{part} {seconds:.3f}" for part, seconds in parts.items())
        print(f"{name}: {total:.3f} s a step, {batch_size / total:.1f} images/s ({split})")
    seconds = {name: sum(parts.values()) for name, parts in medians.items()}
    print(f"peer / ours: {seconds['peer'] / seconds['ours']:.2f}")
    student, _ = make_networks(config, device)
    flops = flops_per_image(student, config.crops)
    peak = peak_flops(device, torch.bfloat16 if device.type == "cuda" else torch.float32)
    if peak is not None:
        print(f"{flops / 1e9:.2f} GFLOP an image, peak {peak / 1e9:.0f} GFLOP/s")
        print(f"model-FLOP utilisation: {flops * batch_size / seconds['ours'] / peak:.0%}")
    if device.type == "cpu" and arguments.setting == "demo":
        share = data_share(config, 2, seconds["ours"] / batch_size)
        print(f"making the images (warm): {share:.1%} of the time")


if __name__ == "__main__":
    main()
