"""Labelled data sets by name or path; what there is stands in docs/datasets.md and `eval.sets.registry`."""

from __future__ import annotations

from eval.sets.arrays import digits
from eval.sets.labelled import Dataset as Dataset
from eval.sets.registry import load_set
from procmem.errors import UserError
from procmem.files import cache_root
from procmem.progress import say


def find_dataset(name_or_path: str) -> Dataset:
    """The labelled data set of that name under ``PROCMEM_DATA``, or at that path, or among those that need no files.

    Args:
        name_or_path: a name of docs/datasets.md, or a folder with ``train/CLASS/*.jpg`` and ``val/CLASS/*.jpg``;
            "@" and a variant may follow, for example ``flowers102@test``.

    Raises:
        UserError: if there is none (nearest names are offered, or how to get it), or its folder is empty or unreadable.
    """
    found = load_set(name_or_path, "labelled")
    assert isinstance(found, Dataset)
    return found


def default_dataset() -> Dataset:
    """Real images that any machine has: CIFAR-10 if it is here or can be downloaded, else scikit-learn's digits."""
    try:
        return find_dataset("cifar10")
    except UserError:
        try:
            _download_cifar10()
            return find_dataset("cifar10")
        except UserError as error:
            say(f"{error}\nusing the 1,797 scanned digits that scikit-learn carries instead (8 x 8 px, grey)")
            return digits()


def _download_cifar10() -> None:
    from torchvision.datasets import CIFAR10

    folder = cache_root() / "datasets"
    try:
        CIFAR10(str(folder), download=True)
    except (OSError, RuntimeError) as error:
        raise UserError(
            f"CIFAR-10 cannot be downloaded ({error}); put cifar-10-python.tar.gz from "
            f"https://www.cs.toronto.edu/~kriz/cifar.html into {str(folder)!r}, or set PROCMEM_DATA to your image sets"
        ) from error
