"""Index and lists: what they say, where they point, and what strangers' texts cannot do in them."""

from __future__ import annotations

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from pcapan.batch.pages import Links, Overview, write_pages
from tests.batch.packing import FULL_NAT, HEALTHY
from tests.batch.running import batch, manifest
from tests.batch.test_trends import FULL_NAT as FULL_NAT_ID
from tests.batch.test_trends import LIMIT, claim, line
from tests.batch.year import write_year
from tests.cli.conftest import Cli, cli
from tests.report.hostile import TEXTS

__all__ = ["cli"]


class Page(HTMLParser):
    """Elements with their attributes, and all text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def links(self) -> set[str]:
        found = {attributes.get("href") or "" for tag, attributes in self.elements if tag == "a"}
        return {link for link in found if not link.startswith("#")}


def pages(lines: list[Any], links: dict[str, str] | None = None) -> dict[str, str]:
    return dict(write_pages(Overview.of(lines), Links(links or {}), "archive"))


def test_a_year_with_planted_trouble(cli: Cli, tmp_path: Path) -> None:
    root, out = tmp_path / "year", tmp_path / "out"
    write_year(root, 120, 5)
    ran = cli("batch", "run", root, "-o", out, "-q", "-w", "2")
    assert ran.code == 5
    ran = cli("batch", "report", out, "--pages", "2", "-w", "2")
    assert ran.code == 0 and ran.out.strip() == str(out / "index.html")
    index = Page((out / "index.html").read_text("utf-8"))
    said = " ".join(index.text.split())
    for site, kind in ((21, "full-nat"), (22, "sa-limit"), (23, "sa-limit")):
        month = min(path.parent.name for path in root.glob(f"site-{site}/*/{kind}-*.pcap"))
        end = "Ended between" if site == 22 else "Still there"
        found = re.search(rf"server 10\.{site}\.10\.20.{{0,60}}?Began in {month}.{{0,300}}?{end}", said)
        assert found, (site, month, said)
    assert "There from the first capture" in said  # site 25 had it in January already
    assert "the file is empty" in said or "no packets" in said or "not a capture" in said
    everything = list(out.glob("*.html"))
    for path in everything:
        for link in Page(path.read_text("utf-8")).links:
            assert (out / link).is_file(), (path, link)
    listed = "".join(path.read_text("utf-8") for path in out.glob("incidents-*.html"))
    assert all(f"reports/{item['key']}." in listed for item in manifest(out).values() if item["key"])
    assert len(list((out / "reports").glob("*.html"))) == 2
    before = {path: path.stat().st_mtime_ns for path in (out / "reports").iterdir()}
    cli("batch", "report", out, "--pages", "3", "-q")
    after = {path: path.stat().st_mtime_ns for path in (out / "reports").iterdir()}
    assert len(after) == len(before) + 1 and all(after[path] == before[path] for path in before)


def test_no_dataset_and_nothing_in_it(cli: Cli, tmp_path: Path) -> None:
    assert cli("batch", "report", tmp_path).code == 3
    batch(tmp_path / "out", HEALTHY)
    (tmp_path / "out" / "manifest.jsonl").unlink()
    ran = cli("batch", "report", tmp_path / "out")
    assert ran.code == 3 and "empty" in ran.err


def test_a_result_that_is_damaged(cli: Cli, tmp_path: Path) -> None:
    out = tmp_path / "out"
    batch(out, [FULL_NAT, HEALTHY])
    key = manifest(out)["full-nat-3-clients.pcap",]["key"]
    (out / "results" / key[:2] / f"{key}.json").write_bytes(b"{}")
    ran = cli("batch", "report", out)
    assert ran.code == 5 and "1 reports could not be written" in ran.err
    assert f"results/{key[:2]}/{key}.json" in (out / "index.html").read_text()


def test_reports_go_with_what_they_report(tmp_path: Path, cli: Cli) -> None:
    out, root = tmp_path / "out", tmp_path / "in"
    root.mkdir()
    shutil.copy(FULL_NAT, root / "a.pcap")
    batch(out, root)
    cli("batch", "report", out, "-q")
    shutil.copy(HEALTHY, root / "a.pcap")
    batch(out, root)
    assert list((out / "reports").iterdir()) == []


@pytest.mark.parametrize("text", TEXTS)
def test_strangers_texts_are_inert(text: str) -> None:
    bad = line(1, claim(FULL_NAT_ID, text, severity="high"), server=text)
    bad["digest"] |= {"sentence": text}
    bad |= {"inputs": [text, text], "key": "ab" * 16}
    failed = {"inputs": [text], "status": "failed", "reason": text, "key": ""}
    made = pages([bad, failed])
    plain = pages([line(1, claim(FULL_NAT_ID, "x", severity="high"), server="x"),
                   {"inputs": ["x"], "status": "failed", "reason": "x", "key": ""}])  # fmt: skip
    for name, page in made.items():
        wanted = [tag for tag, _ in Page(plain[name]).elements]
        found = [tag for tag, _ in Page(page).elements]
        assert [tag for tag in found if tag != "br"] == [tag for tag in wanted if tag != "br"]
        for _, attributes in Page(page).elements:
            assert not any(key.startswith("on") or key == "style" for key in attributes)
        assert Page(page).links <= {f"results/{bad['key'][:2]}/{bad['key']}.json", "index.html"} | set(made)


def test_an_archive_without_trouble() -> None:
    index = Page(pages([line(1, clean=(LIMIT,)), line(2, clean=(LIMIT,))])["index.html"])
    assert "None of 2 incidents shows trouble" in index.text
    assert "No incident shows trouble" in index.text


def test_many_incidents_are_spread_over_pages() -> None:
    lines = [line(n % 28, claim(LIMIT, f"10.9.{n % 250}.1"), server=f"10.1.{n % 7}.20") for n in range(2500)]
    for number, one in enumerate(lines):
        one["key"] = f"{number:032x}"
        one["inputs"] = [f"{number}.pcap"]
    made = pages(lines)
    assert {"incidents-2026-01.html", "incidents-2026-01-2.html", "incidents-2026-01-3.html"} < set(made)
    assert len(made["index.html"]) < 1_000_000
    assert "incidents-2026-01-3.html" in Page(made["incidents-2026-01.html"]).links
