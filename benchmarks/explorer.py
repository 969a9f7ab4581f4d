"""The explorer as a browser sees it: first paint, and the time from a click to the new answer, at 100,000 entries.

    python benchmarks/explorer.py [--entries 100000] [--rounds 40]

A memory of random unit rows as wide as the encoder `pixels` (768 numbers, 1,000 classes), queries from scikit-learn's
digits, a real headless Chromium (make test-browser installs it). The goals: first paint under 2 s, an answer under
300 ms. Printed beside them: what the memory itself takes of it.

Measured on 2 idle cores (AMD EPYC, Gradio 6.31): first paint 924 ms; click to answer 190 ms, the
slowest tenth from 230 ms, of it the memory 54 ms; switch to answer 151 ms.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from memory.memory import VisualMemory
from memory.schema import Batch
from pretrain.encoder import load_encoder

PART = 10_000
CHANGED = "was => document.querySelector('#answer figcaption')?.innerText !== was"


def make_memory(folder: Path, num_entries: int) -> None:
    """Random unit rows under the card of the encoder `pixels`."""
    random, card = np.random.default_rng(0), load_encoder("pixels").card()
    memory = VisualMemory.create(folder, card, class_names=[f"class {number}" for number in range(1000)])

    def batches():
        for _ in range(0, num_entries, PART):
            rows = random.normal(size=(PART, card.dimension)).astype(np.float32)
            rows /= np.linalg.norm(rows, axis=1, keepdims=True)
            yield Batch(embeddings=rows, labels=random.integers(0, 1000, PART))

    memory.add_batches(batches())


def measure(address: str, rounds: int) -> dict[str, float]:
    """Medians in milliseconds."""
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    paints, clicks, switches, own = [], [], [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for _ in range(5):
            page = browser.new_context().new_page()  # a visitor with nothing cached
            page.goto(address)
            page.wait_for_selector("#prediction", timeout=60_000)
            page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length")
            paints.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
        picks = page.locator("#picks [data-send=pick]")
        for number in range(rounds):
            before = page.inner_text("#answer figcaption")
            began = time.perf_counter()
            picks.nth(11 - number % 12).click()
            page.wait_for_function(CHANGED, arg=before)
            clicks.append(1000 * (time.perf_counter() - began))
            own.append(float(re.search(r"answered in (\d+) ms", page.inner_text("#answer")).group(1)))
            page.wait_for_timeout(150)
            began = time.perf_counter()
            page.keyboard.press("1")
            page.wait_for_selector(".pm-card:first-child .pm-switch[aria-checked=false]")
            switches.append(1000 * (time.perf_counter() - began))
            page.wait_for_timeout(150)
        browser.close()
    return {
        "first paint (goal 2000)": statistics.median(paints),
        "click on a query to its answer (goal 300)": statistics.median(clicks),
        "  slowest tenth begins at": statistics.quantiles(clicks, n=10)[-1],
        "  of it the memory's own answer": statistics.median(own),
        "entry switched off to the new answer (goal 300)": statistics.median(switches),
    }


def main() -> None:
    """Build, serve, drive, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=40)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        make_memory(Path(root) / "memory", options.entries)
        words = ["explore", "--memory", f"{root}/memory", "--queries", "digits", "--port", "0", "--run", f"{root}/run"]
        process = subprocess.Popen(
            [sys.executable, "-m", "procmem", *words], stderr=subprocess.PIPE, text=True, env=os.environ
        )
        try:
            address = None
            while address is None and (line := process.stderr.readline()):
                address = re.search(r"explorer: (http://\S+)", line)
            print(f"{options.entries} entries, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
            for name, milliseconds in measure(address[1], options.rounds).items():
                print(f"{name:<50} {milliseconds:6.0f} ms")
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main()
