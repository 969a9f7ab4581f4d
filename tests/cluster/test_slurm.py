"""Jobs on a real SLURM: preempted, requeued, cancelled. Run: make test-cluster."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from pretrain.checkpoint import checkpoint_paths, load_checkpoint
from pretrain.launch_status import launch_status
from procmem.cli import main

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("slurm"), pytest.mark.timeout(1200)]

LAUNCH = ["launch", "--config", "recipe.yaml", "--cluster", "cluster.yaml"]


def run(*words):
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def test_a_job_that_is_preempted_and_requeued_ends_with_the_weights_of_an_uninterrupted_run(
    place, steps, wait_until, capsys
):
    """Preemption sends USR2 and the job is requeued by submitit; scontrol requeue sends TERM, and SLURM requeues."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "-m", "procmem", "--"]
    straight = subprocess.run(
        [*torchrun, "pretrain", "--config", "recipe.yaml", "--run", "straight"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert straight.returncode == 0, straight.stderr
    assert main([*LAUNCH, "--run", "run", "--json"]) == 0
    job_id = json.loads(capsys.readouterr().out)["job_id"]
    folder = place / "run"
    wait_until(lambda: steps(folder) > 3, "the job trains")
    assert main([*LAUNCH, "--run", "run"]) == 2
    assert f"has job {job_id}, which is RUNNING; end it first: scancel {job_id}" in capsys.readouterr().err

    run("sbatch", "--partition=high", "--ntasks=2", "--output=/dev/null", "--wrap=sleep 1")
    wait_until(lambda: launch_status(folder).restarts == 1, "the job is preempted and requeued")
    stood = steps(folder)
    assert stood < 80
    wait_until(lambda: steps(folder) > stood + 3, "the requeued job goes on")

    run("scontrol", "requeue", job_id)
    assert main(["launch", "--status", "run", "--follow"]) == 0
    said = capsys.readouterr().out
    assert f"job {job_id}: COMPLETED" in said
    assert "restarts: 2" in said
    assert "step 80 of 80" in said
    assert f"stopped: SIGUSR2 after step {stood} of 80" in said
    assert "stopped: SIGTERM after step" in said
    assert "not requeued from here" in said
    assert said.count("step 80 of 80") == 1
    assert launch_status(folder).is_over

    ours, theirs = (load_checkpoint(checkpoint_paths(f / "checkpoints")[-1]) for f in (folder, place / "straight"))
    assert ours["procmem"]["world_size"] == theirs["procmem"]["world_size"] == 2
    assert ours["procmem"]["completed_steps"] == 80
    for name, tensor in ours["state_dict"].items():
        assert torch.equal(tensor, theirs["state_dict"][name]), name


def test_a_cancelled_job_keeps_a_checkpoint_and_does_not_come_back(place, steps, wait_until, capsys):
    assert main([*LAUNCH, "--run", "run"]) == 0
    folder = place / "run"
    wait_until(lambda: steps(folder) > 3, "the job trains")
    run("scancel", launch_status(folder).job_id)
    status = wait_until(lambda: (found := launch_status(folder)).is_over and found, "the job is over")
    assert (status.state, status.restarts) == ("CANCELLED", 0)
    (checkpoint,) = checkpoint_paths(folder / "checkpoints")
    assert load_checkpoint(checkpoint)["procmem"]["completed_steps"] == steps(folder) < 80
    assert main(["launch", "--status", "run"]) == 1
    assert "ended (CANCELLED)" in capsys.readouterr().err


def test_what_slurm_refuses_is_said(place, capsys):
    (place / "cluster.yaml").write_text("partition: nowhere\ngpus_per_node: 0")
    assert main([*LAUNCH, "--run", "run"]) == 2
    said = capsys.readouterr().err.splitlines()[-1]  # after sbatch's own words
    assert said.startswith("procmem: error: SLURM refuses the job")
    assert "invalid partition specified: nowhere" in said


def test_an_array_of_tasks_makes_a_data_set(place, capsys):
    assert shutil.which("procmem"), "procmem is installed beside this Python"
    words = ["generate", "spectrum", "--images", "8", "--size", "16", "--block-size", "4", "--output", "set"]
    assert main([*words, "--workers", "1", "--slurm-array", "2"]) == 0
    (place / "array.sh").write_text(capsys.readouterr().out)
    run("sbatch", "--wait", "--output=/dev/null", "array.sh")
    assert main(["generate", "--merge", "set"]) == 0
    assert main(["generate", "--verify", "set"]) == 0


def test_a_signal_to_one_of_two_processes_stops_both_after_the_same_step(place, steps, wait_until):
    """Lightning starts the second process; only that one hears the signal."""
    words = ["pretrain", "--config", "recipe.yaml", "--run", "run", "--overrides", "devices=2"]
    process = subprocess.Popen([sys.executable, "-m", "procmem", *words], stderr=subprocess.PIPE, text=True)
    wait_until(lambda: steps(place / "run") > 3, "the run trains")
    (second,) = (int(pid) for pid in run("pgrep", "--parent", str(process.pid)).split() if rank_of(pid) == "1")
    os.kill(second, signal.SIGUSR1)
    _, said = process.communicate(timeout=200)
    assert process.returncode == 75, said
    (checkpoint,) = checkpoint_paths(place / "run" / "checkpoints")
    step = load_checkpoint(checkpoint)["procmem"]["completed_steps"]
    assert 3 < step < 80
    assert said.count(f"procmem: stopped: SIGUSR1 after step {step} of 80") == 2


def rank_of(pid):
    """LOCAL_RANK of a process."""
    words = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return dict(word.split("=", 1) for word in words if "=" in word).get("LOCAL_RANK")
