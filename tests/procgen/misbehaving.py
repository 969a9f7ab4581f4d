"""A source of made-up programs that kill or hang the process that runs them; importable by spawned workers."""

import copy
import os
import signal
import time
from pathlib import Path

import torch

from procgen.process import Process
from procgen.renderer import Renderer
from procmem.errors import UserError

NAMES = "abcdefghijklmnopqrstuvwxyz"


class MisbehavingSource(Process):
    """Block b holds images of value b, made by program ``NAMES[b]``; an excluded program's images have value 99.

    Args:
        folder: notes how often each program has run.
        fates: program -> what it does: "kill" or "hang" (always), "kill once", "error", "die outside".
    """

    image_size_px, block_size, program_set_hash = 2, 4, ""

    def __init__(self, folder: Path, fates: dict[str, str]) -> None:
        self.folder, self.fates, self.excluded = folder, fates, ()

    def excluding(self, programs):
        clone = copy.copy(self)
        clone.excluded = (*self.excluded, *programs)
        return clone

    def program_id(self, program):
        return f"made/{program}"

    def block(self, root_seed, block_index, path=()):
        program = NAMES[block_index % len(NAMES)]
        if program in self.excluded:
            return torch.full((4, 3, 2, 2), 99, dtype=torch.uint8)
        self._run(program, self.fates.get(program))
        return torch.full((4, 3, 2, 2), block_index, dtype=torch.uint8)

    def _run(self, program, fate):
        tell = Renderer.on_program
        with (self.folder / program).open("a") as file:
            file.write("x")
        tell(program)
        if fate == "kill" or (fate == "kill once" and (self.folder / program).read_text() == "x"):
            os.kill(os.getpid(), signal.SIGSEGV)
        if fate == "hang":
            time.sleep(600)
        if fate == "error":
            raise UserError("program a is broken")
        tell("")
        if fate == "die outside":
            os.kill(os.getpid(), signal.SIGKILL)

    def runs(self, program):
        path = self.folder / program
        return len(path.read_text()) if path.exists() else 0

    def recipe(self, root_seed, block_index, image_index, path=()):
        return {}

    def describe(self):
        return {"misbehaving": {}}
