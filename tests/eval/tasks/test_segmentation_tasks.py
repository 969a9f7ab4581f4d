"""K-means, in-context and kNN segmentation on scenes with known contents.

Run: pytest tests/eval/tasks/test_segmentation_tasks.py.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from sklearn.metrics import average_precision_score, jaccard_score

from eval.segmentation_scores import matched_iou
from eval.sets.find_masked import find_masked_dataset
from eval.squares import square_of_image, square_of_mask
from eval.task import Conditions, Task
from eval.tasks.in_context_segmentation import MIDDLE, InContextSegmentation, in_context_mask, stretch
from eval.tasks.kmeans_segmentation import KmeansSegmentation, kmeans_segments
from eval.tasks.knn_segmentation import KnnSegmentation, PatchMemory, patch_labels
from pretrain.pixel_encoders import Histogram, Pixels
from procgen.seeds import derive_key
from procmem.errors import UserError

CONDITIONS = Conditions(batch_size=2, pictures=False)


class Sharp(Pixels):
    """Colours about grey, made long: products tell colours apart, as trained tokens do."""

    def patch_tokens(self, images: torch.Tensor) -> torch.Tensor:
        return 40 * (super().patch_tokens(images) - 0.5)


def every_task(scenes: Path) -> list[Task]:
    """One of each, at the size of the encoders here."""
    return [
        KmeansSegmentation(dataset=str(scenes), image_size_px=64, grid=32),
        InContextSegmentation(dataset=str(scenes), image_size_px=64),
        KnnSegmentation(dataset=str(scenes), image_size_px=64),
        KnnSegmentation(dataset=str(scenes), image_size_px=64, neighbors="top_k"),
    ]


def wipe(scenes: Path, names: list[str]) -> None:
    for name in names:
        Image.fromarray(np.zeros((64, 96), np.uint8)).save(scenes / "masks" / f"{name}.png")


def test_kmeans_finds_bands_of_colour_that_places_do_not(scenes: Path) -> None:
    task = KmeansSegmentation(dataset=str(scenes), image_size_px=64, grid=32)
    outcome = task.measure(Pixels(image_size_px=64), CONDITIONS)
    by_tokens, by_places = outcome.scores
    assert by_tokens.is_headline
    assert by_tokens.value > 0.85 > by_places.value > 0.2
    again = task.measure(Pixels(image_size_px=64), Conditions(batch_size=5, pictures=False))
    assert np.array_equal(again.scores[0].per_case, by_tokens.per_case)


def test_kmeans_of_equal_tokens_gives_as_many_clusters_as_tokens_differ() -> None:
    tokens = np.zeros((4, 4, 3), np.float32)
    tokens[:2] = 1
    clusters = kmeans_segments(tokens, 5, 0)
    assert len(np.unique(clusters)) == 2
    assert (clusters[:2] == clusters[0, 0]).all()
    assert (clusters[2:] != clusters[0, 0]).all()


def test_an_in_context_mask_is_attention_over_whole_pieces_of_the_mask() -> None:
    chance = torch.Generator().manual_seed(2)
    query, prompt = (torch.randn(3, 3, 5, generator=chance) * 2 for _ in range(2))
    mask = (torch.rand(12, 12, generator=chance) < 0.4).float()
    found = in_context_mask(query, prompt, mask)
    for row in range(12):  # pixel by pixel: place (row % 4, column % 4) of every prompt piece
        for column in range(12):
            weights = ((prompt.reshape(9, 5) @ query[row // 4, column // 4]) / 5).softmax(0)
            values = mask[row % 4 :: 4, column % 4 :: 4].reshape(9)
            assert found[row, column] == pytest.approx(float(weights @ values), abs=1e-5)
    with pytest.raises(UserError, match="3 x 3 patches do not divide a mask of 10 px"):
        in_context_mask(query, prompt, mask[:10, :10])


def test_a_concept_is_found_from_one_prompt_and_scored_as_by_hand(scenes: Path) -> None:
    task = InContextSegmentation(dataset=str(scenes), image_size_px=64)
    outcome = task.measure(Sharp(image_size_px=64), CONDITIONS)
    found = {score.metric: score for score in outcome.scores}
    assert found["average_precision"].is_headline
    assert found["average_precision"].value > 0.95
    assert found["iou"].value > 0.85 > found["concept_share"].value
    assert np.array_equal(
        task.measure(Sharp(image_size_px=64), Conditions(batch_size=4, pictures=False)).scores[0].per_case,
        found["average_precision"].per_case,
    )
    # one training image, one validation image of one label: the whole case can be recomputed here
    (scenes / "splits.csv").write_text("id,split\n00,train\n08,val\n")
    for name in ("00", "08"):
        mask = np.asarray(Image.open(scenes / "masks" / f"{name}.png"))
        Image.fromarray(np.where(mask == 1, 1, 2).astype(np.uint8)).save(scenes / "masks" / f"{name}.png")
    (score, iou, *_) = task.measure(Pixels(image_size_px=64), CONDITIONS).scores
    data = find_masked_dataset(str(scenes))
    tokens = [
        Pixels(image_size_px=64).patch_tokens(square_of_image(part.image(0), 64, "short_side")[None])[0]
        for part in (data.val, data.train)
    ]
    truths = [square_of_mask(part.mask(0), 64, "short_side", 64) for part in (data.val, data.train)]
    values = []
    for label in (1, 2):
        soft = in_context_mask(*tokens, torch.from_numpy(truths[1] == label)).numpy()
        cut = soft > (soft.min() + soft.max()) / 2
        values.append(
            (
                average_precision_score((truths[0] == label).ravel(), soft.ravel()),
                jaccard_score((truths[0] == label).ravel(), cut.ravel()),
            )
        )
    assert (score.value, iou.value) in [(pytest.approx(a, abs=1e-6), pytest.approx(b, abs=1e-3)) for a, b in values]


def test_an_answer_is_stretched_and_cut_at_its_middle() -> None:
    stretched = stretch(np.array([[0.2, 0.5], [0.7, 1.0]]))
    assert np.allclose(stretched, [[0, 0.375], [0.625, 1]])
    assert (stretched > MIDDLE).tolist() == [[False, False], [True, True]]
    assert not stretch(np.full((2, 2), 0.3)).any()


def test_in_context_needs_a_label_in_both_splits(scenes: Path) -> None:
    wipe(scenes, ["06", "07"])
    task = InContextSegmentation(dataset=str(scenes), image_size_px=64)
    score = task.measure(Pixels(image_size_px=64), CONDITIONS).scores[0]
    assert (score.n, score.config["without_prompt"]) == (3, 2)
    alone = np.asarray(Image.open(scenes / "masks" / "08.png"))
    Image.fromarray((alone > 0).astype(np.uint8)).save(scenes / "masks" / "08.png")  # any answer would be perfect
    score = task.measure(Pixels(image_size_px=64), CONDITIONS).scores[0]
    assert (score.n, score.config["without_prompt"]) == (2, 3)
    wipe(scenes, [f"{number:02d}" for number in range(6)])
    with pytest.raises(UserError, match="no label fills 2% of a validation image and of a training image"):
        task.measure(Pixels(image_size_px=64), CONDITIONS)
    with pytest.raises(UserError, match=r"above 0 and below 1, received 1\.5"):
        InContextSegmentation(dataset=str(scenes), smallest_share=1.5)


def test_the_label_of_a_patch_is_that_of_most_of_its_pixels_or_the_one_in_its_middle() -> None:
    mask = np.zeros((1, 4, 4), np.int64)
    mask[0, :2, :2] = [[1, 1], [2, 0]]
    mask[0, 2:, :2] = [[3, 3], [1, 1]]  # a tie
    mask[0, 2:, 2:] = [[0, 5], [5, 5]]
    assert patch_labels(mask, (2, 2)).tolist() == [[[1, 0], [1, 5]]]
    assert patch_labels(mask, (2, 2), "paper").tolist() == [[[0, 0], [1, 5]]]
    with pytest.raises(UserError, match="3 x 3 patches do not divide"):
        patch_labels(mask, (3, 3))


@pytest.mark.parametrize("name", ["scenes", "voc2012"])
@pytest.mark.parametrize(("protocol", "square"), [("corrected", "crop"), ("paper", "squash")])
def test_knn_scores_are_those_of_attention_over_everything(
    name: str, protocol: str, square: str, request: pytest.FixtureRequest
) -> None:
    folder = request.getfixturevalue("scenes")
    wipe(folder, ["07"])
    dataset = str(folder) if name == "scenes" else request.getfixturevalue("voc")
    task = KnnSegmentation(dataset=dataset, protocol=protocol, image_size_px=64, budget_bytes=12 * 999)
    encoder = Sharp(image_size_px=64)
    found = {score.metric: score for score in task.measure(encoder, CONDITIONS).scores}
    data, parts = find_masked_dataset(dataset), {}
    lowest = {"paper": -1, "corrected": 1 if name == "scenes" else 0}[protocol]  # VOC's 0 is a class, its void is none
    for part, images in (("train", data.train), ("val", data.val)):
        squares = torch.stack([square_of_image(images.image(i), 64, square) for i in range(len(images))])
        masks = np.stack([square_of_mask(images.mask(i), 64, square, 64) for i in range(len(images))])
        parts[part] = (
            encoder.patch_tokens(squares).flatten(1, 2),
            patch_labels(masks, (16, 16), protocol).reshape(len(images), -1),
        )
    (memory, labels), (queries, truth) = parts["train"], parts["val"]
    memory, labels = memory.flatten(0, 1), labels.ravel()
    memory, labels = memory[labels >= lowest], labels[labels >= lowest].clip(0)
    scored, truth = truth >= lowest, truth.clip(0)
    values = F.one_hot(torch.from_numpy(labels)).float()
    named = F.scaled_dot_product_attention(queries, memory[None], values[None]).argmax(2).numpy()
    accuracies = [(named[i] == truth[i])[scored[i]].mean() for i in range(5) if scored[i].any()]
    foreground = [(named[i] == truth[i])[truth[i] > 0].mean() for i in range(5) if (truth[i] > 0).any()]
    assert found["mean_iou"].value == pytest.approx(jaccard_score(truth[scored], named[scored], average="macro"))
    assert found["accuracy"].per_case == pytest.approx(accuracies)
    assert found["foreground_accuracy"].per_case == pytest.approx(foreground)
    assert found["foreground_accuracy"].n == 4
    assert found["accuracy"].n == (4 if (protocol, name) == ("corrected", "scenes") else 5)
    assert found["mean_iou"].config["memory_bytes"] == memory.numel() * 4
    assert found["foreground_accuracy"].value > 0.8


def test_a_few_patches_of_each_image_are_drawn_by_seed_from_its_labelled_ones(scenes: Path) -> None:
    def drawn(count: int | None, seed: int = 0) -> PatchMemory:
        task = KnnSegmentation(dataset=str(scenes), image_size_px=64, entries_per_image=count)
        conditions = Conditions(batch_size=4, pictures=False, seed=seed)
        return task.memory_of(Sharp(image_size_px=64), find_masked_dataset(str(scenes)).train, conditions)

    everything, few, again = drawn(None), drawn(7), drawn(7)
    assert len(few.labels) == 7 * 6 < len(everything.labels) == len(drawn(16 * 16).labels)
    assert torch.equal(few.tokens, again.tokens)
    assert not torch.equal(few.tokens, drawn(7, seed=1).tokens)
    rows = [torch.cat([memory.tokens, memory.labels[:, None]], dim=1) for memory in (everything, few)]
    assert {tuple(row) for row in rows[1].tolist()} <= {tuple(row) for row in rows[0].tolist()}
    assert set(few.labels.tolist()) == {1, 2, 3}


def test_void_gets_no_cluster_and_is_not_scored(voc: str, tmp_path: Path) -> None:
    encoder, images = Sharp(image_size_px=64), find_masked_dataset(voc).val
    score = KmeansSegmentation(dataset=voc, image_size_px=64, grid=32).measure(encoder, CONDITIONS).scores[0]
    expected = []
    for position, uri in enumerate(images.uris):
        mask = square_of_mask(images.mask(position), 64, "crop", 32)
        tokens = encoder.patch_tokens(square_of_image(images.image(position), 64, "crop")[None])[0].numpy()
        seed = derive_key(0, "kmeans", uri) % 2**32
        clusters = kmeans_segments(tokens, len(np.unique(mask[mask >= 0])), seed).repeat(2, axis=0).repeat(2, axis=1)
        expected.append(matched_iou(clusters.ravel(), mask.ravel())[0])
    assert score.per_case == pytest.approx(expected)
    for split, name in (("train", "01"), ("val", "07")):  # both show red, green, void and background
        path = tmp_path / "data/voc2012/VOCdevkit/VOC2012/ImageSets/Segmentation" / f"{split}.txt"
        path.write_text(name)
    data = find_masked_dataset(voc)
    scores = InContextSegmentation(dataset=voc, image_size_px=64, square="crop").measure(encoder, CONDITIONS).scores
    truth, prompt = (square_of_mask(part.mask(0), 64, "crop", 64) for part in (data.val, data.train))
    query_tokens, prompt_tokens = (
        encoder.patch_tokens(square_of_image(part.image(0), 64, "crop")[None])[0] for part in (data.val, data.train)
    )
    is_counted, expected_pairs = truth >= 0, []
    for label in (1, 2):
        soft = in_context_mask(query_tokens, prompt_tokens, torch.from_numpy(prompt == label)).numpy()
        is_right = (truth == label)[is_counted]
        expected_pairs.append((average_precision_score(is_right, soft[is_counted]), is_right.mean()))
    assert 0 < is_counted.mean() < 1
    found = {score.metric: score.value for score in scores}
    assert (found["average_precision"], found["concept_share"]) in [
        (pytest.approx(precision, abs=1e-6), pytest.approx(share)) for precision, share in expected_pairs
    ]


def test_the_nearest_entries_vote_and_a_token_without_direction_is_answered(scenes: Path) -> None:
    task = KnnSegmentation(dataset=str(scenes), image_size_px=64, neighbors="top_k", num_neighbors=5)
    found = {score.metric: score for score in task.measure(Sharp(image_size_px=64), CONDITIONS).scores}
    assert found["accuracy"].value > 0.9
    chance = torch.Generator().manual_seed(5)
    tokens, labels = torch.randn(50, 6, generator=chance), torch.arange(50) % 4
    memory = PatchMemory(tokens=torch.cat([tokens, torch.zeros(1, 6)]), labels=torch.cat([labels, torch.tensor([2])]))
    queries = torch.cat([tokens[:7] * 3, torch.zeros(1, 6)])
    assert memory.nearest(queries, 1, 1 << 20).tolist() == [*labels[:7].tolist(), 2]
    similarity = F.normalize(queries[:7], dim=1) @ F.normalize(tokens, dim=1).T
    for row, named in enumerate(memory.nearest(queries[:7], 9, 1 << 20)):
        top = similarity[row].topk(9)  # the entry without direction is not among them here
        votes = torch.zeros(4).index_add_(0, labels[top.indices], (top.values / 0.07).exp())
        assert named == int(votes.argmax())


def test_background_by_name_is_no_foreground(scenes: Path) -> None:
    task = KnnSegmentation(dataset=str(scenes), image_size_px=64)
    before = {score.metric: score for score in task.measure(Sharp(image_size_px=64), CONDITIONS).scores}
    table = (scenes / "classes.csv").read_text().replace("blue", "background")
    (scenes / "classes.csv").write_text(table)
    after = {score.metric: score for score in task.measure(Sharp(image_size_px=64), CONDITIONS).scores}
    assert np.array_equal(before["accuracy"].per_case, after["accuracy"].per_case)
    assert np.array_equal(before["accuracy"].per_case, before["foreground_accuracy"].per_case)
    assert not np.array_equal(after["accuracy"].per_case, after["foreground_accuracy"].per_case)
    # where 0 itself is called background it is a class: remembered, scored, and no foreground
    (scenes / "classes.csv").write_text("id,name\n0,background\n1,red\n2,green\n3,blue\n")
    first = {score.metric: score for score in task.measure(Sharp(image_size_px=64), CONDITIONS).scores}
    assert first["mean_iou"].config["memory_size"] == 6 * 16 * 16 > before["mean_iou"].config["memory_size"]
    assert not np.array_equal(first["accuracy"].per_case, first["foreground_accuracy"].per_case)


def test_sets_without_labels_are_refused(scenes: Path) -> None:
    wipe(scenes, [f"{number:02d}" for number in range(6, 11)])
    with pytest.raises(UserError, match="none of 5 images has a labelled segment"):
        KmeansSegmentation(dataset=str(scenes), image_size_px=64).measure(Pixels(image_size_px=64), CONDITIONS)
    with pytest.raises(UserError, match="none of the 5 validation images has a labelled patch"):
        KnnSegmentation(dataset=str(scenes), image_size_px=64).measure(Pixels(image_size_px=64), CONDITIONS)
    wipe(scenes, [f"{number:02d}" for number in range(6)])
    with pytest.raises(UserError, match="none of the 6 training images has a labelled patch"):
        KnnSegmentation(dataset=str(scenes), image_size_px=64).measure(Pixels(image_size_px=64), CONDITIONS)


def test_every_task_refuses_unusable_tokens_and_wrong_settings(scenes: Path) -> None:
    broken = Pixels(image_size_px=64)
    one_wrong = torch.zeros(4, 4, 3).index_put(
        (torch.tensor(1), torch.tensor(2), torch.tensor(0)), torch.tensor(torch.nan)
    )
    broken.patch_tokens = lambda images: one_wrong.expand(len(images), 4, 4, 3)  # type: ignore[method-assign]
    for task in every_task(scenes):
        with pytest.raises(UserError, match="'histogram' has no patch tokens"):
            task.measure(Histogram(image_size_px=64), CONDITIONS)
        with pytest.raises(UserError, match="NaN or infinite patch tokens"):
            task.measure(broken, CONDITIONS)
    with pytest.raises(UserError, match="grid must be at least 1"):
        KmeansSegmentation(dataset=str(scenes), grid=0)
    with pytest.raises(UserError, match="at least 1, received 0"):
        KnnSegmentation(dataset=str(scenes), num_neighbors=0)


def test_unreadable_images_are_left_out_where_the_conditions_say_so(scenes: Path) -> None:
    for name in ("02", "08"):
        path = scenes / "images" / f"{name}.png"
        path.write_bytes(path.read_bytes()[:500])
    lenient = Conditions(batch_size=1, on_corrupt="skip")
    for task in every_task(scenes):
        outcome = task.measure(Pixels(image_size_px=64), lenient)
        assert outcome.scores[0].n == 4
        (picture,) = outcome.pictures.values()
        assert min(picture.size) > 200
        with pytest.raises(UserError, match=r"0[28]\.png"):
            task.measure(Pixels(image_size_px=64), CONDITIONS)
