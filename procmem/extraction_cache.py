"""What lies in the cache of extractions, by image: an erasure finds there all that was made from an entry's image.

    CACHE/embeddings/KEY.npz, KEY.parts/*.npz        embeddings, and those of an extraction that was interrupted
    CACHE/patches/KEY.npy, KEY.json                  patch tokens
    CACHE/.../KEY.images.json                        whose they are: data set and names of the images

The index is written before the first byte of the rest, so that a crash leaves no file unnamed; a file without an index
(an older procmem wrote it) counts as made from every image. Cached files are made again when they are needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from procmem.errors import UserError
from procmem.files import cache_root, read_json, write_json

FOLDERS = ("embeddings", "patches")
INDEX_SUFFIX = ".images.json"


def index_extraction(folder: str, key: str, dataset: str, uris: Sequence[str]) -> None:
    """Say whose extraction will be written under a key.

    Args:
        folder: of `FOLDERS`.
        key: a file name without suffix.
        dataset: the data set's name.
        uris: names of its images.

    Raises:
        UserError: if the cache folder cannot be written.
    """
    assert folder in FOLDERS
    path = cache_root() / folder / f"{key}{INDEX_SUFFIX}"
    if not path.is_file():
        write_json(path, {"dataset": dataset, "uris": list(uris)})


def files_made_from(images: Iterable[tuple[str | None, str | None]]) -> list[Path]:
    """Every cached file that holds something made from one of these images.

    Args:
        images: (data set, name) of each, as entries have them; a name of an unknown data set is sought in all, and an
            image without a name in none.
    """
    sought = {(dataset, uri) for dataset, uri in images if uri}
    if not sought:
        return []
    anywhere = {uri for dataset, uri in sought if dataset is None}
    found = []
    for folder in (cache_root() / name for name in FOLDERS):
        files = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
        keys = {path.relative_to(folder).parts[0].split(".")[0] for path in files}
        taken = {key for key in keys if _holds(folder / f"{key}{INDEX_SUFFIX}", sought, anywhere)}
        found += [path for path in files if path.relative_to(folder).parts[0].split(".")[0] in taken]
    return found


def _holds(index: Path, sought: set[tuple[str | None, str]], anywhere: set[str]) -> bool:
    try:
        value = read_json(index)
        dataset, uris = value["dataset"], value["uris"]
    except (UserError, KeyError, TypeError):
        return True
    return any((dataset, uri) in sought or uri in anywhere for uri in uris)
