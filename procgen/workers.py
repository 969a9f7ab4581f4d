"""Processes that do one piece of work per block, and are replaced when they die or hang.

A shader can end the process that renders it (a driver's crash) or keep it busy without end, and no timer of Python's
fires inside a GL call: only the parent can stop a child. So a child says which program it is about to render. When it
ends, or is silent inside one program for too long, it is replaced and its block is done again from the start; a program
that was running at two such ends is excluded from then on (see `Process.excluding`), with a message.

Blocks of images come back as anonymous files (memfd) sent over the pipe: nothing to reuse too early, no limit of
/dev/shm, nothing left behind after a kill. Back-pressure: at most ``2 * num_workers + 1`` blocks are in work or
finished and not yet fetched. There is no thread: the parent looks after its children whenever it fetches a result or
calls `tend`. Torch's DataLoader was used before and cannot replace a worker; multiprocessing's pools cannot either.

Children are forked from a server process that has imported torch and has no GL context (a context does not survive a
fork): a new one works after 0.1 s instead of the 4 s of a spawned one, and shares torch's memory. They die with their
parent: an idle one sees its pipe close, and the kernel kills a busy one (see `_die_with_the_parent`).
"""

from __future__ import annotations

import abc
import contextlib
import dataclasses
import fcntl
import heapq
import mmap
import multiprocessing
import os
import signal
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing import reduction
from multiprocessing.connection import Connection, wait
from typing import Any, NamedTuple, Self

import torch

from procgen.process import NO_PROGRAM, Process
from procmem.errors import UserError, WorkError
from procmem.progress import say

PROGRAM_LIMIT_SECONDS = 300.0  # inside one program, for all its images of a block
START_LIMIT_SECONDS = 300.0  # to import everything, on a busy machine
END_LIMIT_SECONDS = 10.0  # from a kill, or a closed pipe, to the exit code
STRIKES = 2  # ends of a worker after which the program it was in is excluded
ATTEMPTS = 3  # at a block whose workers die outside any program, and at starting a worker
LOOK_SECONDS = 60.0  # longest wait without looking around
JOB_SIGNALS = {signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2}  # reach every process of a job; the parent decides
JOBS_A_WORKER = 2  # one in work, one waiting, so that a worker need not wait for the parent


@dataclass(frozen=True, kw_only=True)
class Task(abc.ABC):
    """What is done for a block; picklable.

    Attributes:
        process: where images come from.
        root_seed: theirs.
    """

    process: Process
    root_seed: int

    @abc.abstractmethod
    def __call__(self, block_index: int) -> Any:
        """The work: images uint8 (N, 3, H, W), or any small picklable result."""

    def excluding(self, programs: Collection[str]) -> Self:
        """The same without some shader programs (fingerprints)."""
        return dataclasses.replace(self, process=self.process.excluding(programs))


@dataclass(frozen=True, kw_only=True)
class Exclusion:
    """A program that is not run any more.

    Attributes:
        program: `ShaderProgram.fingerprint`.
        program_id: its id.
        reason: what it did, for people.
    """

    program: str
    program_id: str
    reason: str


class _Job(NamedTuple):
    """`order` is the job's place among the results."""

    order: int
    block_index: int


class Workers:
    """Iterator over (block index, result) in the order of the jobs; use it in a ``with`` statement.

    Args:
        task: what is done.
        jobs: block indices; may be endless.
        num_workers: processes, at least 1.
        time_limit_seconds: longest silence inside one program.
        on_exclusion: told of every program that is excluded.

    Raises:
        UserError: what the task raised as such; or if a number is not positive.
        WorkError: what the task raised as such; or if workers keep dying outside any program.
        RuntimeError: any other error of the task, with its traceback.
    """

    def __init__(
        self,
        task: Task,
        jobs: Iterable[int],
        num_workers: int,
        *,
        time_limit_seconds: float = PROGRAM_LIMIT_SECONDS,
        on_exclusion: Callable[[Exclusion], None] | None = None,
    ) -> None:
        if num_workers < 1 or time_limit_seconds <= 0:
            raise UserError(f"must be positive: {num_workers=}, {time_limit_seconds=}")
        self._task = task
        self._fresh = enumerate(jobs)
        self._again: list[_Job] = []  # a heap: what dead workers left
        self._results: dict[int, tuple[str, int, Any]] = {}  # finished, by order
        self._num_fetched = 0
        self._time_limit_seconds = time_limit_seconds
        self._on_exclusion = on_exclusion
        self._strikes: Counter[str] = Counter()
        self._excluded: set[str] = set()
        self._failed_attempts: Counter[_Job | None] = Counter()
        self._workers: list[_Worker] = []
        for _ in range(num_workers):
            self._workers.append(_Worker(task, time_limit_seconds))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> tuple[int, Any]:
        while self._num_fetched not in self._results:
            self.tend()
            if self._num_fetched in self._results:
                break
            if not any(worker.jobs for worker in self._workers):
                raise StopIteration
            timeout = min(worker.deadline for worker in self._workers) - time.monotonic()
            wait([worker.connection for worker in self._workers], timeout=min(max(timeout, 0.0), LOOK_SECONDS))
        kind, block_index, content = self._results.pop(self._num_fetched)
        self._num_fetched += 1
        if kind == "error":
            error, text = content
            raise error(text)
        return block_index, content

    def tend(self) -> None:
        """Give out work, take in results, replace who died or hangs; never waits. Call it between long steps."""
        for place, worker in enumerate(self._workers):
            for message in worker.messages():
                self._take(worker, message)
            end = worker.end()
            if end is not None:
                self._workers[place] = self._replacement(worker, end)
        self._give_out()

    def close(self) -> None:
        """Kill the workers: they hold nothing that has to be put away."""
        for worker in self._workers:
            worker.close()
        self._workers.clear()

    @property
    def process_ids(self) -> tuple[int, ...]:
        """Of the workers."""
        return tuple(worker.process_id for worker in self._workers)

    def _take(self, worker: _Worker, message: Any) -> None:
        kind, content = message
        if kind in ("result", "error"):
            job = worker.jobs.popleft()
            self._results[job.order] = (kind, job.block_index, content)

    def _give_out(self) -> None:
        for _ in range(JOBS_A_WORKER):
            for worker in sorted(self._workers, key=lambda one: len(one.jobs)):
                in_work = sum(len(one.jobs) for one in self._workers)
                is_full = in_work + len(self._results) > JOBS_A_WORKER * len(self._workers)
                if len(worker.jobs) >= JOBS_A_WORKER or (is_full and not self._again):
                    continue
                job = heapq.heappop(self._again) if self._again else self._next_job()
                if job is not None:
                    worker.give(job)

    def _next_job(self) -> _Job | None:
        following = next(self._fresh, None)
        return None if following is None else _Job(*following)

    def _replacement(self, worker: _Worker, end: str) -> _Worker:
        """Blame, and a new worker; the old one's jobs go back."""
        job = worker.jobs[0] if worker.jobs else None
        for left in worker.jobs:
            heapq.heappush(self._again, left)
        if worker.program:
            name = self._task.process.program_id(worker.program)
            say(f"a worker {end} while it rendered {name}; its block is done again")
            self._strike(worker.program, end)
        else:
            self._failed_attempts[job] += 1
            where = "before its first block" if job is None else f"in block {job.block_index}, in no shader program"
            if self._failed_attempts[job] >= ATTEMPTS:
                raise WorkError(f"{ATTEMPTS} workers in a row {end} {where}; is the memory too small?")
            say(f"a worker {end} {where}; it is replaced")
        return _Worker(self._task, self._time_limit_seconds)

    def _strike(self, program: str, end: str) -> None:
        self._strikes[program] += 1
        if self._strikes[program] < STRIKES or program in self._excluded:
            return
        self._excluded.add(program)
        name = self._task.process.program_id(program)
        self._task = self._task.excluding([program])
        for worker in self._workers:
            worker.exclude([program])
        reason = f"{STRIKES} workers ended while they rendered it; the last one {end}"
        say(f"warning: the shader program {name} is excluded from here on, its images are drawn anew: {reason}")
        if self._on_exclusion is not None:
            self._on_exclusion(Exclusion(program=program, program_id=name, reason=reason))


class _Worker:
    """A process, what it has to do, and until when it must be heard of.

    Attributes:
        connection: the parent's end of the pipe.
        jobs: given and not finished; the first is in work.
        program: the shader program it is in, "" outside any.
        deadline: on the monotonic clock; infinite outside any program.
    """

    def __init__(self, task: Task, time_limit_seconds: float) -> None:
        server = multiprocessing.get_context("forkserver")
        server.set_forkserver_preload(["procgen.registry"])
        self.connection, theirs = server.Pipe()
        self._process = server.Process(target=_serve, args=(theirs, task, dict(os.environ)), daemon=True)
        earlier = signal.pthread_sigmask(signal.SIG_BLOCK, JOB_SIGNALS)
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, earlier)
        theirs.close()
        self.jobs: deque[_Job] = deque()
        self.program = NO_PROGRAM
        self._time_limit_seconds = time_limit_seconds
        self._allowed_seconds = START_LIMIT_SECONDS
        self.deadline = time.monotonic() + START_LIMIT_SECONDS
        self._is_closed = False

    @property
    def process_id(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def give(self, job: _Job) -> None:
        self.jobs.append(job)
        self._send(("job", job.block_index))

    def exclude(self, programs: list[str]) -> None:
        self._send(("exclude", programs))

    def messages(self) -> Iterator[tuple[str, Any]]:
        """What has arrived; the pipe's end is seen by `end`."""
        try:
            while self.connection.poll():
                kind, content = self.connection.recv()
                if kind == "images":
                    kind, content = "result", _receive_images(self.connection, content)
                self.program = content if kind == "program" else NO_PROGRAM
                self._allowed_seconds = self._time_limit_seconds if self.program else float("inf")
                self.deadline = time.monotonic() + self._allowed_seconds
                yield kind, content
        except (EOFError, OSError, RuntimeError):  # RuntimeError: the pipe ended where a file should have come
            self._is_closed = True

    def end(self) -> str | None:
        """How it ended, or None while it works."""
        if self._is_closed:
            self._process.join(END_LIMIT_SECONDS)
            end = f"ended with code {self._process.exitcode}"
        elif time.monotonic() > self.deadline:
            end = f"gave no sign of life for {self._allowed_seconds:g} seconds"
        else:
            return None
        self.close()
        return end

    def close(self) -> None:
        self._process.kill()
        self._process.join(END_LIMIT_SECONDS)
        self.connection.close()

    def _send(self, message: tuple[str, Any]) -> None:
        try:
            self.connection.send(message)
        except OSError:  # it died: `messages` will see it
            self._is_closed = True


def _serve(connection: Connection, task: Task, environment: dict[str, str]) -> None:
    """Body of a child: jobs in, results out, until the parent closes the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    _die_with_the_parent()
    os.environ.update({"LP_NUM_THREADS": "1"} | environment)  # the server has that of its start
    torch.set_num_threads(1)
    _watch_renderer(connection)
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        connection.send(("ready", None))
        while True:
            kind, content = connection.recv()
            if kind == "exclude":
                task = task.excluding(content)
            else:
                _work(connection, task, content)


def _work(connection: Connection, task: Task, block_index: int) -> None:
    try:
        result = task(block_index)
    except Exception as error:
        connection.send(("error", _portable(error)))
        return
    if isinstance(result, torch.Tensor):
        _send_images(connection, result)
    else:
        connection.send(("result", result))


def _die_with_the_parent() -> None:
    """Have the kernel kill this process when the parent's end of a pipe closes, whatever it is doing then.

    PR_SET_PDEATHSIG was tried: it watches the server that forked this process, and the server lives as long as we do.
    """
    parent = multiprocessing.parent_process()
    assert parent is not None
    fcntl.fcntl(parent.sentinel, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(parent.sentinel, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(parent.sentinel, fcntl.F_SETFL, fcntl.fcntl(parent.sentinel, fcntl.F_GETFL) | os.O_ASYNC)
    if not parent.is_alive():  # it died before the kernel was asked to watch
        os._exit(1)


def _watch_renderer(connection: Connection) -> None:
    """Say which program is about to be rendered; on the class, so that the renderer itself is made when needed."""
    from procgen.renderer import Renderer

    def tell(program: str) -> None:
        connection.send(("program", program))

    Renderer.on_program = staticmethod(tell)


def _portable(error: Exception) -> tuple[type[Exception], str]:
    """An error that arrives whole: errors for people as they are, others with their traceback."""
    for known in (UserError, WorkError):
        if isinstance(error, known):
            return known, str(error)
    return RuntimeError, "a worker failed:\n" + "".join(traceback.format_exception(error))


def _send_images(connection: Connection, images: torch.Tensor) -> None:
    """Images uint8 as (shape) and the descriptor of an anonymous file."""
    assert images.dtype == torch.uint8
    handle = os.memfd_create("procmem-block")
    try:
        with open(handle, "wb", closefd=False) as file:
            file.write(images.cpu().contiguous().numpy().data)
        connection.send(("images", tuple(images.shape)))
        reduction.send_handle(connection, handle, os.getppid())
    finally:
        os.close(handle)


def _receive_images(connection: Connection, shape: tuple[int, ...]) -> torch.Tensor:
    """The tensor lives on the file's pages, which are freed with it."""
    handle = reduction.recv_handle(connection)
    try:
        pages = mmap.mmap(handle, 0, flags=mmap.MAP_SHARED | mmap.MAP_POPULATE)
    finally:
        os.close(handle)
    return torch.frombuffer(pages, dtype=torch.uint8).view(shape)
