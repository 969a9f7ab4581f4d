"""Launching without a SLURM: requests, scripts, who requeues (with one: tests/cluster).

Run: pytest tests/pretrain/test_launch.py.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import submitit

from pretrain import launch, launch_status
from pretrain.config import PretrainConfig
from pretrain.launch import ClusterConfig, Work, batch_script, on_cluster, submit
from procmem.errors import StoppedError, UserError, WorkError

JOB = (
    "JobId=7 JobName=mine JobState={state} Reason={reason} Restarts=2 NodeList={nodes} Comment=a b=c "
    "TimeLimit=01:00:00\n"
)


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs that stand in for SLURM's; write `say` to decide what scontrol answers."""
    programs = tmp_path / "bin"
    programs.mkdir()
    scripts = {
        "scontrol": f'echo "$@" >> {tmp_path}/asked; cat {tmp_path}/say; exit $(cat {tmp_path}/code)',
        "sacct": f"cat {tmp_path}/accounting",
        "sbatch": "echo Submitted batch job 7",
        "srun": "exit 1",
    }
    for name, text in scripts.items():
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    for name, text in {"say": "", "code": "0", "accounting": ""}.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    return tmp_path


def answer(place: Path, state: str, reason: str = "None", nodes: str = "(null)") -> None:
    (place / "say").write_text(JOB.format(state=state, reason=reason, nodes=nodes))


def test_the_script_asks_for_what_the_cluster_file_says(tmp_path: Path) -> None:
    cluster = ClusterConfig(
        partition="gpu",
        nodes=2,
        gpus_per_node=4,
        cpus_per_task=6,
        memory_gb=1.5,
        time_minutes=90,
        signal_seconds=100,
        setup=["module load cuda"],
        sbatch={"mail-type": "END"},
    )
    script = batch_script(cluster, tmp_path / "mine")
    for line in (
        "#SBATCH --partition=gpu",
        "#SBATCH --nodes=2",
        "#SBATCH --ntasks-per-node=4",
        "#SBATCH --gpus-per-node=4",
        "#SBATCH --cpus-per-task=6",
        "#SBATCH --mem=1536M",
        "#SBATCH --time=90",
        "#SBATCH --signal=USR2@100",
        "#SBATCH --requeue",
        "#SBATCH --open-mode=append",
        "#SBATCH --mail-type=END",
        "#SBATCH --job-name=mine",
        "module load cuda",
    ):
        assert line in script.splitlines()
    command = script.splitlines()[-1]
    assert command.startswith("srun ")
    assert "--cpus-per-task=6 --kill-on-bad-exit=1" in command
    assert str(tmp_path / "mine" / "slurm" / "%j_%t_log.out") in command
    assert "wckey" not in script
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0
    assert not list(tmp_path.iterdir())
    processors = batch_script(ClusterConfig(gpus_per_node=0, tasks_per_node=2), tmp_path)
    assert "#SBATCH --ntasks-per-node=2" in processors
    assert "gpus" not in processors


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gpus_per_nod: 8", "did you mean 'gpus_per_node'"),
        ("nodes: two", "nodes must be a whole number, got 'two'"),
        ("nodes: 0", "nodes must be at least 1, got 0"),
        (
            "{gpus_per_node: 4, tasks_per_node: 2}",
            "one process trains on one GPU: tasks_per_node is 2, gpus_per_node 4",
        ),
        ("setup: module load cuda", "setup must be"),
    ],
)
def test_wrong_cluster_files_are_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "cluster.yaml").write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        ClusterConfig.from_yaml(tmp_path / "cluster.yaml")
    assert "cluster.yaml" in str(caught.value)


def test_a_batch_that_cannot_be_dealt_is_refused_before_anything_is_queued(tiny_config: PretrainConfig) -> None:
    with pytest.raises(UserError, match=r"devices \* num_nodes \* accumulation = 48, got 16"):
        on_cluster(tiny_config, ClusterConfig(nodes=3, gpus_per_node=8))
    assert on_cluster(tiny_config, ClusterConfig(nodes=2, gpus_per_node=4)).world_size == 8


def test_without_slurm_or_submitit_the_message_says_what_to_do(
    tiny_config: PretrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="launch from a login node of the cluster, or see the script with --dry-run"):
        submit(ClusterConfig(), tmp_path / "run", print, tiny_config)
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(UserError, match=r"pip install 'procmem\[cluster\]'"):
        batch_script(ClusterConfig(), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_run_with_a_job_is_not_launched_twice(tiny_config: PretrainConfig, slurm: Path) -> None:
    run = slurm / "run"
    assert submit(ClusterConfig(), run, print, tiny_config) == "7"
    assert PretrainConfig.from_yaml(run / "slurm" / "config.yaml") == tiny_config
    for state in ("RUNNING", "PENDING"):
        answer(slurm, state)
        with pytest.raises(UserError, match=f"has job 7, which is {state}; end it first: scancel 7"):
            submit(ClusterConfig(), run, print, tiny_config)
    answer(slurm, "COMPLETED")
    assert submit(ClusterConfig(), run, print, tiny_config) == "7"


def test_a_status_joins_what_slurm_and_the_run_folder_say(tiny_config: PretrainConfig, slurm: Path) -> None:
    run = slurm / "run"
    with pytest.raises(UserError, match="has no job: procmem launch"):
        launch_status.launch_status(run)
    submit(ClusterConfig(), run, print, tiny_config)
    answer(slurm, "PENDING", reason="Priority")
    waiting = launch_status.launch_status(run)
    assert waiting.describe().splitlines()[:2] == ["job 7: PENDING (Priority), restarts: 2", "step 0 of 12"]
    (run / "metrics.csv").write_text("step,loss,images_per_second\n2,3.5,10\n4,3.25,12\n")
    answer(slurm, "RUNNING", nodes="node[1-2]")
    running = launch_status.launch_status(run)
    assert "job 7: RUNNING on node[1-2]" in running.describe()
    assert "step 4 of 12, loss 3.25, images_per_second 12" in running.describe()
    assert not running.is_over
    (slurm / "code").write_text("1")
    (slurm / "bin" / "scontrol").write_text("#!/bin/sh\necho Invalid job id specified >&2; exit 1\n")
    assert launch_status.launch_status(run).describe().startswith("job 7: no longer known to SLURM, restarts: 0")
    (slurm / "accounting").write_text("CANCELLED by 0\n")
    assert launch_status.launch_status(run).state == "CANCELLED"
    (slurm / "bin" / "scontrol").write_text("#!/bin/sh\necho Unable to contact controller >&2; exit 1\n")
    with pytest.raises(WorkError, match="SLURM does not answer: Unable to contact controller"):
        launch_status.launch_status(run)


def test_a_job_is_over_where_slurm_does_not_bring_it_back() -> None:
    status = launch_status.LaunchStatus(
        job_id="7", state="", reason="", nodes="", restarts=0, completed_steps=0, total_steps=1, metrics={}, log=""
    )
    over = ["COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "DEADLINE", "BOOT_FAIL"]
    for state in ("", *over):
        assert dataclasses.replace(status, state=state).is_over
    for state in ("PENDING", "CONFIGURING", "RUNNING", "COMPLETING", "PREEMPTED", "REQUEUED", "SUSPENDED"):
        assert not dataclasses.replace(status, state=state).is_over


def test_the_log_is_shown_once_and_to_its_end(
    tiny_config: PretrainConfig, slurm: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = slurm / "run"
    submit(ClusterConfig(), run, print, tiny_config)
    capsys.readouterr()
    answer(slurm, "RUNNING")
    log = run / "slurm" / "7_0_log.out"
    parts = iter(["one\n", "two\n", None])

    def pass_time(seconds: float) -> None:
        if (part := next(parts)) is None:
            answer(slurm, "COMPLETED")
            part = "end\n"
        with log.open("a") as file:
            file.write(part)

    monkeypatch.setattr(launch_status, "time", types.SimpleNamespace(sleep=pass_time))
    assert launch_status.follow(run).state == "COMPLETED"
    assert capsys.readouterr().out == "one\ntwo\nend\n"


@pytest.mark.parametrize(("state", "requeued"), [("RUNNING", True), ("COMPLETING", False), ("CANCELLED", False)])
def test_a_stopped_job_is_requeued_by_submitit_unless_slurm_has_decided(
    state: str, requeued: bool, slurm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What submitit's handler does is real: it stores the work again and asks scontrol to requeue."""
    for name, value in {"SUBMITIT_EXECUTOR": "slurm", "SUBMITIT_FOLDER": str(slurm), "SLURM_PROCID": "0"}.items():
        monkeypatch.setenv(name, value)
    answer(slurm, state)
    work = Work(stop)
    environment = submitit.JobEnvironment()
    delayed = submitit.core.utils.DelayedSubmission(work)
    delayed.set_timeout(60, 5)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGCONT, signal.SIGUSR2)}
    environment._handle_signals(environment.paths, delayed)
    try:
        with pytest.raises(SystemExit) as left:
            work()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    asked = (slurm / "asked").read_text().splitlines()
    assert ("requeue 7" in asked) is requeued
    assert left.value.code == (-1 if requeued else 75)
    assert environment.paths.submitted_pickle.exists() is requeued


def test_other_tasks_wait_until_the_first_has_requeued(slurm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """submitit's handler does nothing there; SLURM's SIGTERM, which comes with the requeueing, ends the wait."""
    answer(slurm, "RUNNING")
    monkeypatch.setattr(launch, "LAST_WORDS_SECONDS", 100.0)  # SIGTERM ends it, not the time
    termination = signal.getsignal(signal.SIGTERM)
    before = signal.signal(signal.SIGUSR2, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    try:
        with pytest.raises(SystemExit) as left:
            Work(stop)()
    finally:
        signal.signal(signal.SIGUSR2, before)
        signal.signal(signal.SIGTERM, termination)
    assert left.value.code == 75


def stop(*_: Any) -> None:
    raise StoppedError("SIGUSR2 after step 3", signal.SIGUSR2)
