"""Children that render and may be killed.

A program can keep the driver busy without end, and no timer of Python's fires inside a GL call: only another process
can stop it. So programs are rendered in spawned children (a GL context does not survive a fork) that send a beat
between steps. A child that is silent for too long is killed, its program recorded as a killer, and the rest goes on in
a new child. The parent makes no GL context.

On a software driver each child renders on one core; findings do not depend on the number of children. There most of
the time goes into compiling (some 390 of 415 ms a program), so Mesa's optimiser is left out: the pixels are the same to
the byte, compiling takes two thirds of the time, and rendering one and a half times as long.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait

from procgen.programs import ShaderProgram
from procgen.renderer import Renderer
from procgen.screening.probe import Finding, Probe, examine
from procmem.errors import UserError, WorkError

START_LIMIT_SECONDS = 180.0  # to import everything and make a context, on a busy machine
END_LIMIT_SECONDS = 10.0  # from closing its line to its exit code
BEAT = None
Work = Callable[[ShaderProgram, Probe, Renderer, Callable[[], None]], Finding]
Message = Finding | str | None  # a result, what prevents any rendering here, or a beat


def examine_all(
    programs: Sequence[ShaderProgram],
    probe: Probe,
    *,
    num_children: int,
    time_limit_seconds: float,
    work: Work = examine,
) -> Iterator[Finding]:
    """Examine programs in parallel; findings come as they are ready. Closing the iterator kills the children.

    Args:
        programs: the programs.
        probe: what to render of each.
        num_children: processes.
        time_limit_seconds: longest silence of a child before it is killed.
        work: what a child does with a program; a function of a module, since children are spawned.

    Raises:
        UserError: if a number is not positive, or children cannot render here.
        WorkError: if a child dies before it could render anything.
    """
    if num_children < 1 or time_limit_seconds <= 0:
        raise UserError(f"must be positive: {num_children=}, {time_limit_seconds=}")
    waiting = deque(programs)
    children = [_Child(probe, time_limit_seconds, work) for _ in range(min(num_children, len(programs)))]
    try:
        while children:
            timeout = min(child.deadline for child in children) - time.monotonic()
            wait([child.connection for child in children], timeout=max(timeout, 0.0))
            for place, child in reversed(list(enumerate(children))):
                finding = child.answer()
                if finding is not None:
                    yield finding
                if not child.is_idle:
                    continue
                if not waiting:
                    children.pop(place).close()
                elif child.is_alive:
                    child.give(waiting.popleft())
                else:
                    children[place] = _Child(probe, time_limit_seconds, work)
    finally:
        for child in children:
            child.close()


class _Child:
    """A process, the program it has, and until when it must be heard of."""

    def __init__(self, probe: Probe, time_limit_seconds: float, work: Work) -> None:
        spawn = multiprocessing.get_context("spawn")
        self.connection, theirs = spawn.Pipe()
        self._process = spawn.Process(target=_serve, args=(theirs, probe, work), daemon=True)
        self._process.start()
        theirs.close()
        self._time_limit_seconds = time_limit_seconds
        self._program: ShaderProgram | None = None
        self._started = False
        self.is_alive = True
        self._expect_an_answer_within(START_LIMIT_SECONDS)

    @property
    def is_idle(self) -> bool:
        """Whether it could be given a program, or must be replaced."""
        return self._started and self._program is None

    def give(self, program: ShaderProgram) -> None:
        self._program = program
        self._expect_an_answer_within(self._time_limit_seconds)
        with contextlib.suppress(BrokenPipeError):  # it died between two programs: `answer` will see it
            self.connection.send(program)

    def answer(self) -> Finding | None:
        """Its finding if it has one, or the one that its end makes; None while it works."""
        if self.connection.poll():  # before the clock: what has arrived counts, however long nobody looked
            return self._receive()
        if time.monotonic() > self.deadline:
            return self._stop(f"no answer for {self._allowed_seconds:g} seconds")
        return None

    def close(self) -> None:
        """Kill it: it holds nothing that has to be put away."""
        self.is_alive = False
        self._process.kill()
        self._process.join()
        self.connection.close()

    def _receive(self) -> Finding | None:
        try:
            message: Message = self.connection.recv()
        except (EOFError, ConnectionResetError):
            self._process.join(END_LIMIT_SECONDS)
            return self._stop(f"the process that rendered it ended with code {self._process.exitcode}")
        if isinstance(message, str):
            raise UserError(message)
        self._started = True
        self._expect_an_answer_within(self._time_limit_seconds)
        if message is not BEAT:
            self._program = None
        return message

    def _stop(self, why: str) -> Finding:
        """Kill it and blame its program."""
        program, self._program = self._program, None
        self.close()
        if program is None:
            raise WorkError(f"a screening process failed before it could render anything: {why}")
        return Finding(program_id=program.id, program_fingerprint=program.fingerprint, failure="killer", message=why)

    def _expect_an_answer_within(self, seconds: float) -> None:
        self._allowed_seconds = seconds
        self.deadline = time.monotonic() + seconds


def _serve(connection: Connection, probe: Probe, work: Work) -> None:
    """Body of a child: programs in, findings out, until the parent closes the line."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends its children
    os.environ.setdefault("LP_NUM_THREADS", "1")
    os.environ.setdefault("GALLIVM_PERF", "nopt")
    try:
        renderer = Renderer(max_resident_programs=1)
    except UserError as error:
        connection.send(str(error))
        return
    connection.send(BEAT)
    while True:
        try:
            program: ShaderProgram = connection.recv()
        except EOFError:
            return
        connection.send(work(program, probe, renderer, lambda: connection.send(BEAT)))
