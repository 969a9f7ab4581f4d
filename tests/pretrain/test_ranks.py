"""How many processes there are, as torchrun and srun say it. Run: pytest tests/pretrain/test_ranks.py."""

from __future__ import annotations

import dataclasses

import pytest
from lightning.fabric.plugins.environments import LightningEnvironment, SLURMEnvironment, TorchElasticEnvironment

from pretrain.config import PretrainConfig
from pretrain.ranks import cluster_environment, placed
from procmem.errors import UserError

TORCHRUN = {"TORCHELASTIC_RUN_ID": "x", "LOCAL_WORLD_SIZE": "2", "WORLD_SIZE": "4", "RANK": "1"}
ALLOCATION = {"SLURM_JOB_ID": "7", "SLURM_NTASKS": "8", "SLURM_NTASKS_PER_NODE": "4", "SLURM_PROCID": "0"}
TASK = ALLOCATION | {"SLURM_STEP_NUM_TASKS": "8", "SLURM_STEP_NUM_NODES": "2"}


@pytest.fixture(autouse=True)
def no_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in {*TORCHRUN, *TASK}:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("environment", "expected", "kind"),
    [
        ({}, (1, 1), LightningEnvironment),
        (TORCHRUN, (2, 2), TorchElasticEnvironment),
        (TASK, (4, 2), SLURMEnvironment),
        (TASK | TORCHRUN, (2, 2), TorchElasticEnvironment),  # torchrun started by srun, once on each node
        (ALLOCATION, (1, 1), LightningEnvironment),  # the batch script itself
        (TASK | {"SLURM_STEP_NUM_TASKS": "1"}, (1, 1), LightningEnvironment),  # a shell on a node: srun --pty bash
    ],
)
def test_what_starts_the_processes_decides_devices_and_nodes(
    environment: dict[str, str],
    expected: tuple[int, int],
    kind: type,
    tiny_config: PretrainConfig,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    optimization = dataclasses.replace(tiny_config.optimization, accumulation=1)
    config = dataclasses.replace(tiny_config, optimization=optimization)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    made = placed(config)
    assert (made.devices, made.num_nodes, made.world_size) == (*expected, expected[0] * expected[1])
    assert made.fingerprint == config.fingerprint
    assert type(cluster_environment()) is kind
    assert not getattr(cluster_environment(), "auto_requeue", False)


def test_tasks_of_unknown_number_on_a_node_and_batches_that_cannot_be_dealt_are_refused(
    tiny_config: PretrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in TASK.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "10")
    with pytest.raises(UserError, match=r"devices \* num_nodes \* accumulation = 20, got 16"):
        placed(tiny_config)
    monkeypatch.delenv("SLURM_NTASKS_PER_NODE")
    with pytest.raises(UserError, match="srun --nodes=2 --ntasks-per-node=5"):
        placed(tiny_config)
