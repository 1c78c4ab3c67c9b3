"""The page in a real browser: what it shows, by keyboard and on a phone, and that it asks nobody else."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from benchmarks.serving import Served
from pipeline.serving.page import read_page
from tests.browser import open_browser

# Longer than the models read.
TEXT = "电影好 👍 & not awful: <img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, server: Served) -> Iterator[Page]:
    """The page on a phone; whatever it complains of or asks elsewhere fails the test."""
    faults: list[str] = []

    def watch(route: Route) -> None:
        if urlsplit(route.request.url).netloc != urlsplit(server.url).netloc:
            faults.append(f"asked {route.request.url}")
        route.continue_()

    context = browser.new_context(viewport={"width": 390, "height": 700})
    context.route("**", watch)
    page = context.new_page()
    page.set_default_timeout(10_000)
    page.on("console", lambda message: faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("dialog", lambda dialog: faults.append(dialog.message))
    page.goto(server.url)
    yield page
    context.close()
    assert faults == []


def test_a_text_is_typed_and_read(page: Page) -> None:
    rows = page.locator("#answers tbody tr")
    expect(rows).to_have_count(2)
    assert page.locator("#answers thead th").all_inner_texts() == ["Model", "Label", "bad", "good", "Time"]
    # By keyboard alone.
    page.keyboard.press("Tab")
    page.keyboard.type(TEXT)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#words")).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text("bad")
    for row in rows.all():
        label, bad, good, time = row.locator("td").all_inner_texts()
        assert label.split()[0] in ("bad", "good")
        assert bad.endswith("%")
        assert good.endswith("%")
        assert time.endswith(" ms")
    # The text as it was typed, with the numbers between.
    shown = page.evaluate("""() => {
        const copy = document.getElementById("weighed").cloneNode(true);
        copy.querySelectorAll("small").forEach((each) => each.remove());
        return copy.textContent;
    }""")
    assert shown == TEXT
    assert page.locator("#weighed img").count() == 0
    assert page.locator(".word", has_text="好").count() == 1
    expect(page.locator("#reading")).to_contain_text("beyond the length that the model reads")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("combobox", name="Words that mattered to").select_option("teacher/tiny")
    expect(page.locator("#weighed .word").first).to_be_visible()


def test_it_can_be_read_aloud(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text("Graft")
    expect(page.get_by_role("textbox", name="Text")).to_be_visible()
    page.get_by_role("textbox").fill("good film")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("status")).to_have_text("Both models say good.")
    expect(page.get_by_role("row", name="tiny").get_by_role("cell").first).to_contain_text("good")


def test_a_refused_text_and_an_absent_server_are_told(page: Page) -> None:
    page.get_by_role("textbox").fill("\u200b")
    page.get_by_role("button", name="Classify").click()
    expect(page.get_by_role("status")).to_have_text("Both models say refused (empty).")
    expect(page.locator("#words")).to_be_hidden()


def test_a_fault_is_told(browser: Browser, server: Served) -> None:
    page = browser.new_page()
    page.goto(server.url)
    expect(page.locator("#answers tbody tr")).to_have_count(2)
    page.route("**/classify", lambda route: route.fulfill(status=429, json={"error": "2 requests wait already"}))
    page.get_by_role("textbox").fill("good")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("alert")).to_have_text("2 requests wait already")
    page.route("**/classify", lambda route: route.abort())
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("alert")).to_have_text("The server does not answer.")
    page.close()


def test_only_its_own_script_and_style_may_run(browser: Browser, server: Served) -> None:
    html, policy = read_page()
    assert "unsafe" not in policy
    assert "http" not in html
    page = browser.new_page()
    page.goto(server.url)
    ran = page.evaluate("""() => {
        const script = document.createElement("script");
        try { script.text = "window.ran = true"; document.body.append(script); } catch (error) { return String(error); }
        return window.ran === true ? "it ran" : "blocked";
    }""")
    assert ran != "it ran"
    page.close()
