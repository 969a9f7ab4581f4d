"""A model behind a small local server that speaks chat completions, well and badly.

Run: pytest tests/memory/test_language_reranker.py.
"""

from __future__ import annotations

import base64
import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from PIL import Image

from memory.language_reranker import LanguageReranker, LanguageSettings, find_label
from memory.reranking import Candidate
from procmem.errors import UserError, WorkError

QUERY = Image.new("RGB", (300, 100), (200, 10, 10))
CANDIDATES = [
    Candidate(4, "green apple", 0.9, Image.new("L", (8, 8), 50)),
    Candidate(2, "apple", 0.8, Image.new("RGB", (8, 8))),
    Candidate(7, "green apple", 0.7, Image.new("RGB", (8, 8))),
]


class Server(HTTPServer):
    """Gives the planned answers in turn, and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[tuple[int, dict[str, str], bytes]] = []
        self.asked: list[tuple[str, str | None, dict[str, Any]]] = []

    def plan(self, *answers: tuple[int, Any] | str) -> None:
        """A string is a good completion, (status, body or headers) anything else."""
        for answer in answers:
            if isinstance(answer, str):
                self.answers.append((200, {}, completion(answer)))
            elif isinstance(answer[1], dict):
                self.answers.append((answer[0], answer[1], b"no"))
            else:
                self.answers.append((answer[0], {}, answer[1]))


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, self.headers.get("Authorization"), body))
        status, headers, content = self.server.answers.pop(0)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


def completion(text: str | None) -> bytes:
    answer = {
        "choices": [{"message": {"content": text}}],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 4},
    }
    return json.dumps(answer).encode()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


class Time:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now, self.slept = 100.0, list[float]()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def reranker(server: Server, **changes: Any) -> tuple[LanguageReranker, Time]:
    time = Time()
    settings = LanguageSettings(endpoint=f"http://127.0.0.1:{server.server_port}/v1/", model="eyes", **changes)
    return LanguageReranker(settings, sleep=time.sleep, clock=lambda: time.now), time


def test_images_and_labels_go_out_and_the_answered_label_rises(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    server.plan("apple")
    model, _ = reranker(server, price_per_million_input=2.0, price_per_million_output=10.0, image_side_px=30)
    assert model(QUERY, CANDIDATES).tolist() == [0.9, 2.8, 0.7]
    path, key, body = server.asked[0]
    assert (path, key, body["model"], body["temperature"]) == ("/v1/chat/completions", "Bearer secret", "eyes", 0)
    parts = body["messages"][0]["content"]
    assert [part["text"] for part in parts if part["type"] == "text"][1:4] == [
        "Label: green apple", "Label: apple", "Label: green apple",
    ]  # fmt: skip
    assert parts[-1]["text"].endswith("Labels: green apple; apple")
    pictures = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
    opened = [Image.open(io.BytesIO(base64.b64decode(url.split("base64,")[1]))) for url in pictures]
    assert [picture.size for picture in opened] == [(8, 8)] * 3 + [(30, 10)]
    assert opened[-1].getpixel((5, 5)) == pytest.approx((200, 10, 10), abs=6)
    usage = model.usage
    assert (usage.queries, usage.requests, usage.input_tokens, usage.output_tokens) == (1, 1, 1000, 4)
    assert usage.cost(model.settings) == pytest.approx(0.00204)


def test_failures_are_tried_again_with_growing_waits_or_as_long_as_the_server_says(server: Server) -> None:
    server.plan((429, {"Retry-After": "7"}), (500, b"oops"), (200, b"<html>"), (200, b"[]"), "Green Apple.")
    model, time = reranker(server)
    assert model(QUERY, CANDIDATES).tolist() == [2.9, 0.8, 2.7]
    assert time.slept == [7, 2, 4, 8]
    assert (model.usage.requests, model.usage.input_tokens) == (5, 1000)
    assert server.asked[0][1] is None  # no key in the environment, none sent


def test_answers_that_name_no_label_leave_the_list_and_are_counted_and_paid(server: Server) -> None:
    server.plan("a pear", "")
    server.answers.append((200, {}, completion(None)))
    model, _ = reranker(server, max_attempts=3)
    assert model(QUERY, CANDIDATES).tolist() == [0.9, 0.8, 0.7]
    assert (model.usage.unusable, model.usage.requests, model.usage.output_tokens) == (1, 3, 12)


def test_a_server_that_never_answers_well_is_failed_work(server: Server) -> None:
    server.plan((503, b"busy"), (503, b"still busy"))
    model, time = reranker(server, max_attempts=2)
    with pytest.raises(WorkError, match="no answer in 2 attempts; last: HTTP 503: still busy"):
        model(QUERY, CANDIDATES)
    assert time.slept == [1]
    port = server.server_port
    nobody = LanguageReranker(
        LanguageSettings(
            endpoint=f"http://127.0.0.1:{port + 1 if port < 65535 else 1}/v1", model="eyes", max_attempts=1
        )
    )
    with pytest.raises(WorkError, match="URLError"):
        nobody(QUERY, CANDIDATES)


@pytest.mark.parametrize(("status", "said"), [(401, "bad key"), (404, "no such model"), (302, "")])
def test_a_refusal_is_not_repeated_and_a_redirect_not_followed(status: int, said: str, server: Server) -> None:
    headers = {"Location": f"http://127.0.0.1:{server.server_port}/elsewhere"} if status == 302 else {}
    server.answers.append((status, headers, said.encode()))
    model, _ = reranker(server)
    with pytest.raises(UserError, match=f"refuses the request for model 'eyes': HTTP {status}: {said}"):
        model(QUERY, CANDIDATES)
    assert len(server.asked) == 1


def test_requests_keep_to_the_rate(server: Server) -> None:
    server.plan("apple", "apple", "apple")
    model, time = reranker(server, requests_per_minute=30)
    model(QUERY, CANDIDATES)
    model(QUERY, CANDIDATES)
    time.now += 1.5  # work between requests counts
    model(QUERY, CANDIDATES)
    assert time.slept == [2, 0.5]


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ("apple", "apple"), (" **Green apple**.\n", "green apple"), ("It is a green apple!", "green apple"),
        ("The label is 'oat_milk'", "oat_milk"), ("apple or oat milk", None), ("pineapple", None), ("", None),
    ],
)  # fmt: skip
def test_labels_are_found_whole(answer: str, label: str | None) -> None:
    assert find_label(answer, ["green apple", "apple", "oat_milk"]) == label


@pytest.mark.parametrize(
    "wrong", [{"endpoint": "localhost:8000"}, {"max_attempts": 0}, {"timeout_seconds": 0}, {"requests_per_minute": 0}]
)
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=next(iter(wrong))):
        LanguageSettings(**{"endpoint": "http://x/v1", "model": "eyes"} | wrong)
