"""MATLAB files, as many data sets keep their labels."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

from procmem.errors import UserError


def read_matlab(path: Path, variable: str, *, squeeze: bool = True) -> Any:
    """One variable of a .mat file (up to version 7).

    Raises:
        UserError: if the file is missing or damaged, or has no such variable.
    """
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        return loadmat(path, squeeze_me=squeeze)[variable]
    except (OSError, ValueError, KeyError, TypeError, NotImplementedError, zlib.error, MatReadError) as error:
        raise UserError(f"cannot read {variable} from {str(path)!r}: {error}") from error
