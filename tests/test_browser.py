"""Finding a browser: the environment's first, and a plain word where there is none."""

import pytest

from tests.browser import MISSING, find_browser, open_browser


def test_the_environment_names_the_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHROMIUM", "/somewhere/chromium")
    assert find_browser() == "/somewhere/chromium"


def test_a_missing_browser_fails_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHROMIUM", "/nowhere/chromium")
    with pytest.raises(pytest.fail.Exception, match="run `make browser`") as failure, open_browser():
        pass
    assert MISSING in str(failure.value)
    assert "\n" not in str(failure.value)
