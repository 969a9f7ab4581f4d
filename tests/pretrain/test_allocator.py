"""Freed memory stays with the process. Run: pytest tests/pretrain/test_allocator.py."""

from __future__ import annotations

import ctypes
import resource

import pytest
import torch

from pretrain.allocator import keep_freed_memory


def page_faults_of_one_tensor() -> int:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(2**23)  # 32 MiB: 8,192 pages
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def test_memory_that_was_freed_is_used_again_without_asking_the_system() -> None:
    if not keep_freed_memory():
        pytest.skip("this C library has no such option")
    page_faults_of_one_tensor()
    assert page_faults_of_one_tensor() < 100


def test_a_c_library_without_the_option_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    assert not keep_freed_memory()
