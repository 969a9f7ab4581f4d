"""Whole runs of twelve steps: resume, refusal, interruption, divergence. Run: pytest tests/pretrain/test_train.py."""

from __future__ import annotations

import dataclasses
import errno
import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from pretrain.callbacks import Embed
from pretrain.checkpoint import checkpoint_path, checkpoint_paths, load_checkpoint, read_backbone
from pretrain.config import PretrainConfig
from pretrain.metrics import read_metrics
from pretrain.monitor import DivergedError
from pretrain.train import pretrain
from procgen.process import Process
from procgen.stream import Position
from procgen.workers import Exclusion
from procmem.errors import StoppedError, UserError, WorkError


def no_probe(embed: Embed, step: int) -> dict[str, float]:
    return {}


def interrupt_at(step: int, *numbers: int) -> Callable[[Embed, int], dict[str, float]]:
    """A probe during which Ctrl-C is pressed, or other signals come."""

    def probe(embed: Embed, completed_steps: int) -> dict[str, float]:
        if completed_steps == step:
            for number in numbers or (signal.SIGINT,):
                signal.raise_signal(number)
        return {}

    return probe


def stop_at_six(config: PretrainConfig, folder: Path, process: Process) -> None:
    with pytest.raises(KeyboardInterrupt):
        pretrain(config, folder, process=process, probe=interrupt_at(6))


def without_throughput(rows: dict[int, dict[str, float]]) -> dict[int, dict[str, float]]:
    measured = ("images_per_second", "model_flop_utilisation", "waiting_share")
    return {step: {k: v for k, v in row.items() if k not in measured} for step, row in rows.items()}


@pytest.fixture
def straight(tiny_config: PretrainConfig, squares: Process, tmp_path: Path) -> Path:
    """Run folder of twelve straight steps."""
    pretrain(tiny_config, tmp_path / "straight", process=squares, probe=no_probe)
    return tmp_path / "straight"


def test_six_steps_ctrl_c_and_six_more_equal_twelve_straight_bit_by_bit(
    tiny_config: PretrainConfig,
    squares: Process,
    straight: Path,
    tmp_path: Path,
    assert_same_weights: Callable[[Path, Path], None],
) -> None:
    folder = tmp_path / "interrupted"
    stop_at_six(tiny_config, folder, squares)
    assert checkpoint_paths(folder / "checkpoints")[-1] == checkpoint_path(folder / "checkpoints", 6)
    torch.rand(17)  # the random state of a new process is not that of the old one
    result = pretrain(tiny_config, folder, process=squares, probe=no_probe)
    assert (result.resumed_from_step, result.completed_steps) == (6, 12)
    assert_same_weights(*(checkpoint_path(run / "checkpoints", 12) for run in (folder, straight)))
    assert without_throughput(result.metrics) == without_throughput(read_metrics(straight / "metrics.csv"))
    assert list(result.metrics) == [2, 4, 6, 8, 10, 12]
    assert all(0 <= row["waiting_share"] < 1 for row in result.metrics.values())
    assert result.metrics[2]["waiting_share"] > 0  # a first block is always waited for


def test_a_cut_checkpoint_costs_the_steps_since_the_one_before_and_nothing_else(
    tiny_config: PretrainConfig, squares: Process, straight: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    last = checkpoint_path(straight / "checkpoints", 12)
    before = load_checkpoint(last)["state_dict"]
    last.write_bytes(last.read_bytes()[:5000])
    result = pretrain(tiny_config, straight, process=squares, probe=no_probe)
    assert result.resumed_from_step == 8
    assert "step-000000012.ckpt' cannot be read" in capsys.readouterr().err
    after = load_checkpoint(last)["state_dict"]
    assert all(torch.equal(tensor, before[name]) for name, tensor in after.items())


def test_the_run_folder_explains_itself(tiny_config: PretrainConfig, straight: Path) -> None:
    assert PretrainConfig.from_yaml(straight / "config.yaml") == tiny_config
    provenance = json.loads((straight / "provenance.json").read_text())
    assert (provenance["real_images"], provenance["images_seen"], provenance["seeds"]) == (False, 192, {"root": 3})
    assert provenance["processes"] == [{"squares": {"version": 0}}]
    assert [path.name for path in checkpoint_paths(straight / "checkpoints")] == [
        "step-000000008.ckpt",
        "step-000000012.ckpt",
    ]
    state = read_backbone(checkpoint_path(straight / "checkpoints", 12))
    assert (state.image_size_px, state.provenance.images_seen) == (24, 192)
    assert state.state_dict["cls_token"].shape == (1, 1, 24)


def test_teacher_and_center_follow_their_rules_at_every_step(
    tiny_config: PretrainConfig, squares: Process, tmp_path: Path
) -> None:
    config = dataclasses.replace(tiny_config, checkpoint_every_steps=1, keep_checkpoints=12)
    pretrain(config, tmp_path, process=squares)
    states = [load_checkpoint(path)["state_dict"] for path in checkpoint_paths(tmp_path / "checkpoints")]
    name = "backbone.patch_embed.proj.weight"
    for step in range(1, 12):
        momentum = config.optimization.teacher_momentum_at(step)
        expected = (
            momentum * states[step - 1][f"teacher.{name}"].double()
            + (1 - momentum) * states[step][f"student.{name}"].double()
        )
        torch.testing.assert_close(states[step][f"teacher.{name}"].double(), expected, atol=1e-8, rtol=1e-6)
        assert not torch.equal(states[step][f"teacher.{name}"], states[step - 1][f"teacher.{name}"])
        assert not torch.equal(states[step]["loss.center"], states[step - 1]["loss.center"])


def test_prototypes_wait_and_then_move(tiny_config: PretrainConfig, squares: Process, tmp_path: Path) -> None:
    config = dataclasses.replace(tiny_config, checkpoint_every_steps=1, keep_checkpoints=12)
    pretrain(config, tmp_path, process=squares)
    weights = [
        load_checkpoint(checkpoint_path(tmp_path / "checkpoints", step))["state_dict"][
            "student.projection_head.prototypes.weight"
        ]
        for step in (1, 2, 3)
    ]
    assert torch.equal(weights[0], weights[1])  # frozen for two steps
    assert not torch.equal(weights[1], weights[2])


def test_the_probe_gets_unit_embeddings_at_its_steps_and_lands_in_the_metrics(
    tiny_config: PretrainConfig, squares: Process, tmp_path: Path
) -> None:
    lengths = []

    def probe(embed: Embed, step: int) -> dict[str, float]:
        lengths.extend(embed(squares.block(0, 0)[:4, :, :24, :24]).norm(dim=1).tolist())
        return {"step_squared": step**2}

    result = pretrain(tiny_config, tmp_path, process=squares, probe=probe)
    assert lengths == pytest.approx([1.0] * 8)
    assert {step: row["probe/step_squared"] for step, row in result.metrics.items() if "probe/step_squared" in row} == {
        6: 36,
        12: 144,
    }


def test_a_finished_run_is_not_trained_again(tiny_config: PretrainConfig, squares: Process, straight: Path) -> None:
    before = checkpoint_path(straight / "checkpoints", 12).stat().st_mtime_ns
    result = pretrain(tiny_config, straight, process=squares)
    assert (result.resumed_from_step, result.completed_steps) == (12, 12)
    assert checkpoint_path(straight / "checkpoints", 12).stat().st_mtime_ns == before


def test_a_folder_of_another_config_is_refused_with_what_changed_unless_allowed(
    tiny_config: PretrainConfig, squares: Process, tmp_path: Path
) -> None:
    stop_at_six(tiny_config, tmp_path, squares)
    changed = dataclasses.replace(tiny_config, crops=dataclasses.replace(tiny_config.crops, hue=0.02))
    with pytest.raises(UserError, match=r"belongs to another configuration \(crops.hue: 0.1 -> 0.02\)"):
        pretrain(changed, tmp_path, process=squares)
    result = pretrain(changed, tmp_path, process=squares, allow_changed_config=True)
    assert "configuration changed after step 6: crops.hue: 0.1 -> 0.02" in result.provenance.notes


def test_other_images_under_the_same_config_are_refused(
    tiny_config: PretrainConfig, squares: Process, straight: Path
) -> None:
    with pytest.raises(UserError, match="the images are not those it was started with"):
        pretrain(tiny_config, straight, process=type(squares)(version=1))  # type: ignore[call-arg]


def test_on_another_number_of_devices_a_run_goes_on_where_the_others_stood(
    tiny_config: PretrainConfig, squares: Process, straight: Path
) -> None:
    """As if two devices had come to step 8: what they left of their blocks is used up first, by one."""
    last, path = (checkpoint_path(straight / "checkpoints", step) for step in (12, 8))
    last.unlink()
    checkpoint = load_checkpoint(path)
    position = Position(next_block=9, open_blocks=((3, 24), (7, 8)))
    checkpoint["procmem"] |= {"world_size": 2, "stream": position.to_dict()}
    torch.save(checkpoint, path)
    result = pretrain(tiny_config, straight, process=squares)
    assert result.completed_steps == 12
    assert "devices up to step 8: 2, then 1" in result.provenance.notes
    # 4 steps of 16 images: the 8 left of block 3, the 24 of block 7, block 9, and none of block 10
    assert load_checkpoint(last)["procmem"]["stream"] == {"next_block": 11, "open_blocks": [[10, 0]]}


def test_shader_programs_that_end_workers_are_written_down_and_not_run_again(
    tiny_config: PretrainConfig, squares: Process, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    excluded: list[tuple[str, ...]] = []

    def spy(process: Process, programs: tuple[str, ...]) -> Process:
        excluded.append(tuple(programs))
        return process

    monkeypatch.setattr(type(squares), "excluding", spy)

    def meet(embed: Embed, step: int) -> dict[str, float]:
        found = Exclusion(program="f" * 64, program_id="made/bad", reason="2 workers ended")
        embed.__self__.exclusions.add(found)  # type: ignore[attr-defined]
        return interrupt_at(6)(embed, step)

    with pytest.raises(KeyboardInterrupt):
        pretrain(tiny_config, tmp_path, process=squares, probe=meet)
    result = pretrain(tiny_config, tmp_path, process=squares)
    assert excluded == [(), ("f" * 64,)]
    assert result.provenance.notes == ("shader program made/bad excluded: 2 workers ended",)
    (tmp_path / "excluded_programs" / "bad.json").write_text("{}")
    with pytest.raises(UserError, match=r"bad.json' is not the record of an excluded program"):
        pretrain(tiny_config, tmp_path, process=squares)


def test_nan_stops_with_the_step_named_and_the_last_checkpoint_good(
    tiny_config: PretrainConfig, squares: Process, tmp_path: Path
) -> None:
    def poison(embed: Embed, step: int) -> dict[str, float]:
        module = embed.__self__  # type: ignore[attr-defined]
        with torch.no_grad():
            next(module.student.parameters()).fill_(float("nan"))
        return {}

    with pytest.raises(DivergedError, match="training stopped at step 6"):
        pretrain(tiny_config, tmp_path, process=squares, probe=poison)
    (good,) = checkpoint_paths(tmp_path / "checkpoints")
    state = load_checkpoint(good)["state_dict"]
    assert all(torch.isfinite(tensor).all() for tensor in state.values() if tensor.is_floating_point())
    assert pretrain(tiny_config, tmp_path, process=squares).resumed_from_step == 4


def test_a_full_disk_costs_a_checkpoint_and_not_the_run(
    tiny_config: PretrainConfig,
    squares: Process,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No room for the checkpoints of steps 4 and 8: training goes on with the older ones; at the end it is an error."""
    run = dataclasses.replace(tiny_config, checkpoint_every_steps=2)
    full_at = {4, 8}

    def save(checkpoint: dict[str, Any], file: Any) -> None:
        if checkpoint["procmem"]["completed_steps"] in full_at:
            file.write(b"half a checkpoint")
            try:
                raise OSError(errno.ENOSPC, "No space left on device")
            except OSError as error:  # as torch's writer does
                raise RuntimeError("unexpected pos 768 vs 662") from error
        torch_save(checkpoint, file)

    torch_save = torch.save
    monkeypatch.setattr(torch, "save", save)
    result = pretrain(run, tmp_path / "goes_on", process=squares)
    said = capsys.readouterr().err
    assert result.completed_steps == 12
    for step in full_at:
        assert f"warning: no checkpoint at step {step} (cannot write" in said
    assert "No space left on device); training goes on" in said
    full_at = {12}
    with pytest.raises(WorkError, match=r"stopped at step 12 without a checkpoint of it .*No space left.*make room"):
        pretrain(run, tmp_path / "ends", process=squares)
    folder = tmp_path / "ends" / "checkpoints"
    assert sorted(path.name for path in folder.iterdir()) == ["step-000000008.ckpt", "step-000000010.ckpt"]
    full_at = set()
    assert pretrain(run, tmp_path / "ends", process=squares).resumed_from_step == 10


def test_checkpoints_at_multiples_stay_beside_the_newest(
    tiny_config: PretrainConfig, squares: Process, tmp_path: Path
) -> None:
    run = dataclasses.replace(tiny_config, checkpoint_every_steps=1, keep_checkpoints=2, keep_every_steps=4)
    pretrain(run, tmp_path, process=squares)
    kept = [int(path.stem.removeprefix("step-")) for path in checkpoint_paths(tmp_path / "checkpoints")]
    assert kept == [4, 8, 11, 12]


def test_accumulation_changes_neither_batches_nor_steps(
    tiny_config: PretrainConfig, squares: Process, tmp_path: Path
) -> None:
    """Without batch norm and drop path, one micro-batch of 16 learns what two of 8 learn, up to rounding."""
    config = dataclasses.replace(
        tiny_config,
        backbone=dataclasses.replace(tiny_config.backbone, drop_path_rate=0.0),
        head=dataclasses.replace(tiny_config.head, use_batch_norm=False),
    )
    whole = dataclasses.replace(config, optimization=dataclasses.replace(config.optimization, accumulation=1))
    for name, run in (("two", config), ("one", whole)):
        pretrain(run, tmp_path / name, process=squares)
    two, one = (load_checkpoint(checkpoint_path(tmp_path / name / "checkpoints", 12)) for name in ("two", "one"))
    for name, tensor in two["state_dict"].items():
        torch.testing.assert_close(tensor, one["state_dict"][name], atol=2e-3, rtol=0, msg=name)


def test_the_callers_random_state_is_untouched(tiny_config: PretrainConfig, squares: Process, tmp_path: Path) -> None:
    before = torch.get_rng_state()
    pretrain(tiny_config, tmp_path, process=squares)
    assert torch.equal(torch.get_rng_state(), before)


def test_signals_of_a_cluster_stop_after_the_step_with_a_checkpoint_however_often_they_come(
    tiny_config: PretrainConfig, squares: Process, tmp_path: Path
) -> None:
    """A time limit: USR2 first, then TERM; the first one says why."""
    probe = interrupt_at(6, signal.SIGUSR2, signal.SIGTERM, signal.SIGTERM, signal.SIGUSR1)
    with pytest.raises(StoppedError, match="SIGUSR2 after step 6 of 12") as stopped:
        pretrain(tiny_config, tmp_path, process=squares, probe=probe)
    assert stopped.value.signal == signal.SIGUSR2
    assert checkpoint_paths(tmp_path / "checkpoints")[-1] == checkpoint_path(tmp_path / "checkpoints", 6)
    last = interrupt_at(12, signal.SIGTERM)  # too late to stop anything
    assert pretrain(tiny_config, tmp_path, process=squares, probe=last).completed_steps == 12


def test_signals_act_as_before_after_a_run(tiny_config: PretrainConfig, squares: Process, tmp_path: Path) -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
    before = [signal.getsignal(number) for number in numbers]
    stop_at_six(tiny_config, tmp_path, squares)
    assert [signal.getsignal(number) for number in numbers] == before
