"""PCA R2 of a set against one image at a time. Run: pytest tests/eval/tasks/test_pca_segmentation.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from sklearn.decomposition import PCA
from sklearn.metrics import r2_score

from eval.sets.find_masked import find_masked_dataset
from eval.squares import square_of_image, square_of_mask
from eval.task import Conditions
from eval.tasks.pca_segmentation import PcaSegmentation
from pretrain.encoder import load_encoder
from pretrain.pixel_encoders import Histogram, Pixels
from procmem.errors import UserError

CONDITIONS = Conditions(batch_size=2, pictures=False)


def slow_shares(folder: Path, protocol: str, square: str) -> dict[str, float]:
    """Upsample, fit scikit-learn, scale, score: one image at a time."""
    images, shares = find_masked_dataset(str(folder)).val, {}
    for position in range(len(images)):
        pixels = square_of_image(images.image(position), 64, square)
        tokens = Pixels(image_size_px=64).patch_tokens(pixels[None])
        up = F.interpolate(tokens.permute(0, 3, 1, 2).double(), size=(24, 24), mode="bilinear")
        components = PCA(3).fit_transform(up[0].flatten(1).T.numpy())
        colors = (components - components.min(0)) / (components.max(0) - components.min(0))
        labels = square_of_mask(images.mask(position), 64, square, 24).ravel()
        kept = labels != (labels.min() if protocol == "paper" else 0)
        means = np.empty_like(colors)
        for label in np.unique(labels):
            means[labels == label] = colors[labels == label].mean(axis=0)
        colors, means = colors[kept], means[kept]
        if protocol == "paper":
            colors, means = colors.reshape(-1, 1), means.reshape(-1, 1)
        shares[images.uris[position]] = r2_score(colors, means, multioutput="variance_weighted")
    return shares


@pytest.mark.parametrize(("protocol", "square"), [("corrected", "crop"), ("paper", "squash")])
def test_every_image_scores_as_one_image_at_a_time(scenes: Path, protocol: str, square: str) -> None:
    task = PcaSegmentation(dataset=str(scenes), protocol=protocol, image_size_px=64, grid=24)
    headline = task.measure(Pixels(image_size_px=64), CONDITIONS).scores[0]
    slow = slow_shares(scenes, protocol, square)
    assert dict(zip(headline.case_names, headline.per_case, strict=True)) == pytest.approx(slow, abs=1e-4)
    values = list(slow.values())
    assert headline.value == pytest.approx(np.mean(values), abs=1e-4)
    assert headline.standard_error == pytest.approx(np.std(values) / 5**0.5, abs=1e-4)
    assert headline.is_headline
    assert headline.metric == "pca_r2"


def test_nulls_stand_beside_the_score_and_neither_batches_nor_a_second_run_change_them(scenes: Path) -> None:
    task = PcaSegmentation(dataset=str(scenes), image_size_px=64, grid=24)
    first = task.measure(Pixels(image_size_px=64), CONDITIONS)
    again = task.measure(Pixels(image_size_px=64), Conditions(batch_size=5, pictures=False))
    by_name = {score.metric: score for score in first.scores}
    assert list(by_name) == ["pca_r2", "pca_r2_shuffled_mask", "pca_r2_other_mask"]
    assert by_name["pca_r2"].value > by_name["pca_r2_other_mask"].value > by_name["pca_r2_shuffled_mask"].value
    assert by_name["pca_r2_shuffled_mask"].value < 0.02
    for a, b in zip(first.scores, again.scores, strict=True):
        assert a.case_names == b.case_names
        assert np.array_equal(a.per_case, b.per_case)
    paper = PcaSegmentation(dataset=str(scenes), protocol="paper", image_size_px=64, grid=24)
    shuffled = paper.measure(Pixels(image_size_px=64), CONDITIONS).scores[1]
    assert shuffled.value > 0.05  # the paper's chance is far from 0


def test_the_other_mask_is_that_of_the_image_before(scenes: Path) -> None:
    # with one other image, each is scored by the other's mask
    names = sorted(path.stem for path in (scenes / "images").glob("*"))
    (scenes / "splits.csv").write_text(f"id,split\n{names[0]},train\n{names[7]},val\n{names[8]},val\n")
    task = PcaSegmentation(dataset=str(scenes), image_size_px=64, grid=24)
    found = {score.metric: score for score in task.measure(Pixels(image_size_px=64), CONDITIONS).scores}
    for a, b in ((names[7], names[8]), (names[8], names[7])):  # now with the masks really exchanged
        Image.open(scenes / "masks" / f"{b}.png").save(scenes / f"{a}.png")
    for name in (names[7], names[8]):
        (scenes / f"{name}.png").replace(scenes / "masks" / f"{name}.png")
    exchanged = task.measure(Pixels(image_size_px=64), CONDITIONS).scores[0]
    assert np.array_equal(exchanged.per_case, found["pca_r2_other_mask"].per_case)


def test_images_without_a_segment_are_counted_and_only_a_set_of_them_is_refused(scenes: Path) -> None:
    masks = scenes / "masks"
    for name in ("06", "09"):
        Image.fromarray(np.zeros((64, 96), np.uint8)).save(masks / f"{name}.png")
    Image.fromarray(np.full((64, 96), 2, np.uint8)).save(masks / "07.png")
    task = PcaSegmentation(dataset=str(scenes), image_size_px=64, grid=24)
    score = task.measure(Pixels(image_size_px=64), CONDITIONS).scores[0]
    assert (score.n, score.config["without_segments"], score.config["with_one_segment"]) == (3, 2, 1)
    assert dict(zip(score.case_names, score.per_case, strict=True))["images/07.png"] == pytest.approx(0, abs=1e-12)
    for path in masks.glob("*.png"):
        Image.fromarray(np.zeros((64, 96), np.uint8)).save(path)
    with pytest.raises(UserError, match="none of 5 images has a labelled segment"):
        task.measure(Pixels(image_size_px=64), CONDITIONS)


def test_a_mask_of_another_size_is_refused_by_name(scenes: Path) -> None:
    Image.fromarray(np.ones((64, 95), np.uint8)).save(scenes / "masks" / "08.png")
    with pytest.raises(UserError, match=r"08\.png.* 95 x 64 px, its image 96 x 64 px"):
        PcaSegmentation(dataset=str(scenes), image_size_px=64).measure(Pixels(image_size_px=64), CONDITIONS)


def test_an_unreadable_image_stops_the_work_or_is_left_out(scenes: Path) -> None:
    (scenes / "images" / "07.png").write_bytes((scenes / "images" / "07.png").read_bytes()[:500])
    task = PcaSegmentation(dataset=str(scenes), image_size_px=64, grid=24)
    with pytest.raises(UserError, match=r"07\.png"):
        task.measure(Pixels(image_size_px=64), CONDITIONS)
    lenient = Conditions(batch_size=2, pictures=False, on_corrupt="skip")
    assert task.measure(Pixels(image_size_px=64), lenient).scores[0].n == 4


def test_encoders_without_usable_tokens_are_refused(scenes: Path) -> None:
    task = PcaSegmentation(dataset=str(scenes), image_size_px=64)
    with pytest.raises(UserError, match="'histogram' has no patch tokens"):
        task.measure(Histogram(image_size_px=64), CONDITIONS)
    broken = Pixels(image_size_px=64)
    broken.patch_tokens = lambda images: torch.full((len(images), 4, 4, 3), torch.nan)  # type: ignore[method-assign]
    with pytest.raises(UserError, match=r"NaN or infinite patch tokens for images/\d\d\.png"):
        task.measure(broken, CONDITIONS)
    with pytest.raises(UserError, match="at least 1, received 0 and 5"):
        PcaSegmentation(dataset=str(scenes), grid=0)


def test_the_encoder_is_loaded_again_at_the_size_of_the_task_and_pictures_show_the_images(scenes: Path) -> None:
    task = PcaSegmentation(dataset=str(scenes), image_size_px=32, grid=8)
    outcome = task.measure(load_encoder("pixels"), Conditions(batch_size=3, max_val=4, seed=1))
    assert outcome.scores[0].config["image_size_px"] == 32
    assert outcome.dataset.endswith("(val: 4 of 5, seed 1)")
    sheet = outcome.pictures["pca"].convert("RGB")
    assert min(sheet.size) > 200
    assert len(set(sheet.resize((64, 64)).get_flattened_data())) > 50
