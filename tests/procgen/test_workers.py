"""Workers that die, hang or fail: their blocks are done again, killers are excluded, nobody is left behind."""

import itertools
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from procgen.stream import RenderBlock, Stream
from procgen.workers import Workers
from procmem.errors import UserError, WorkError

TESTS = Path(__file__).parent


@pytest.fixture
def make_source(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(TESTS))  # spawned workers import it from there too
    from misbehaving import MisbehavingSource

    return lambda **fates: MisbehavingSource(tmp_path, {name: fate.replace("_", " ") for name, fate in fates.items()})


def is_running(process_id):
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.slow
def test_blocks_of_dead_and_hanging_workers_are_done_again_and_killers_excluded(make_source, capsys):
    source, exclusions = make_source(a="kill", b="kill_once", c="hang"), []
    stream = Stream(
        source, root_seed=0, batch_size=4, num_workers=2, program_limit_seconds=1.0, on_exclusion=exclusions.append
    )
    batches = iter(stream)
    values = [int(next(batches).images[0, 0, 0, 0]) for _ in range(5)]
    batches.close()
    assert values == [99, 1, 99, 3, 4]
    assert [(one.program, one.program_id) for one in sorted(exclusions, key=lambda one: one.program)] == [
        ("a", "made/a"),
        ("c", "made/c"),
    ]
    assert "ended with code -11" in next(one.reason for one in exclusions if one.program == "a")
    assert "no sign of life for 1 seconds" in next(one.reason for one in exclusions if one.program == "c")
    assert (source.runs("a"), source.runs("b"), source.runs("c")) == (2, 2, 2)
    assert capsys.readouterr().err.count("is excluded from here on") == 2
    assert not multiprocessing.active_children()


@pytest.mark.slow
def test_blocks_come_in_order_and_no_more_are_made_than_may_wait(make_source):
    source = make_source()
    with Workers(RenderBlock(process=source, root_seed=0), itertools.count(), 1) as workers:
        assert [next(workers)[0] for _ in range(2)] == [0, 1]
        deadline = time.monotonic() + 30
        while source.runs("e") == 0 and time.monotonic() < deadline:
            workers.tend()
            time.sleep(0.01)
        for _ in range(20):  # three wait: two of them finished by now or soon
            workers.tend()
            time.sleep(0.01)
        assert [source.runs(program) for program in "abcdef"] == [1, 1, 1, 1, 1, 0]
        (process_id,) = workers.process_ids
        os.kill(process_id, signal.SIGKILL)  # an idle worker dies: nobody is blamed, the next block comes all the same
        indices = [next(workers) for _ in range(6)]
    assert [(index, int(images[0, 0, 0, 0])) for index, images in indices] == [(i, i) for i in range(2, 8)]
    assert not is_running(process_id)
    assert not multiprocessing.active_children()


@pytest.mark.slow
def test_the_end_of_the_jobs_ends_the_results_and_an_error_for_people_arrives_as_such(make_source):
    with Workers(RenderBlock(process=make_source(a="error"), root_seed=0), [1, 2, 0], 1) as workers:
        results = [next(workers)[0], next(workers)[0]]
        with pytest.raises(UserError, match="program a is broken"):
            next(workers)
    assert results == [1, 2]
    assert not multiprocessing.active_children()


@pytest.mark.slow
def test_workers_that_keep_dying_outside_any_program_end_the_work(make_source, monkeypatch, capsys):
    monkeypatch.setattr("procgen.workers.ATTEMPTS", 2)
    source = make_source(a="die_outside")
    with (
        Workers(RenderBlock(process=source, root_seed=0), [0], 1) as workers,
        pytest.raises(WorkError, match="2 workers in a row ended with code -9 in block 0, in no shader program"),
    ):
        next(workers)
    assert source.runs("a") == 2
    assert "excluded" not in capsys.readouterr().err


def test_numbers_that_make_no_sense_are_refused(make_source):
    task = RenderBlock(process=make_source(), root_seed=0)
    for wrong in ({"num_workers": 0}, {"num_workers": 1, "time_limit_seconds": 0.0}):
        with pytest.raises(UserError, match="must be positive"):
            Workers(task, [0], **wrong)


PARENT = """
import signal
import sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in what a shell runs in the background
sys.path.insert(0, {tests!r})
from pathlib import Path
from misbehaving import MisbehavingSource
from procgen.stream import RenderBlock
from procgen.workers import Workers
if __name__ == "__main__":
    source = MisbehavingSource(Path({folder!r}), {{"b": "hang"}})
    with Workers(RenderBlock(process=source, root_seed=0), [0, 1, 2], 2) as workers:
        next(workers)
        print(*workers.process_ids, flush=True)
        next(workers)
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_no_worker_outlives_its_parent_not_even_one_that_hangs(number, tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT.format(tests=str(TESTS), folder=str(tmp_path)))
    with subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=TESTS.parents[1],
    ) as parent:
        assert parent.stdout is not None
        workers = [int(word) for word in parent.stdout.readline().split()]
        assert len(workers) == 2
        assert all(is_running(worker) for worker in workers)
        parent.send_signal(number)
        try:
            parent.wait(timeout=60)
        finally:
            parent.kill()
    deadline = time.monotonic() + 60
    while any(is_running(worker) for worker in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(is_running(worker) for worker in workers)
