"""The data set that any machine has. Run: pytest tests/eval/test_datasets.py."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest

from eval.datasets import default_dataset


def test_without_data_and_network_the_demonstration_falls_back_to_digits_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    assert default_dataset().name == "digits"
    assert "CIFAR-10 cannot be downloaded" in capsys.readouterr().err
