"""Training on a SLURM cluster: one job, one task for each device, requeued until the run is done.

submitit writes the batch script, carries the work to the tasks and requeues; nothing else does (Lightning's requeueing
is off). A signal ends the step, saves a checkpoint (`pretrain.callbacks`), and only then is passed on to submitit.
When SLURM itself has already decided about the job (cancelled, requeued, out of time), nobody requeues it.

The run folder must be on a file system that all nodes see: no program on the submitting machine can check that.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from pretrain.config import PretrainConfig
from procmem.errors import STOPPED_EXIT_CODE, StoppedError, UserError, WorkError
from procmem.files import make_folder, read_json, write_json
from procmem.progress import say
from procmem.strict_yaml import build, check_range, read_yaml

FOLDER = "slurm"
"""In the run folder: the batch script, what submitit carries, one log for each task, job.json."""
LAST_WORDS_SECONDS = 60.0
"""How long the other tasks wait for the first one to requeue the job."""
LOOK_SECONDS = 0.1


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClusterConfig:
    """What a job asks of SLURM.

    Attributes:
        partition: where it is queued; None is the cluster's default.
        nodes: machines.
        gpus_per_node: GPUs of each, one task for each; 0 trains on processors.
        tasks_per_node: processes on each machine; None is one for each GPU, or 1 without.
        cpus_per_task: cores of each task; render workers (num_workers) run on them.
        memory_gb: of each machine; None is the cluster's default.
        time_minutes: time limit; a job that reaches it is requeued.
        signal_seconds: how long before the limit the job is told to save; a step and a checkpoint must fit.
        max_time_limits: how often a job may reach its limit; preemptions do not count.
        account: whom the time is charged to.
        qos: quality of service.
        constraint: features of the nodes.
        setup: lines of bash before the work, for example ``module load cuda``.
        sbatch: further options of sbatch, name -> value.
    """

    partition: str | None = None
    nodes: int = 1
    gpus_per_node: int = 1
    tasks_per_node: int | None = None
    cpus_per_task: int = 8
    memory_gb: float | None = None
    time_minutes: int = 24 * 60
    signal_seconds: int = 120
    max_time_limits: int = 100
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    setup: list[str] = dataclasses.field(default_factory=list)
    sbatch: dict[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        check_range(self, ["nodes", "tasks", "cpus_per_task", "time_minutes", "signal_seconds"], 1)
        check_range(self, ["gpus_per_node", "max_time_limits"], 0)
        if self.gpus_per_node and self.tasks != self.gpus_per_node:
            raise UserError(
                f"one process trains on one GPU: tasks_per_node is {self.tasks}, gpus_per_node {self.gpus_per_node}; "
                "leave tasks_per_node out"
            )

    @classmethod
    def from_yaml(cls, path: Path) -> ClusterConfig:
        """Read a cluster file.

        Raises:
            UserError: if the file, a key or a value is wrong.
        """
        try:
            return build(cls, read_yaml(path))
        except UserError as error:
            raise UserError(f"{path}: {error}") from error

    @property
    def tasks(self) -> int:
        """Processes on each machine."""
        return self.tasks_per_node if self.tasks_per_node is not None else max(1, self.gpus_per_node)

    def submitit_parameters(self, name: str) -> dict[str, Any]:
        """Arguments of submitit's executor."""
        optional = {key: getattr(self, key) for key in ("partition", "account", "qos", "constraint")}
        optional["gpus_per_node"] = self.gpus_per_node or None
        optional["mem"] = None if self.memory_gb is None else f"{self.memory_gb * 1024:.0f}M"
        optional["setup"] = self.setup or None
        return {key: value for key, value in optional.items() if value is not None} | {
            "job_name": name,
            "nodes": self.nodes,
            "ntasks_per_node": self.tasks,
            "cpus_per_task": self.cpus_per_task,
            "time": self.time_minutes,
            "signal_delay_s": self.signal_seconds,
            "stderr_to_stdout": True,
            "wckey": None,  # submitit's own would be refused where accounting keys are checked
            # Since SLURM 22.05 srun no longer takes over the batch script's --cpus-per-task. A task that dies takes the
            # others with it: they would wait for it in a collective until a timeout of half an hour.
            "srun_args": [f"--cpus-per-task={self.cpus_per_task}", "--kill-on-bad-exit=1"],
            "additional_parameters": {"requeue": True} | self.sbatch,
        }


class Work:
    """What submitit carries to every task: something to do, again and again until it is done.

    Args:
        do: picklable, and able to continue where it stopped; a signal makes it raise `StoppedError`.
    """

    def __init__(self, do: Callable[[], object]) -> None:
        self.do = do

    def __call__(self) -> None:
        """Do it; after a signal, requeue the job if SLURM has not decided otherwise, and leave.

        Raises:
            SystemExit: after a signal.
            submitit.core.utils.UncompletedJobError: if the job has reached its time limit too often.
        """
        try:
            self.do()
        except StoppedError as stopped:
            say(f"stopped: {stopped}")
            sys.stderr.flush()
            state = job_state(os.environ["SLURM_JOB_ID"])
            if state == "RUNNING":
                _requeue()
            else:
                say(f"not requeued from here: the job is {state or 'unknown to SLURM'}")
            raise SystemExit(STOPPED_EXIT_CODE) from stopped

    def checkpoint(self) -> Any:
        """What submitit runs when the job starts again: the same."""
        return _submitit().helpers.DelayedSubmission(self)


def _requeue() -> None:
    """Pass the request on to submitit, whose handler is in place again: the first task requeues the job and leaves.

    The others must not leave before (``--kill-on-bad-exit`` would end the first): they wait for SLURM's SIGTERM.
    """
    terminations: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: terminations.append(number))
    signal.raise_signal(_submitit().JobEnvironment._usr_sig())
    deadline = time.monotonic() + LAST_WORDS_SECONDS
    while not terminations and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)


def submit(cluster: ClusterConfig, run_folder: Path, do: Callable[[], object], config: PretrainConfig) -> str:
    """Queue a job.

    Args:
        cluster: what it asks for.
        run_folder: on a file system that all nodes see.
        do: see `Work`.
        config: what is trained, kept as ``slurm/config.yaml``.

    Returns:
        SLURM's job id.

    Raises:
        UserError: if submitit or SLURM is not here, the run has a job already, or SLURM refuses the request.
    """
    if shutil.which("sbatch") is None or shutil.which("srun") is None:
        raise UserError(
            "there is no SLURM on this machine (sbatch and srun are not found): launch from a login node of the "
            "cluster, or see the script with --dry-run"
        )
    executor = _executor(cluster, run_folder)
    earlier = job_of(run_folder)
    state = job_state(earlier) if earlier else ""
    if state in ("PENDING", "RUNNING", "COMPLETING", "CONFIGURING", "SUSPENDED", "REQUEUED"):
        raise UserError(f"run {str(run_folder)!r} has job {earlier}, which is {state}; end it first: scancel {earlier}")
    config.to_yaml(make_folder(run_folder / FOLDER) / "config.yaml")
    try:
        job_id = str(executor.submit(Work(do)).job_id)
    except (_submitit().core.utils.FailedJobError, _submitit().core.utils.FailedSubmissionError) as error:
        raise UserError(f"SLURM refuses the job: {' '.join(str(error).split())}") from error
    write_json(run_folder / FOLDER / "job.json", {"job_id": job_id, "cluster": dataclasses.asdict(cluster)})
    return job_id


def batch_script(cluster: ClusterConfig, run_folder: Path) -> str:
    """The script that `submit` would give to sbatch; no SLURM is needed."""
    executor = _executor(cluster, run_folder)
    return str(executor._make_submission_file_text(executor._submitit_command_str, "dry_run"))


def _executor(cluster: ClusterConfig, run_folder: Path) -> Any:
    submitit = _submitit()

    class Executor(submitit.SlurmExecutor):  # type: ignore[misc, name-defined]
        @classmethod
        def affinity(cls) -> int:
            """Whether this executor can work here; `submit` has asked that, and a dry run need not."""
            return 2

    executor = Executor(folder=run_folder.resolve() / FOLDER, max_num_timeout=cluster.max_time_limits)
    try:
        executor.update_parameters(**cluster.submitit_parameters(run_folder.name))
    except (ValueError, TypeError) as error:
        raise UserError(f"submitit does not take these settings: {error}") from error
    return executor


def on_cluster(config: PretrainConfig, cluster: ClusterConfig) -> PretrainConfig:
    """The run on the cluster's devices and nodes.

    Raises:
        UserError: if the batch cannot be dealt to so many.
    """
    return dataclasses.replace(config, devices=cluster.tasks, num_nodes=cluster.nodes)


def job_of(run_folder: Path) -> str:
    """Id of the last job of a run; "" if it has none."""
    record = run_folder / FOLDER / "job.json"
    return str(read_json(record)["job_id"]) if record.exists() else ""


def job_state(job_id: str) -> str:
    """SLURM's word for the state of a job, such as RUNNING; "" if SLURM does not know it (any more)."""
    return job_facts(job_id).get("JobState", "")


def job_facts(job_id: str) -> dict[str, str]:
    """What ``scontrol show job`` says; where the job has left the controller, what the accounting says (State only).

    Raises:
        WorkError: if SLURM does not answer.
    """
    try:
        shown = _run("scontrol", "--oneliner", "show", "job", job_id)
        if shown.returncode == 0:
            return dict(word.split("=", 1) for word in shown.stdout.split() if "=" in word)
        if "Invalid job id" not in shown.stderr:
            raise WorkError(f"SLURM does not answer: {' '.join(shown.stderr.split())}")
        record = _run("sacct", "--noheader", "--allocations", "--parsable2", "--jobs", job_id, "--format", "State")
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WorkError(f"SLURM does not answer: {error}") from error
    words = record.stdout.split()
    return {"JobState": words[0]} if record.returncode == 0 and words else {}


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)


def _submitit() -> ModuleType:
    try:
        import submitit
        import submitit.helpers
    except ImportError as error:
        raise UserError("launching needs submitit: pip install 'procmem[cluster]'") from error
    return submitit
