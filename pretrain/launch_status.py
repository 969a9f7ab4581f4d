"""Where a launched run stands: what SLURM says of its job, and what the run folder says of the training."""

from __future__ import annotations

import dataclasses
import sys
import time
from pathlib import Path

from pretrain.config import PretrainConfig
from pretrain.launch import FOLDER, job_facts, job_of
from pretrain.metrics import read_metrics
from procmem.errors import UserError

LOOK_SECONDS = 2.0
OVER = ("COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "DEADLINE", "BOOT_FAIL", "")
"""States from which a job does not come back ("": SLURM has forgotten it). PREEMPTED is not one: it is requeued."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class LaunchStatus:
    """A launched run.

    Attributes:
        job_id: SLURM's.
        state: SLURM's word, such as PENDING or RUNNING; "" if it has forgotten the job.
        reason: why it waits, in SLURM's word; "" where it does not.
        nodes: where it runs.
        restarts: how often it was requeued.
        completed_steps: of the training, as of the last row of metrics.csv.
        total_steps: of the training.
        metrics: the last row of metrics.csv.
        log: of the first task.
    """

    job_id: str
    state: str
    reason: str
    nodes: str
    restarts: int
    completed_steps: int
    total_steps: int
    metrics: dict[str, float]
    log: str

    @property
    def is_over(self) -> bool:
        """Whether the job does not come back."""
        return self.state in OVER

    def describe(self) -> str:
        """A few lines for a person."""
        state = self.state or "no longer known to SLURM"
        where = f" on {self.nodes}" if self.nodes else ""
        why = f" ({self.reason})" if self.reason else ""
        numbers = [f"{name} {self.metrics[name]:.4g}" for name in ("loss", "images_per_second") if name in self.metrics]
        return (
            f"job {self.job_id}: {state}{where}{why}, restarts: {self.restarts}\n"
            f"step {self.completed_steps} of {self.total_steps}{', '.join(['', *numbers])}\n"
            f"log: {self.log}\n"
        )


def launch_status(run_folder: Path) -> LaunchStatus:
    """Ask SLURM and the run folder.

    Raises:
        UserError: if the run was not launched.
        WorkError: if SLURM does not answer.
    """
    job_id = job_of(run_folder)
    if not job_id:
        raise UserError(
            f"{str(run_folder)!r} has no job: procmem launch --config FILE --cluster FILE --run {run_folder}"
        )
    facts = job_facts(job_id)
    rows = read_metrics(run_folder / "metrics.csv")
    step = max(rows, default=0)
    config = PretrainConfig.from_yaml(run_folder / FOLDER / "config.yaml")
    return LaunchStatus(
        job_id=job_id,
        state=facts.get("JobState", ""),
        reason=facts.get("Reason", "None").replace("None", ""),
        nodes=facts.get("NodeList", "(null)").replace("(null)", ""),
        restarts=int(facts.get("Restarts", 0)),
        completed_steps=step,
        total_steps=config.optimization.total_steps,
        metrics=rows.get(step, {}),
        log=str(run_folder.resolve() / FOLDER / f"{job_id}_0_log.out"),
    )


def follow(run_folder: Path) -> LaunchStatus:
    """Write the log of the first task to standard output as it grows, until the job is over."""
    status = launch_status(run_folder)
    path, position = Path(status.log), 0
    while True:
        status = launch_status(run_folder)  # before the log, so that nothing of its end is left out
        if path.exists():
            with path.open("rb") as file:
                file.seek(position)
                text = file.read()
            position += len(text)
            sys.stdout.write(text.decode(errors="replace"))
            sys.stdout.flush()
        if status.is_over:
            return status
        time.sleep(LOOK_SECONDS)
