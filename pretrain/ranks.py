"""Who starts the processes of a run, and therefore how many there are: torchrun, SLURM's srun, or Lightning itself.

torchrun and srun start one process for each device, each with the same command; their number is in the environment,
and that, not the recipe, decides ``devices`` and ``num_nodes``. Started alone, the recipe decides, and Lightning starts
the others of this machine. Lightning's detection was not kept: it takes every process in a SLURM allocation for one
of srun's, warns on every login node, and requeues jobs by itself, which `pretrain.launch` does.
"""

from __future__ import annotations

import dataclasses
import os

import torch
from lightning.fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment

from pretrain.config import PretrainConfig
from procmem.errors import UserError
from procmem.progress import say


def placed(config: PretrainConfig) -> PretrainConfig:
    """The configuration with the devices and nodes of the processes that were started.

    Raises:
        UserError: if the batch cannot be dealt to so many, or srun did not say how many tasks a node has.
    """
    started = _started_elsewhere()
    if started is None or started == (config.devices, config.num_nodes):
        return config
    devices, num_nodes = started
    if _rank() == 0:
        say(f"devices: {devices}, num_nodes: {num_nodes}, by {'torchrun' if _is_torchrun() else 'srun'}")
    return dataclasses.replace(config, devices=devices, num_nodes=num_nodes)


def cluster_environment() -> ClusterEnvironment:
    """How this process finds the others, for Lightning's Trainer; it never requeues a job."""
    if _is_torchrun():
        return TorchElasticEnvironment()
    return SLURMEnvironment(auto_requeue=False) if _is_srun() else LightningEnvironment()


def _started_elsewhere() -> tuple[int, int] | None:
    """(devices, num_nodes) of processes that torchrun or srun started."""
    environment = os.environ
    if _is_torchrun():
        devices = int(environment["LOCAL_WORLD_SIZE"])
        return devices, int(environment["WORLD_SIZE"]) // devices
    if not _is_srun():
        return None
    tasks, num_nodes = int(environment["SLURM_STEP_NUM_TASKS"]), int(environment["SLURM_STEP_NUM_NODES"])
    if "SLURM_NTASKS_PER_NODE" not in environment:
        raise UserError(
            f"srun started {tasks} tasks on {num_nodes} nodes without saying how many on each; "
            f"start them with srun --nodes={num_nodes} --ntasks-per-node={-(-tasks // num_nodes)}"
        )
    return tasks // num_nodes, num_nodes


def _is_torchrun() -> bool:
    return torch.distributed.is_torchelastic_launched()


def _is_srun() -> bool:
    """Whether this is one of several tasks of a job step; a batch script has none, and srun --pty bash has one."""
    return int(os.environ.get("SLURM_STEP_NUM_TASKS", 1)) > 1 and "SLURM_NTASKS" in os.environ


def _rank() -> int:
    return int(os.environ.get("RANK") or os.environ.get("SLURM_PROCID") or 0)
