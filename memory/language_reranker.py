"""Re-ranking by a vision-language model: the neighbours' images and labels in its context, the query's label asked for.

As Geirhos et al., "Towards flexible perception with visual memory" (2024, arXiv 2408.08172, section 2.2), do with 50
neighbours. Any server that speaks OpenAI's chat completions will do (vLLM, llama.cpp, hosted ones). The neighbours
under the answered label rise above all others, and keep their order: ask a re-ranked list with k = 1 for the model's
answer. An answer that names none of the labels leaves the list as it was, and is counted.

**The images leave this machine**, for wherever the endpoint is. The key is read from an environment variable when a
request is sent, goes into its header only, and redirects are not followed, so it goes nowhere else.
"""

from __future__ import annotations

import base64
import dataclasses
import http.client
import io
import json
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from memory.reranking import Candidate
from procmem.errors import UserError, WorkError

RISE = 2.0
"""Added to the scores of the answered label's neighbours: the width of the range of a cosine."""

LONGEST_WAIT_SECONDS = 60.0
RETRIED_STATUS = {408, 409, 425, 429}
"""Answers below 500 that a later attempt may mend."""

_LARGEST_ANSWER_BYTES = 4 << 20

QUESTION = (
    "The last image is the query. Which of these labels is right for it? Answer with exactly one label from the list, "
    "and nothing else.\nLabels: {labels}"
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class LanguageSettings:
    """Where the model is and how it is asked.

    Attributes:
        endpoint: address up to the version, for example ``http://localhost:8000/v1``.
        model: name of the model there.
        key_variable: environment variable that holds the key; no key is sent where it is not set.
        timeout_seconds: of one attempt.
        max_attempts: for one query, unusable answers included.
        first_wait_seconds: before the second attempt; doubles with each, unless the server says how long.
        requests_per_minute: at most; None for no limit.
        image_side_px: longest side of an image as it is sent.
        max_answer_tokens: limit of the answer.
        price_per_million_input: of input tokens, in any currency.
        price_per_million_output: of output tokens.

    Raises:
        UserError: for a value out of range.
    """

    endpoint: str
    model: str
    key_variable: str = "OPENAI_API_KEY"
    timeout_seconds: float = 60.0
    max_attempts: int = 5
    first_wait_seconds: float = 1.0
    requests_per_minute: float | None = None
    image_side_px: int = 224
    max_answer_tokens: int = 32
    price_per_million_input: float = 0.0
    price_per_million_output: float = 0.0

    def __post_init__(self) -> None:
        if not re.match(r"https?://", self.endpoint):
            raise UserError(f"endpoint is {self.endpoint!r}; it must begin with http:// or https://")
        for name in ("timeout_seconds", "max_attempts", "image_side_px", "max_answer_tokens"):
            if getattr(self, name) <= 0:
                raise UserError(f"{name} is {getattr(self, name)}; it must be above 0")
        if self.first_wait_seconds < 0 or (self.requests_per_minute is not None and self.requests_per_minute <= 0):
            raise UserError("first_wait_seconds must be at least 0 and requests_per_minute above 0")


@dataclasses.dataclass(kw_only=True)
class Usage:
    """What was used so far.

    Attributes:
        queries: asked.
        requests: sent, those that failed included.
        unusable: queries whose answers named no label.
        input_tokens: as the server counts them.
        output_tokens: as the server counts them.
    """

    queries: int = 0
    requests: int = 0
    unusable: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    def cost(self, settings: LanguageSettings) -> float:
        """In the currency of the settings' prices."""
        prices = settings.price_per_million_input, settings.price_per_million_output
        return (self.input_tokens * prices[0] + self.output_tokens * prices[1]) / 1e6


class LanguageReranker:
    """A `memory.reranking.Reranker` that asks a vision-language model; see the top of this file.

    Args:
        settings: where and how.
        sleep: waits.
        clock: seconds, for the rate limit.
    """

    def __init__(
        self,
        settings: LanguageSettings,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self.usage = Usage()
        self._sleep, self._clock, self._next_request = sleep, clock, -float("inf")

    def __call__(self, query_image: Image.Image, neighbors: Sequence[Candidate]) -> npt.NDArray[np.float64]:
        """Similarities, raised by 2 for the neighbours under the label that the model answers.

        Raises:
            UserError: if the server refuses the request: a wrong address, model or key.
            WorkError: if it could not be reached or failed at every attempt.
        """
        similarities = np.array([neighbor.similarity for neighbor in neighbors])
        answer = self._ask(_request_body(self.settings, query_image, neighbors), [n.label for n in neighbors])
        return similarities + RISE * np.array([neighbor.label == answer for neighbor in neighbors])

    def _ask(self, body: bytes, labels: Sequence[str]) -> str | None:
        """The label answered; None if the model was reached and never named one."""
        self.usage.queries += 1
        failure: str | None = None
        for attempt in range(self.settings.max_attempts):
            self._keep_to_rate()
            self.usage.requests += 1
            wait = min(self.settings.first_wait_seconds * 2**attempt, LONGEST_WAIT_SECONDS)
            try:
                label = self._read(_send(self.settings, body), labels)
            except _RetriableError as error:
                failure, wait = str(error), wait if error.wait is None else min(error.wait, LONGEST_WAIT_SECONDS)
            else:
                failure = None
                if label is not None:
                    return label
            if attempt + 1 < self.settings.max_attempts:
                self._sleep(wait)
        if failure is not None:
            raise WorkError(
                f"{self.settings.endpoint}: no answer in {self.settings.max_attempts} attempts; last: {failure}"
            )
        self.usage.unusable += 1
        return None

    def _keep_to_rate(self) -> None:
        if self.settings.requests_per_minute is None:
            return
        wait = self._next_request - self._clock()
        if wait > 0:
            self._sleep(wait)
        self._next_request = max(self._clock(), self._next_request) + 60 / self.settings.requests_per_minute

    def _read(self, text: bytes, labels: Sequence[str]) -> str | None:
        try:
            answer = json.loads(text)
            content = answer["choices"][0]["message"]["content"]
            used = answer.get("usage") or {}
            counts = [int(used.get(name) or 0) for name in ("prompt_tokens", "completion_tokens")]
        except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
            raise _RetriableError(f"not a chat completion: {text[:80]!r}") from error
        self.usage.input_tokens += counts[0]
        self.usage.output_tokens += counts[1]
        return find_label(content, labels) if isinstance(content, str) else None


def find_label(answer: str, labels: Sequence[str]) -> str | None:
    """The one label that an answer names, as a whole or within a sentence; None for none or several.

    A label that is part of another label named ("apple" in "green apple") does not count.
    """
    plain = _plain(answer)
    known = {_plain(label): label for label in labels}
    if plain in known:
        return known[plain]
    named = [label for label in known if label and re.search(rf"(?<!\w){re.escape(label)}(?!\w)", plain)]
    whole = [label for label in named if not any(label != other and label in other for other in named)]
    return known[whole[0]] if len(whole) == 1 else None


def _plain(text: str) -> str:
    return " ".join(text.casefold().replace("_", " ").split()).strip(" .,:;!?*\"'`")


def _request_body(settings: LanguageSettings, query_image: Image.Image, neighbors: Sequence[Candidate]) -> bytes:
    """The neighbours, nearest first, each as its label and its image; then the query and the question."""
    parts: list[dict[str, Any]] = [_text(f"{len(neighbors)} labelled images, the most similar to the query first.")]
    for neighbor in neighbors:
        parts += [_text(f"Label: {neighbor.label}"), _picture(neighbor.image, settings.image_side_px)]
    labels = "; ".join(dict.fromkeys(neighbor.label for neighbor in neighbors))
    parts += [_text("Query:"), _picture(query_image, settings.image_side_px), _text(QUESTION.format(labels=labels))]
    body = {
        "model": settings.model,
        "temperature": 0,
        "max_tokens": settings.max_answer_tokens,
        "messages": [{"role": "user", "content": parts}],
    }
    return json.dumps(body).encode()


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _picture(image: Image.Image, side_px: int) -> dict[str, Any]:
    small = ImageOps.contain(image.convert("RGB"), (side_px, side_px)) if max(image.size) > side_px else image
    buffer = io.BytesIO()
    small.convert("RGB").save(buffer, format="JPEG", quality=90)
    address = f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    return {"type": "image_url", "image_url": {"url": address}}


class _RetriableError(Exception):
    """A failure that a later attempt may mend, and the seconds that the server asks to wait."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Following would carry the key to another server."""


def _send(settings: LanguageSettings, body: bytes) -> bytes:
    """One attempt."""
    key = os.environ.get(settings.key_variable)
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    address = settings.endpoint.rstrip("/") + "/chat/completions"
    request = urllib.request.Request(address, data=body, headers=headers, method="POST")
    try:
        with urllib.request.build_opener(_NoRedirects).open(request, timeout=settings.timeout_seconds) as response:
            content: bytes = response.read(_LARGEST_ANSWER_BYTES)
            return content
    except urllib.error.HTTPError as error:
        with error:
            said = error.read(200).decode(errors="replace")
        reason = f"HTTP {error.code}: {' '.join(said.split())}"
        if error.code >= 500 or error.code in RETRIED_STATUS:
            raise _RetriableError(reason, _seconds(error.headers.get("Retry-After"))) from error
        raise UserError(f"{address} refuses the request for model {settings.model!r}: {reason}") from error
    except (OSError, http.client.HTTPException) as error:  # URLError and timeouts are OSErrors
        raise _RetriableError(f"{type(error).__name__}: {error}") from error


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and re.fullmatch(r"\d+(\.\d+)?", text) else None
