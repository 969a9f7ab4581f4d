"""Parameter tables: what each kind draws, that rows depend on their counters only, and what a palette guarantees."""

import colorsys

import numpy as np
import pytest

from procgen.palettes import PALETTE_NUMBERS, palettes
from procgen.parameters import Parameter, draw_table, table_width
from procgen.seeds import uniforms
from procmem.errors import UserError

TABLE = (
    Parameter(name="scale", kind="log_uniform", low=0.5, high=8.0),
    Parameter(name="colours", kind="palette"),
    Parameter(name="count", kind="integer", low=-1, high=2),
    Parameter(name="turn", kind="angle"),
    Parameter(name="salt", kind="seed"),
    Parameter(name="shift", kind="uniform", low=-3.0, high=-1.0),
)


@pytest.mark.parametrize(
    ("parameter", "number", "value"),
    [
        (Parameter(name="a", kind="uniform", low=-3.0, high=-1.0), 0.25, -2.5),
        (Parameter(name="a", kind="log_uniform", low=0.5, high=8.0), 0.5, 2.0),
        (Parameter(name="a", kind="integer", low=-1, high=2), 0.0, -1.0),
        (Parameter(name="a", kind="integer", low=-1, high=2), 0.999, 2.0),
        (Parameter(name="a", kind="angle"), 0.25, np.pi / 2),
        (Parameter(name="a", kind="seed"), 0.5, 8388608.0),
    ],
)
def test_each_kind_maps_a_uniform_number_to_its_value(parameter, number, value):
    assert parameter.values(np.array([[number]]))[0, 0] == pytest.approx(value, rel=1e-12)


def test_a_row_depends_on_its_counter_only():
    counters = np.array([7, 0, 2**40, 7])
    table = draw_table(TABLE, 3, "p", counters=counters)
    assert table.dtype == np.float32
    assert table.shape == (4, table_width(TABLE)) == (4, 17)
    assert np.array_equal(table[0], table[3])
    for row, counter in zip(table, counters, strict=True):
        assert np.array_equal(row, draw_table(TABLE, 3, "p", counters=[counter])[0])
    assert not np.array_equal(table[0], draw_table(TABLE, 4, "p", counters=[7])[0])
    assert not np.array_equal(table[0], draw_table(TABLE, 3, "q", counters=[7])[0])


def test_every_parameter_consumes_its_own_numbers():
    table = draw_table(TABLE, 3, "p", counters=[5, 6])
    numbers = uniforms(3, "p", counters=[5, 6], count=1 + PALETTE_NUMBERS + 4)
    parts = np.split(numbers, [1, 1 + PALETTE_NUMBERS, *range(2 + PALETTE_NUMBERS, 5 + PALETTE_NUMBERS)], axis=1)
    values = [parameter.values(part) for parameter, part in zip(TABLE, parts, strict=True)]
    assert np.array_equal(table, np.concatenate(values, axis=1).astype(np.float32))


def test_draws_fill_their_range_evenly_and_seeds_are_exact_in_float32():
    table = draw_table(TABLE, 0, counters=np.arange(20000))
    scale, count, salt = table[:, 0], table[:, 13], table[:, 15]
    assert scale.min() >= 0.5
    assert scale.max() <= 8.0
    octaves = np.histogram(np.log2(scale), bins=4, range=(-1, 3))[0]
    assert abs(octaves - 5000).max() < 300
    assert sorted(set(count.tolist())) == [-1.0, 0.0, 1.0, 2.0]
    assert abs(np.bincount((count + 1).astype(int)) - 5000).max() < 300
    assert np.array_equal(salt, np.floor(salt))
    assert 0 <= salt.min() < salt.max() < 2**24


def test_every_palette_holds_light_and_dark_and_most_are_quiet():
    colours = palettes(np.random.default_rng(0).random((5000, PALETTE_NUMBERS))).reshape(-1, 4, 3)
    assert 0 <= colours.min() < colours.max() <= 1
    luma = colours @ np.array([0.2126, 0.7152, 0.0722])
    assert (luma.max(1) - luma.min(1)).min() > 0.4
    chroma = (colours.max(2) - colours.min(2)).max(1)
    assert np.median(chroma) < 0.4
    assert (chroma > 0.8).mean() < 0.05
    ascending = (np.diff(luma, axis=1) > 0).all(1).mean()
    assert 0.4 < ascending < 0.6  # the rest is reversed or shuffled


def test_palette_colours_agree_with_a_hand_computed_oklch_colour():
    numbers = np.zeros((1, PALETTE_NUMBERS))
    numbers[0, 4], numbers[0, 5], numbers[0, 6], numbers[0, 7:11] = 0.0, 0.5, 0.0, 0.5  # earth hue 0.16, mono
    numbers[0, 14] = 0.5  # in order of lightness
    first = palettes(numbers)[0, :3]
    # L 0.10, C 0.19 * 0.15 * 0.625 = 0.0178125, h 0.16 turns, by hand through Ottosson's matrices
    assert first == pytest.approx(_srgb_by_hand(0.10, 0.19 * 0.15 * 0.625, 0.16), abs=1e-6)
    hue = colorsys.rgb_to_hsv(*first)[0]
    assert hue < 0.15


def _srgb_by_hand(lightness, chroma, turns):
    a, b = chroma * np.cos(2 * np.pi * turns), chroma * np.sin(2 * np.pi * turns)
    to_lms = np.array(
        [[1, 0.3963377774, 0.2158037573], [1, -0.1055613458, -0.0638541728], [1, -0.0894841775, -1.291485548]]
    )
    to_rgb = np.array(
        [
            [4.0767416621, -3.3077115913, 0.2309699292],
            [-1.2684380046, 2.6097574011, -0.3413193965],
            [-0.0041960863, -0.7034186147, 1.707614701],
        ]
    )
    linear = to_rgb @ (to_lms @ [lightness, a, b]) ** 3
    return [12.92 * x if x <= 0.0031308 else 1.055 * x ** (1 / 2.4) - 0.055 for x in np.clip(linear, 0, 1)]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "uniformly"}, "unknown parameter kind 'uniformly'; did you mean 'uniform'"),
        ({"kind": "uniform", "low": 2.0, "high": 1.0}, "needs low < high, got 2.0 to 1.0"),
        ({"kind": "uniform", "low": 1.0, "high": 1.0}, "needs low < high"),
        ({"kind": "uniform", "low": float("nan")}, "needs a finite range, got nan"),
        ({"kind": "uniform", "high": float("inf")}, "needs a finite range"),
        ({"kind": "log_uniform", "low": 0.0}, "needs low > 0, got 0.0"),
        ({"kind": "integer", "low": 0.5, "high": 3.0}, "needs whole numbers"),
        ({"kind": "uniform", "high": 1e9}, "must stay within"),
        ({"kind": "uniform", "name": "Bad__name"}, "parameter name 'Bad__name'"),
    ],
)
def test_a_bad_parameter_is_refused(fields, message):
    with pytest.raises(UserError, match=message):
        Parameter(**({"name": "x"} | fields))
