"""A memory whose answers can be worked out by hand, a folder of pictures, and a desk with both."""

import numpy as np
import pytest
import torch
from PIL import Image

from eval.explorer.answers import Question
from eval.explorer.desk import Desk
from eval.explorer.edits import Editor
from eval.explorer.pictures import Pictures
from eval.explorer.queries import Queries
from eval.explorer.session import Session
from eval.images import LabelledImages
from memory.memory import VisualMemory
from pretrain.encoder import load_encoder
from procmem.provenance import EncoderCard, Provenance

ANGLES = {"cat": (0, 4, 40), "dog": (10, 14, 90)}
"""Degrees of the entries' directions in the plane; ids 0, 1, 2 are cats, 3, 4, 5 dogs."""


class Compass:
    """An encoder that reads a direction from the first pixel: red / 255 of a right angle."""

    name, dimension, image_size_px = "compass", 2, 4
    provenance = Provenance(real_images=False)

    def card(self):
        return EncoderCard(
            name=self.name, fingerprint="c" * 64, dimension=2, preprocessing={}, provenance=self.provenance
        )

    def transform(self, image):
        return torch.from_numpy(np.array(image.convert("RGB").resize((4, 4)))).permute(2, 0, 1)

    def embed(self, images):
        angle = images[:, 0, 0, 0].double() / 255 * (np.pi / 2)
        return torch.stack([angle.cos(), angle.sin()], 1).float()


def direction(degrees):
    radians = np.deg2rad(np.asarray(degrees, float))
    return np.stack([np.cos(radians), np.sin(radians)], -1).astype(np.float32)


def picture(degrees):
    return Image.new("RGB", (8, 8), (round(degrees / 90 * 255), 0, 0))


@pytest.fixture(autouse=True)
def own_key(monkeypatch, tmp_path):
    monkeypatch.setenv("PROCMEM_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("PROCMEM_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("PROCMEM_DATA", raising=False)


@pytest.fixture
def ask_at():
    """A question at an angle."""
    return lambda degrees, **more: Question(
        embedding=direction([degrees]), picture=b"", name=f"{degrees} degrees", **more
    )


@pytest.fixture
def picture_at():
    """A picture whose direction is an angle."""
    return picture


@pytest.fixture
def session(tmp_path):
    encoder = Compass()
    memory = VisualMemory.create(tmp_path / "memory", encoder.card(), class_names=["cat", "dog"])
    for label, (name, angles) in enumerate(ANGLES.items()):
        folder = tmp_path / "images" / name
        folder.mkdir(parents=True)
        for angle in angles:
            picture(angle).save(folder / f"{angle}.png")
        uris = [f"{name}/{angle}.png" for angle in angles]
        memory.add(direction(angles), [label] * 3, owner=["ann", "bob", None], uri=uris, dataset="images")
    return Session(memory, encoder)


@pytest.fixture
def queries(session):
    angles = (2, 8, 12, 60)
    images = np.stack([np.array(picture(angle)) for angle in angles])
    labelled = LabelledImages(
        name="asked",
        split="val",
        class_names=("cat", "dog"),
        labels=np.array([0, 0, 1, 1]),
        uris=tuple(f"q{angle}" for angle in angles),
        sources=images,
    )
    return Queries(session, labelled)


@pytest.fixture
def desk(session, queries, tmp_path):
    run = tmp_path / "run"
    (run / "uploads").mkdir(parents=True)
    editor = Editor(session, run, allow_edit=True)
    pictures = Pictures([tmp_path / "images"], own={"explorer": editor.added})
    return Desk(
        session=session, second=None, pictures=pictures, queries=queries, editor=editor, uploads=run / "uploads"
    )


@pytest.fixture
def pixels():
    return load_encoder("pixels")
