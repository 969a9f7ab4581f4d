"""Sources against the laws that define them, and what all of them owe: repeatable blocks and honest recipes."""

import io
import tarfile

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from procgen.operators import Leaves
from procgen.registry import NAMED, make_process
from procgen.sources import dead_leaves, fractals, statistical, stylegan
from procgen.sources.steerable_pyramid import analyse, synthesise
from procmem.errors import UserError

SIZE = {"image_size_px": 32, "block_size": 6, "images_per_program": 2}
SOURCES = [
    "stylegan",
    "dead_leaves_squares",
    "dead_leaves_oriented",
    "dead_leaves_mixed",
    "spectrum",
    "wmm",
    "spectrum_color",
    "spectrum_color_wmm",
    "fractals",
    "flames",
]


def chance(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize(
    "name", [*SOURCES, "dead_leaves_textures", "fractals_kml", "stylegan_mixup", "spectrum_cutmix"]
)
def test_blocks_repeat_wherever_the_process_was_before_and_are_no_flat_pictures(name):
    process, other = make_process(name, **SIZE), make_process(name, **SIZE)
    block = process.block(1, 3)
    assert block.shape == (6, 3, 32, 32)
    assert block.dtype == torch.uint8
    assert not torch.equal(block, other.block(1, 4))
    assert not torch.equal(block, other.block(2, 3))
    assert torch.equal(block, other.block(1, 3))
    assert len(block.flatten(1).unique(dim=0)) == 6
    assert block.float().flatten(1).std(dim=1).median() > 10
    assert process.recipe(1, 3, 0) == other.recipe(1, 3, 0)


@pytest.mark.parametrize("name", ["fractals", "flames", "stylegan"])
def test_a_block_holds_programs_of_its_own_as_often_as_asked(name):
    process = make_process(name, **SIZE)
    programs = [[process.recipe(0, b, i)["program"] for i in range(6)] for b in (0, 1)]
    assert sorted(programs[0].count(program) for program in set(programs[0])) == [2, 2, 2]
    assert not set(programs[0]) & set(programs[1])


# Statistical models


def test_the_spectrum_recovers_its_exponents():
    random = chance()
    image = random.random((3, 256, 256), dtype=np.float32)
    made = statistical.impose_spectrum(image, statistical.spectrum_magnitude(256, 1.7, 2.4))
    power = np.abs(np.fft.rfft2(made[0]))
    along_x, along_y = power[0, 2:60], power[2:60, 0]
    frequencies = np.log(np.arange(2, 60))
    assert np.polyfit(frequencies, np.log(along_x), 1)[0] == pytest.approx(-1.7, abs=0.01)
    assert np.polyfit(frequencies, np.log(along_y), 1)[0] == pytest.approx(-2.4, abs=0.01)
    np.testing.assert_allclose(made.mean((1, 2)), image.mean((1, 2)), atol=1e-4)
    np.testing.assert_allclose(made.std((1, 2)), image.std((1, 2)), rtol=1e-4)


def test_slopes_lie_in_the_published_range():
    slopes = np.array([statistical.draw_slopes(chance(seed)) for seed in range(4000)])
    mean, difference = slopes.mean(1), np.diff(slopes)[:, 0] / 2
    assert mean.min() > 0.5
    assert mean.max() < 3.5
    assert mean.mean() == pytest.approx(2, abs=0.05)
    assert difference.std() == pytest.approx(0.05, rel=0.05)


def test_imposing_values_keeps_the_order_and_gives_the_values():
    values = chance().normal(size=(2, 5, 7)).astype(np.float32)
    targets = np.sort(chance(1).exponential(size=(2, 35)).astype(np.float32), axis=1)
    out = statistical.impose_values(values, targets).reshape(2, 35)
    np.testing.assert_array_equal(np.sort(out, axis=1), targets)
    np.testing.assert_array_equal(out.argsort(axis=1), values.reshape(2, 35).argsort(axis=1))


def test_coefficients_have_the_stated_density():
    drawn = statistical.coefficient_quantiles(0.6, 16.0, 100_000).astype(np.float64)
    counts, edges = np.histogram(drawn, bins=40, range=(-100, 100))
    middles = (edges[1:] + edges[:-1]) / 2
    away = np.abs(middles) > 10  # the peak is sharper than a bin
    logs = np.log(counts[away]) + (np.abs(middles[away]) / 16) ** 0.6
    assert np.ptp(logs) < 0.05
    assert np.abs(drawn).max() <= 200


def test_the_wavelet_marginal_model_matches_its_marginals():
    size, num_scales = 64, 2
    shapes = np.full((3, 9), 0.5)
    targets = [statistical.band_values(shapes, scale, size >> scale) for scale in range(num_scales)]
    image = chance().random((3, size, size), dtype=np.float32) * 256
    start = _kurtosis(image, num_scales)
    for _ in range(10):
        image = statistical.impose_marginals(image, targets, shapes[:, -1])
    wanted = [float(np.mean(target**4) / np.mean(target**2) ** 2) for target in targets]
    found = _kurtosis(image, num_scales)
    for scale in range(num_scales):
        bands = np.sort(analyse(torch.from_numpy(image), num_scales).bands[scale].flatten(2).numpy().reshape(12, -1))
        error = np.abs(bands - targets[scale]).mean() / np.abs(targets[scale]).mean()
        assert error < 0.2, error
        assert abs(found[scale] - wanted[scale]) < 0.35 * abs(start[scale] - wanted[scale])


def _kurtosis(image, num_scales):
    bands = analyse(torch.from_numpy(image), num_scales).bands
    return [float((band**4).mean() / (band**2).mean() ** 2) for band in bands]


def test_spectrum_and_colour_images_show_the_references_colours():
    random = chance(3)
    reference, axes, mean = statistical.sample_colours(random, 32)
    image = statistical.impose_values(random.random((3, 32, 32), dtype=np.float32), reference)
    pixels = np.einsum("dc,chw->dhw", axes, image) + mean[:, None, None]
    # The reference's values in its own axes, whatever is mixed: mean colour and covariance follow.
    np.testing.assert_allclose(pixels.mean((1, 2)), mean, atol=0.05)
    np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-5)
    np.testing.assert_array_equal(np.sort(image.reshape(3, -1), axis=1), reference)


@pytest.mark.parametrize("size", [16, 48, 112])
def test_the_pyramid_gives_the_image_back_and_keeps_its_energy(size):
    image = torch.from_numpy(chance().normal(size=(2, size, size)).astype(np.float32))
    scales = 2 if size % 4 == 0 else 1
    pyramid = analyse(image, scales)
    torch.testing.assert_close(synthesise(pyramid), image, atol=1e-4, rtol=0)
    energy = sum(part.square().sum() for part in (pyramid.high, pyramid.low, *pyramid.bands))
    torch.testing.assert_close(energy, image.square().sum(), rtol=1e-4, atol=0)


def test_a_band_answers_to_its_orientation():
    rows = torch.sin(torch.arange(64) * 2 * torch.pi * 3 / 16).expand(1, 64, 64)  # waves along x
    energies = analyse(rows.contiguous(), 1).bands[0].square().sum((2, 3))[0]
    assert energies.argmax() == 0
    assert energies[2] < 1e-6 * energies[0]


# Dead leaves


def test_radii_follow_the_power_law():
    radii = dead_leaves.draw_radii(chance(), 200_000)
    low, high = dead_leaves.RADIUS_RANGE
    assert low <= radii.min()
    assert radii.max() <= high
    counts, edges = np.histogram(radii, bins=np.geomspace(low, 0.5, 12))
    density = counts / np.diff(edges)
    slope = np.polyfit(np.log((edges[1:] * edges[:-1]) ** 0.5), np.log(density), 1)[0]
    assert slope == pytest.approx(-3, abs=0.05)


def test_corners_stand_where_their_kind_says():
    free = np.array([0.25, 0.5, 0.0, 0.75])
    corners = {kind: np.exp(1j * dead_leaves.corner_angles(kind, free)) for kind in dead_leaves.KINDS}
    np.testing.assert_allclose(sorted(corners["square"].real), [-(0.5**0.5)] * 2 + [0.5**0.5] * 2)
    np.testing.assert_allclose(corners["oriented_square"] ** 4, 1, atol=1e-12)
    rectangle = corners["rectangle"]
    np.testing.assert_allclose(rectangle.sum(), 0, atol=1e-12)
    assert len(set(np.round(rectangle.real, 9))) == 2
    assert [len(corners[kind]) for kind in ("triangle", "quadrangle", "disc")] == [3, 4, 64]
    assert (np.diff(np.angle(corners["quadrangle"]) % (2 * np.pi)) >= 0).all()


def test_earlier_layers_lie_above_later_ones(monkeypatch):
    square = np.array([[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]])
    ground = np.array([[-1.0, -1.0], [2.0, -1.0], [2.0, 2.0], [-1.0, 2.0]])
    layers = iter([[square], [ground]])
    monkeypatch.setattr(dead_leaves, "draw_outlines", lambda *_: next(layers))
    seen, _ = dead_leaves.leaf_map(chance(), 8, "square")
    assert (seen[:, :3] == 0).all()
    assert (seen[:, 5:] == dead_leaves.SHAPES_PER_LAYER).all()


def test_textured_leaves_show_the_textures_pixels_in_place():
    process = make_process("dead_leaves_textures", **SIZE)
    leaves = process.block(0, 0)
    textures = process.textures.block(0, 0, ("dead_leaves",))
    shown = (leaves.unsqueeze(1) == textures).all(dim=2)  # (leaf image, texture, H, W)
    assert shown.any(dim=1).all()
    assert shown.float().mean(dim=(2, 3)).amax() < 0.9


# Fractals


def test_scales_of_maps_sum_to_the_published_range():
    for seed in range(50):
        scales = fractals.draw_scales(chance(seed), 4)
        assert 4.5 - 1e-6 <= (scales @ [1, 2]).sum() <= 5 + 1e-6
        assert (scales < 1).all()
        assert (scales[:, 0] >= scales[:, 1]).all()


def test_the_chaos_game_draws_sierpinskis_triangle():
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    maps = np.concatenate([np.tile(np.eye(2) / 2, (3, 1, 1)), corners[:, :, None] / 2], axis=2)
    system = fractals.System(maps, np.array([1 / 3, 2 / 3, 1.0]), np.array([0.0, 0.5, 1.0]), ())
    positions, tones = fractals.play(system, 50_000, chance())
    assert (positions.min(1) >= -1e-3).all()
    assert (positions.sum(0) <= 1 + 1e-3).all()
    # The middle triangle of the first two orders is empty, and a third of the points is in each corner.
    x, y = positions
    assert not ((x < 0.499) & (y < 0.499) & (x + y > 0.501)).any()
    assert np.mean(x > 0.5) == pytest.approx(1 / 3, abs=0.01)
    assert np.mean(tones[x > 0.5] > 0.25) == 1  # half-way to the second map's colour from wherever


def test_counting_equals_a_loop():
    positions, tones = chance().normal(size=(2, 500)), chance(1).random(500)
    counts, mean = fractals.count(positions, tones, 8)
    assert counts.sum() >= 480
    low, high = np.quantile(positions, [0.01, 0.99], axis=1)
    side = (high - low).max() * 1.1
    sums, slow = np.zeros((8, 8)), np.zeros((8, 8), dtype=int)
    for (x, y), tone in zip(positions.T, tones, strict=True):
        column, row = (np.floor((v - (a + b - side) / 2) / side * 8) for v, a, b in zip((x, y), low, high, strict=True))
        if 0 <= column < 8 and 0 <= row < 8:
            slow[int(row), int(column)] += 1
            sums[int(row), int(column)] += tone
    np.testing.assert_array_equal(counts, slow)
    np.testing.assert_allclose(mean[slow > 0], sums[slow > 0] / slow[slow > 0])


@pytest.mark.parametrize("bend", sorted(fractals.BENDS))
def test_bends_stay_finite_at_the_origin_and_far_away(bend):
    points = np.array([[0.0, 1e-12, 5.0, -1e6], [0.0, 0.0, -5.0, 1e6]])
    bent = fractals._bend(points, np.zeros(4, dtype=np.int64), (bend,))
    assert np.isfinite(bent).all()
    assert (np.hypot(*bent) <= fractals.FAR + 1e-9).all()


# StyleGAN


def full_layer(activations, layer, style, numbers):
    """The network as published: every output channel its own modulated, demodulated 3x3 convolution."""
    weights = numbers[:, None, None, None] * layer.filters[layer.chosen][None]
    weights = weights * style[None, :, None, None]
    weights = weights * torch.rsqrt(weights.square().sum((1, 2, 3), keepdim=True) + 1e-12)
    if activations.shape[-1] != layer.size:
        activations = F.interpolate(activations[None], scale_factor=2, mode="bilinear")[0]
    return F.conv2d(F.pad(activations[None], (1, 1, 1, 1), mode="replicate"), weights)[0]


@pytest.mark.parametrize("position", [0, 1, 2])
def test_one_map_per_layer_equals_the_full_convolution(position):
    random = chance(5)
    weights = stylegan.draw_generator(random, 8, 64, 12)
    layer = weights.layers[position]
    size = layer.size // 2 if position == 1 else layer.size
    activations = torch.from_numpy(random.random((len(layer.chosen), size, size), dtype=np.float32))
    style = torch.from_numpy(random.normal(1, 0.5, len(layer.chosen)).astype(np.float32))
    noise = torch.from_numpy(random.normal(size=(layer.size, layer.size)).astype(np.float32))
    numbers = layer.signs * torch.from_numpy(random.uniform(0.1, 3, len(layer.signs)).astype(np.float32))
    expected = full_layer(activations, layer, style, numbers) + noise + layer.biases[:, None, None]
    ours = stylegan.activate(stylegan.convolve(activations, layer, style), noise, layer)
    torch.testing.assert_close(ours, expected.relu() * 2**0.5, atol=1e-4, rtol=1e-4)


def test_channels_get_the_drawn_mean_and_standard_deviation():
    means, stds = stylegan.draw_channel_statistics(chance(2))
    image = stylegan.recolour(torch.from_numpy(chance().exponential(size=(3, 40, 40)).astype(np.float32)), means, stds)
    np.testing.assert_allclose(image.mean((1, 2)).numpy(), means, atol=1e-5)
    np.testing.assert_allclose(image.flatten(1).std(1, correction=0).numpy(), stds, atol=1e-5)


def test_drawn_channel_statistics_have_the_published_law():
    drawn = np.array([stylegan.draw_channel_statistics(chance(seed)) for seed in range(5000)])
    np.testing.assert_allclose(drawn[:, 0].mean(0), stylegan.CHANNEL_MEANS, atol=0.01)
    np.testing.assert_allclose(drawn[:, 0].std(0), stylegan.CHANNEL_MEAN_SPREADS, rtol=0.05)
    np.testing.assert_allclose(drawn[:, 1].mean(0), stylegan.CHANNEL_STDS, atol=0.005)
    assert drawn[:, 1].min() >= stylegan.SMALLEST_STD


def test_images_of_the_process_have_their_recipes_channel_means():
    process = make_process("stylegan", **SIZE)
    block = process.block(0, 0).float() / 255
    recipes = [process.recipe(0, 0, i) for i in range(6)]
    unclipped = ((block > 0) & (block < 1)).flatten(2).all(2)
    assert unclipped.any()
    for i, recipe in enumerate(recipes):
        for c in np.flatnonzero(unclipped[i]):
            assert block[i, c].mean() == pytest.approx(recipe["channel_means"][c], abs=2e-3)
            assert block[i, c].std() == pytest.approx(recipe["channel_stds"][c], abs=2e-3)


def test_pink_noise_has_unit_spread_and_more_energy_at_low_frequencies():
    noise = stylegan.pink_noise(chance(), 64)
    power = np.abs(np.fft.rfft2(noise)) ** 2
    assert noise.std() == pytest.approx(1, abs=1e-4)
    assert power[1:5, 1:5].mean() > 50 * power[25:32, 25:32].mean()


def test_wavelets_are_twenty_and_their_negatives():
    bank = stylegan.wavelets()
    assert bank.shape == (40, 3, 3)
    np.testing.assert_array_equal(bank[20:], -bank[:20])
    np.testing.assert_allclose(bank[:16].sum((1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(bank[0], [[1, 0, -1]] * 3, atol=1e-6)  # a vertical edge


# Real images


@pytest.fixture
def photographs(tmp_path):
    for k, (label, size) in enumerate([("cat", (40, 20)), ("cat", (20, 40)), ("dog", (32, 32))]):
        folder = tmp_path / "photographs" / label
        folder.mkdir(parents=True, exist_ok=True)
        pixels = np.full((size[1], size[0], 3), 50 * (k + 1), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{k}.png")
    return tmp_path / "photographs"


def real(folder, name="image_folder", **options):
    return make_process({name: {"folder": str(folder), **options}}, image_size_px=16, block_size=3)


def test_an_image_folder_gives_every_image_once_an_epoch_with_its_label(photographs):
    process = real(photographs)
    assert process.real_images
    assert Leaves(process).real_images
    for block in (0, 1):
        colours = process.block(0, block)[:, 0, 0, 0].tolist()
        recipes = [process.recipe(0, block, i) for i in range(3)]
        assert sorted(colours) == [50, 100, 150]
        assert [50 * (int(recipe["image"][4]) + 1) for recipe in recipes] == colours
        assert {recipe["program"] for recipe in recipes} == {"image_folder/cat", "image_folder/dog"}


def test_an_image_folders_fingerprint_is_its_content_not_its_place(photographs, tmp_path):
    before = real(photographs).fingerprint
    moved = photographs.rename(tmp_path / "moved")
    assert real(moved).fingerprint == before
    (moved / "dog" / "2.png").unlink()
    assert real(moved).fingerprint != before


def test_a_cut_keeps_the_proportions(tmp_path):
    pixels = np.zeros((20, 40, 3), dtype=np.uint8)
    pixels[:, 20:] = 255
    Image.fromarray(pixels).save(tmp_path / "halves.png")
    process = make_process({"image_folder": {"folder": str(tmp_path)}}, image_size_px=20, block_size=30)
    widths = (process.block(0, 0)[:, 0, 10] > 127).sum(1)
    assert widths.min() < 5  # places from the dark end ...
    assert widths.max() > 15  # ... to the light end


def test_webdataset_members_equal_the_files_and_carry_labels(photographs, tmp_path):
    with tarfile.open(tmp_path / "000.tar", "w") as tar:
        for path in sorted(photographs.rglob("*.png")):
            tar.add(path, f"{path.stem}.png")
            label = path.parent.name.encode()
            member = tarfile.TarInfo(f"{path.stem}.cls")
            member.size = len(label)
            tar.addfile(member, io.BytesIO(label))
    process = real(tmp_path / "000.tar", "webdataset")
    assert process.real_images
    assert sorted(process.block(0, 0)[:, 0, 0, 0].tolist()) == [50, 100, 150]
    assert sorted(process.recipe(0, 0, i)["program"] for i in range(3)) == ["webdataset/cat"] * 2 + ["webdataset/dog"]
    assert process.fingerprint == real(tmp_path, "webdataset").fingerprint


def test_a_corrupt_image_is_named_and_left_out_only_on_request(photographs):
    (photographs / "cat" / "0.png").write_bytes(b"\x89PNG not really")
    with pytest.raises(UserError, match=r"cat/0\.png.*on_corrupt: skip"):
        real(photographs).block(0, 0)
    process = real(photographs, on_corrupt="skip")
    assert set(process.block(0, 0)[:, 0, 0, 0].tolist()) == {100, 150}
    assert {process.recipe(0, 0, i)["image"] for i in range(3)} == {"cat/1.png", "dog/2.png"}


def test_a_folder_of_nothing_but_corrupt_images_gives_up(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"no image")
    with pytest.raises(UserError, match="none of the 1 images can be read"):
        real(tmp_path, on_corrupt="skip").block(0, 0)


def test_missing_and_empty_places_are_refused(tmp_path):
    with pytest.raises(UserError, match="needs a folder"):
        make_process("image_folder", image_size_px=8)
    with pytest.raises(UserError, match="no image folder at"):
        real(tmp_path / "nowhere")
    with pytest.raises(UserError, match="no images in"):
        real(tmp_path)
    with pytest.raises(UserError, match="no images in"):
        real(tmp_path, "webdataset")
    (tmp_path / "cut.tar").write_bytes(b"short")
    with pytest.raises(UserError, match=r"cannot read tar file.*cut\.tar"):
        real(tmp_path, "webdataset")
    with pytest.raises(UserError, match="did you mean 'skip'"):
        real(tmp_path, on_corrupt="skips")


@pytest.mark.parametrize(
    ("specification", "message"),
    [
        ({"statistical": {"model": "spektrum"}}, "did you mean 'spectrum'"),
        ({"statistical": {"rounds": 0}}, "rounds must be at least 1, got 0"),
        ({"dead_leaves": {"shape": "squares"}}, "did you mean 'square'"),
        ({"dead_leaves": {"textures": {"fractals": {"image_size_px": 9}}}}, "32 px, got 9 px"),
        ({"stylegan": {"channel_max": 0}}, "at least 1, got 32768 and 0"),
        ({"stylegan": {"device": "gpu"}}, "unknown device 'gpu'"),
        ({"fractals": {"image_size_px": 0}}, "image_size_px must be at least 1"),
        ("fractal", "did you mean 'fractals'"),
    ],
)
def test_bad_settings_are_refused(specification, message):
    with pytest.raises(UserError, match=message):
        make_process(specification, **SIZE)


def test_every_name_is_a_process():
    for name in NAMED:
        assert make_process(name, **SIZE).fingerprint
