"""Freed memory stays with the process. Run: pytest tests/pretrain/test_allocator.py."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

from pretrain.allocator import keep_freed_memory

COUNT_PAGE_FAULTS = """
import resource
import sys
import numpy
from pretrain.allocator import keep_freed_memory

if not keep_freed_memory():
    sys.exit("no such option")
numpy.ones(2**22)  # 32 MiB: 8,192 pages
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
numpy.ones(2**22)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults_of_a_second_array() -> int:
    """In a process of its own, whose heap no other test has touched."""
    done = subprocess.run(
        [sys.executable, "-c", COUNT_PAGE_FAULTS], capture_output=True, text=True, check=False, timeout=60
    )
    if "no such option" in done.stderr:
        pytest.skip("this C library has no such option")
    return int(done.stdout)


def test_memory_that_was_freed_is_used_again_without_asking_the_system() -> None:
    assert page_faults_of_a_second_array() < 100


def test_a_c_library_without_the_option_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    assert not keep_freed_memory()
