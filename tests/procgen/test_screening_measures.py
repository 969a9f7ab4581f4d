"""Measures and embedding against numbers made by hand, verdicts in their order, and twins against a slow search."""

import dataclasses

import numpy as np
import pytest

from procgen.screening.measures import EMBEDDING_SIZE, Measures, edge_share, embed, measure, neighbor_correlation
from procgen.screening.near_duplicates import near_duplicates
from procgen.screening.probe import Finding
from procgen.screening.verdict import REASONS, Thresholds, Verdict, judge, judge_alone
from procmem.errors import UserError

GOOD = Measures(luminance_mean=0.5, luminance_std=0.2, neighbor_correlation=0.9, edge_share=0.2)
SPREAD = np.random.default_rng(0)


def grey(*pictures):
    """uint8 (B, 3, H, W) of grey pictures given as rows of values."""
    return np.repeat(np.array(pictures, dtype=np.uint8)[:, None], 3, axis=1)


def finding(program_id, embedding=None, cost_ms=1.0, **changes):
    return Finding(
        program_id=program_id,
        program_fingerprint=f"fingerprint of {program_id}",
        measures=dataclasses.replace(GOOD, **changes),
        cost_ms=cost_ms,
        embedding=SPREAD.integers(0, 256, 72, dtype=np.uint8).tobytes() if embedding is None else embedding,
    )


def test_luminance_of_two_values_has_the_mean_and_std_of_two_values():
    measures = measure(grey([[0, 255], [0, 255]]))
    assert (measures.luminance_mean, measures.luminance_std) == (0.5, 0.5)
    # columns 0 1: the step of 1 is seen at the only pixel with both neighbours; beside -1/4, below +1/4 of variance 1/4
    assert (measures.edge_share, measures.neighbor_correlation) == (1.0, 0.0)


def test_luminance_weighs_green_most():
    image = np.zeros((1, 3, 4, 4), dtype=np.uint8)
    image[:, 1] = 255
    assert measure(image).luminance_mean == 0.7152


def test_a_measure_is_the_median_of_the_draws():
    flat = [[[level] * 4] * 4 for level in (0, 51, 102, 255)]
    assert measure(grey(*flat)).luminance_mean == pytest.approx(0.3)  # between 0.2 and 0.4, whatever 0 and 1 do


def test_neighbor_correlation_of_known_patterns():
    y, x = np.mgrid[:4, :4]
    checkerboard, stripes, flat = (x + y) % 2, x % 2, np.full((4, 4), 0.3)
    steps = np.array([[0, 0, 1, 1]] * 4)  # beside: (1 - 1 + 1) / 3 of the variance, below: 1
    patterns = np.stack([checkerboard, stripes, flat, steps]).astype(np.float64)
    assert neighbor_correlation(patterns) == pytest.approx([-1, 0, 1, (1 / 3 + 1) / 2])


def test_edge_share_counts_pixels_whose_diagonal_step_is_long_enough():
    flat = np.zeros((5, 5))
    one_corner = flat.copy()
    one_corner[2, 2] = 0.2  # seen from the pixel itself, from its left and from its upper neighbour
    too_soft = np.add.outer(np.arange(5), np.arange(5)) * 0.07  # hypot(0.07, 0.07) = 0.099
    just_seen = np.add.outer(np.arange(5), np.arange(5)) * 0.072  # 0.102
    assert edge_share(np.stack([flat, one_corner, too_soft, just_seen])).tolist() == [0, 3 / 16, 0, 1]


def test_the_embedding_says_what_is_where():
    image = np.zeros((1, 3, 8, 8), dtype=np.uint8)
    image[0, 0, :2, :2] = 255  # red in the first cell
    image[0, :, 6:, 6] = 255  # a white column in half of the last cell
    embedding = embed(image)[0]
    red, green, blue = embedding[:48].reshape(3, 16)
    assert (red[0], red[15], green[15], blue[15]) == (255, 128, 128, 128)  # 127.5 to even
    assert red[1:15].tolist() == [0] * 14
    assert green[:15].tolist() == [0] * 15
    assert embedding[48:64].tolist() == [0] * 15 + [255]  # std 1/2 times 2


@pytest.mark.parametrize(
    ("across", "down", "expected_bin"),
    [(1, 0, 0), (0, 1, 4), (1, 1, 2), (-1, 1, 6), (-1, 0, 0), (-1, -1, 2)],
)
def test_an_edge_falls_into_the_bin_of_its_direction_whatever_its_sign(across, down, expected_bin):
    y, x = np.mgrid[:8, :8]
    ramp = 128 + across * x + down * y
    bins = embed(grey(ramp))[0, 64:]
    expected = np.round(255 * 20 * np.hypot(across, down) / 255)
    assert bins[expected_bin] == expected
    assert bins.sum() == expected


def test_the_embedding_has_one_row_a_draw_and_ignores_the_other_draws():
    images = SPREAD.integers(0, 256, (3, 3, 16, 16), dtype=np.uint8)
    assert embed(images).shape == (3, EMBEDDING_SIZE)
    assert np.array_equal(embed(images)[1:2], embed(images[1:2]))


@pytest.mark.parametrize(
    ("changes", "reason", "detail"),
    [
        ({}, None, ""),
        ({"luminance_mean": 0.01}, "black", "0.01 is below 0.06"),
        ({"luminance_mean": 0.97}, "blown_out", "0.97 is above 0.94"),
        ({"luminance_std": 0.03}, "low_contrast", "0.03 is below 0.04706"),
        ({"neighbor_correlation": 0.1}, "noise", "0.1 is below 0.6"),
        ({"edge_share": 0.004}, "empty", "0.004 is below 0.01"),
        ({"edge_share": 0.8}, "busy", "0.8 is above 0.7"),
        ({"cost_ms": 500.0}, "too_costly", "500 is above 100"),
        ({"luminance_mean": 0.0, "luminance_std": 0.0, "cost_ms": 1e6}, "black", "0 is below 0.06"),
        ({"luminance_std": 0.0, "edge_share": 1.0}, "low_contrast", "0 is below 0.04706"),
        ({"luminance_mean": 0.06, "luminance_std": 12 / 255, "edge_share": 0.7}, None, ""),
    ],
)
def test_the_verdict_is_the_first_reason_and_a_limit_itself_is_allowed(changes, reason, detail):
    verdict = judge_alone(finding("a/b", **changes), Thresholds())
    assert verdict == Verdict(program_id="a/b", reason=reason, detail=detail)


@pytest.mark.parametrize("failure", ["killer", "error"])
def test_a_failure_comes_before_everything(failure):
    failed = Finding(program_id="a/b", program_fingerprint="f", failure=failure, message="line 3: no such thing")
    assert judge([failed], Thresholds()) == (Verdict(program_id="a/b", reason=failure, detail="line 3: no such thing"),)
    assert REASONS.index(failure) < REASONS.index("black")


def test_only_programs_that_pass_are_anybodys_twin():
    same = bytes(range(72))
    found = [finding("c", same), finding("b", same), finding("a", same, edge_share=0.9), finding("d")]
    verdicts = {verdict.program_id: verdict for verdict in judge(found, Thresholds())}
    assert list(verdicts) == ["a", "b", "c", "d"]
    assert [verdict.reason for verdict in verdicts.values()] == ["busy", None, "near_duplicate", None]
    assert verdicts["c"].detail == "0.00 levels from b"


def test_the_middle_of_a_chain_goes_and_its_far_end_stays():
    levels = np.array([[10, 10], [14, 14], [18, 18]], dtype=np.uint8)
    assert near_duplicates(["a", "b", "c"], levels, 4.0) == {"b": ("a", 4.0)}
    assert near_duplicates(["a", "b", "c"], levels, 3.99) == {}
    assert near_duplicates(["a", "b", "c"], levels, 8.0) == {"b": ("a", 4.0), "c": ("a", 8.0)}
    assert near_duplicates(["c", "b", "a"], levels, 4.0) == {"b": ("a", 4.0)}


def test_of_equally_near_twins_the_smaller_id_is_named():
    assert near_duplicates(["a", "b", "c"], np.array([[0], [8], [4]], dtype=np.uint8), 4.0) == {"c": ("a", 4.0)}


def test_near_duplicates_agree_with_a_slow_search_in_any_order():
    random = np.random.default_rng(3)
    base = random.integers(0, 256, (200, 24))
    copies = base[random.integers(0, 200, 400)] + random.integers(-6, 7, (400, 24))
    values = np.clip(np.concatenate([base, copies]), 0, 255).astype(np.uint8)
    ids = [f"p/{number:03}" for number in random.permutation(600)]
    found = near_duplicates(ids, values, 3.5)
    by_id = dict(zip(ids, values.astype(int), strict=True))
    stay, expected = [], {}
    for name in sorted(ids):
        distances = [(np.sqrt(np.mean((by_id[name] - by_id[other]) ** 2)), other) for other in stay]
        if distances and min(distances)[0] <= 3.5:
            expected[name] = min(distances)[1]
        else:
            stay.append(name)
    assert 50 < len(expected) < 550
    assert {name: twin for name, (twin, _) in found.items()} == expected
    shuffled = random.permutation(600)
    assert near_duplicates([ids[i] for i in shuffled], values[shuffled], 3.5) == found


def test_programs_with_one_name_are_refused():
    with pytest.raises(UserError, match="N different ids"):
        near_duplicates(["a", "a"], np.zeros((2, 3), np.uint8), 1.0)
