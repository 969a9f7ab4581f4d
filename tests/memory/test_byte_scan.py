"""The byte scan finds what the plainest search finds, at any offset, over any block border, in both precisions.

Run: pytest tests/memory/test_byte_scan.py.
"""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory import byte_scan
from memory.byte_scan import BytePatterns


@pytest.mark.parametrize("precision", [np.float32, np.float16])
@pytest.mark.parametrize("D", [8, 384])
def test_a_pattern_is_found_at_every_offset(D: int, precision: type) -> None:
    rng = np.random.default_rng(D)
    rows = rng.standard_normal((5, D)).astype(precision)
    patterns = BytePatterns(rows)
    for offset in range(40):
        content = rng.bytes(offset) + rows[offset % 5].tobytes() + rng.bytes(offset % 3)
        assert np.flatnonzero(patterns.found_in(io.BytesIO(content))).tolist() == [offset % 5]
        assert not patterns.found_in(io.BytesIO(content[: offset + patterns.length - 1])).any()


@given(
    content=st.binary(max_size=300),
    places=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 300)), max_size=4),
    seed=st.integers(0, 20),
    precision=st.sampled_from([np.float32, np.float16]),
)
def test_the_scan_finds_what_a_plain_search_finds(
    content: bytes, places: list[tuple[int, int]], seed: int, precision: type
) -> None:
    rng = np.random.default_rng(seed)
    # sparse rows of few values: shared keys, zeros first, one row that is a shift of another
    # (and 5 half floats are 10 bytes, no whole number of words)
    rows = rng.choice(np.array([0.0, 0.0, 0.5, -0.3], precision), (6, 5))
    rows[:, 0] += np.where((rows == 0).all(axis=1), precision(0.1), precision(0))
    for row, place in places:
        content = content[:place] + rows[row].tobytes() + content[place:]
    block = byte_scan._BLOCK_BYTES
    try:
        byte_scan._BLOCK_BYTES = 23  # many borders
        found = BytePatterns(rows).found_in(io.BytesIO(content))
    finally:
        byte_scan._BLOCK_BYTES = block
    assert found.tolist() == [row.tobytes() in content for row in rows]


@pytest.mark.parametrize("precision", [np.float32, np.float16])
def test_zero_bytes_elsewhere_do_not_hide_a_pattern(precision: type) -> None:
    one_hot = np.eye(8, dtype=precision)
    content = b"\0" * 1001 + one_hot[2].tobytes() + b"\0" * 7
    assert BytePatterns(one_hot).found_in(io.BytesIO(content))[2]
