"""What `procmem launch` does; see `procmem.commands` for the conventions."""

from __future__ import annotations

import dataclasses
import functools
import sys
from pathlib import Path

from procmem.commands import assignments, pretrain, print_json
from procmem.errors import UserError, WorkError
from procmem.progress import say
from procmem.recipes import find_recipe


def launch(
    *,
    config: str | None = None,
    cluster: str = "slurm",
    run: Path | None = None,
    overrides: list[str] | None = None,
    probe: str | None = None,
    allow_changed_config: bool = False,
    dry_run: bool = False,
    status: Path | None = None,
    follow: bool = False,
    json: bool = False,
) -> None:
    """Train on a SLURM cluster: one process for each GPU of each node, requeued until the run is done.

    The run folder must be on a file system that all nodes see. A job that is preempted or reaches its time limit saves
    a checkpoint, is queued again and continues. To end it for good: scancel JOB.

    Args:
        config: a recipe: a YAML file, or the name of a shipped one such as gpu_one.
        cluster: what the job asks for: a YAML file like configs/cluster/slurm.yaml.
        run: run folder; the default is runs/ and the recipe's name.
        overrides: settings of the recipe to change, KEY=VALUE with dots.
        probe: real image set on which a kNN classifier is measured during training.
        allow_changed_config: continue although the recipe has changed.
        dry_run: print the batch script, and queue nothing; works without SLURM.
        status: run folder of a launched run; say where it stands, and do nothing else.
        follow: show the log as it grows, until the job is over.
        json: print the job, or its status, as JSON.
    """
    from pretrain.launch_status import follow as follow_log
    from pretrain.launch_status import launch_status

    folder = status
    if folder is None:
        if config is None:
            raise UserError("config is missing: procmem launch --config FILE --cluster FILE, or --status RUN")
        folder = run or Path("runs") / find_recipe(config, "pretrain").stem
        job_id = _launch(config, cluster, folder, overrides or [], probe, allow_changed_config, dry_run)
        if job_id is None:
            return
        say(f"job {job_id} is queued; procmem launch --status {folder} [--follow]")
    found = follow_log(folder) if follow else launch_status(folder)
    if json:
        print_json(dataclasses.asdict(found))
    else:
        sys.stdout.write(found.describe())
    if found.is_over and found.completed_steps < found.total_steps:
        raise WorkError(f"job {found.job_id} ended ({found.state or 'SLURM has forgotten it'}); see {found.log}")


def _launch(
    config: str,
    cluster: str,
    folder: Path,
    overrides: list[str],
    probe: str | None,
    allow_changed_config: bool,
    dry_run: bool,
) -> str | None:
    """Queue the job and return its id; None for a dry run."""
    from pretrain.config import PretrainConfig
    from pretrain.launch import FOLDER, ClusterConfig, batch_script, on_cluster, submit

    request = ClusterConfig.from_yaml(find_recipe(cluster, "cluster"))
    recipe = on_cluster(PretrainConfig.from_yaml(find_recipe(config, "pretrain"), assignments(overrides)), request)
    if dry_run:
        sys.stdout.write(batch_script(request, folder))
        return None
    folder = folder.resolve()
    resolved = folder / FOLDER / "config.yaml"  # the recipe as it is now: a requeued job must not see later edits
    do = functools.partial(
        pretrain, config=str(resolved), run=folder, probe=probe, allow_changed_config=allow_changed_config
    )
    return submit(request, folder, do, recipe)
