"""Recipes: strictness, round trip, and every YAML that is shipped. Run: pytest tests/pretrain/test_config.py."""

from __future__ import annotations

from pathlib import Path

import pytest

import configs
from pretrain.config import PretrainConfig
from procmem.errors import UserError
from procmem.strict_yaml import differences

RECIPES = sorted((Path(configs.__file__).parent / "pretrain").rglob("*.yaml"))


def load(tmp_path: Path, text: str) -> PretrainConfig:
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    return PretrainConfig.from_yaml(path)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_loads_and_says_what_it_is(path: Path) -> None:
    PretrainConfig.from_yaml(path)
    header = path.read_text().split("\n\n")[0]
    for word in ("Purpose", "Command", "Hardware", "Time", "Expected result"):
        assert f"# {word}:" in header


def test_the_paper_recipe_is_the_protocol_to_the_letter() -> None:
    config = PretrainConfig.from_yaml(next(path for path in RECIPES if path.stem == "shaders_kml_mixup"))
    optimization, crops, head, loss = config.optimization, config.crops, config.head, config.loss
    assert (config.process, config.image_size_px, config.backbone.name) == (
        "shaders_kml_mixup",
        256,
        "vit_small_patch16_224",
    )
    assert (config.backbone.drop_path_rate, config.backbone.pooling) == (0.1, "class_token")
    assert (optimization.images, optimization.batch_size, optimization.warmup_images) == (130_000_000, 512, 13_000_000)
    assert optimization.peak_learning_rate == pytest.approx(1e-3)
    assert (optimization.final_learning_rate, optimization.weight_decay) == (1e-6, 0.04)
    assert (optimization.final_weight_decay, optimization.teacher_momentum) == (0.4, 0.996)
    assert (optimization.final_teacher_momentum, optimization.frozen_prototypes_images) == (1.0, 1_300_000)
    assert (optimization.clip_rule, optimization.clip_norm) == ("per_parameter", 3.0)
    assert (loss.student_temperature, loss.teacher_temperature, loss.center_momentum) == (0.1, 0.04, 0.9)
    assert (head.hidden_size, head.bottleneck_size, head.num_prototypes) == (2048, 256, 65_536)
    assert not head.use_batch_norm
    assert (crops.global_crop_px, crops.num_global_crops, crops.global_crop_scale) == (224, 2, (0.4, 1.0))
    assert (crops.local_crop_px, crops.num_local_crops, crops.local_crop_scale) == (96, 8, (0.05, 0.4))
    assert (crops.flip_probability, crops.jitter_probability, crops.grey_probability) == (0.5, 0.8, 0.2)
    assert (crops.brightness, crops.contrast, crops.saturation, crops.hue) == (0.4, 0.4, 0.2, 0.1)
    assert (crops.blur_probabilities, crops.blur_sigma_px) == ((1.0, 0.1, 0.5), (0.1, 2.0))
    assert crops.solarize_probability == 0.2


@pytest.mark.parametrize(
    "path", [path for path in RECIPES if path.parent.name in ("paper", "scaling")], ids=lambda p: p.stem
)
def test_the_papers_recipes_differ_in_their_images_and_the_scaling_figures_in_their_backbone(path: Path) -> None:
    paper = PretrainConfig.from_yaml(next(path for path in RECIPES if path.stem == "shaders_kml_mixup"))
    config = PretrainConfig.from_yaml(path)
    (changed,) = differences(paper.what, config.what) or [""]
    expected = {"scaling": "backbone.name", "paper": "process"}[path.parent.name]
    assert changed.startswith(expected) or path.stem in ("shaders_kml_mixup", "small")


def test_devices_and_accumulation_leave_every_schedule_alone_and_the_batch_scales_the_rate_only() -> None:
    plain = PretrainConfig().optimization
    spread = PretrainConfig.from_dict({"devices": 4, "num_nodes": 2, "optimization": {"accumulation": 8}}).optimization
    for step in (0, 7, 25_390, 200_000):
        for name in ("learning_rate_at", "weight_decay_at", "teacher_momentum_at"):
            assert getattr(plain, name)(step) == getattr(spread, name)(step)
    half = PretrainConfig.from_dict({"optimization": {"batch_size": 256}}).optimization
    assert half.peak_learning_rate == plain.peak_learning_rate / 2 == plain.base_learning_rate
    assert half.warmup_steps * 256 == pytest.approx(plain.warmup_steps * 512, abs=512)
    # the same share of the run, the same share of the peak
    assert half.learning_rate_at(400_000) == pytest.approx(plain.learning_rate_at(200_000) / 2, rel=1e-2)


def test_the_resolved_config_reads_back_equal(tmp_path: Path) -> None:
    config = PretrainConfig.from_dict({"crops": {"hue": 0.05}, "process": {"mixup": {"source": "shaders"}}})
    config.to_yaml(tmp_path / "config.yaml")
    assert PretrainConfig.from_yaml(tmp_path / "config.yaml") == config


def test_overrides_reach_nested_keys(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("crops: {hue: 0.2}")
    config = PretrainConfig.from_yaml(path, {"optimization.batch_size": 64, "crops.contrast": 0.1})
    assert (config.optimization.batch_size, config.crops.hue, config.crops.contrast) == (64, 0.2, 0.1)


def test_a_short_scientific_number_is_a_number(tmp_path: Path) -> None:
    assert load(tmp_path, "optimization: {final_learning_rate: 1e-5}").optimization.final_learning_rate == 1e-5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("croops: {}", r"unknown configuration key 'croops'; did you mean 'crops'"),
        ("crops: {hew: 0.1}", r"unknown key in crops 'hew'; did you mean 'hue'"),
        ("crops: {hue: blue}", r"crops.hue must be a number, got 'blue' \(str\)"),
        ("optimization: {batch_size: 64.0}", r"optimization.batch_size must be a whole number, got 64.0 \(float\)"),
        ("optimization: {batch_size: true}", r"optimization.batch_size must be a whole number, got True \(bool\)"),
        ("crops: {global_crop_scale: [0.4]}", r"crops.global_crop_scale must be a list of 2 \(a number, a number\)"),
        ("crops: {global_crop_scale: [0.4, x]}", r"crops.global_crop_scale\[1\] must be a number, got 'x'"),
        ("crops: 3", r"crops must hold keys and values, got 3"),
        ("precision: bf61", r"unknown value of precision 'bf61'; did you mean 'bf16'"),
        ("process: 7", r"process must be text or keys and values, got 7 \(int\)"),
        ("optimization: {batch_size: 10, accumulation: 3}", r"multiple of accumulation"),
        ("keep_every_steps: 1500", r"keep_every_steps must be a multiple of checkpoint_every_steps \(1000\), got 1500"),
        ("optimization: {base_learning_rate: 0}", r"base_learning_rate must be above 0, got"),
        ("optimization: {final_teacher_momentum: -0.1}", r"final_teacher_momentum must lie in 0 .. 1, got -0.1"),
        ("devices: 3", r"multiple of devices \* num_nodes \* accumulation = 3, got 512"),
        ("optimization: {teacher_momentum: 1.2}", r"teacher_momentum must lie in 0 .. 1, got 1.2"),
        ("optimization: {base_learning_rate: -1.0}", r"base_learning_rate must be above 0, got"),
        ("image_size_px: 128", r"global_crop_px is 224, larger than the image \(128 px\)"),
        ("[1, 2]", r"must hold keys and values, got list"),
        ("a: [", r"is not valid YAML"),
    ],
)
def test_a_wrong_recipe_is_refused_with_the_key_and_what_is_right(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        load(tmp_path, text)
    assert "recipe.yaml" in str(caught.value)


def test_a_missing_recipe_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot read .*absent.yaml"):
        PretrainConfig.from_yaml(tmp_path / "absent.yaml")


def test_differences_name_the_nested_key() -> None:
    old = PretrainConfig().to_dict()
    new = PretrainConfig.from_dict({"crops": {"hue": 0.2}, "root_seed": 4}).to_dict()
    assert differences(old, new) == ["root_seed: 0 -> 4", "crops.hue: 0.1 -> 0.2"]


def test_settings_that_do_not_touch_weights_do_not_change_the_fingerprint() -> None:
    config = PretrainConfig()
    assert PretrainConfig(num_workers=3, keep_checkpoints=9).fingerprint == config.fingerprint
    assert PretrainConfig(root_seed=1).fingerprint != config.fingerprint


def test_cutting_the_network_is_refused_with_what_to_do_instead_and_the_strategy_decides_no_weights() -> None:
    with pytest.raises(UserError, match=r"less memory than .* Take strategy: ddp.*gradient_checkpointing"):
        PretrainConfig.from_dict({"strategy": "fsdp"})
    with pytest.raises(UserError, match="strategy"):
        PretrainConfig.from_dict({"strategy": "deepspeed"})
    assert "strategy" not in PretrainConfig().what
