"""The page: nothing in it runs or calls out, and strangers' text stays text."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from msgspec.structs import replace

from pcapan.pipeline import analyze
from pcapan.report.charts import timeline_chart
from pcapan.report.clock import Clock
from pcapan.report.document import load_result
from pcapan.report.html import html
from pcapan.report.jsontext import json_bytes, json_text
from pcapan.report.story import Wanted
from tests.report.goldens import NAMES, stored
from tests.report.hostile import TEXTS, poisoned
from tests.samples_kit import sample

_PLAIN = """
    html head meta title style body a header main section nav footer article p span strong h1 h2 h3 h4 ul ol
    li div dl dt dd pre code br figure figcaption table thead tbody tfoot tr th td
"""
PLAIN = set(_PLAIN.split())
DRAWN = {"svg", "desc", "g", "path", "text", "line", "rect", "use", "defs", "clipPath", "pattern", "tspan"}


class Page(HTMLParser):
    """Collects what a browser would find."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str, str]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def check_inert(text: str) -> Page:
    page = Page(text)
    assert page.tags <= PLAIN | {tag.lower() for tag in DRAWN}
    ids = [value for _, name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    for tag, name, value in page.attributes:
        assert not name.startswith("on") and name not in ("style", "src", "srcset", "action"), (tag, name)
        if name in ("href", "xlink:href"):
            assert value.startswith("#") and value[1:] in ids, value
        for target in re.findall(r"url\(([^)]*)\)", value):
            assert target.startswith("#") and target[1:] in ids, value
        if name == "aria-labelledby":
            assert set(value.split()) <= set(ids)
    style = re.search(r"<style>(.*?)</style>", text, re.S)
    assert style is not None and "url(" not in style[1] and "@import" not in style[1]
    assert text.count("<style>") == text.count("<title>") == 1
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u200b]", text)
    return page


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_whole_and_calls_nobody(name: str) -> None:
    page = check_inert(html(stored(name)))
    policy = next(v for t, n, v in page.attributes if (t, n) == ("meta", "content") and "default-src" in v)
    assert policy.startswith("default-src 'none'; style-src 'sha256-") and "unsafe" not in policy
    assert ("html", "lang", "en") in page.attributes


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_hostile_text_is_inert(text: str) -> None:
    made = html(poisoned(text), Wanted(vendor=text[:100]))
    check_inert(made)
    assert len(made) < 2_000_000


def test_drawings_are_told_in_words() -> None:
    text = html(stored("sa-limit-8"))
    drawings = re.findall(r"<svg.*?</svg>", text, re.S)
    assert len(drawings) == 5
    for drawing in drawings:
        assert 'role="img"' in drawing
        assert re.search(r"<title[^>]*>[^<]{10,}</title><desc[^>]*>[^<]{10,}</desc>", drawing)
        assert not re.search(r"#[0-9a-f]{6}", drawing), "a colour that does not follow the page"


def test_the_same_result_gives_the_same_bytes() -> None:
    assert html(stored("sa-limit-8")) == html(stored("sa-limit-8"))


@pytest.mark.parametrize("name", ["sa-limit-8", "healthy-dnat", "no-packets", "one-direction"])
def test_a_loaded_result_looks_like_the_fresh_one(name: str) -> None:
    fresh = analyze(sample(name)).result
    loaded = load_result(json_bytes(json_text(fresh.to_dict())), name)
    assert html(loaded) == html(fresh)


def test_numbers_are_those_of_the_result() -> None:
    result = stored("sa-limit-8")
    words = " ".join(Page(html(result)).words)
    for key in ("attempts", "answered", "unanswered"):
        assert str(sum(row[key] for row in result.sources)) in words
    finding = next(one for one in result.findings if one.id == "sa-limit-exhaustion")
    assert finding.summary in words
    for one in finding.evidence[:4]:
        assert one.display_filter in words
    assert f"estimated limit: {finding.numbers['sas_at_onset']}" in words


def test_a_vendor_and_a_zone_are_obeyed() -> None:
    words = " ".join(Page(html(stored("sa-limit-8"), Wanted(Clock.of("Asia/Kolkata"), "Citrix"))).words)
    assert "Use Client IP" in words and "Source Address Translation" not in words
    assert "Asia/Kolkata" in words and "17:31:55.871652 IST" in words
    unknown = " ".join(Page(html(stored("sa-limit-8"), Wanted(vendor="nobody"))).words)
    assert "no advice for the vendor “nobody”" in unknown and "Source Address Translation" in unknown


def test_many_sources_make_no_long_page() -> None:
    good = stored("sa-limit-8")
    row = good.sources[1]
    many = replace(good, sources=[{**row, "address": f"198.18.{n // 250}.{n % 250}"} for n in range(20_000)])
    text = html(many)
    assert len(text) < 1_000_000
    assert "19900 more sources" in text


def test_what_one_direction_cannot_show_is_not_counted() -> None:
    words = " ".join(Page(html(stored("one-direction"))).words)
    assert (
        "cannot be seen" in words
        and "unanswered in this capture" not in words.split("Findings and evidence")[0][-9000:]
    )


@pytest.mark.parametrize(
    ("pauses", "shaded"),
    [
        ([None], 0),
        ([("12:01:50", "12:02:30")], 1),
        ([("12:01:50", "12:02:30"), None], 0),  # another file has frames then
        ([("12:01:50", "12:02:30"), ("12:02:10", "12:02:50")], 1),
    ],
)
def test_times_without_any_packet_are_shaded(pauses: list[tuple[str, str] | None], shaded: int) -> None:
    good = stored("sa-limit-8")
    inputs = [
        {
            **good.inputs[0],
            "pause": pause and {"from": f"2026-11-23T{pause[0]}Z", "to": f"2026-11-23T{pause[1]}Z"},
        }
        for pause in pauses
    ]
    chart = timeline_chart(replace(good, inputs=inputs))
    assert chart is not None
    assert (f"Times without any packet are shaded ({shaded})" in chart.description) == bool(shaded)
    assert ("no packets at all" in chart.svg) == bool(shaded)
