"""Collapse and divergence on outputs made by hand. Run: pytest tests/pretrain/test_monitor.py."""

from __future__ import annotations

import math

import pytest
import torch

from pretrain.monitor import PATIENCE, CollapseMonitor, DivergedError, FiniteGuard, measure

HEALTHY = {"entropy_of_mean_teacher": 1.3, "mean_teacher_entropy": 0.4, "embedding_spread": 0.8}


def test_measures_by_hand() -> None:
    probabilities = torch.tensor([[1.0, 0, 0, 0], [0, 1.0, 0, 0]])
    embeddings = torch.tensor([[2.0, 0.0], [0.0, 5.0]])
    measured = measure(probabilities, embeddings)
    assert measured["entropy_of_mean_teacher"] == pytest.approx(math.log(2))
    assert measured["mean_teacher_entropy"] == 0
    # unit vectors (1, 0) and (0, 1): variance 1/4 in both axes, so sqrt(1/4) * sqrt(2)
    assert measured["embedding_spread"] == pytest.approx(math.sqrt(0.5))


def test_spread_is_one_on_an_even_sphere_and_zero_for_one_embedding() -> None:
    even = torch.randn(4000, 64, generator=torch.Generator().manual_seed(0))
    uniform = torch.full((4000, 4), 0.25)
    assert measure(uniform, even)["embedding_spread"] == pytest.approx(1, abs=0.01)
    assert measure(uniform, even[:1].expand(4000, -1))["embedding_spread"] == pytest.approx(0, abs=1e-3)
    assert measure(uniform, even)["mean_teacher_entropy"] == pytest.approx(math.log(4))


@pytest.mark.parametrize(
    ("changed", "loss", "message"),
    [
        ({"entropy_of_mean_teacher": 0.01}, 1.0, "same sharp output"),
        ({"mean_teacher_entropy": math.log(16), "entropy_of_mean_teacher": math.log(16)}, math.log(16), "plateau"),
        ({"embedding_spread": 0.01}, 1.0, "embeddings of different images"),
    ],
)
def test_each_sign_warns_once_after_three_observations(changed: dict[str, float], loss: float, message: str) -> None:
    monitor = CollapseMonitor(16, warmup_steps=0)
    said = [monitor.observe(step, loss, HEALTHY | changed, 64) for step in range(2 * PATIENCE)]
    assert [len(warnings) for warnings in said] == [0, 0, 1, 0, 0, 0]
    assert message in said[2][0]


def test_a_healthy_run_an_untrained_network_and_a_single_odd_batch_do_not_warn() -> None:
    monitor = CollapseMonitor(16, warmup_steps=10)
    collapsed = HEALTHY | {"embedding_spread": 0.0}
    assert not any(monitor.observe(step, 1.0, collapsed, 64) for step in range(10))
    assert not any(monitor.observe(step, 1.0, collapsed if step % 3 else HEALTHY, 64) for step in range(10, 30))


@pytest.mark.parametrize(("loss", "norm"), [(float("nan"), 1.0), (1.0, float("inf"))])
def test_numbers_that_are_not_finite_stop_with_the_step_named(loss: float, norm: float) -> None:
    guard = FiniteGuard()
    guard.observe(40, torch.tensor(1.0), torch.tensor(1.0))
    with pytest.raises(DivergedError, match=r"step 41.*last checkpoint is good"):
        guard.observe(41, torch.tensor(loss), torch.tensor(norm))


def test_what_was_sent_to_the_host_is_looked_at_once_at_the_next_step_or_before_a_checkpoint() -> None:
    """As on a GPU, where a step's numbers arrive later."""
    guard, bad = FiniteGuard(), torch.tensor([float("nan"), 1.0])
    for look in (guard.check, lambda: guard.observe(42, torch.tensor(1.0), torch.tensor(1.0))):
        guard._sent = (41, bad, None)
        with pytest.raises(DivergedError, match="step 41"):
            look()
        guard.check()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu_a_bad_step_stops_before_the_next_one() -> None:
    guard = FiniteGuard()
    guard.observe(41, torch.tensor(float("nan"), device="cuda"), torch.tensor(1.0, device="cuda"))
    with pytest.raises(DivergedError, match="step 41"):
        guard.observe(42, torch.tensor(1.0, device="cuda"), torch.tensor(1.0, device="cuda"))
