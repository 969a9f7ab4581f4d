"""Images to fill a memory with: a data set's training images or any folder of class folders, with owners and levels.

Owners come from a pattern over the image's name, levels from a table of the classes or from nested folders. A build
goes part by part, and each part is one version of the memory together with a note of where it stands, so a build that
was killed continues where it stood and ends in the same entries: ids are positions in the set. Embeddings come from
the cache that `eval.extract` and `procmem eval` fill, or fill it; an erasure takes that cache along.

Letters: N images, C classes.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eval.datasets import find_dataset
from eval.extract import Embeddings, extract
from eval.images import LabelledImages, OnCorrupt
from eval.sets.class_folders import unsplit_folder
from eval.sets.levels import read_levels
from eval.sets.picture_files import IMAGE_SUFFIXES
from eval.sets.registry import known_entry
from memory.memory import VisualMemory
from memory.schema import Batch
from memory.store import Store
from pretrain.encoder import Encoder
from procmem.errors import UserError
from procmem.files import data_root, short_fingerprint
from procmem.progress import progress

BUILD_NAME = "build.json"
PART_IMAGES = 8192


@dataclasses.dataclass(frozen=True, kw_only=True)
class MemoryImages:
    """Images with what a memory wants to know of them.

    Attributes:
        images: N images, their classes and names.
        owners: N names; None where the pattern finds none.
        levels: level -> (C,) group of each class, coarsest level first.
    """

    images: LabelledImages
    owners: tuple[str | None, ...]
    levels: dict[str, list[str]]


def find_images(dataset: str, *, owner: str | None = None, levels: Path | None = None) -> MemoryImages:
    """Find images and what belongs to them.

    Args:
        dataset: a name under PROCMEM_DATA or a folder. Of a data set that this program knows, or that has splits, the
            training images, with the classes and levels that the evaluation asks about; else all class folders.
        owner: a regular expression with one group, sought in each image's name.
        levels: CSV file: first column the class, then one column for each level, coarsest first; or None.

    Raises:
        UserError: if there are no images, the pattern is wrong or never found, or a class is not in the table.
    """
    folder = _folder_without_splits(dataset)
    if folder is not None:
        images, found = unsplit_folder(folder)
    else:
        whole = find_dataset(dataset)
        images, found = whole.train, {level: list(groups) for level, groups in whole.levels.items()}
    groups = found if levels is None else read_levels(levels, images.class_names)
    return MemoryImages(images=images, owners=_owners(images, owner), levels=groups)


def _folder_without_splits(dataset: str) -> Path | None:
    """The folder of class folders that is meant; None for a data set with splits, or that this program knows."""
    if known_entry(dataset) is not None:
        return None
    root = data_root()
    for folder in ([root / dataset] if root else []) + [Path(dataset).expanduser()]:
        has_splits = (folder / "train").is_dir() or any(folder.glob("*.gz"))
        if not has_splits and any(path.suffix.lower() in IMAGE_SUFFIXES for path in folder.glob("*/**/*")):
            return folder
    return None


def _owners(images: LabelledImages, pattern: str | None) -> tuple[str | None, ...]:
    if pattern is None:
        return (None,) * len(images)
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise UserError(f"owner is no regular expression: {pattern!r}: {error}") from error
    if compiled.groups != 1:
        raise UserError(f"owner needs one group, for example '_(\\d+)\\.png$'; received {pattern!r}")
    matches = [compiled.search(uri) for uri in images.uris]
    if not any(matches):
        raise UserError(f"owner {pattern!r} is found in no image's name, for example not in {images.uris[0]!r}")
    return tuple(match and match[1] for match in matches)


def build(
    found: MemoryImages, encoder: Encoder, output: Path, *, on_corrupt: OnCorrupt, precision: Any
) -> VisualMemory:
    """Fill a new memory, or go on with one that was not finished.

    Raises:
        UserError: if the folder holds something else, or a build of other images or with another encoder.
    """
    images = found.images
    plan = {
        "dataset": images.name,
        "images": images.fingerprint(),
        "encoder": encoder.card().fingerprint,
        "owners": short_fingerprint(list(found.owners)),
        "levels": found.levels,
        "precision": precision,
        "on_corrupt": on_corrupt,
        "part_images": PART_IMAGES,
    }
    memory, state = _begin(found, encoder, output, plan)
    moment = datetime.datetime.fromisoformat(state["time"])
    embedded = extract(encoder, images, on_corrupt=on_corrupt)
    parts = [part for part in _parts(embedded.positions) if part[0] >= state["done"]]
    for part in progress(parts, f"building {output}", unit="part"):
        batch = _batch(found, embedded, np.searchsorted(embedded.positions, part), moment, ids=part)
        # A kill after the commit and before the note repeats this part: the same ids, replaced by the same entries.
        is_repeated = memory.store.ledger.next_id > part[0]
        memory.add_batches([batch], card=encoder.card(), on_duplicate="replace" if is_repeated else "refuse")
        state["done"] = len(images) if part is parts[-1] else int(part[-1]) + 1
        _write_state(memory.store, state)
    return memory


def _begin(
    found: MemoryImages, encoder: Encoder, output: Path, plan: dict[str, Any]
) -> tuple[VisualMemory, dict[str, Any]]:
    if not (output / BUILD_NAME).is_file():
        memory = VisualMemory.create(
            output,
            encoder.card(),
            class_names=found.images.class_names,
            levels=found.levels,
            precision=plan["precision"],
        )
        state = {"plan": plan, "done": 0, "time": datetime.datetime.now(datetime.UTC).isoformat()}
        _write_state(memory.store, state)
        return memory, state
    memory = VisualMemory.open(output)
    state = json.loads((output / BUILD_NAME).read_text(encoding="utf-8"))
    changed = [name for name, value in plan.items() if state["plan"].get(name) != value]
    if changed:
        raise UserError(
            f"{str(output)!r} holds a build with other {', '.join(changed)}; give a new folder, or the same arguments"
        )
    if state["done"] >= len(found.images):
        raise UserError(f"the memory in {str(output)!r} is complete; add more with: procmem memory add {output}")
    return memory, state


def _write_state(store: Store, state: dict[str, Any]) -> None:
    store.place.write(BUILD_NAME, json.dumps(state, indent=2, sort_keys=True).encode())


def embedded_batches(found: MemoryImages, encoder: Encoder, on_corrupt: OnCorrupt) -> Iterator[Batch]:
    """The images as batches of entries with the next free ids, one after the other."""
    moment = datetime.datetime.now(datetime.UTC)
    embedded = extract(encoder, found.images, on_corrupt=on_corrupt)
    for rows in _parts(np.arange(len(embedded.positions))):
        yield _batch(found, embedded, rows, moment)


def _parts(values: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
    return [values[start : start + PART_IMAGES] for start in range(0, len(values), PART_IMAGES)]


def _batch(
    found: MemoryImages,
    embedded: Embeddings,
    rows: npt.NDArray[np.int64],
    moment: datetime.datetime,
    *,
    ids: npt.NDArray[np.int64] | None = None,
) -> Batch:
    return Batch(
        embeddings=embedded.values[rows],
        labels=embedded.labels[rows],
        ids=ids,
        owner=[found.owners[position] for position in embedded.positions[rows]],
        uri=[embedded.uris[row] for row in rows],
        dataset=found.images.name,
        time=moment,
    )
