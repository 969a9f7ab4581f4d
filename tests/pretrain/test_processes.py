"""Two ranks against one, and a process that is killed. Run: pytest tests/pretrain/test_processes.py."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from pretrain.checkpoint import checkpoint_path, checkpoint_paths, load_checkpoint
from pretrain.config import PretrainConfig
from pretrain.metrics import read_metrics
from pretrain.train import pretrain
from procgen.process import Process

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def folder(
    tmp_path_factory: pytest.TempPathFactory,
    two_lane_config: PretrainConfig,
    contrastive_config: PretrainConfig,
    squares: Process,
) -> Path:
    """Holds "two", trained by this process and another as torchrun would start them, and "killed", left by SIGKILL."""
    folder = tmp_path_factory.mktemp("processes")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ranks = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    ranks |= {"TORCHELASTIC_RUN_ID": "test", "GROUP_RANK": "0", "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(Path(__file__).with_name("other_process.py")), str(folder)]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ranks.items():
            patch.setenv(name, value)
        other = subprocess.Popen(
            command, env=os.environ | {"RANK": "1", "LOCAL_RANK": "1"}, stderr=subprocess.PIPE, text=True
        )
        try:
            patch.setenv("RANK", "0")
            patch.setenv("LOCAL_RANK", "0")
            pretrain(two_lane_config, folder / "two", process=squares)
            pretrain(contrastive_config, folder / "two-contrastive", process=squares)
        finally:
            if torch.distributed.is_initialized():
                torch.distributed.destroy_process_group()
            errors = other.communicate(timeout=120)[1]
    assert other.returncode == -signal.SIGKILL, errors
    return folder


def assert_same_curve(ours: Path, theirs: Path) -> None:
    two, one = (read_metrics(run / "metrics.csv") for run in (ours, theirs))
    assert list(two) == list(one) == [2, 4, 6, 8, 10, 12]
    for step, row in one.items():
        assert two[step]["loss"] == pytest.approx(row["loss"], abs=1e-4)
        assert two[step]["gradient_norm"] == pytest.approx(row["gradient_norm"], rel=1e-2)


def test_two_ranks_learn_what_one_learns_from_the_same_batches(
    folder: Path, two_lane_config: PretrainConfig, squares: Process, tmp_path: Path
) -> None:
    """Equal but for rounding, which AdamW carries on: losses within 1e-4, weights within 2e-3 after 12 steps."""
    pretrain(two_lane_config, tmp_path, process=squares)
    assert_same_curve(folder / "two", tmp_path)
    ours, theirs = (load_checkpoint(checkpoint_path(run / "checkpoints", 12)) for run in (folder / "two", tmp_path))
    for name, tensor in ours["state_dict"].items():
        torch.testing.assert_close(tensor, theirs["state_dict"][name], atol=2e-3, rtol=0, msg=name)
    torch.testing.assert_close(
        ours["state_dict"]["loss.center"], theirs["state_dict"]["loss.center"], atol=1e-5, rtol=0
    )
    assert ours["procmem"]["stream"] == theirs["procmem"]["stream"]
    assert (ours["procmem"]["world_size"], theirs["procmem"]["world_size"]) == (2, 1)


def test_two_ranks_find_their_images_among_those_of_both(
    folder: Path, contrastive_config: PretrainConfig, squares: Process, tmp_path: Path
) -> None:
    pretrain(contrastive_config, tmp_path, process=squares)
    assert_same_curve(folder / "two-contrastive", tmp_path)


def test_a_killed_run_ends_bit_by_bit_where_a_straight_one_ends(
    folder: Path,
    tiny_config: PretrainConfig,
    squares: Process,
    tmp_path: Path,
    assert_same_weights: Callable[[Path, Path], None],
) -> None:
    """SIGKILL during step 8, of which no checkpoint tells: the steps since the one at 4 are made again."""
    killed = folder / "killed"
    assert checkpoint_paths(killed / "checkpoints") == [checkpoint_path(killed / "checkpoints", 4)]
    pretrain(tiny_config, tmp_path, process=squares)
    assert pretrain(tiny_config, killed, process=squares).resumed_from_step == 4
    assert_same_weights(*(checkpoint_path(run / "checkpoints", 12) for run in (killed, tmp_path)))
    ours, theirs = (read_metrics(run / "metrics.csv") for run in (killed, tmp_path))
    assert [ours[step]["loss"] for step in theirs] == [row["loss"] for row in theirs.values()]
