"""Fresh memory for large arrays, from the system's ordinary pages.

numpy asks Linux for huge pages for all that is longer than 4 MB. Where memory is in pieces, as on a machine that has
been up for long, the kernel then moves other pages about to make huge ones: seen, 5 s of processor for 1.5 GB, against
1.0 s for ordinary pages one by one and 0.7 s for all of them in one call. Where huge pages are at hand they are filled
in half of that time, and one query is up to a fifth faster; a worst case ten times shorter is worth that. Rejected:
numpy's environment variable (read when numpy is imported, and for the whole process) and shared anonymous memory
(`mmap.mmap(-1, n)`, half as slow again).
"""

from __future__ import annotations

import math
import mmap
from typing import Any

import numpy as np
import numpy.typing as npt

_LARGE_BYTES = 1 << 22  # numpy asks for huge pages from here on


def empty_array(shape: tuple[int, ...], dtype: npt.DTypeLike, *, filled_at_once: bool = False) -> npt.NDArray[Any]:
    """An array like `numpy.empty`; its memory goes back to the system with the last view of it.

    Args:
        shape: of the array.
        dtype: of its values.
        filled_at_once: all of it will be written soon, so get the pages in one call instead of at each first touch.

    Raises:
        MemoryError: where there is not so much memory.
    """
    num_bytes = math.prod(shape) * np.dtype(dtype).itemsize
    if num_bytes < _LARGE_BYTES or not hasattr(mmap, "MAP_ANONYMOUS"):  # Windows has no such flags, nor huge pages
        return np.empty(shape, dtype)
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    if filled_at_once:
        flags |= getattr(mmap, "MAP_POPULATE", 0)  # Linux only
    try:
        pages = mmap.mmap(-1, num_bytes, flags=flags)
    except OSError as error:
        raise MemoryError(f"cannot get {num_bytes / 2**30:.1f} GiB of memory: {error.strerror}") from error
    return np.frombuffer(pages, dtype).reshape(shape)
