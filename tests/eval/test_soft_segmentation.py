"""Soft labels in bounded memory against attention at once. Run: pytest tests/eval/test_soft_segmentation.py."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from eval.soft_segmentation import soft_labels
from procmem.errors import UserError

KNOWN = json.loads((Path(__file__).parents[1] / "known_answers" / "segmentation.json").read_text())["soft_vote"]


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


@pytest.mark.parametrize("case", KNOWN, ids=range(2))
def test_known_answers(case: dict) -> None:
    query, tokens = torch.tensor([case["query"]]), torch.tensor(case["tokens"])
    found = soft_labels(query, tokens, torch.tensor(case["values"]).float(), case["divisor"])
    assert found[0].tolist() == pytest.approx(case["answer"], abs=1e-6)


@pytest.mark.parametrize("budget", [12, 12 * 7, 12 * 100, 1 << 20])
def test_any_budget_gives_the_attention_of_torch(budget: int) -> None:
    queries, entries, values = 3 * drawn(23, 16), 3 * drawn(61, 16), drawn(61, 5)
    whole = F.scaled_dot_product_attention(queries[None], entries[None], values[None], scale=1 / 4)[0]
    assert torch.allclose(soft_labels(queries, entries, values, 4.0, budget), whole, atol=1e-5)


def test_labels_count_as_one_hot_rows_and_large_products_do_not_overflow() -> None:
    queries, entries = 100 * drawn(9, 8), drawn(40, 8)
    labels = torch.arange(40) % 3
    found = soft_labels(queries, entries, labels, 1.0, 12 * 50)
    assert torch.allclose(found, soft_labels(queries, entries, F.one_hot(labels).float(), 1.0))
    assert torch.allclose(found.sum(1), torch.ones(9))
    assert torch.equal(found.argmax(1), labels[(queries @ entries.T).argmax(1)])  # so sharp that the nearest decides


def test_what_cannot_be_answered_is_refused() -> None:
    with pytest.raises(UserError, match=r"do not fit: \(2, 3\), \(4, 5\), \(4,\)"):
        soft_labels(drawn(2, 3), drawn(4, 5), torch.zeros(4), 1.0)
    with pytest.raises(UserError, match="received 0 and 1"):
        soft_labels(drawn(2, 3), drawn(0, 3), torch.zeros(0, 2), 1.0)
    with pytest.raises(UserError, match="at least one product"):
        soft_labels(drawn(2, 3), drawn(4, 3), torch.zeros(4, 2), 1.0, 11)
