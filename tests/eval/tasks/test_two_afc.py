"""2AFC by hand, over photographs, and by formulas on pixels. Run: pytest tests/eval/tasks/test_two_afc.py."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from eval.figures import SheetRow, neighbor_sheet
from eval.sets.find_triplets import find_triplets
from eval.squares import square_of_image
from eval.statistics import shared_standard_error
from eval.task import Conditions
from eval.tasks import two_afc
from eval.tasks.knn import Knn
from eval.tasks.two_afc import TwoAfc, option_similarities
from eval.white_box import load_measured, psnr, ssim
from eval.whole_square import WholeSquareEncoder
from pretrain.encoder import load_encoder
from procmem.errors import UserError

QUIET = Conditions(pictures=False)


def test_accuracy_and_vote_agreement_by_hand(triplet_folder: Path) -> None:
    outcome = TwoAfc(dataset=str(triplet_folder)).measure(load_encoder("pixels"), QUIET)
    accuracy, agreement = outcome.scores
    # answers: left (people: left), right (right), right (left), tie; the fifth triplet has no majority
    assert accuracy.case_names == ("a", "b", "c", "d")
    assert accuracy.per_case is not None
    assert accuracy.per_case.tolist() == [1, 1, 0, 0.5]
    assert accuracy.value == 0.625
    assert agreement.per_case is not None
    assert agreement.per_case == pytest.approx([0.75, 1, 0.2, 0.5])
    assert (accuracy.config["ties"], accuracy.config["without_majority"]) == (1, 1)
    assert outcome.dataset == "triplets/all"


def test_the_standard_error_is_over_photographs_where_they_are_shared(triplet_folder: Path) -> None:
    accuracy = TwoAfc(dataset=str(triplet_folder)).measure(load_encoder("pixels"), QUIET).scores[0]
    assert accuracy.config["standard_error_over"] == "photographs"
    assert accuracy.case_members is not None
    assert accuracy.case_members.shape == (4, 3)
    assert accuracy.per_case is not None
    assert accuracy.standard_error == pytest.approx(shared_standard_error(accuracy.per_case, accuracy.case_members))
    assert accuracy.config["standard_error_over_triplets"] == pytest.approx(np.std([1, 1, 0, 0.5]) / 2)
    assert accuracy.config["low"] < accuracy.value < accuracy.config["high"]


def test_formulas_answer_by_pixels(triplet_folder: Path) -> None:
    for name in ("psnr", "ssim"):
        accuracy = TwoAfc(dataset=str(triplet_folder)).measure(load_measured(name, image_size_px=16), QUIET).scores[0]
        assert accuracy.per_case is not None
        assert accuracy.per_case[[0, 1, 3]].tolist() == [1, 1, 0.5]


def test_formulas_agree_with_their_definitions() -> None:
    chance = np.random.Generator(np.random.Philox(3))
    a, b = chance.integers(0, 256, (2, 16, 16, 3)).astype(np.uint8)
    error = np.mean((a.astype(float) - b.astype(float)) ** 2)
    assert psnr(a, b) == pytest.approx(10 * np.log10(255**2 / error))
    assert psnr(a, a) == np.inf
    assert ssim(a, a) == pytest.approx(1.0)
    windows = np.lib.stride_tricks.sliding_window_view
    scores = []
    for channel in range(3):
        x, y = (windows(image[..., channel].astype(float), (7, 7)).reshape(-1, 49) for image in (a, b))
        covariance = ((x - x.mean(1, keepdims=True)) * (y - y.mean(1, keepdims=True))).sum(1) / 48
        c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
        top = (2 * x.mean(1) * y.mean(1) + c1) * (2 * covariance + c2)
        scores.append(top / ((x.mean(1) ** 2 + y.mean(1) ** 2 + c1) * (x.var(1, ddof=1) + y.var(1, ddof=1) + c2)))
    assert ssim(a, b) == pytest.approx(np.mean(scores))


def test_images_are_taken_whole_and_cached_apart_from_crops() -> None:
    image = Image.fromarray(np.repeat(np.array([[0, 100, 200]], np.uint8), 20, axis=0).repeat(20, axis=1))
    encoder = load_encoder("pixels")
    whole = WholeSquareEncoder(encoder)
    square = whole.transform(image)
    assert square.shape == (3, 64, 64)
    assert square[0, 32, 0] == 0
    assert square[0, 32, 63] == 200
    assert encoder.transform(image)[0, 32, 0] > 20
    assert whole.card().fingerprint != encoder.card().fingerprint
    assert square_of_image(image, 64, "squash").tolist() == square.tolist()


def test_a_photograph_seen_twice_is_embedded_once(triplet_folder: Path) -> None:
    triplets = find_triplets(str(triplet_folder))
    left, right, readable = option_similarities(triplets, load_encoder("pixels"), QUIET)
    assert readable.all()
    assert left[3] == right[3]  # two files of equal pixels: an exact tie
    assert left[0] > right[0]


def test_triplets_that_name_missing_files_are_refused_or_left_out(
    triplet_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (triplet_folder / "images" / "navy.png").write_bytes(b"no picture")
    for spec in ("pixels", "psnr"):
        task, encoder = TwoAfc(dataset=str(triplet_folder)), load_measured(spec, image_size_px=16)
        with pytest.raises(UserError, match=r"navy\.png"):
            task.measure(encoder, QUIET)
        score = task.measure(encoder, dataclasses.replace(QUIET, on_corrupt="skip")).scores[0]
        assert score.case_names == ("a", "d")
        assert score.config["left_out"] == 2
        assert "left out 2 of 5 triplets" in capsys.readouterr().err
    (triplet_folder / "images" / "navy.png").unlink()
    with pytest.raises(UserError, match=r"not there, for example .*navy\.png"):
        TwoAfc(dataset=str(triplet_folder)).measure(load_encoder("pixels"), QUIET)


def test_a_formula_has_no_embeddings_for_other_tasks(color_folder: Path) -> None:
    with pytest.raises(UserError, match="'psnr' compares two pictures and has no embeddings"):
        Knn(dataset=str(color_folder)).measure(load_measured("psnr"), QUIET)


def test_a_formula_may_name_its_size_and_is_shown_as_it_was_given() -> None:
    named, given = load_measured("psnr@16"), load_measured("psnr", image_size_px=16)
    assert (named.name, named.image_size_px, given.name) == ("psnr@16", 16, "psnr")
    assert named.card().fingerprint == given.card().fingerprint


def test_a_picture_shows_what_people_chose_and_whether_the_encoder_agrees(
    triplet_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[SheetRow] = []

    def kept(rows: list[SheetRow], across: int) -> bytes:
        shown.extend(rows)
        return neighbor_sheet(rows, across)

    monkeypatch.setattr(two_afc, "neighbor_sheet", kept)
    picture = TwoAfc(dataset=str(triplet_folder)).measure(load_encoder("pixels"), Conditions()).pictures["triplets"]
    assert picture.width > picture.height
    # people: left, right, left, right; the encoder errs on the third and cannot tell on the fourth; the fifth is a draw
    assert [row.is_right for row in shown] == [[True, False], [False, True], [True, False], [False, True]]
    assert [row.caption for row in shown] == ["encoder agrees"] * 2 + ["encoder disagrees"] * 2
    assert shown[0].similarities[0] > shown[0].similarities[1]
