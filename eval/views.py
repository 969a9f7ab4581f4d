"""Other views of images, for attacks: who attacks a memory rarely holds the very file that is in it.

Each view is a function of (seed, position): a crop of 50 to 100 % of the area, flipped half of the time, with
brightness, contrast and colour off by up to 30 %. Milder than the views of pretraining, which would make other images.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from eval.images import LabelledImages
from pretrain.preprocessing import to_rgb
from procgen.seeds import generator

CROP_SCALE = (0.5, 1.0)
JITTER = 0.3


@dataclasses.dataclass(frozen=True, kw_only=True)
class ViewedImages(LabelledImages):
    """A set whose images are other views.

    Attributes:
        view_seed: fixes the views.
    """

    view_seed: int = 0

    @classmethod
    def of(cls, images: LabelledImages, view_seed: int) -> ViewedImages:
        """Another view of each image of a set."""
        fields = {field.name: getattr(images, field.name) for field in dataclasses.fields(LabelledImages)}
        return cls(**fields, view_seed=view_seed)

    def image(self, position: int) -> Image.Image:
        """A view of the image at this position; raises as `LabelledImages.image`."""
        chance = generator(self.view_seed, "attack view", self.name, self.uris[position])
        return other_view(super().image(position), chance)


def other_view(image: Image.Image, chance: np.random.Generator) -> Image.Image:
    """Crop, flip and jitter an image."""
    image = to_rgb(ImageOps.exif_transpose(image))
    share = math.sqrt(chance.uniform(*CROP_SCALE))
    width, height = (max(1, round(side * share)) for side in image.size)
    left, top = (
        int(chance.integers(0, whole - part + 1)) for whole, part in zip(image.size, (width, height), strict=True)
    )
    image = image.crop((left, top, left + width, top + height))
    if chance.random() < 0.5:
        image = ImageOps.mirror(image)
    for enhance in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        image = enhance(image).enhance(chance.uniform(1 - JITTER, 1 + JITTER))
    return image
