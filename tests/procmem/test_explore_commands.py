"""The explorer's command before anything is opened to anybody: what is wrong is one line, told at once."""

import sys

import pytest

from eval.explorer.server import listen
from procmem.cli import main

pytestmark = pytest.mark.usefixtures("workplace")


@pytest.fixture
def memory(image_set):
    assert main(["memory", "build", "--dataset", "colours", "--encoder", "pixels", "--output", "memory"]) == 0
    return "memory"


def said(capsys, words):
    capsys.readouterr()
    assert main(["explore", *words]) == 2
    return capsys.readouterr().err


def test_an_encoder_that_does_not_fit_is_told_with_both_fingerprints(memory, capsys):
    from pretrain.encoder import load_encoder

    error = said(capsys, ["--memory", memory, "--encoder", "histogram", "--port", "0"])
    for name in ("pixels", "histogram"):
        assert load_encoder(name).card().fingerprint[:8] in error
    assert error.count("\n") == 1


def test_a_missing_gradio_is_told_with_how_to_install_it(memory, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    assert "pip install 'procmem[explorer]'" in said(capsys, ["--memory", memory])


def test_a_taken_port_is_told_with_what_to_do(memory, capsys):
    with listen("127.0.0.1", 0) as taken:
        port = str(taken.getsockname()[1])
        assert "give another one with --port" in said(capsys, ["--memory", memory, "--port", port])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--memory", "memory", "--host", "0.0.0.0"], "give a token as well, for example --token "),
        (["--memory", "memory", "--token", "1234"], "at least 16 letters"),
        (["--memory", "memory", "--encoder-b", "pixels"], "--memory-b, which is missing"),
        (["--memory", "nowhere", "--port", "0"], "nowhere"),
        (["--memory", "memory", "--host", "no.such.host.invalid"], "cannot reach|cannot listen|can be reached"),
    ],
)
def test_wrong_requests_get_one_line(words, expected, capsys):
    error = said(capsys, words)
    assert any(part in error for part in expected.split("|"))
    assert error.count("\n") == 1
