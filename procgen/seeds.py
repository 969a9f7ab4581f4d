"""Counter-based randomness: every number is a pure function of a key and a counter.

Nothing here keeps state, so an image does not depend on who renders it, when, or after what. Two tools:

* `generator(root_seed, *path)`: a numpy Generator (Philox) for one purpose, where draws are few and shapes vary.
* `uniforms(root_seed, *path, counters=...)`: a table of uniform numbers, one row per counter (a sample index, say),
  computed for all rows at once. Row i depends on the key and on counters[i] only, never on the other rows.

The table is Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011), written here
because numpy's Generator has one stream an object: a Generator per sample costs 15 us, a table row well under 1 us.

Letters: N counters, M numbers a row.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_WEYL = (np.uint64(0x9E3779B9), np.uint64(0xBB67AE85))
_LOW = np.uint64(0xFFFFFFFF)
_ROUNDS = 10


def derive_key(root_seed: int, *path: int | str) -> int:
    """A 128-bit key for (root seed, path): BLAKE2b of the typed, length-prefixed parts, so no two paths collide."""
    digest = hashlib.blake2b(digest_size=16)
    for part in (root_seed, *path):
        text = f"{'i' if isinstance(part, int) else 's'}{part}"
        digest.update(f"{len(text)}:{text}".encode())
    return int.from_bytes(digest.digest(), "little")


def generator(root_seed: int, *path: int | str) -> np.random.Generator:
    """A numpy Generator on Philox, keyed by (root seed, path): same arguments, same numbers, on any machine."""
    return np.random.Generator(np.random.Philox(key=derive_key(root_seed, *path)))


def uniforms(
    root_seed: int, *path: int | str, counters: npt.ArrayLike, count: int, dtype: type = np.float64
) -> npt.NDArray[np.floating]:
    """Uniform numbers in [0, 1), one row per counter.

    Args:
        root_seed: the run's seed.
        path: purpose of the numbers, for example ``("views", "global")``.
        counters: (N,) integers in [0, 2^64), for example sample indices.
        count: M, numbers a row; asking for more numbers leaves the first ones as they were.
        dtype: float64 (53 random bits would need two words; 32 are used) or float32 (24 bits).

    Returns:
        (N, M) array in [0, 1).
    """
    tables = uniform_tables(root_seed, [path], counters=counters, count=count, dtype=dtype)
    return tables.reshape(tables.shape[1:])


def uniform_tables(
    root_seed: int,
    paths: Sequence[tuple[int | str, ...]],
    *,
    counters: npt.ArrayLike,
    count: int,
    dtype: type = np.float64,
) -> npt.NDArray[np.floating]:
    """`uniforms` for several purposes at once, which costs little more than one: (len(paths), N, M) in [0, 1)."""
    counter = np.asarray(counters, dtype=np.uint64).reshape(-1)
    keys = [derive_key(root_seed, *path) for path in paths]
    parts = [np.array([key >> shift & 0xFFFFFFFF for key in keys], dtype=np.uint64) for shift in (0, 32, 64)]
    low_key, high_key, varied = (part[:, None, None] for part in parts)
    blocks = -(-count // 4)
    N = counter.size
    words = np.empty((4, len(paths), N, blocks), dtype=np.uint64)
    words[0] = np.arange(blocks, dtype=np.uint64)
    words[1] = varied
    words[2] = (counter & _LOW)[:, None]
    words[3] = (counter >> np.uint64(32))[:, None]
    # 96 of the key's bits are used: 64 as the Philox key, 32 in the counter word that no caller varies.
    output = philox_4x32(words, (low_key, high_key))
    table = np.moveaxis(output, 0, -1).reshape(len(paths), N, 4 * blocks)[..., :count]
    if dtype is np.float32:
        return ((table >> np.uint64(8)).astype(np.float32)) * np.float32(2.0**-24)
    return table.astype(np.float64) * 2.0**-32


def philox_4x32(
    counter: npt.NDArray[np.uint64], key: tuple[np.uint64 | npt.NDArray[np.uint64], np.uint64 | npt.NDArray[np.uint64]]
) -> npt.NDArray[np.uint64]:
    """Philox4x32-10 on arrays of 32-bit words held in uint64.

    Args:
        counter: (4, ...) words of the counter.
        key: the two words of the key, or arrays of them that broadcast with the counter's.

    Returns:
        (4, ...) random words, each in [0, 2^32).
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key
    shift = np.uint64(32)
    for _ in range(_ROUNDS):
        product0, product1 = c0 * _MULTIPLIERS[0], c2 * _MULTIPLIERS[1]
        c0, c1, c2, c3 = (
            (product1 >> shift) ^ c1 ^ k0,
            product1 & _LOW,
            (product0 >> shift) ^ c3 ^ k1,
            product0 & _LOW,
        )
        k0, k1 = (k0 + _WEYL[0]) & _LOW, (k1 + _WEYL[1]) & _LOW
    return np.stack([c0, c1, c2, c3])
