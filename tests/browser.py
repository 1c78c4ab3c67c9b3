"""A browser for the tests that look at a page: Chromium, wherever it is."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Yield a running Chromium: the one that CHROMIUM names, else the system's, else Playwright's own."""
    with sync_playwright() as playwright:
        found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
        path = Path(found or playwright.chromium.executable_path)
        if not path.exists():
            pytest.fail("no Chromium is here; `make browser` installs one, or set CHROMIUM to its path", pytrace=False)
        browser = playwright.chromium.launch(executable_path=path)
        try:
            yield browser
        finally:
            browser.close()


if __name__ == "__main__":
    with open_browser() as found:
        print(found.version)
