"""What the commands that fill, ask and keep memories do; see `procmem.commands` for the conventions.

Those that change entries are in `procmem.memory_change_commands`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from procmem.commands import print_json
from procmem.errors import UserError
from procmem.progress import say

if TYPE_CHECKING:
    from memory.memory import VisualMemory

OnCorrupt = Literal["fail", "skip"]


def memory_build(
    *,
    dataset: str,
    encoder: str,
    output: Path,
    owner: str | None = None,
    levels: Path | None = None,
    precision: Literal["float32", "float16"] = "float32",
    on_corrupt: OnCorrupt = "fail",
    json: bool = False,
) -> None:
    """Build a visual memory from the training images of a data set, or from a folder of class folders.

    A build that was killed continues with the same command and ends in the same entries.

    Args:
        dataset: a name under PROCMEM_DATA, or a folder of train/CLASS/*.jpg, or of class folders, also nested.
        encoder: a run folder, a checkpoint, an export, procmem:NAME, timm:NAME, random:NAME, pixels or histogram, each
            also with @SIZE.
        output: the memory's folder; new or empty, or one whose build was not finished.
        owner: whose image it is: a regular expression with one group, sought in the image's name.
        levels: CSV file with the group of each class on each level, first column the class, then coarsest first.
        precision: how embeddings are stored.
        on_corrupt: fail at an unreadable image, or skip it and say so.
        json: print the memory's description as JSON.
    """
    from procmem.memory_images import build, find_images

    found = find_images(dataset, owner=owner, levels=levels)
    loaded = _load_encoder(encoder)
    memory = build(found, loaded, output, on_corrupt=on_corrupt, precision=precision)
    if json:
        print_json(_description(memory))
    say(f"{output}: {len(memory)} entries of {len(memory.class_names)} classes, embedded by {loaded.name}")


def memory_add(
    memory: Path,
    *,
    dataset: str,
    owner: str | None = None,
    new_classes: bool = False,
    on_corrupt: OnCorrupt = "fail",
    json: bool = False,
) -> None:
    """Add the training images of a data set, or a folder of class folders; all or none.

    Args:
        memory: the memory's folder.
        dataset: a name under PROCMEM_DATA, or a folder, as for 'memory build'; classes are matched by name.
        owner: whose image it is: a regular expression with one group, sought in the image's name.
        new_classes: name classes that the memory does not have yet, instead of refusing them.
        on_corrupt: fail at an unreadable image, or skip it and say so.
        json: print the new ids as JSON.
    """
    import dataclasses

    import numpy as np

    from procmem.memory_images import embedded_batches, find_images

    opened = open_memory(memory)
    found = find_images(dataset, owner=owner)
    unknown = [name for name in found.images.class_names if name not in opened.class_names]
    if unknown and not new_classes:
        raise UserError(f"the memory has no class {', '.join(unknown[:5])}; add --new-classes to name it")
    loaded = _load_encoder(opened.card.name)
    opened.check_card(loaded.card())
    if unknown:
        opened.add_classes(unknown, levels={name: _groups(found, name, unknown) for name in _level_names(opened)})
    labels = np.array([opened.class_names.index(name) for name in found.images.class_names])[found.images.labels]
    images = dataclasses.replace(found.images, class_names=opened.class_names, labels=labels)
    batches = embedded_batches(dataclasses.replace(found, images=images), loaded, on_corrupt)
    ids = opened.add_batches(batches, card=loaded.card())
    if json:
        print_json({"added": ids.tolist(), "version": opened.version})
    say(f"{memory}: added {len(ids)} entries, ids {ids.min()} to {ids.max()}")


def memory_info(memory: Path, *, json: bool = False) -> None:
    """Describe a memory: encoder, provenance, sizes, versions.

    Args:
        memory: the memory's folder.
        json: print the description as JSON.
    """
    description = _description(open_memory(memory))
    if json:
        print_json(description)
        return
    card = description["encoder"]
    levels = ", ".join(f"{name} ({count} groups)" for name, count in description["levels"].items()) or "none"
    lines = {
        "entries": description["entries"],
        "classes": description["classes"],
        "levels above": levels,
        "stored as": f"{card['dimension']} x {description['precision']}",
        "encoder": f"{card['name']} ({card['fingerprint'][:16]})",
        "real images": f"seen by the encoder: {card['provenance']['real_images']}",
        "version": f"{description['version']} ({len(description['versions'])} held)",
        "protected": ", ".join(f"{name} = {version}" for name, version in description["protected"].items()) or "none",
        "artefacts": len(description["artefacts"]),
    }
    for name, value in lines.items():
        sys.stdout.write(f"{name:<13}{value}\n")
    if description["erasure_is_pending"]:
        say(f"an erasure was cut short; complete it: procmem memory erase {memory} --resume")


def memory_search(
    memory: Path,
    *,
    images: list[str],
    k: int = 5,
    level: str | None = None,
    engine: Literal["exact", "faiss", "hnsw", "ivfpq"] = "exact",
    json: bool = False,
) -> None:
    """Find the nearest entries of image files, and what they vote for.

    Args:
        memory: the memory's folder.
        images: the query images.
        k: neighbours to list, which also vote.
        level: vote for the groups of this level instead of the classes.
        engine: exact, faiss (exact too), or approximate by a search index (built on first use): hnsw or ivfpq.
        json: print the neighbours as JSON.
    """
    import dataclasses

    import torch

    from eval.images import read_image
    from memory.hierarchy import find_level
    from memory.voting import vote

    opened = open_memory(memory)
    chosen = None if level is None else find_level(opened.levels, level)
    names = opened.class_names if chosen is None else chosen.class_names
    loaded = _load_encoder(opened.card.name)
    squares = torch.stack([loaded.transform(read_image(Path(path))) for path in images])
    neighbors = opened.search(loaded.embed(squares), k, engine=engine, card=loaded.card())
    if neighbors.recall is not None:
        say(f"approximate: engine {engine} found {neighbors.recall:.1%} of the true neighbours when it was measured")
    uris = dict(zip(opened.entries.ids.tolist(), opened.uris(), strict=True))
    if chosen is not None:
        neighbors = dataclasses.replace(neighbors, labels=chosen.labels(neighbors.labels))
    votes = vote(neighbors, num_classes=len(names))
    found: list[dict[str, Any]] = [
        {
            "image": path,
            "prediction": names[int(votes.predictions[row])],
            "neighbors": [
                {"id": int(i), "label": names[int(label)], "similarity": float(similarity), "uri": uris[int(i)]}
                for i, label, similarity in zip(
                    neighbors.ids[row], neighbors.labels[row], neighbors.similarities[row], strict=True
                )
                if i >= 0
            ],
        }
        for row, path in enumerate(images)
    ]
    if json:
        print_json(found)
        return
    for answer in found:
        sys.stdout.write(f"{answer['image']}: {answer['prediction']}\n")
        for neighbor in answer["neighbors"]:
            sys.stdout.write(
                f"  {neighbor['id']:>8}  {neighbor['similarity']:.4f}  {neighbor['label']}  {neighbor['uri'] or ''}\n"
            )


def memory_versions(memory: Path, *, json: bool = False) -> None:
    """List the versions of a memory that are held.

    Args:
        memory: the memory's folder.
        json: print the list as JSON.
    """
    versions = open_memory(memory).versions()
    if json:
        print_json([{**version._asdict(), "names": list(version.names)} for version in versions])
        return
    for version in versions:
        sys.stdout.write(f"{version.number:>6}  {version.written}  {' '.join(version.names)}\n")


def memory_protect(memory: Path, name: str, *, version: int | None = None, json: bool = False) -> None:
    """Give a version a name, so that it is kept; nothing can be erased until it is released.

    Args:
        memory: the memory's folder.
        name: the name.
        version: the version; the latest where omitted.
        json: print all protected versions as JSON.
    """
    opened = open_memory(memory)
    opened.protect(name, version)
    _tell_protected(opened, json)


def memory_release(memory: Path, name: str, *, json: bool = False) -> None:
    """Take a protecting name away from a version.

    Args:
        memory: the memory's folder.
        name: the name.
        json: print the versions that are still protected as JSON.
    """
    opened = open_memory(memory)
    opened.release(name)
    _tell_protected(opened, json)


def memory_checkout(
    memory: Path, version: str = "latest", *, output: Path, salvage: bool = False, json: bool = False
) -> None:
    """Write a version of a memory as a memory of its own; also what can be saved of a damaged one.

    An erasure in the first does not reach the copy.

    Args:
        memory: the memory's folder.
        version: number or protected name.
        output: folder of the copy; new or empty.
        salvage: leave out entries that lie in a damaged file, instead of failing.
        json: print the copy's description as JSON.
    """
    opened = open_memory(memory, None if version == "latest" else as_version(version))
    for damage in opened.find_damage() if salvage else []:
        say(f"left out: {damage}")
    copy = opened.copy_to(output, salvage=salvage)
    if json:
        print_json(_description(copy))
    say(f"{output}: {len(copy)} entries, as of version {version} of {memory}")


def open_memory(memory: Path, version: int | str | None = None) -> VisualMemory:
    """The memory in a folder or at an address, at its latest or another version."""
    from memory.memory import VisualMemory

    address = str(memory)  # pathlib makes s3:/bucket of s3://bucket
    remote = address.split(":/", 1)
    is_remote = len(remote) == 2 and len(remote[0]) > 1
    return VisualMemory.open(f"{remote[0]}://{remote[1]}" if is_remote else memory, version=version)


def _load_encoder(specification: str) -> Any:
    import torch

    from pretrain.encoder import load_encoder

    return load_encoder(specification, device="cuda" if torch.cuda.is_available() else "cpu")


def _tell_protected(opened: VisualMemory, json: bool) -> None:
    protected = {name: version.number for version in opened.versions() for name in version.names}
    if json:
        print_json(protected)
    say("protected: " + (", ".join(f"{name} = version {number}" for name, number in protected.items()) or "none"))


def as_version(text: str) -> int | str:
    """A version's number, or its protected name."""
    return int(text) if text.isdigit() else text


def _level_names(opened: VisualMemory) -> list[str]:
    return [level.name for level in opened.levels]


def _groups(found: Any, level: str, names: list[str]) -> list[str]:
    if level not in found.levels:
        raise UserError(f"the new classes need a group on level {level!r}, and the images name none")
    return [found.levels[level][found.images.class_names.index(name)] for name in names]


def _description(opened: VisualMemory) -> dict[str, Any]:
    versions = opened.versions()
    return {
        "entries": len(opened),
        "classes": len(opened.class_names),
        "class_names": list(opened.class_names),
        "levels": {level.name: len(level.class_names) for level in opened.levels},
        "precision": opened.store.ledger.precision,
        "version": opened.version,
        "versions": [version.number for version in versions],
        "protected": {name: version.number for version in versions for name in version.names},
        "artefacts": [artefact.path for artefact in opened.artefacts.all()],
        "erasure_is_pending": opened.store.erasure_is_pending,
        "encoder": opened.card.to_dict(),
    }
