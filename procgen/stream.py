"""The endless stream of training batches: blocks in order, cut into batches, wherever they are rendered.

Rank r of a run with W ranks takes blocks r, r + W, r + 2W, ...; batch t of a rank is the t-th slice of its blocks
laid end to end. So batch t is a pure function of (process, root seed, rank, world size, batch size, t): the number
of workers only changes who renders, and a run resumes by asking for `start_batch` = completed batches.

Workers are spawned, never forked (a GL context does not survive a fork), and make their context on first use. Torch's
DataLoader carries the blocks: in order, through shared memory, with an error when a worker dies.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch.utils.data import DataLoader, Dataset

from procgen.process import Process
from procmem.errors import UserError


class Batch(NamedTuple):
    """Images uint8 (B, 3, H, W) and their sample indices int64 (B,)."""

    images: torch.Tensor
    sample_indices: torch.Tensor


class Stream:
    """Endless iterable of `Batch`.

    Args:
        process: where images come from; picklable if `num_workers` > 0.
        root_seed: the run's seed.
        batch_size: images in a batch of this rank; must divide the block size.
        rank: this process's rank.
        world_size: number of ranks.
        num_workers: spawned rendering processes; 0 renders in this process, when a batch is asked for.
        start_batch: number of batches already used; the stream starts with the next.

    Raises:
        UserError: if the batch size does not divide the block size, or a number is out of range.
    """

    def __init__(
        self,
        process: Process,
        *,
        root_seed: int,
        batch_size: int,
        rank: int = 0,
        world_size: int = 1,
        num_workers: int = 0,
        start_batch: int = 0,
    ) -> None:
        if batch_size < 1 or process.block_size % batch_size:
            raise UserError(
                f"the batch size of a rank must divide the block size, got {batch_size} and {process.block_size}"
            )
        if not 0 <= rank < world_size or num_workers < 0 or start_batch < 0:
            raise UserError(f"bad stream position: {rank=} {world_size=} {num_workers=} {start_batch=}")
        self.process = process
        self.root_seed = root_seed
        self.batch_size = batch_size
        self.rank = rank
        self.world_size = world_size
        self.num_workers = num_workers
        self.start_batch = start_batch

    def __iter__(self) -> Iterator[Batch]:
        batches_per_block = self.process.block_size // self.batch_size
        first_turn, skip = divmod(self.start_batch, batches_per_block)
        for turn, images in enumerate(self._blocks(first_turn), start=first_turn):
            first_sample = (self.rank + turn * self.world_size) * self.process.block_size
            for offset in range(skip * self.batch_size, self.process.block_size, self.batch_size):
                indices = torch.arange(first_sample + offset, first_sample + offset + self.batch_size)
                yield Batch(images[offset : offset + self.batch_size], indices)
            skip = 0

    def _blocks(self, first_turn: int) -> Iterator[torch.Tensor]:
        loader = DataLoader(
            _Blocks(self.process, self.root_seed, self.rank, self.world_size),
            batch_size=None,
            sampler=_Turns(first_turn),
            num_workers=self.num_workers,
            multiprocessing_context="spawn" if self.num_workers else None,
            worker_init_fn=_leave_interrupts_to_the_parent,
            generator=torch.Generator(),  # the loader draws a seed we do not use: not from the global state
        )
        yield from loader


def _leave_interrupts_to_the_parent(worker: int) -> None:
    """Ctrl-C reaches the whole process group: the parent decides, and needs its batches until the step ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class _Blocks(Dataset[torch.Tensor]):
    """Turn -> the block that falls to this rank at that turn."""

    def __init__(self, process: Process, root_seed: int, rank: int, world_size: int) -> None:
        self.process = process
        self.root_seed = root_seed
        self.rank = rank
        self.world_size = world_size

    def __getitem__(self, turn: int) -> torch.Tensor:
        return self.process.block(self.root_seed, self.rank + turn * self.world_size)


class _Turns(torch.utils.data.Sampler[int]):
    """first, first + 1, ... without end."""

    def __init__(self, first: int) -> None:
        self.first = first

    def __iter__(self) -> Iterator[int]:
        turn = self.first
        while True:
            yield turn
            turn += 1
