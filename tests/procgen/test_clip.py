"""A clip passes through its draws, loops, and moves every kind of parameter as that kind means it."""

import sys

import numpy as np
import pytest
import torch
from PIL import Image

from procgen.clip import clip_parameters, save_clip
from procgen.parameters import Parameter
from procgen.programs import ShaderProgram
from procmem.errors import UserError

PROGRAM = ShaderProgram(
    id="test/clip",
    family="test",
    title="every kind",
    source="vec3 shade(vec2 p) { return vec3(0.0); }",
    parameters=(
        Parameter(name="level", kind="uniform", low=-1, high=3),
        Parameter(name="scale", kind="log_uniform", low=0.1, high=10),
        Parameter(name="turn", kind="angle"),
        Parameter(name="count", kind="integer", low=1, high=9),
        Parameter(name="salt", kind="seed"),
        Parameter(name="colours", kind="palette"),
    ),
)
LEVEL, SCALE, TURN, COUNT, SALT = range(5)


def test_a_clip_passes_through_its_draws():
    frames = clip_parameters(PROGRAM, 3, num_frames=12, num_stops=4)
    draws = PROGRAM.draw_parameters(3, "clip", PROGRAM.id, counters=np.arange(4))
    moving = [LEVEL, SCALE, TURN, *range(5, 17)]
    np.testing.assert_allclose(frames[::3, moving], draws[:, moving], rtol=1e-6)
    assert (frames[:, [COUNT, SALT]] == draws[0, [COUNT, SALT]]).all()


def test_half_way_is_the_mean_of_each_kind():
    frames = clip_parameters(PROGRAM, 5, num_frames=4, num_stops=2)
    a, b = PROGRAM.draw_parameters(5, "clip", PROGRAM.id, counters=[0, 1]).astype(np.float64)
    assert frames[1, LEVEL] == pytest.approx((a[LEVEL] + b[LEVEL]) / 2, rel=1e-6)
    assert frames[1, SCALE] == pytest.approx(np.sqrt(a[SCALE] * b[SCALE]), rel=1e-6)
    mean_direction = np.angle(np.exp(1j * a[TURN]) + np.exp(1j * b[TURN]))
    assert np.exp(1j * frames[1, TURN]) == pytest.approx(np.exp(1j * mean_direction), abs=1e-6)
    np.testing.assert_allclose(frames[1], frames[3], rtol=1e-5)  # there and back


def test_a_clip_without_frames_is_refused():
    with pytest.raises(UserError, match="got 0 and 4"):
        clip_parameters(PROGRAM, 0, num_frames=0)


def test_a_clip_is_saved_as_a_looping_gif(tmp_path):
    frames = torch.arange(5 * 3 * 4 * 4, dtype=torch.uint8).view(5, 3, 4, 4)
    save_clip(frames, tmp_path / "clip.gif")
    with Image.open(tmp_path / "clip.gif") as clip:
        assert (clip.n_frames, clip.size, clip.info["loop"]) == (5, (4, 4), 0)
    with pytest.raises(UserError, match=r"saved as \.gif or \.mp4, got 'clip\.avi'"):
        save_clip(frames, tmp_path / "clip.avi")


def test_a_clip_is_saved_as_an_mp4_whose_frames_come_back(tmp_path):
    av = pytest.importorskip("av")
    levels = torch.tensor([[200, 30, 40], [20, 180, 60], [10, 40, 220], [90, 90, 90]], dtype=torch.uint8)
    save_clip(levels[:, :, None, None].expand(4, 3, 32, 48), tmp_path / "clip.mp4")
    with av.open(tmp_path / "clip.mp4") as clip:
        frames = [frame.to_ndarray(format="rgb24") for frame in clip.decode(video=0)]
        assert clip.streams.video[0].average_rate == 20
    assert [frame.shape for frame in frames] == [(32, 48, 3)] * 4
    np.testing.assert_allclose([frame.mean(axis=(0, 1)) for frame in frames], levels, atol=6)


def test_an_mp4_of_odd_size_or_without_pyav_is_refused_and_leaves_nothing(tmp_path, monkeypatch):
    pytest.importorskip("av")
    with pytest.raises(UserError, match="even height and width, got 5 x 4"):
        save_clip(torch.zeros(2, 3, 5, 4, dtype=torch.uint8), tmp_path / "clip.mp4")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(UserError, match=r"pip install 'procmem\[video\]', or save the clip as \.gif"):
        save_clip(torch.zeros(2, 3, 4, 4, dtype=torch.uint8), tmp_path / "clip.mp4")
    assert not list(tmp_path.iterdir())
