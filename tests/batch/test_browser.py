"""Index and lists in a real browser; see `tests.report.test_browser` for what that needs."""

from __future__ import annotations

from pathlib import Path

import pytest
from selenium import webdriver

from tests.batch.test_pages import pages
from tests.batch.test_trends import FULL_NAT, LIMIT, claim, line
from tests.report.hostile import TEXTS
from tests.report.test_browser import audit, axe, browser, check_silent, opened

__all__ = ["axe", "browser"]
pytestmark = pytest.mark.browser


def archive() -> dict[str, str]:
    """A year with two causes, a hostile name, and what could not be read."""
    lines = [line(day, clean=(LIMIT, FULL_NAT)) for day in range(0, 90, 3)]
    lines += [
        line(
            day,
            claim(LIMIT, "10.10.10.1", severity="critical", sas_at_onset=8),
            claim(FULL_NAT, "10.10.10.1"),
        )
        for day in range(90, 360, 3)
    ]
    lines += [line(400 + number, claim(FULL_NAT, text), server=text) for number, text in enumerate(TEXTS)]
    lines += [
        {"inputs": [text], "status": "failed", "reason": "the file is empty", "key": ""} for text in TEXTS
    ]
    return pages(lines)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", ["desktop", "phone"])
@pytest.mark.parametrize("name", ["index.html", "incidents-2026-05.html"])
def test_pages(name: str, size: str, dark: bool, browser: webdriver.Chrome, axe: str, tmp_path: Path) -> None:
    opened(browser, tmp_path, archive()[name], size, dark=dark)
    check_silent(browser)
    width = browser.execute_script("return document.documentElement.scrollWidth")
    assert width <= (1280 if size == "desktop" else 390)
    assert audit(browser, axe) == []
    if name == "index.html":
        assert "Began in 2026-04" in browser.find_element("id", "causes").find_element("xpath", "..").text
