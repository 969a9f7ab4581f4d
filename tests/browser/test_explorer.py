"""The explorer as a person meets it: a real browser, a real server, a real memory on disk."""

import csv
import json
import statistics
import sys
import time
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

from memory.memory import VisualMemory
from memory.receipt import Receipt, verify_receipt


def open_tab(page, name):
    page.get_by_role("tab", name=name, exact=True).click()


def prediction(page):
    return page.inner_text("#prediction")


def ask_what_one_entry_decides(page):
    """With k = 1, the query whose answer hangs on the entry with the wrong label; returns that entry's card."""
    page.locator("#k input[type=number]").fill("1")
    page.locator("#k input[type=number]").press("Enter")
    for pick in page.locator("#picks [data-send=pick]").all():
        pick.click()
        page.wait_for_timeout(500)
        decisive = page.locator("#answer .pm-card:has(.pm-decides)")
        if decisive.count():
            return decisive.first
    raise AssertionError("no answer hangs on one entry")


def test_query_switch_off_the_deciding_neighbour_erase_it_and_find_the_receipt(page, explorer, place):
    card = ask_what_one_entry_decides(page)
    before = prediction(page)
    expected = card.locator(".pm-turn b").inner_text()
    number = card.locator(".pm-switch").get_attribute("data-id")
    card.locator(".pm-switch").click()
    page.wait_for_selector(f"#prediction:text-is('{expected}')")
    assert f"with all on it says {before}" in page.inner_text(".pm-off-note")
    assert page.locator(f".pm-switch[data-id='{number}']").get_attribute("aria-checked") == "false"
    assert page.evaluate("document.activeElement.dataset.key") == f"switch-{number}"  # focus stays where it was
    assert len(VisualMemory.open(place / "pixels")) == 25  # nothing has been changed on disk
    page.click("text=Switch all on")
    page.wait_for_selector(f"#prediction:text-is('{before}')")

    page.click(f".pm-picture[data-id='{number}']")
    page.wait_for_selector(f"h2:text-is('Entry {number}')")
    page.click("text=Erase…")
    page.click("text=Keep it")
    assert len(VisualMemory.open(place / "pixels")) == 25
    page.click("text=Erase…")
    page.click("text=Yes, erase it")
    page.wait_for_selector("text=gone from every file", timeout=30_000)
    assert int(number) not in VisualMemory.open(place / "pixels").entries.ids
    page.keyboard.press("Escape")
    page.wait_for_selector(f"#prediction:text-is('{expected}')")
    assert page.locator(f".pm-switch[data-id='{number}']").count() == 0

    open_tab(page, "Changes")
    page.click(".pm-table >> text=look")
    page.wait_for_selector("text=The signature fits")
    (path,) = (explorer[1] / "receipts").glob(f"*-entry-{number}.json")
    verify_receipt(Receipt.from_dict(json.loads(path.read_text())))
    assert not page.complaints


def test_the_keyboard_alone_is_enough(page):
    page.keyboard.press("Tab")
    for _ in range(60):
        if page.evaluate("document.activeElement.dataset.send") == "pick":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("1")  # the first neighbour off
    page.wait_for_selector(".pm-card:first-child .pm-switch[aria-checked=false]")
    page.keyboard.press("1")
    page.wait_for_selector(".pm-card:first-child .pm-switch[aria-checked=true]")
    page.locator(".pm-card .pm-switch").nth(1).focus()
    page.keyboard.press("Space")
    page.wait_for_selector(".pm-card:nth-child(2) .pm-switch[aria-checked=false]")
    page.locator(".pm-card .pm-picture").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".pm-drawer")
    page.keyboard.press("Escape")
    page.wait_for_selector(".pm-drawer", state="detached")
    page.get_by_role("tab", name="Ask", exact=True).focus()
    page.keyboard.press("Tab")  # to the next tab
    page.keyboard.press("Enter")
    page.wait_for_selector("#shelf .pm-card")


def test_uploads_good_and_bad(page, explorer, tmp_path):
    (tmp_path / "holiday.jpg").write_text("dear diary")
    page.set_input_files("#upload input[type=file]", tmp_path / "holiday.jpg")
    page.wait_for_selector("text='holiday.jpg' is no picture")
    Image.new("L", (20_000, 10_000)).save(tmp_path / "wall.png")
    page.reload()
    page.wait_for_selector("#prediction")
    page.set_input_files("#upload input[type=file]", tmp_path / "wall.png")
    page.wait_for_selector("text=largest picture is 50 megapixels", timeout=30_000)
    Image.new("RGB", (80, 60), (90, 160, 230)).save(tmp_path / "mine.png")
    page.reload()
    page.wait_for_selector("#prediction")
    page.set_input_files("#upload input[type=file]", tmp_path / "mine.png")
    page.wait_for_selector("#prediction:text-is('noon')")
    page.wait_for_selector("figcaption:text-is('mine.png')")
    kept = [path for path in (explorer[1] / "uploads").rglob("*") if path.is_file() and path.stat().st_size]
    assert not kept  # Gradio leaves empty files, which go at the end


def test_a_class_is_taught_and_answers_at_once(page, place, tmp_path):
    paths = []
    for i in range(3):
        grey = np.random.default_rng(i).integers(10, 40, (40, 40, 3), np.uint8)
        Image.fromarray(grey).save(tmp_path / f"night{i}.png")
        paths.append(tmp_path / f"night{i}.png")
    open_tab(page, "Teach")
    page.fill("#teach-name textarea, #teach-name input", "night")
    page.get_by_label("Its light").fill("none")  # a group that the memory does not have yet
    page.get_by_label("Its light").press("Enter")
    page.set_input_files("#teach-images input[type=file]", paths[:2])
    page.wait_for_timeout(1500)
    page.click("#teach")
    page.wait_for_selector("text=The memory knows night (light: none) now, by 2 entries", timeout=30_000)
    page.set_input_files("#teach-ask input[type=file]", paths[2])
    page.wait_for_selector("#teach-answer h2:text-is('night')")
    memory = VisualMemory.open(place / "pixels")
    assert "night" in memory.class_names
    assert memory.levels[0].class_names == ("low", "full", "none")


def test_the_other_views_show_what_they_promise(page):
    open_tab(page, "Browse")
    page.get_by_label("reliability").click()
    page.wait_for_selector("#shelf .pm-card")
    page.wait_for_timeout(1500)
    shares = [int(text.split()[0].strip("<>")) for text in page.locator("#shelf dd").all_inner_texts() if "%" in text]
    assert shares == sorted(shares)
    page.click("#shelf .pm-picture >> nth=0")
    page.wait_for_selector("text=What it decides")
    page.keyboard.press("Escape")
    open_tab(page, "Compare")
    page.wait_for_selector("#sides .pm-side-answer >> nth=1")
    assert page.locator("#sides .pm-kicker").all_inner_texts() == ["pixels", "histogram"]
    open_tab(page, "Patches")
    page.wait_for_selector("#colors-0 img")
    page.wait_for_selector("text=has no patch tokens")  # the histogram's, told beside the other's picture
    assert not page.complaints


def test_a_part_is_painted_and_segmented(page):
    open_tab(page, "Patches")
    page.wait_for_selector("#painted canvas", timeout=30_000)
    page.wait_for_timeout(2500)
    page.get_by_role("button", name="Draw").or_(page.locator("#painted [aria-label='Brush']")).first.click()
    box = page.locator("#painted canvas").first.bounding_box()
    middle, top = box["x"] + box["width"] / 2, box["y"] + box["height"] / 3
    page.mouse.move(middle - 60, top)
    page.mouse.down()
    for step in range(12):
        page.mouse.move(middle - 60 + 10 * step, top, steps=3)
    page.mouse.up()
    page.click("#segment")
    page.wait_for_selector("#segmented img", timeout=30_000)
    page.wait_for_selector("text=of the patches belong to what you painted")


@pytest.mark.opengl
def test_a_program_is_rendered_again_by_its_slider_and_an_image_explained(page):
    open_tab(page, "Procedural")
    page.wait_for_selector("#rendered img", timeout=60_000)
    first = page.locator("#rendered img").get_attribute("src")
    slider = page.locator(".pm-dial input[type=range]:visible").nth(3)
    slider.focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("was => document.querySelector('#rendered img').src !== was", arg=first, timeout=30_000)
    page.click("#explain")
    page.wait_for_selector("#steps img", timeout=90_000)


def test_a_study_is_answered_by_keys_and_saved_as_it_goes(page, explorer):
    open_tab(page, "Study")
    page.locator("#study-trials input[type=number]").fill("4")
    page.locator("#study-trials input[type=number]").press("Enter")
    page.locator("#study-seed input").fill("7")
    page.click("#study-begin")
    for number in range(4):
        page.wait_for_selector(f"text=Trial {number + 1} of 4")
        page.locator("#study").click(position={"x": 5, "y": 5})  # out of any field
        page.keyboard.press("1")
        if number == 1:
            page.wait_for_selector("text=Trial 3 of 4")
            (path,) = (explorer[1] / "studies").glob("*-predict-seed7.csv")
            assert len(path.read_text().splitlines()) == 3  # head and two answers, before the study is done
    page.wait_for_selector("text=Done, thank you.")
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted(row["condition"] for row in rows) == ["with neighbours"] * 2 + ["without"] * 2
    assert all(row["answered"] == row["labels"].split("|")[0] for row in rows)
    assert "exact binomial p" in page.inner_text("#study").lower()


def test_nothing_leaves_this_machine(page):
    for name in ("Browse", "Compare", "Patches", "Teach", "Procedural", "Study", "Changes", "Ask"):
        open_tab(page, name)
        page.wait_for_timeout(700)
    places = {urlsplit(url).hostname for url in page.requests if not url.startswith(("data:", "blob:"))}
    assert places == {"127.0.0.1"}
    assert page.request.get(page.url, headers={"Host": "evil.example"}).status == 421


def test_first_paint_and_the_time_of_an_answer_are_told(chromium, explorer, capsys):
    paints, answers = [], []
    for _ in range(3):
        context = chromium.new_context()  # nothing cached
        page = context.new_page()
        page.goto(explorer[0])
        page.wait_for_selector("#prediction", timeout=60_000)
        page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length")
        paints.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
        for number in range(8):
            pick = page.locator("#picks [data-send=pick]").nth(11 - number)  # the first one is shown already
            before = page.inner_text("#answer figcaption")
            began = time.perf_counter()
            pick.click()
            page.wait_for_function("was => document.querySelector('#answer figcaption')?.innerText !== was", arg=before)
            if number:
                answers.append(1000 * (time.perf_counter() - began))
        context.close()
    with capsys.disabled():
        told = f"first paint {statistics.median(paints):.0f} ms; click to answer {statistics.median(answers):.0f} ms"
        sys.stdout.write(f"\n{told}\n")
