"""Several processes and failing disks: one writer, many readers, kills at any moment, no room left.

Run: pytest tests/memory/test_processes.py. A longer hunt: python tests/memory/kill_writers.py FOLDER --kills 2000.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from memory.memory import VisualMemory
from memory.schema import Batch
from procmem.errors import UserError

MakeUnitRows = Callable[..., npt.NDArray[np.float32]]
ROOT = Path(__file__).resolve().parents[2]

READER = """
import sys
import numpy as np
from memory.memory import VisualMemory

memory = VisualMemory.open(sys.argv[1])
rounds, seen = 0, set()
print("ready", flush=True)
while not seen or max(seen) < 100:  # the writer's last word is a label of 100
    memory.refresh()
    entries = memory.entries
    assert len(np.unique(entries.ids)) == len(entries.ids)
    assert len(entries.ids) % 16 == 0, len(entries.ids)
    for label in np.unique(entries.labels):  # each addition is there as a whole or not at all
        assert (entries.labels == label).sum() == 16, label
    seen |= set(entries.labels.tolist())
    rounds += 1
print(rounds, flush=True)
"""


def start(script: str, *arguments: Path) -> subprocess.Popen[str]:
    """Run a script in a process of its own."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_readers_see_only_whole_changes_while_one_writes_and_erases(
    tmp_path: Path, memory: VisualMemory, unit_rows: MakeUnitRows
) -> None:
    memory.add_classes([f"class {number}" for number in range(100)])
    readers = [start(READER, tmp_path / "memory") for _ in range(2)]
    for reader in readers:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "ready\n"
    for number in range(12):
        ids = memory.add(unit_rows(16, 16, number), np.full(16, number))
        if number % 3 == 1:
            memory.remove(ids)
        if number % 3 == 2:
            memory.erase(ids)  # takes the files of earlier versions from under the readers
    memory.add(unit_rows(16, 16, 99), np.full(16, 100))
    for reader in readers:
        said, complaint = reader.communicate(timeout=60)
        assert reader.returncode == 0, complaint
        assert int(said) >= 1


def test_a_second_writer_is_refused_or_waits(memory: VisualMemory, tmp_path: Path, unit_rows: MakeUnitRows) -> None:
    at_work, done = threading.Event(), threading.Event()

    def slowly() -> Iterator[Batch]:
        yield Batch(embeddings=unit_rows(1, 16), labels=[0])
        at_work.set()
        done.wait(20)
        yield Batch(embeddings=unit_rows(1, 16, 1), labels=[0])

    first = threading.Thread(target=lambda: memory.add_batches(slowly()))
    first.start()
    try:
        assert at_work.wait(20)
        impatient = VisualMemory.open(tmp_path / "memory")
        with pytest.raises(UserError, match="another process is writing to memory"):
            impatient.add(unit_rows(1, 16, 2), [1])
        patient = VisualMemory.open(tmp_path / "memory", wait_seconds=20)
        threading.Timer(0.3, done.set).start()
        assert patient.add(unit_rows(1, 16, 2), [1]).tolist() == [2]
    finally:
        done.set()
        first.join()
    assert VisualMemory.open(tmp_path / "memory").entries.labels.tolist() == [0, 0, 1]


def test_writers_killed_at_random_moments_leave_the_last_complete_version(tmp_path: Path) -> None:
    script = ROOT / "tests" / "memory" / "kill_writers.py"
    command = [sys.executable, "-W", "ignore", str(script), str(tmp_path), "--kills", "16", "--seed", "5"]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    assert counts.get("killed", 0) + counts.get("finished", 0) == 16


@pytest.fixture
def small_disk() -> Iterator[Callable[[int], None]]:
    """Let no file grow beyond a size, as a full disk would; taken back afterwards."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def limit(num_bytes: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes if num_bytes else soft, hard))

    yield limit
    limit(0)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_disk_that_fills_up_in_the_middle_of_an_addition_leaves_the_version_before(
    memory: VisualMemory, tmp_path: Path, unit_rows: MakeUnitRows, small_disk: Callable[[int], None]
) -> None:
    memory.add(unit_rows(50, 16), np.zeros(50, int))
    version, files = memory.version, memory.store.place.files("entries.lance/data")
    batches = (Batch(embeddings=unit_rows(5000, 16, seed), labels=np.zeros(5000, int)) for seed in range(4))
    small_disk(200_000)
    with pytest.raises(UserError, match="cannot add to memory"):
        memory.add_batches(batches)
    small_disk(0)
    again = VisualMemory.open(tmp_path / "memory")
    assert (len(again), again.version) == (50, version)
    assert np.array_equal(again.entries.embeddings, unit_rows(50, 16))
    assert again.store.place.files("entries.lance/data") == files  # the partial file does not fill the disk
    first = again.add(unit_rows(1, 16, 9), [0])[0]
    assert first >= 50  # reserved ids may be lost, never given twice


def test_a_disk_that_fills_up_in_the_middle_of_an_erasure_is_no_lost_proof(
    memory: VisualMemory, tmp_path: Path, unit_rows: MakeUnitRows, small_disk: Callable[[int], None]
) -> None:
    memory.add(unit_rows(5000, 16), np.zeros(5000, int))
    small_disk(100_000)
    with pytest.raises(UserError, match="cannot rewrite memory"):
        memory.erase([7])
    small_disk(0)
    again = VisualMemory.open(tmp_path / "memory")
    assert again.store.erasure_is_pending
    assert again.resume_erasure().found_before == 1
    assert len(again) == 4999
