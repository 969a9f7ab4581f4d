"""A real explorer in a process of its own, and a real headless Chromium that drives it.

Skipped where there is no Chromium or playwright: `make test-browser` installs both. The browser's own record of
requests is kept, so that a test can say where they went.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

START_SECONDS = 120
CLASSES = {"dawn": (220, 120, 60), "noon": (90, 160, 230), "dusk": (120, 60, 140)}


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    """A folder with images of three kinds of sky; one at noon is in the memory as dusk, so it decides alone."""
    root = tmp_path_factory.mktemp("explorer")
    random = np.random.default_rng(0)
    for split, count in (("train", 8), ("val", 4)):
        for name, colour in CLASSES.items():
            folder = root / "data" / "skies" / split / name
            folder.mkdir(parents=True)
            for i in range(count):
                shade = np.array(colour) + random.normal(0, 18, 3)
                pixels = shade + random.normal(0, 25, (64, 64, 3)) + np.linspace(-30, 30, 64)[:, None, None]
                Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(folder / f"{name}{i}.jpg")
    skies = root / "data" / "skies"
    (skies / "levels.csv").write_text("class,light\ndawn,low\nnoon,full\ndusk,low\n")
    shutil.copy(skies / "val" / "noon" / "noon0.jpg", skies / "train" / "dusk" / "intruder.jpg")
    with Image.open(skies / "train" / "dusk" / "intruder.jpg") as image:
        ImageEnhance.Brightness(image).enhance(1.02).save(skies / "train" / "dusk" / "intruder.jpg")
    return root


@pytest.fixture(scope="session")
def environment(place):
    return os.environ | {
        "PROCMEM_DATA": str(place / "data"),
        "PROCMEM_CACHE": str(place / "cache"),
        "PROCMEM_CONFIG": str(place / "config"),
        "OMP_NUM_THREADS": "1",
    }


@pytest.fixture(scope="session")
def explorer(place, environment):
    """Address and run folder of an explorer that may edit."""
    for encoder in ("pixels", "histogram"):
        words = ["memory", "build", "--dataset", "skies", "--encoder", encoder, "--owner", r"(\d)\.jpg$"]
        words += ["--output", str(place / encoder)]
        subprocess.run([sys.executable, "-m", "procmem", *words], env=environment, check=True, capture_output=True)
    run = place / "run"
    words = ["explore", "--memory", str(place / "pixels"), "--memory-b", str(place / "histogram"), "--allow-edit"]
    process = subprocess.Popen(
        [sys.executable, "-m", "procmem", *words, "--port", "0", "--run", str(run)],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield wait_for_address(process), run
    finally:
        process.terminate()
        process.wait(timeout=30)
        process.stderr.close()


def wait_for_address(process):
    """The address that an explorer prints when it is ready."""
    deadline, said = time.monotonic() + START_SECONDS, []
    while time.monotonic() < deadline:
        line = process.stderr.readline()
        said.append(line)
        found = re.search(r"explorer: (http://\S+)", line)
        if found:
            return found[1]
        if not line and process.poll() is not None:
            break
    raise AssertionError(f"the explorer did not start: {''.join(said)}")


@pytest.fixture(scope="session")
def chromium():
    """A headless browser; Debian's, driven through its path."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is missing; run make test-browser")
    path = next(
        (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
    )
    if path is None:
        pytest.skip("no Chromium here; run make test-browser")
    with sync_api.sync_playwright() as playwright:
        # A container's root may not use Chromium's own sandbox; the page is ours and local.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium, explorer):
    """A fresh visitor on the page; `requests` and `complaints` are what the browser recorded."""
    context = chromium.new_context(viewport={"width": 1360, "height": 900})
    page = context.new_page()
    page.requests, page.complaints = [], []
    page.on("request", lambda request: page.requests.append(request.url))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.goto(explorer[0])
    page.wait_for_selector("#prediction", timeout=60_000)
    yield page
    context.close()
