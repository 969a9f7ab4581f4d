"""The endless stream of training batches, cut from blocks that are dealt to lanes.

A batch of the whole run is cut from as many blocks at a time as there are *lanes*. A lane lays its blocks end to end;
batch t takes the next equal share of every lane; a lane that has used up its block takes the next one that nobody has,
lanes in order. Rank r of W ranks has the r-th share of the lanes and renders their blocks only. With one lane a rank
(`blocks_per_batch=None`) and batches that divide a block that is: rank r takes blocks r, r + W, r + 2W, ...

What has been used is one `Position`, the same on every rank: the next block that nobody has, and for each block in use
how far. So a run goes on bit by bit on as many ranks, and on any other number no image comes twice and none is left
out. With the lanes fixed (`blocks_per_batch=8`, say) 1, 2, 4 and 8 ranks even see the same batches. The price is
``lanes / W`` blocks held by each rank instead of one, so it is not the default.

Rejected: to cut every block into one part for each rank. A mixed image needs three to six images from anywhere in the
block's pool, so a rank would render most of the pool for its part.

Letters: N images in a block, L lanes, W ranks.
"""

from __future__ import annotations

import dataclasses
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from procgen.process import Process
from procgen.workers import PROGRAM_LIMIT_SECONDS, Exclusion, Task, Workers
from procmem.errors import UserError


class Batch(NamedTuple):
    """Images uint8 (B, 3, H, W) and their sample indices int64 (B,)."""

    images: torch.Tensor
    sample_indices: torch.Tensor


@dataclass(frozen=True, kw_only=True)
class Position:
    """Which images of a process have been used: all before `next_block` that `open_blocks` does not name.

    Attributes:
        next_block: nothing of this block and of those after it has been used.
        open_blocks: (block, offset) of blocks whose images from the offset on are still to come, in lane order.
    """

    next_block: int = 0
    open_blocks: tuple[tuple[int, int], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {"next_block": self.next_block, "open_blocks": [list(pair) for pair in self.open_blocks]}

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> Position:
        """Inverse of `to_dict`.

        Raises:
            UserError: if a field is missing or has another form.
        """
        try:
            pairs = tuple((int(block), int(offset)) for block, offset in value["open_blocks"])
            return cls(next_block=int(value["next_block"]), open_blocks=pairs)
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"not a position of a stream: {value!r}") from error


class Piece(NamedTuple):
    """Images start to stop of a block."""

    block_index: int
    start: int
    stop: int


class Lanes:
    """Deals blocks to lanes, batch by batch.

    Args:
        position: what has been used.
        num_lanes: L.
        block_size: N.
    """

    def __init__(self, position: Position, num_lanes: int, block_size: int) -> None:
        self._block_size = block_size
        self._next_block = position.next_block
        self._left = deque(position.open_blocks)
        self._lanes = [self._next() for _ in range(num_lanes)]

    def next_batch(self, images_per_lane: int) -> list[list[Piece]]:
        """The pieces of each lane in the next batch of the run."""
        batch = []
        for lane in range(len(self._lanes)):
            pieces, missing = [], images_per_lane
            while missing:
                block_index, start = self._lanes[lane]
                stop = min(start + missing, self._block_size)
                pieces.append(Piece(block_index, start, stop))
                missing -= stop - start
                # A used-up block is replaced at once, so that the lanes are all that there is to remember.
                self._lanes[lane] = (block_index, stop) if stop < self._block_size else self._next()
            batch.append(pieces)
        return batch

    @property
    def position(self) -> Position:
        """What has been used so far; `Lanes` of as many lanes made from it go on exactly so."""
        return Position(next_block=self._next_block, open_blocks=(*self._lanes, *self._left))

    def _next(self) -> tuple[int, int]:
        if self._left:
            return self._left.popleft()
        self._next_block += 1
        return self._next_block - 1, 0


class Stream:
    """Endless iterable of this rank's `Batch`es. Each iteration begins anew at `position`.

    Args:
        process: where images come from; picklable if `num_workers` > 0.
        root_seed: the run's seed.
        batch_size: images in a batch of this rank.
        rank: this process's rank, r.
        world_size: number of ranks, W.
        num_workers: rendering processes (see `procgen.workers`); 0 renders in this process, when a batch is
            asked for.
        position: what earlier parts of the run have used.
        blocks_per_batch: L, a multiple of W; None is W.
        program_limit_seconds: a worker that is silent inside one shader program for so long is replaced.
        on_exclusion: told of every shader program that is excluded because workers end in it. Exclude it from the
            process when the run is resumed.

    Attributes:
        seconds_waited: that this process has spent until its blocks were there, making them itself included.

    Raises:
        UserError: if a number is out of range, or the lanes do not fit the ranks and the batch.
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
        position: Position | None = None,
        blocks_per_batch: int | None = None,
        program_limit_seconds: float = PROGRAM_LIMIT_SECONDS,
        on_exclusion: Callable[[Exclusion], None] | None = None,
    ) -> None:
        if batch_size < 1 or not 0 <= rank < world_size or num_workers < 0:
            raise UserError(f"bad place in a stream: {batch_size=} {rank=} {world_size=} {num_workers=}")
        self.num_lanes = world_size if blocks_per_batch is None else blocks_per_batch
        if self.num_lanes < 1 or self.num_lanes % world_size or (batch_size * world_size) % self.num_lanes:
            raise UserError(
                f"blocks_per_batch must be a multiple of the {world_size} ranks and divide the batch of "
                f"{batch_size * world_size} images, got {blocks_per_batch}"
            )
        self.position = position or Position()
        if any(not 0 <= offset < process.block_size for _, offset in self.position.open_blocks):
            raise UserError(f"the position is not one in blocks of {process.block_size} images: {self.position}")
        self.process = process
        self.root_seed = root_seed
        self.batch_size = batch_size
        self.rank = rank
        self.world_size = world_size
        self.num_workers = num_workers
        self.program_limit_seconds = program_limit_seconds
        self.on_exclusion = on_exclusion
        self.seconds_waited = 0.0
        self._images_per_lane = batch_size * world_size // self.num_lanes
        self._counted, self._counted_lanes = 0, self._lanes()

    def position_after(self, num_batches: int) -> Position:
        """What has been used when every rank has used so many batches; call it with ascending numbers."""
        if num_batches < self._counted:
            self._counted, self._counted_lanes = 0, self._lanes()
        for _ in range(num_batches - self._counted):
            self._counted_lanes.next_batch(self._images_per_lane)
        self._counted = num_batches
        return self._counted_lanes.position

    def __iter__(self) -> Iterator[Batch]:
        task = RenderBlock(process=self.process, root_seed=self.root_seed)
        if not self.num_workers:
            yield from self._batches((index, task(index)) for index in self._blocks())
            return
        with Workers(
            task,
            self._blocks(),
            self.num_workers,
            time_limit_seconds=self.program_limit_seconds,
            on_exclusion=self.on_exclusion,
        ) as workers:
            for batch in self._batches(workers):
                yield batch
                workers.tend()

    def _batches(self, blocks: Iterator[tuple[int, torch.Tensor]]) -> Iterator[Batch]:
        """Batches cut from this rank's blocks, which come in the order of their first use."""
        N = self.process.block_size
        held: dict[int, torch.Tensor] = {}
        for pieces in self._pieces():
            images, indices = [], []
            for block_index, start, stop in pieces:
                if block_index not in held:
                    start_of_wait = time.perf_counter()
                    index, held[block_index] = next(blocks)
                    self.seconds_waited += time.perf_counter() - start_of_wait
                    assert index == block_index
                images.append(held[block_index][start:stop])
                indices.append(torch.arange(block_index * N + start, block_index * N + stop))
                if stop == N:
                    del held[block_index]
            yield Batch(_joined(images), _joined(indices))

    def _blocks(self) -> Iterator[int]:
        """This rank's blocks in the order of their first use."""
        open_blocks: set[int] = set()
        for pieces in self._pieces():
            for piece in pieces:
                if piece.block_index not in open_blocks:
                    yield piece.block_index
                    open_blocks.add(piece.block_index)
                if piece.stop == self.process.block_size:
                    open_blocks.remove(piece.block_index)

    def _pieces(self) -> Iterator[list[Piece]]:
        """The pieces of each of this rank's batches."""
        lanes = self._lanes()
        share = self.num_lanes // self.world_size
        while True:
            batch = lanes.next_batch(self._images_per_lane)
            yield [piece for lane in batch[self.rank * share :][:share] for piece in lane]

    def _lanes(self) -> Lanes:
        return Lanes(self.position, self.num_lanes, self.process.block_size)


@dataclasses.dataclass(frozen=True, kw_only=True)
class RenderBlock(Task):
    """Makes the images of a block."""

    def __call__(self, block_index: int) -> torch.Tensor:
        return self.process.block(self.root_seed, block_index)


def _joined(parts: list[torch.Tensor]) -> torch.Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts)
