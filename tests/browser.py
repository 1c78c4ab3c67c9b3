"""A Chromium for the tests of the pages: the machine's own or Playwright's."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Error, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
QUIET = ["--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
MISSING = "no Chromium is found; run `make browser`, which fetches one, or set CHROMIUM to one that is there"


def find_browser() -> str | None:
    """The program of ``CHROMIUM``, else the first that is installed, else None for Playwright's own."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Yield a headless Chromium; the test fails where there is none, for a page nobody looked at is not tested."""
    # As root Chromium starts only without its sandbox; elsewhere it keeps it.
    alone = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=find_browser(), args=[*QUIET, *alone])
        except Error as error:
            pytest.fail(f"{MISSING} ({error.message.splitlines()[0]})", pytrace=False)
        try:
            yield browser
        finally:
            browser.close()


if __name__ == "__main__":
    with open_browser() as found:
        print(found.version)
