"""The page in a real browser: silent, self-contained, accessible, no wider than the screen.

Needs Chromium with its driver, and for the audit axe-core (npm install axe-core, or its axe.min.js
named in PCAPAN_AXE).
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service

from pcapan.model import Result
from pcapan.report.clock import Clock
from pcapan.report.compare.judge import compare
from pcapan.report.compare.page import html as compare_html
from pcapan.report.html import html
from pcapan.report.story import Wanted
from tests.report.goldens import NAMES, PAIRS, stored
from tests.report.hostile import TEXTS, poisoned

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]
WIDTHS = {"desktop": 1280, "phone": 390}


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("needs Chromium and chromedriver: how a browser shows the HTML report is not tested")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    try:
        chrome = webdriver.Chrome(options=options, service=Service(driver))
    except WebDriverException as error:
        pytest.skip(f"the HTML report is not tested in a browser: Chromium does not start: {error.msg}")
    yield chrome
    chrome.quit()


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The audit's script; fetched with npm where it lies nowhere."""
    places = [Path(os.environ.get("PCAPAN_AXE", "")), ROOT / "node_modules" / "axe-core" / "axe.min.js"]
    npm = shutil.which("npm")
    if not any(place.is_file() for place in places) and npm is not None:
        folder = tmp_path_factory.mktemp("axe")
        command = [npm, "install", "--silent", "--ignore-scripts", "--prefix", str(folder), "axe-core@4"]
        subprocess.run(command, check=False, capture_output=True, timeout=120)
        places.append(folder / "node_modules" / "axe-core" / "axe.min.js")
    for place in places:
        if place.is_file():
            return place.read_text("utf-8")
    pytest.skip("needs axe-core, or npm to fetch it: accessibility is not tested, though Chromium is there")


def big() -> Result:
    """Many sources, findings that name thousands of them."""
    good = stored("sa-limit-8")
    rows = [{**good.sources[1], "address": f"198.18.{n // 250}.{n % 250}"} for n in range(20_000)]
    addresses = [row["address"] for row in rows]
    return replace(
        good,
        sources=[*good.sources, *rows],
        findings=[replace(one, addresses=addresses) for one in good.findings],
    )


def opened(browser: webdriver.Chrome, tmp_path: Path, text: str, size: str, *, dark: bool = False) -> None:
    page = tmp_path / "report.html"
    page.write_text(text, "utf-8")
    scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": scheme})
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": WIDTHS[size], "height": 900, "deviceScaleFactor": 1, "mobile": size == "phone"},
    )
    log(browser, "browser")
    log(browser, "performance")
    browser.get(page.as_uri())


def log(browser: webdriver.Chrome, kind: str) -> list[dict[str, Any]]:
    """What was noted since the last time."""
    entries: list[dict[str, Any]] = browser.get_log(kind)  # type: ignore[no-untyped-call]
    return entries


def check_silent(browser: webdriver.Chrome) -> None:
    """Nothing on the console, nothing fetched but the page itself."""
    assert log(browser, "browser") == []
    events = [json.loads(entry["message"])["message"] for entry in log(browser, "performance")]
    requests = [event["params"] for event in events if event["method"] == "Network.requestWillBeSent"]
    asked = [request["request"]["url"] for request in requests]
    assert len(asked) <= 1 and all(url.startswith("file:") for url in asked), asked


def audit(browser: webdriver.Chrome, axe: str) -> list[str]:
    browser.execute_script(axe)
    found: Any = browser.execute_async_script(
        "const done = arguments[0];"
        "axe.run(document, {resultTypes: ['violations']})"
        ".then(found => done(found.violations), error => done(String(error)));"
    )
    assert isinstance(found, list), found
    return [f"{one['id']}: {node['html'][:200]}" for one in found for node in one["nodes"][:3]]


@pytest.mark.parametrize("size", WIDTHS)
@pytest.mark.parametrize("name", [*NAMES, "big"])
def test_a_page_is_silent_and_fits(browser: webdriver.Chrome, tmp_path: Path, name: str, size: str) -> None:
    text = html(big() if name == "big" else stored(name), Wanted(Clock.of("Europe/Berlin")))
    opened(browser, tmp_path, text, size)
    check_silent(browser)
    width = browser.execute_script("return document.documentElement.scrollWidth")
    assert width <= WIDTHS[size], "the page scrolls sideways"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", [*NAMES, "big"])
def test_a_page_is_accessible(
    browser: webdriver.Chrome, tmp_path: Path, axe: str, name: str, dark: bool
) -> None:
    text = html(big() if name == "big" else stored(name), Wanted(Clock.of("Europe/Berlin")))
    for size in WIDTHS:
        opened(browser, tmp_path, text, size, dark=dark)
        assert audit(browser, axe) == []


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_a_comparison_is_silent_and_accessible(
    browser: webdriver.Chrome, tmp_path: Path, axe: str, pair: tuple[str, str]
) -> None:
    text = compare_html(compare(*map(stored, pair)), Clock.of("Europe/Berlin"))
    for size, width in WIDTHS.items():
        for dark in (False, True):
            opened(browser, tmp_path, text, size, dark=dark)
            check_silent(browser)
            assert browser.execute_script("return document.documentElement.scrollWidth") <= width
            assert audit(browser, axe) == []


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_hostile_text_does_nothing(browser: webdriver.Chrome, tmp_path: Path, text: str) -> None:
    opened(browser, tmp_path, html(poisoned(text)), "phone")
    check_silent(browser)
    assert browser.execute_script("return document.scripts.length + document.images.length") == 0
    assert browser.execute_script("return document.documentElement.scrollWidth") <= WIDTHS["phone"]


def test_the_style_applies_under_the_policy(browser: webdriver.Chrome, tmp_path: Path) -> None:
    opened(browser, tmp_path, html(stored("sa-limit-8")), "desktop")
    colours = browser.execute_script(
        "const p = document.querySelector('svg path[fill^=\"var(--answered\"]');"
        "return [getComputedStyle(document.body).maxWidth, getComputedStyle(p).fill];"
    )
    assert colours == ["1120px", "rgb(44, 117, 102)"]


def test_it_prints_on_a4(browser: webdriver.Chrome, tmp_path: Path) -> None:
    opened(browser, tmp_path, html(stored("sa-limit-8")), "desktop")
    made = browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True, "printBackground": True})
    data = base64.b64decode(made["data"])
    assert (data.startswith(b"%PDF") and b"/MediaBox [0 0 594" in data) or b"/MediaBox [0 0 595" in data
