"""One program under the lamp: a few small draws, rendered, timed and measured.

All programs are drawn with the same random numbers (the program's id is not in the key), so that two programs of one
structure show themselves as near-duplicates. The smaller size comes first: it compiles, it is a quarter of the work,
and a program that never returns is met there.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from procgen.programs import ShaderProgram
from procgen.renderer import Renderer
from procgen.screening.measures import GRID, Measures, embed, measure
from procmem.errors import UserError

Failure = Literal["killer", "error"]
TIMED_RENDERS = 3  # after the one that compiles; the median is taken


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What is rendered of every program; fixes the findings.

    Attributes:
        num_draws: rows of parameters.
        image_size_px: side of the images that are measured; thresholds are made for 64.
        cost_size_px: side of the images that are timed.
        root_seed: fixes the parameters.

    Raises:
        UserError: if there is no draw, or a size is no positive multiple of 4.
    """

    num_draws: int = 4
    image_size_px: int = 64
    cost_size_px: int = 32
    root_seed: int = 0

    def __post_init__(self) -> None:
        if self.num_draws < 1:
            raise UserError(f"num_draws must be at least 1, got {self.num_draws}")
        for name, size in (("image_size_px", self.image_size_px), ("cost_size_px", self.cost_size_px)):
            if size < GRID or size % GRID:
                raise UserError(f"{name} must be a positive multiple of {GRID}, got {size}")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What was found out about one program; thresholds play no part in it.

    Attributes:
        program_id: the program.
        program_fingerprint: `ShaderProgram.fingerprint`; a changed program is another program.
        failure: "killer" (no answer in time, or its process died), "error" (does not compile or render), else None.
        message: what happened, where something failed.
        measures: None after a failure.
        cost_ms: median time for one image of `Probe.cost_size_px` without compilation; not reproducible.
        embedding: bytes of all draws, empty after a failure.
    """

    program_id: str
    program_fingerprint: str
    failure: Failure | None = None
    message: str = ""
    measures: Measures | None = None
    cost_ms: float = 0.0
    embedding: bytes = b""

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self) | {"embedding": self.embedding.hex()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Finding:
        """Back from JSON.

        Raises:
            KeyError, TypeError, ValueError: if this is not what `to_dict` gives.
        """
        measures = values["measures"]
        return cls(
            **values
            | {
                "measures": None if measures is None else Measures(**measures),
                "embedding": bytes.fromhex(values["embedding"]),
            }
        )


def draw(program: ShaderProgram, probe: Probe) -> npt.NDArray[np.float32]:
    """The parameters (num_draws, P) float32 under which a program is probed."""
    return program.draw_parameters(probe.root_seed, "screening", counters=np.arange(probe.num_draws))


def examine(program: ShaderProgram, probe: Probe, renderer: Renderer, beat: Callable[[], None]) -> Finding:
    """Render and measure one program; what it does wrong becomes a finding.

    Args:
        program: the program.
        probe: what to render.
        renderer: renders.
        beat: called between steps that cannot be interrupted.
    """
    unknown = Finding(program_id=program.id, program_fingerprint=program.fingerprint)
    size = probe.cost_size_px
    try:
        parameters = draw(program, probe)
        renderer.render(program, parameters, size, size)
        seconds = []
        for _ in range(TIMED_RENDERS):
            beat()
            start = time.perf_counter()
            renderer.render(program, parameters, size, size)
            seconds.append(time.perf_counter() - start)
        beat()
        images = renderer.render(program, parameters, probe.image_size_px, probe.image_size_px).numpy()
    except UserError as error:
        return replace(unknown, failure="error", message=str(error))
    return replace(
        unknown,
        measures=measure(images),
        cost_ms=round(1000 * statistics.median(seconds) / probe.num_draws, 3),
        embedding=embed(images).tobytes(),
    )
