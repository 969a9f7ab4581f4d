"""A SLURM to submit to, the smallest recipe without OpenGL, and patience."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from pretrain.metrics import read_metrics

PATIENCE_SECONDS = 400

RECIPE = """
process: spectrum
image_size_px: 16
block_size: 16
images_per_program: 1
backbone: {name: vit_tiny_patch16_224, patch_size_px: 8, options: {depth: 1, embed_dim: 24, num_heads: 2}}
crops: {global_crop_px: 16, local_crop_px: 8, num_local_crops: 1}
head: {num_prototypes: 16, hidden_size: 8, bottleneck_size: 4}
optimization: {images: 320, batch_size: 4, warmup_images: 40, frozen_prototypes_images: 0}
precision: float32
blocks_per_batch: 2
log_every_steps: 1
"""
CLUSTER = """
partition: low
gpus_per_node: 0
tasks_per_node: 2
cpus_per_task: 1
time_minutes: 30
"""


@pytest.fixture
def slurm():
    """Skips where no SLURM answers."""
    try:
        answer = subprocess.run(["sinfo", "--noheader"], capture_output=True, text=True, timeout=20, check=False)
    except OSError:
        answer = None
    if answer is None or answer.returncode:
        pytest.skip("no SLURM answers; make test-cluster starts one")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with recipe.yaml (80 steps) and cluster.yaml (two processes on processors), as the current one."""
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    (tmp_path / "cluster.yaml").write_text(CLUSTER)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
    monkeypatch.setenv("PROCMEM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def wait_until():
    """Wait for a condition and return its value; the message names what did not happen."""
    return _wait_until


@pytest.fixture
def steps():
    """Completed steps that a run's metrics.csv tells of."""
    return lambda run: max(read_metrics(run / "metrics.csv"), default=0)


def _wait_until(condition, what):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (result := condition()):
        assert time.monotonic() < deadline, f"after {PATIENCE_SECONDS} s: {what}"
        time.sleep(0.2)
    return result
