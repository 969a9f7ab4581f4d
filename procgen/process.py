"""Processes: images as pure functions of (root seed, block index), composed and not special-cased.

A block (some hundreds to thousands of images of tens of programs) is the unit of work: it amortises the compilation
of programs, and inside a block every rendered image serves several mixes, so that a mixed image costs about one
render. Operators take another process as their source; their random draws are keyed by their path in the composition,
so the same shaders under two mixups are two different streams. Operators are in `procgen.operators`, further sources
in `procgen.sources`.

The alternative, a process as a function of a single sample index, was rejected: it renders n images for each mix.

    shaders            Shaders()
    shaders_mixup      Mixup(Shaders(), num_images=6)
    shaders_kml        Leaves(Shaders())
    shaders_kml_mixup  Mixup(Leaves(Shaders()), num_images=2, weights="equal")

Letters: N = block size, H W image size.
"""

from __future__ import annotations

import abc
import copy
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch

from procgen.program_sets import load_program_set
from procgen.programs import ShaderProgram, load_programs, program_set_hash
from procgen.renderer import shared_renderer
from procgen.seeds import generator
from procmem.errors import UserError
from procmem.files import fingerprint

Path = tuple[int | str, ...]
NO_PROGRAM = ""  # given to `Renderer.on_program` when a block's last program is done


class Process(abc.ABC):
    """A source of images. Image i of block b has sample index ``b * block_size + i``.

    Attributes:
        image_size_px: side of the square images.
        block_size: N, images in a block.
        real_images: whether any real image enters.
    """

    image_size_px: int
    block_size: int
    real_images: bool = False

    @abc.abstractmethod
    def block(self, root_seed: int, block_index: int, path: Path = ()) -> torch.Tensor:
        """Images of one block.

        Args:
            root_seed: the run's seed.
            block_index: 0, 1, ... without end.
            path: where this process stands in a composition; callers outside leave it empty.

        Returns:
            uint8 (N, 3, H, W), row 0 at the top.
        """

    @abc.abstractmethod
    def recipe(self, root_seed: int, block_index: int, image_index: int, path: Path = ()) -> dict[str, Any]:
        """How image `image_index` of a block came about, as JSON, without rendering it."""

    @abc.abstractmethod
    def describe(self) -> dict[str, Any]:
        """The composition as JSON, complete: together with the root seed it fixes every image."""

    @property
    @abc.abstractmethod
    def program_set_hash(self) -> str:
        """64 hex digits over the sources and parameter tables of all shader programs; "" without shaders."""

    def excluding(self, programs: Collection[str]) -> Self:
        """This process without some shader programs.

        Their images are drawn anew from the other programs, as a pure function of what is excluded; source images of
        the other programs stay as they were.

        Args:
            programs: `ShaderProgram.fingerprint` of each; those that this process does not draw from are ignored.

        Raises:
            UserError: if no program would be left.
        """
        clone = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, Process):
                setattr(clone, name, value.excluding(programs))
            elif isinstance(value, list | tuple) and any(isinstance(item, Process) for item in value):
                items = (item.excluding(programs) if isinstance(item, Process) else item for item in value)
                setattr(clone, name, type(value)(items))
        return clone

    def members(self) -> Iterator[Process]:
        """Every process of the composition, this one first."""
        yield self
        for value in vars(self).values():
            for item in value if isinstance(value, list | tuple) else [value]:
                if isinstance(item, Process):
                    yield from item.members()

    def program_id(self, program: str) -> str:
        """The id of the shader program with a fingerprint; the fingerprint itself where it is unknown."""
        shaders = (member for member in self.members() if isinstance(member, Shaders))
        return next((p.id for member in shaders for p in member.programs if p.fingerprint == program), program)

    @property
    def fingerprint(self) -> str:
        """64 hex digits: equal fingerprint and root seed, equal images."""
        return fingerprint({"process": self.describe(), "programs": self.program_set_hash})


class Shaders(Process):
    """Shader programs, each with fresh parameters for every image.

    Args:
        image_size_px: side of the images.
        block_size: N, images in a block.
        images_per_program: how many images of a block come from one program (16 when compiled programs are cached,
            64 when they are not, amortise compilation).
        families: families of programs to draw from; None takes all.
        programs: the programs themselves, instead of `families`.
        program_set: name of a shipped program set, or a set's file (see `procgen.program_sets`), instead of `families`.
        samples_per_side: n; each pixel is the mean of n x n samples (anti-aliasing, at n x n times the cost).
        excluded_programs: fingerprints of programs that are not to run here, for example because they end the process
            that renders them. Images of all other programs are the same with and without.

    Raises:
        UserError: if a size is not positive, a family is unknown, the set does not match its hash, programs are
            named in more than one way, or an excluded program is not among them.
    """

    def __init__(
        self,
        *,
        image_size_px: int,
        block_size: int = 1024,
        images_per_program: int = 16,
        families: Sequence[str] | None = None,
        programs: Sequence[ShaderProgram] | None = None,
        program_set: str | None = None,
        samples_per_side: int = 1,
        excluded_programs: Collection[str] = (),
    ) -> None:
        for name, value in (
            ("image_size_px", image_size_px),
            ("block_size", block_size),
            ("images_per_program", images_per_program),
            ("samples_per_side", samples_per_side),
        ):
            if value < 1:
                raise UserError(f"{name} must be at least 1, got {value}")
        self.image_size_px = image_size_px
        self.block_size = block_size
        self.images_per_program = images_per_program
        self.samples_per_side = samples_per_side
        self.families = list(families) if families is not None else None
        self.program_set = program_set
        self.programs = _choose_programs(families, programs, program_set)
        if not self.programs:
            raise UserError("no shader programs to draw from: the list of programs is empty")
        self.excluded_programs: tuple[str, ...] = ()
        self._allowed = np.arange(len(self.programs))
        self._exclude(excluded_programs)
        unknown = sorted(set(excluded_programs) - set(self.excluded_programs))
        if unknown:
            raise UserError(f"an excluded program is not among the {len(self.programs)} programs: {unknown[0]!r}")

    def excluding(self, programs: Collection[str]) -> Self:
        clone = copy.copy(self)
        clone._exclude(programs)
        return clone

    def _exclude(self, programs: Collection[str]) -> None:
        if not programs:
            return
        fingerprints = [program.fingerprint for program in self.programs]
        excluded = ({*self.excluded_programs, *programs}) & set(fingerprints)
        self.excluded_programs = tuple(sorted(excluded))
        self._allowed = np.flatnonzero([one not in excluded for one in fingerprints])
        if not len(self._allowed):
            raise UserError(f"no shader program is left: all {len(self.programs)} are excluded")

    def block(self, root_seed: int, block_index: int, path: Path = ()) -> torch.Tensor:
        size, path = self.image_size_px, (*path, "shaders")
        program_of_image = self._program_of_image(root_seed, block_index, path)
        images = torch.empty((self.block_size, 3, size, size), dtype=torch.uint8)
        for index in np.unique(program_of_image):
            program = self.programs[index]
            chosen = np.flatnonzero(program_of_image == index)
            parameters = self._parameters(program, root_seed, block_index, chosen, path)
            images[torch.from_numpy(chosen)] = shared_renderer().render(
                program, parameters, size, size, samples_per_side=self.samples_per_side
            )
        watcher = shared_renderer().on_program
        if watcher is not None:
            watcher(NO_PROGRAM)  # no program is to blame for what comes after the last
        return images

    def recipe(self, root_seed: int, block_index: int, image_index: int, path: Path = ()) -> dict[str, Any]:
        path = (*path, "shaders")
        program = self.programs[self._program_of_image(root_seed, block_index, path)[image_index]]
        row = self._parameters(program, root_seed, block_index, np.array([image_index]), path)[0]
        return {
            "operator": "shaders",
            "program": program.id,
            "program_fingerprint": program.fingerprint,
            "parameters": [float(value) for value in row],
        }

    def describe(self) -> dict[str, Any]:
        options = {
            "image_size_px": self.image_size_px,
            "block_size": self.block_size,
            "images_per_program": self.images_per_program,
        }
        chosen = {
            "families": self.families,
            "program_set": self.program_set_hash if self.program_set else None,
            "samples_per_side": self.samples_per_side if self.samples_per_side > 1 else None,
            "excluded_programs": list(self.excluded_programs) or None,
        }
        return {"shaders": options | {name: value for name, value in chosen.items() if value is not None}}

    @property
    def program_set_hash(self) -> str:
        return program_set_hash(self.programs)

    def _program_of_image(self, root_seed: int, block_index: int, path: Path) -> npt.NDArray[np.int64]:
        """(N,) index of each image's program: whole permutations of the set, cut to the block, then shuffled."""
        random = generator(root_seed, *path, "programs", block_index)
        num_programs = -(-self.block_size // self.images_per_program)
        rounds = -(-num_programs // len(self.programs))
        drawn = np.concatenate([random.permutation(len(self.programs)) for _ in range(rounds)])[:num_programs]
        banned = ~np.isin(drawn, self._allowed)
        if banned.any():
            replacements = generator(root_seed, *path, "replacements", block_index)
            drawn[banned] = replacements.choice(self._allowed, size=banned.sum())
        return random.permutation(np.repeat(drawn, self.images_per_program)[: self.block_size])

    def _parameters(
        self, program: ShaderProgram, root_seed: int, block_index: int, images: npt.NDArray[np.int64], path: Path
    ) -> npt.NDArray[np.float32]:
        counters = block_index * self.block_size + images
        return program.draw_parameters(root_seed, *path, program.id, counters=counters)


def _choose_programs(
    families: Sequence[str] | None, programs: Sequence[ShaderProgram] | None, program_set: str | None
) -> tuple[ShaderProgram, ...]:
    if sum(choice is not None for choice in (families, programs, program_set)) > 1:
        raise UserError("name the programs in one way: families, programs or program_set")
    if program_set is not None:
        return load_program_set(program_set)
    return tuple(programs) if programs is not None else load_programs(families)


class Operator(Process):
    """A process that makes each image from several images of its source's block of the same index.

    Sources are dealt by one permutation and distinct offsets: the images of one mix always differ, and every image
    of the source serves equally many mixes. With `reuse` r they are dealt r times with other draws: the block is r
    times as large as its source's, for the same rendering: 1.5 times the images a second at r = 2 and 2.9 times at
    r = 8, without a loss of diversity that ``benchmarks/stream.py`` could see. The default is 1 all the same: rendering
    is a small part of a training step, and each render is then seen in r times as many mixes.
    """

    name: str
    num_sources: int

    def __init__(self, source: Process, num_sources: int, reuse: int = 1) -> None:
        if num_sources > source.block_size:
            raise UserError(f"{self.name} takes {num_sources} images, but a block has only {source.block_size}")
        if reuse < 1:
            raise UserError(f"reuse must be at least 1, got {reuse}")
        self.source = source
        self.num_sources = num_sources
        self.image_size_px = source.image_size_px
        self.reuse = reuse
        self.block_size = reuse * source.block_size
        self.real_images = source.real_images

    @abc.abstractmethod
    def _mix(self, sources: list[torch.Tensor], root_seed: int, block_index: int, path: Path) -> torch.Tensor:
        """Mix `num_sources` batches of N images into one."""

    @abc.abstractmethod
    def _options(self) -> dict[str, Any]:
        """The operator's options as JSON, for `describe`; source and reuse are added."""

    @abc.abstractmethod
    def _details(self, root_seed: int, block_index: int, image_index: int, path: Path) -> dict[str, Any]:
        """The draws that made one image, beside its sources."""

    def block(self, root_seed: int, block_index: int, path: Path = ()) -> torch.Tensor:
        path = (*path, self.name)
        pool = self.source.block(root_seed, block_index, path)
        dealt = torch.from_numpy(self._deal(root_seed, block_index, path))
        return self._mix([pool[row] for row in dealt], root_seed, block_index, path)

    def recipe(self, root_seed: int, block_index: int, image_index: int, path: Path = ()) -> dict[str, Any]:
        path = (*path, self.name)
        indices = self._deal(root_seed, block_index, path)[:, image_index]
        sources = [self.source.recipe(root_seed, block_index, int(index), path) for index in indices]
        return {"operator": self.name, **self._details(root_seed, block_index, image_index, path), "sources": sources}

    def describe(self) -> dict[str, Any]:
        reuse = {"reuse": self.reuse} if self.reuse != 1 else {}
        return {self.name: self._options() | reuse | {"source": self.source.describe()}}

    @property
    def program_set_hash(self) -> str:
        return self.source.program_set_hash

    def _deal(self, root_seed: int, block_index: int, path: Path) -> npt.NDArray[np.int64]:
        """(num_sources, N) indices into the source's block; a column holds the sources of one mix."""
        random = generator(root_seed, *path, "deal", block_index)
        rounds, pool_size = [], self.source.block_size
        for _ in range(self.reuse):
            offsets = random.choice(pool_size, size=self.num_sources, replace=False)
            order = random.permutation(pool_size)
            rounds.append(order[(np.arange(pool_size) + offsets[:, None]) % pool_size])
        return np.concatenate(rounds, axis=1)
