"""Memory of the C library, kept between steps of a run on a processor.

By default glibc gives large blocks back to the system when they are freed, and takes them again page by page, each
zeroed: making the views of a batch took a third longer that way, in a virtual machine. A run needs the same memory in
every step, so it may as well keep it; it then holds what its largest step held. On a GPU torch does so by itself.
"""

from __future__ import annotations

import ctypes

M_TRIM_THRESHOLD = -1
M_MMAP_THRESHOLD = -3
"""Numbers of these options in glibc's malloc.h."""
KEPT_BYTES = 2**30
"""Larger than a tensor of a step on a processor: so blocks below it come from the heap, whose free end stays."""


def keep_freed_memory() -> bool:
    """Keep freed memory for this process; whether the C library can (glibc does, others have no such option)."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return all(mallopt(option, KEPT_BYTES) == 1 for option in (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD))
