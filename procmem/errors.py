"""Errors for people, and how a wrong name is answered.

`UserError` means: the request or the outside world is at fault, and the message says what was received and what
would be right. The front door prints it as one line and leaves with exit code 2. `WorkError` means: the request was
good and the work failed all the same (a loss became NaN, a proof failed); one line, exit code 1. Everything else that
escapes is our own mistake and keeps its traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """A bad request or a missing outside condition; the message is complete for a person."""


class WorkError(RuntimeError):
    """The work itself failed; the message says where it stands and what is safe."""


def unknown_name(kind: str, received: str, valid: Iterable[str]) -> UserError:
    """Build the error for a name that is not in a registry, nearest valid names first.

    Args:
        kind: what the name names, for example ``"process"``.
        received: the name as received.
        valid: all valid names.
    """
    names = sorted(valid)
    near = difflib.get_close_matches(received, names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(repr(name) for name in near)}? " if near else ""
    return UserError(f"unknown {kind} {received!r}; {hint}valid: {', '.join(names)}")
