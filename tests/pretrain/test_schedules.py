"""Schedules by hand. Run: pytest tests/pretrain/test_schedules.py."""

from __future__ import annotations

import math

import pytest

from pretrain.config import OptimizationConfig
from pretrain.schedules import scaled_learning_rate, warmup_cosine


def test_learning_rate_scales_with_the_batch() -> None:
    assert scaled_learning_rate(5e-4, 512) == pytest.approx(1e-3)
    assert scaled_learning_rate(5e-4, 64) == pytest.approx(1.25e-4)


def test_warmup_and_cosine_by_hand() -> None:
    values = [warmup_cosine(step, peak=2.0, final=1.0, total_steps=7, warmup_steps=3) for step in range(7)]
    # 0, half, all; then 1 + (1 + cos(pi i / 4)) / 2 for i = 0, 1, 2, 3
    expected = [0, 1, 2, 2, 1 + (1 + math.sqrt(0.5)) / 2, 1.5, 1 + (1 - math.sqrt(0.5)) / 2]
    assert values == pytest.approx(expected)


def test_without_warmup_the_first_step_has_the_peak() -> None:
    assert warmup_cosine(0, peak=0.04, final=0.4, total_steps=10) == pytest.approx(0.04)
    assert warmup_cosine(5, peak=0.04, final=0.4, total_steps=10) == pytest.approx(0.22)


def test_the_defaults_are_the_papers_recipe() -> None:
    config = OptimizationConfig()
    assert config.peak_learning_rate == pytest.approx(1e-3)
    assert config.total_steps == 253_906  # 100 * 1.3 M / 512
    assert config.warmup_steps == 25_390
    assert config.learning_rate_at(config.warmup_steps - 1) == pytest.approx(1e-3)
    assert config.learning_rate_at(config.total_steps - 1) == pytest.approx(1e-6, rel=1e-3)
    middle = config.total_steps // 2
    assert config.weight_decay_at(0) == pytest.approx(0.04)
    assert config.weight_decay_at(middle) == pytest.approx(0.22)
    assert config.teacher_momentum_at(0) == pytest.approx(0.996)
    assert config.teacher_momentum_at(middle) == pytest.approx(0.998)


def test_steps_follow_the_batch_size_and_images_do_not() -> None:
    small = OptimizationConfig(images=1000, batch_size=10, warmup_images=100, frozen_prototypes_images=20)
    large = OptimizationConfig(images=1000, batch_size=100, warmup_images=100, frozen_prototypes_images=20)
    assert (small.total_steps, small.warmup_steps, small.frozen_prototypes_steps) == (100, 10, 2)
    assert (large.total_steps, large.warmup_steps, large.frozen_prototypes_steps) == (10, 1, 0)
