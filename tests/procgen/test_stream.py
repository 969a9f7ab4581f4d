"""The stream's promise: batch t depends on (seed, rank, world, batch size, t), never on workers or on when it began."""

import itertools
import multiprocessing

import numpy as np
import pytest
import torch

from procgen.process import Process
from procgen.registry import make_process
from procgen.stream import Stream
from procmem.errors import UserError


class CountingSource(Process):
    """Every pixel of an image holds its sample index (below 256 in these tests)."""

    program_set_hash = ""
    image_size_px, block_size = 2, 8

    def block(self, root_seed, block_index, path=()):
        index = torch.arange(block_index * 8, block_index * 8 + 8, dtype=torch.uint8)
        return index.view(8, 1, 1, 1).expand(8, 3, 2, 2).contiguous()

    def recipe(self, root_seed, block_index, image_index, path=()):
        return {}

    def describe(self):
        return {"counting": {}}


def take(stream, count):
    batches = list(itertools.islice(stream, count))
    for batch in batches:
        assert torch.equal(batch.images[:, 0, 0, 0].long(), batch.sample_indices)
    return [batch.sample_indices.tolist() for batch in batches]


def test_one_rank_sees_every_sample_in_order():
    batches = take(Stream(CountingSource(), root_seed=0, batch_size=4), 5)
    assert list(itertools.chain(*batches)) == list(range(20))


@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_ranks_share_the_samples_without_overlap(world_size):
    seen = []
    for rank in range(world_size):
        stream = Stream(CountingSource(), root_seed=0, batch_size=8, rank=rank, world_size=world_size)
        seen += list(itertools.chain(*take(stream, 3)))
    assert sorted(seen) == list(range(3 * 8 * world_size))


@pytest.mark.parametrize("start", [1, 2, 3, 5])
def test_a_stream_started_later_continues_exactly(start):
    arguments = {"root_seed": 0, "batch_size": 4, "rank": 1, "world_size": 2}
    straight = take(Stream(CountingSource(), **arguments), 7)
    resumed = take(Stream(CountingSource(), **arguments, start_batch=start), 7 - start)
    assert resumed == straight[start:]


def test_iterating_again_starts_again():
    stream = Stream(CountingSource(), root_seed=0, batch_size=4)
    assert take(stream, 3) == take(stream, 3)


def test_iterating_leaves_torch_random_state_alone():
    before = torch.random.get_rng_state()
    take(Stream(CountingSource(), root_seed=0, batch_size=4), 3)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize(
    "wrong", [{"batch_size": 3}, {"batch_size": 0}, {"rank": 2, "world_size": 2}, {"start_batch": -1}]
)
def test_bad_positions_are_refused(wrong):
    with pytest.raises(UserError):
        Stream(CountingSource(), **({"root_seed": 0, "batch_size": 4} | wrong))


@pytest.mark.opengl
@pytest.mark.slow
def test_spawned_workers_render_the_same_batches_and_leave_no_orphans():
    process = make_process("shaders_kml", image_size_px=8, block_size=16, images_per_program=8)
    own = list(itertools.islice(Stream(process, root_seed=2, batch_size=8), 4))
    iterator = iter(Stream(process, root_seed=2, batch_size=8, num_workers=2))
    for expected in own:
        batch = next(iterator)
        np.testing.assert_array_equal(batch.images.numpy(), expected.images.numpy())
        assert torch.equal(batch.sample_indices, expected.sample_indices)
    iterator.close()
    assert not multiprocessing.active_children()
