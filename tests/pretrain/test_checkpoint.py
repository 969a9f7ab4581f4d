"""Checkpoints that are cut, foreign or old. Run: pytest tests/pretrain/test_checkpoint.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from pretrain.checkpoint import (
    checkpoint_path,
    checkpoint_paths,
    load_checkpoint,
    newest_readable,
    read_backbone,
    remove_old_checkpoints,
)
from pretrain.checkpoint_io import AtomicCheckpointIO
from procmem.errors import UserError
from procmem.provenance import Provenance


def content(step: int) -> dict[str, Any]:
    return {
        "state_dict": {
            "teacher.backbone.norm.weight": torch.full((3,), float(step)),
            "teacher.projection_head.mlp.0.weight": torch.zeros(1),
            "student.backbone.norm.weight": torch.zeros(3),
        },
        "procmem": {
            "format": 1,
            "backbone": {"name": "vit_tiny_patch16_224", "kwargs": {"num_classes": 0}, "pooling": "mean"},
            "image_size_px": 24,
            "mean": [0.1, 0.2, 0.3],
            "std": [1.0, 2.0, 3.0],
            "provenance": Provenance(real_images=False, images_seen=step).to_dict(),
            "completed_steps": step,
        },
    }


def save(folder: Path, step: int) -> Path:
    path = checkpoint_path(folder, step)
    AtomicCheckpointIO().save_checkpoint(content(step), path)
    return path


def cut_in_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_the_newest_checkpoint_is_found_by_step_not_by_date(tmp_path: Path) -> None:
    newest = save(tmp_path, 1000)
    save(tmp_path, 999)
    found = newest_readable(tmp_path)
    assert found is not None
    assert (found[0], found[1]["completed_steps"]) == (newest, 1000)


def test_a_checkpoint_cut_in_half_is_named_and_the_one_before_it_is_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, cut = save(tmp_path, 3), save(tmp_path, 6)
    cut_in_half(cut)
    found = newest_readable(tmp_path)
    assert found is not None
    assert found[0] == good
    message = capsys.readouterr().err
    assert f"warning: checkpoint '{cut}' cannot be read (cut or damaged?)" in message


def test_only_unreadable_checkpoints_are_an_error_and_none_are_not(tmp_path: Path) -> None:
    assert newest_readable(tmp_path) is None
    cut_in_half(save(tmp_path, 6))
    with pytest.raises(UserError, match=r"none of the 1 checkpoints in .* can be read"):
        newest_readable(tmp_path)


def test_the_backbone_is_the_teachers_with_timms_names(tmp_path: Path) -> None:
    state = read_backbone(save(tmp_path, 7))
    assert list(state.state_dict) == ["norm.weight"]
    assert state.state_dict["norm.weight"].tolist() == [7, 7, 7]
    assert (state.model_name, state.model_kwargs, state.pooling) == ("vit_tiny_patch16_224", {"num_classes": 0}, "mean")
    assert (state.image_size_px, state.mean, state.std) == (24, (0.1, 0.2, 0.3), (1.0, 2.0, 3.0))
    assert state.provenance == Provenance(real_images=False, images_seen=7)


def test_a_missing_a_foreign_and_a_newer_checkpoint_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no checkpoint"):
        load_checkpoint(tmp_path / "absent.ckpt")
    torch.save({"teacher": {}}, tmp_path / "dino.ckpt")
    with pytest.raises(UserError, match="not a checkpoint of procmem pretrain"):
        load_checkpoint(tmp_path / "dino.ckpt")
    newer = content(1)
    newer["procmem"]["format"] = 2
    torch.save(newer, tmp_path / "newer.ckpt")
    with pytest.raises(UserError, match="format 2; this version reads 1"):
        load_checkpoint(tmp_path / "newer.ckpt")


def test_a_failed_write_leaves_the_earlier_checkpoint_and_no_rest(tmp_path: Path) -> None:
    path = save(tmp_path, 5)
    before = path.read_bytes()
    with pytest.raises(AttributeError):
        AtomicCheckpointIO().save_checkpoint({"cannot": lambda: None, "be": "pickled"}, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_old_checkpoints_go_and_the_newest_stay(tmp_path: Path) -> None:
    for step in (2, 4, 6, 8):
        save(tmp_path, step)
    remove_old_checkpoints(tmp_path, keep=2)
    assert checkpoint_paths(tmp_path) == [checkpoint_path(tmp_path, 6), checkpoint_path(tmp_path, 8)]
