"""The page in a real browser: opened from disk, clicked through, and nothing said, asked for or cut off."""

import os
import re
import struct
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from benchmarks import pictures
from pipeline.stages import report
from tests.browser import open_browser
from tests.closure import ROOT

WIDTHS = (390, 900, 1440)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as started:
        yield started


@pytest.fixture(scope="module")
def page_file(finished, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    finished(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        report.main()
    return folder / "report/index.html"


class Visit:
    """The page, open; what it said on the console and asked of the outside is a fault."""

    def __init__(self, browser: Browser, file: Path, **options) -> None:
        self.context = browser.new_context(**options)
        self.page: Page = self.context.new_page()
        self.faults: list[str] = []
        self.page.on("console", lambda message: self.faults.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.page.on("request", lambda request: self._outside(request.url))
        self.page.route(re.compile("^(?!file:)"), lambda route: route.abort())
        self.page.goto(file.as_uri())

    def _outside(self, url: str) -> None:
        if not url.startswith("file:"):
            self.faults.append(f"request: {url}")

    def close(self) -> None:
        self.context.close()
        assert self.faults == []


@pytest.fixture
def visit(browser: Browser, page_file: Path):
    visits: list[Visit] = []

    def open_page(**options) -> Page:
        visits.append(Visit(browser, page_file, **options))
        return visits[-1].page

    yield open_page
    for each in visits:
        each.close()


def test_every_link_of_the_navigation_leads_to_its_section(visit) -> None:
    page = visit(viewport={"width": 900, "height": 700})
    links = page.locator("nav a")
    assert links.count() == 1 + len(page.locator("main section").all())
    for link in links.all():
        target = link.get_attribute("href")
        link.click()
        assert page.evaluate("location.hash") == target
        top = page.locator(target).evaluate("node => node.getBoundingClientRect().top")
        below = page.locator("nav").evaluate("node => node.getBoundingClientRect().bottom")
        # Under the navigation, not behind it; the last sections cannot rise to the top of the window.
        assert target == "#main" or below <= top < 700


def test_what_is_folded_opens_and_closes(visit) -> None:
    page = visit(viewport={"width": 900, "height": 700})
    folded = page.locator("details").all()
    assert len(folded) >= 4
    for each in folded:
        was = each.evaluate("node => node.open")
        each.locator("summary").first.click()
        assert each.evaluate("node => node.open") is not was
        if was:
            each.locator("summary").first.click()
        assert each.locator("> :not(summary)").first.is_visible()


def test_the_keyboard_reaches_everything_and_shows_where_it_is(visit) -> None:
    page = visit(viewport={"width": 900, "height": 700})
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    reachable = page.locator("a, summary, [tabindex='0']").count()
    seen = set()
    for _ in range(2 * reachable):
        page.keyboard.press("Tab")
        place = page.evaluate(
            "[[...document.querySelectorAll('*')].indexOf(document.activeElement),"
            " document.activeElement.matches('a, summary, [tabindex=\"0\"]'),"
            " getComputedStyle(document.activeElement).outlineStyle]"
        )
        if place[1]:
            assert place[2] == "solid"
            seen.add(place[0])
    folded_away = page.locator("details:not([open]) [tabindex='0']").count()
    assert len(seen) == reachable - folded_away
    page.locator("summary").first.focus()
    was = page.locator("details").first.evaluate("node => node.open")
    page.keyboard.press("Enter")
    assert page.locator("details").first.evaluate("node => node.open") is not was


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_window(visit, width: int) -> None:
    page = visit(viewport={"width": width, "height": 844})
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate("document.body.scrollWidth") <= width
    # Tables may be wider, each within a box that scrolls and that the keyboard reaches.
    assert page.locator("table").count() == page.locator("[tabindex='0'] > table").count()
    boxes = page.evaluate(
        "[...document.querySelectorAll('table')].map(each => [each.offsetWidth, each.parentElement.clientWidth])"
    )
    assert all(box >= min(table, 200) for table, box in boxes)
    assert page.locator(".hero .chart svg:visible").count() == 1


def test_the_verdict_and_the_chart_are_on_the_first_screen(visit) -> None:
    for width, height in ((390, 844), (1440, 900)):
        page = visit(viewport={"width": width, "height": height})
        assert page.locator(".headline").bounding_box()["y"] > 0
        box = page.locator(".hero .chart").bounding_box()
        assert box["y"] + box["height"] <= height


def test_images_have_names_and_headings_skip_no_level(visit) -> None:
    page = visit()
    images = page.locator("[role=img]").all()
    assert len(images) >= 10
    names = [image.get_attribute("aria-label") for image in images]
    assert all(name and len(name) > 20 for name in names)
    assert len(set(names)) == len(names)
    assert page.locator("svg:not([role=img] svg)").count() == 0
    levels = [int(each.evaluate("node => node.tagName[1]")) for each in page.locator("h1, h2, h3, h4").all()]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def luminance(colour: str) -> float:
    """Relative luminance of a computed colour (WCAG 2.1)."""
    shares = [float(number) for number in re.findall(r"[\d.]+", colour)][:3]
    scale = 1 if colour.startswith("color(") else 255
    linear = [share / 12.92 if share <= 0.03928 else ((share + 0.055) / 1.055) ** 2.4 for share in
              (each / scale for each in shares)]  # fmt: skip
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


# The colour of every element with text of its own, and of what lies behind it.
COLOURS = """() => [...document.querySelectorAll('body *')].filter(
  node => [...node.childNodes].some(child => child.nodeType === 3 && child.textContent.trim())
    && node.getClientRects().length && !node.classList.contains('skip')
).map(node => {
  let behind = node;
  while (behind.parentElement && getComputedStyle(behind).backgroundColor === 'rgba(0, 0, 0, 0)')
    behind = behind.parentElement;
  const style = getComputedStyle(node);
  return [node.namespaceURI.endsWith('svg') ? style.fill : style.color,
          getComputedStyle(behind).backgroundColor, node.textContent.trim().slice(0, 30)];
})"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_in_light_and_dark(visit, scheme: str) -> None:
    page = visit(color_scheme=scheme, viewport={"width": 1440, "height": 900})
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    found = page.evaluate(COLOURS)
    assert len(found) > 300
    assert {text: contrast(colour, behind) for colour, behind, text in found if contrast(colour, behind) < 4.5} == {}
    assert (luminance(page.evaluate("getComputedStyle(document.body).backgroundColor")) < 0.1) == (scheme == "dark")


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("rgb(0, 0, 0)", "rgb(255, 255, 255)") == pytest.approx(21)
    assert contrast("color(srgb 0 0 0)", "rgb(255, 255, 255)") == pytest.approx(21)
    assert contrast("rgb(119, 119, 119)", "rgb(255, 255, 255)") == pytest.approx(4.48, abs=0.01)


def test_paper_shows_what_is_folded_and_no_navigation(visit) -> None:
    page = visit(color_scheme="dark", viewport={"width": 690, "height": 900})
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()
    folded = page.locator("details:not([open])").all()
    assert folded
    for each in folded:
        assert each.locator("> :not(summary)").first.bounding_box()["height"] > 0
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    # Tables fit the paper: what scrolls on a screen would be cut there.
    widths = page.evaluate("[...document.querySelectorAll('table')].map(each => each.getBoundingClientRect().right)")
    assert max(widths) <= 690


def test_the_guards_of_these_tests_bite(browser: Browser, tmp_path: Path) -> None:
    bad = tmp_path / "bad.html"
    bad.write_text('<img src="http://outside.invalid/x.png"><script>console.log("x"); throw Error("y")</script>')
    visit = Visit(browser, bad)
    with pytest.raises(AssertionError):
        visit.close()
    kinds = {fault.split(":")[0] for fault in visit.faults}
    assert {"request", "log", "error"} <= kinds


def test_pictures_of_the_page_have_the_sizes_they_are_named_for(page_file: Path, tmp_path: Path) -> None:
    # In a process of its own: a browser is open in this one.
    command = [sys.executable, "-m", "benchmarks.pictures", "--whole", str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    here = page_file.parents[1]
    done = subprocess.run(command, cwd=here, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for name, (size, _) in pictures.VIEWS.items():
        first, whole = (read_png_size(folder / f"{name}.png") for folder in (here / pictures.TARGET, tmp_path))
        assert first == size
        assert whole[0] == size[0]
        assert whole[1] > 3 * size[1]


def read_png_size(path: Path) -> tuple[int, int]:
    width, height = struct.unpack(">II", path.read_bytes()[16:24])
    return width, height
