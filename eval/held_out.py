"""A held-out part of the training images: where settings are chosen, so that the test images choose nothing.

Drawn by class, so that a part of a small set still knows every class: a fifth of each class, at least one image of a
class that has two, none of a class that has one.

Letters: N images.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from memory.lifelong import ranks_in_class

ONE_IN = 5


def held_out(labels: npt.NDArray[np.int64], chance: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Draw the part.

    Args:
        labels: (N,) classes >= 0.
        chance: draws the images of each class.

    Returns:
        (N,) whether an image is held out; nobody is where no class has two images.
    """
    counts = np.bincount(labels)
    shares = np.where(counts >= 2, np.maximum(counts // ONE_IN, 1), 0)
    is_held_out: npt.NDArray[np.bool_] = ranks_in_class(labels, chance) < shares[labels]
    return is_held_out
