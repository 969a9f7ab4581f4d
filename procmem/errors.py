"""Errors for people, and how a wrong name is answered.

`UserError` means: the request or the outside world is at fault, and the message says what was received and what
would be right. The front door prints it as one line and leaves with exit code 2. `WorkError` means: the request was
good and the work failed all the same (a loss became NaN, a proof failed); one line, exit code 1. `StoppedError` means:
a signal asked the work to stop, and it can go on from where it stands; exit code 75. Everything else that escapes is
our own mistake and keeps its traceback.
"""

from __future__ import annotations

import difflib
import signal
from collections.abc import Iterable

STOPPED_EXIT_CODE = 75
"""EX_TEMPFAIL of sysexits.h: not a failure, try again later. SLURM can be told to requeue it (RequeueExit=75)."""

MOST_LISTED, FEW = 40, 10
"""Valid names that a message lists in full, and how many of more it lists."""


class UserError(ValueError):
    """A bad request or a missing outside condition; the message is complete for a person."""


class WorkError(RuntimeError):
    """The work itself failed; the message says where it stands and what is safe."""


class StoppedError(WorkError):
    """A signal asked the work to stop, and all of it so far is safe: the same command continues.

    Attributes:
        signal: the signal.
    """

    def __init__(self, message: str, received: signal.Signals) -> None:
        super().__init__(message)
        self.signal = received


def unknown_name(kind: str, received: str, valid: Iterable[str]) -> UserError:
    """Build the error for a name that is not in a registry, nearest valid names first.

    Args:
        kind: what the name names, for example ``"process"``.
        received: the name as received.
        valid: all valid names.
    """
    names = sorted(valid)
    if not names:
        return UserError(f"unknown {kind} {received!r}; there is none")
    near = difflib.get_close_matches(received, names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(repr(name) for name in near)}? " if near else ""
    listed = ", ".join(names if len(names) <= MOST_LISTED else [*names[:FEW], f"... ({len(names)} in all)"])
    return UserError(f"unknown {kind} {received!r}; {hint}valid: {listed}")
