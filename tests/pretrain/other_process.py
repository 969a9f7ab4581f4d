"""What another process does in `test_processes.py`: be the second of two ranks, then train alone and be killed.

One process for both, because starting one costs seconds. Run by the test: python other_process.py FOLDER.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import torch
from conftest import Squares, tiny, two_lanes, two_lanes_contrastive

from pretrain.callbacks import Embed
from pretrain.train import pretrain

KILLED_AT = 7


def kill_at_seven(embed: Embed, step: int) -> dict[str, float]:
    if step == KILLED_AT:
        os.kill(os.getpid(), signal.SIGKILL)
    return {}


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    pretrain(two_lanes(), folder / "two", process=Squares())
    pretrain(two_lanes_contrastive(), folder / "two-contrastive", process=Squares())
    torch.distributed.destroy_process_group()
    for name in [name for name in os.environ if name.startswith("TORCHELASTIC") or "RANK" in name or "WORLD" in name]:
        del os.environ[name]
    pretrain(tiny(probe_every_steps=1), folder / "killed", process=Squares(), probe=kill_at_seven)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
