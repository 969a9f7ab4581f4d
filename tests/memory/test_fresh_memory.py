from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from memory import fresh_memory
from memory.fresh_memory import empty_array
from memory.memory import VisualMemory
from tests.memory.conftest import MakeUnitRows

needs_proc = pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="asks Linux about its own memory")
SHAPE = (1 << 13, 256)
NUM_BYTES = 8 << 20  # of float32


def asks_for_huge_pages(array: npt.NDArray[np.float32]) -> bool:
    """Whether the memory in the middle of an array has Linux's flag for huge pages."""
    address = array.__array_interface__["data"][0] + array.nbytes // 2
    inside = False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        first, _, rest = line.partition(" ")
        if "-" in first and not first.endswith(":"):
            start, stop = (int(bound, 16) for bound in first.split("-"))
            inside = start <= address < stop
        elif inside and first == "VmFlags:":
            return "hg" in rest.split()
    raise AssertionError("no such memory")


def num_page_faults() -> int:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def virtual_bytes() -> int:
    import resource

    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


@needs_proc
@pytest.mark.parametrize("filled_at_once", [False, True])
def test_large_arrays_ask_for_no_huge_pages(filled_at_once: bool) -> None:
    assert not asks_for_huge_pages(empty_array(SHAPE, np.float32, filled_at_once=filled_at_once))


@needs_proc
def test_the_pages_of_an_array_that_is_filled_at_once_are_there_from_the_start() -> None:
    faults = {}
    for filled_at_once in (False, True):
        array = empty_array(SHAPE, np.float32, filled_at_once=filled_at_once)
        before = num_page_faults()
        array[:] = 1
        faults[filled_at_once] = num_page_faults() - before

    assert faults[True] < 100 < faults[False]


@needs_proc
def test_memory_goes_back_with_the_last_view_and_not_before() -> None:
    before = virtual_bytes()
    view = empty_array(SHAPE, np.float32)[5:]
    view[:] = 3
    assert (view == 3).all()
    assert virtual_bytes() >= before + NUM_BYTES
    del view

    assert virtual_bytes() < before + NUM_BYTES


@pytest.mark.parametrize("shape", [(0, 384), (3, 4), SHAPE])
def test_shapes_and_types_are_those_of_numpys_empty(shape: tuple[int, int]) -> None:
    for dtype in (np.float32, np.int64, np.bool_):
        array = empty_array(shape, dtype, filled_at_once=True)

        assert (array.shape, array.dtype, array.flags.c_contiguous) == (shape, np.dtype(dtype), True)
        array[:] = 1
        assert array.all()


@pytest.mark.skipif(not hasattr(fresh_memory.mmap, "MAP_ANONYMOUS"), reason="numpy's memory there")
def test_more_memory_than_there_is_is_an_error_that_says_how_much() -> None:
    with pytest.raises(MemoryError, match=r"cannot get 1073741824\.0 GiB of memory"):
        empty_array((1 << 60,), np.uint8)


def test_answers_stay_right_where_the_rows_in_ram_come_from_fresh_memory(
    memory: VisualMemory, unit_rows: MakeUnitRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fresh_memory, "_LARGE_BYTES", 1)
    rows = unit_rows(12, 16)
    memory.add(rows[:8], np.zeros(8, int))
    assert memory.search(rows[:8], 1).ids[:, 0].tolist() == list(range(8))  # read

    memory.add(rows[8:], np.ones(4, int))  # grown
    memory.remove([3])

    assert memory.search(rows, 1).ids[:, 0].tolist()[4:] == list(range(4, 12))
    assert np.array_equal(memory.entries.embeddings, np.delete(rows, 3, axis=0))  # copied without the removed
