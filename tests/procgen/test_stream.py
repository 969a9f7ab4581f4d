"""The stream's promises: no image twice or left out, whoever renders, whenever it is resumed, on however many ranks."""

import itertools
import json
import multiprocessing
import time

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from procgen.process import Process
from procgen.registry import make_process
from procgen.stream import Position, Stream
from procmem.errors import UserError

BLOCK = 10
GLOBAL_BATCH = 24  # not a divisor of the block, so that batches are cut across blocks
WORLDS = (1, 2, 3, 4, 8)


class CountingSource(Process):
    """Every pixel of an image holds its sample index."""

    program_set_hash = ""
    image_size_px, block_size = 1, BLOCK

    def block(self, root_seed, block_index, path=()):
        index = torch.arange(block_index * BLOCK, (block_index + 1) * BLOCK)
        return index.view(BLOCK, 1, 1, 1).expand(BLOCK, 3, 1, 1).contiguous()

    def recipe(self, root_seed, block_index, image_index, path=()):
        return {}

    def describe(self):
        return {"counting": {}}


def stream(**changes):
    return Stream(CountingSource(), **({"root_seed": 0, "batch_size": GLOBAL_BATCH} | changes))


def take(one, count):
    batches = list(itertools.islice(one, count))
    for batch in batches:
        assert torch.equal(batch.images[:, 0, 0, 0], batch.sample_indices)
    return [batch.sample_indices.tolist() for batch in batches]


def ranks(world_size, **changes):
    return [
        stream(rank=rank, world_size=world_size, batch_size=GLOBAL_BATCH // world_size, **changes)
        for rank in range(world_size)
    ]


def take_all(world_size, count, **changes):
    """Batches of the whole run: ranks joined in order."""
    parts = [take(one, count) for one in ranks(world_size, **changes)]
    return [list(itertools.chain(*batch)) for batch in zip(*parts, strict=True)]


def used_at(position):
    """All sample indices that a position says are used, written from its definition."""
    used = set(range(position.next_block * BLOCK))
    for block_index, offset in position.open_blocks:
        used -= set(range(block_index * BLOCK + offset, (block_index + 1) * BLOCK))
    return used


def test_one_rank_sees_every_sample_in_order():
    assert list(itertools.chain(*take(stream(), 5))) == list(range(5 * GLOBAL_BATCH))


@pytest.mark.parametrize("world_size", WORLDS)
def test_rank_r_takes_every_world_sizeth_block(world_size):
    for rank in range(world_size):
        seen = take(stream(rank=rank, world_size=world_size, batch_size=BLOCK // 2), 6)
        blocks = [(rank + turn * world_size) * BLOCK for turn in range(3)]
        assert list(itertools.chain(*seen)) == [start + i for start in blocks for i in range(BLOCK)]


@pytest.mark.parametrize("world_size", WORLDS)
@pytest.mark.parametrize("start", [1, 2, 5, 7])
def test_a_run_resumed_on_as_many_ranks_goes_on_exactly(world_size, start):
    straight = take_all(world_size, 9)
    position = ranks(world_size)[-1].position_after(start)
    assert take_all(world_size, 9 - start, position=position) == straight[start:]


@settings(max_examples=60, deadline=None)
@given(parts=st.lists(st.tuples(st.sampled_from(WORLDS), st.integers(0, 7)), min_size=1, max_size=6))
def test_no_sample_comes_twice_or_is_left_out_when_the_number_of_ranks_changes(parts):
    position, seen = Position(), []
    for world_size, count in parts:
        seen += itertools.chain(*take_all(world_size, count, position=position))
        after = {one.position_after(count) for one in ranks(world_size, position=position)}
        assert len(after) == 1  # every rank knows where all are
        position = Position.from_dict(json.loads(json.dumps(after.pop().to_dict())))
        assert len(seen) == len(set(seen))
        assert set(seen) == used_at(position)
    # Nothing stays behind: a rank alone comes to every sample before the first block that nobody had.
    rest = itertools.chain(*take(stream(position=position), 30))
    assert set(range(position.next_block * BLOCK)) <= {*seen, *rest}


@settings(max_examples=30, deadline=None)
@given(parts=st.lists(st.tuples(st.sampled_from(WORLDS), st.integers(1, 6)), min_size=2, max_size=4))
def test_after_a_change_of_ranks_a_run_is_resumed_exactly_again(parts):
    position = Position()
    for world_size, count in parts[:-1]:
        position = ranks(world_size, position=position)[0].position_after(count)
    world_size, count = parts[-1]
    straight = take_all(world_size, count + 5, position=position)
    later = ranks(world_size, position=position)[0].position_after(count)
    assert take_all(world_size, 5, position=later) == straight[count:]


@pytest.mark.parametrize("world_size", [2, 4, 8])
def test_with_fixed_lanes_any_number_of_ranks_sees_the_batches_of_one(world_size):
    alone = take_all(1, 12, blocks_per_batch=8)
    assert take_all(world_size, 12, blocks_per_batch=8) == alone
    position = ranks(world_size, blocks_per_batch=8)[0].position_after(5)
    assert take_all(8 // world_size, 7, blocks_per_batch=8, position=position) == alone[5:]
    assert {index // BLOCK for index in alone[0]} == set(range(8))


def test_counting_backwards_counts_anew():
    one = stream(world_size=2, batch_size=12)
    fourth = one.position_after(4)
    one.position_after(9)
    assert one.position_after(4) == fourth


def test_only_the_time_until_a_block_is_there_counts_as_waiting(monkeypatch):
    clock = itertools.count(0.0, 0.5)  # half a second between two looks at it
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    one = stream(batch_size=4)
    take(one, 5)  # 20 images: two blocks, of ten
    assert one.seconds_waited == 2 * 0.5


def test_iterating_again_starts_again():
    one = stream()
    assert take(one, 3) == take(one, 3)


def test_iterating_leaves_torch_random_state_alone():
    before = torch.random.get_rng_state()
    take(stream(), 3)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"batch_size": 0}, "batch_size=0"),
        ({"rank": 2, "world_size": 2}, "rank=2"),
        ({"num_workers": -1}, "num_workers=-1"),
        ({"blocks_per_batch": 3, "world_size": 2}, "a multiple of the 2 ranks"),
        ({"blocks_per_batch": 5}, "divide the batch of 24 images, got 5"),
        ({"position": Position(next_block=1, open_blocks=((0, BLOCK),))}, "blocks of 10 images"),
    ],
)
def test_bad_places_are_refused(wrong, message):
    with pytest.raises(UserError, match=message):
        stream(**wrong)


@pytest.mark.parametrize("wrong", [{}, {"next_block": 1}, {"next_block": 1, "open_blocks": [3]}])
def test_a_record_that_is_no_position_is_refused(wrong):
    with pytest.raises(UserError, match="not a position"):
        Position.from_dict(wrong)


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
