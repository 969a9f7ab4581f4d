"""Screening from end to end: examine what is not yet known, judge, and say what passed.

The result is a function of the programs, the probe and the thresholds on one driver: number of children, order of
arrival and interruptions leave no trace in it. Only the two machine-dependent reasons can differ (see `verdict`).
"""

from __future__ import annotations

import collections
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from procgen.programs import ShaderProgram, program_set_hash
from procgen.screening.children import examine_all
from procgen.screening.probe import Probe
from procgen.screening.record import Record
from procgen.screening.verdict import REASONS, Thresholds, Verdict, judge
from procmem.errors import UserError
from procmem.progress import progress

DEFAULT_TIME_LIMIT_SECONDS = 60.0
FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Screening:
    """What came of a screening.

    Attributes:
        programs: all programs, sorted by id.
        verdicts: one for each, in the same order.
        probe: what was rendered.
        thresholds: what was asked of it.
    """

    programs: tuple[ShaderProgram, ...]
    verdicts: tuple[Verdict, ...]
    probe: Probe
    thresholds: Thresholds

    @property
    def passed(self) -> tuple[ShaderProgram, ...]:
        """The programs that stay."""
        pairs = zip(self.programs, self.verdicts, strict=True)
        return tuple(program for program, verdict in pairs if verdict.reason is None)

    def yields(self) -> dict[str, dict[str, int]]:
        """Family -> {"programs", "passed" and each reason: how many}, and the same for "all"."""
        table: dict[str, collections.Counter[str]] = {}
        for program, verdict in zip(self.programs, self.verdicts, strict=True):
            for family in (program.family, "all"):
                table.setdefault(family, collections.Counter()).update(["programs", verdict.reason or "passed"])
        columns = ("programs", "passed", *REASONS)
        families = [*sorted(table.keys() - {"all"}), "all"]
        return {family: {column: table[family][column] for column in columns} for family in families}

    def to_dict(self) -> dict[str, Any]:
        """As JSON: what passed, what was rejected and why, and the set's hash before and after."""
        rejected = [asdict(verdict) for verdict in self.verdicts if verdict.reason is not None]
        return {
            "format": FORMAT,
            "program_set_hash_before": program_set_hash(self.programs),
            "program_set_hash": program_set_hash(self.passed),
            "probe": asdict(self.probe),
            "thresholds": asdict(self.thresholds),
            "yields": self.yields(),
            "programs": [{"id": program.id, "fingerprint": program.fingerprint} for program in self.passed],
            "rejected": rejected,
        }


def screen(
    programs: Sequence[ShaderProgram],
    record: Path,
    *,
    probe: Probe | None = None,
    thresholds: Thresholds | None = None,
    num_children: int = 1,
    time_limit_seconds: float = DEFAULT_TIME_LIMIT_SECONDS,
) -> Screening:
    """Screen programs.

    Args:
        programs: programs with different ids, in any order.
        record: file of findings; what it holds already is not rendered again.
        probe: what to render of each; None takes the defaults.
        thresholds: limits; None takes the defaults.
        num_children: rendering processes.
        time_limit_seconds: a program that keeps its process silent for longer is a killer.

    Raises:
        UserError: if there are no programs, two share an id, a number is out of range, the record belongs to other
            settings, or nothing can be rendered here.
        WorkError: if a rendering process dies before its first program.
    """
    probe, thresholds = probe or Probe(), thresholds or Thresholds()
    ordered = tuple(sorted(programs, key=lambda program: program.id))
    counts = collections.Counter(program.id for program in ordered)
    twice = [program_id for program_id, count in counts.items() if count > 1]
    if not ordered or twice:
        raise UserError(f"two programs are called {twice[0]!r}" if twice else "there are no programs to screen")
    kept = Record(record, {"probe": asdict(probe), "time_limit_seconds": time_limit_seconds})
    unknown = [program for program in ordered if kept.get(program.id, program.fingerprint) is None]
    examined = examine_all(unknown, probe, num_children=num_children, time_limit_seconds=time_limit_seconds)
    for finding in progress(examined, "screening", total=len(unknown), unit="program"):
        kept.add(finding)
    found = [kept.get(program.id, program.fingerprint) for program in ordered]
    verdicts = judge([finding for finding in found if finding is not None], thresholds)
    return Screening(programs=ordered, verdicts=verdicts, probe=probe, thresholds=thresholds)
