"""Markdown for tickets: short, and deaf to strangers' text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pcapan.model import Fix, Problem
from pcapan.pipeline import analyze
from pcapan.report.clock import Clock
from pcapan.report.markdown import MOST_LINES, markdown
from pcapan.report.mdtext import code, prose
from pcapan.report.story import Wanted
from tests.report.goldens import stored
from tests.report.hostile import TEXTS, poisoned
from tests.samples_kit import incidents

SAMPLES = {one.name: one for one in incidents()}
ALLOWED = {"h1", "h2", "p", "strong", "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "code"}


def tags(text: str) -> set[str]:
    """The HTML elements that a reader of Markdown makes of it; raw HTML shows up as itself."""
    markdown_it = pytest.importorskip(
        "markdown_it", reason="needs markdown-it-py: whether Markdown lets HTML through is not tested"
    )
    reader = markdown_it.MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    return set(re.findall(r"<([a-z][a-z0-9]*)", reader.render(text)))


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_fits(name: str) -> None:
    text = markdown(analyze(list(SAMPLES[name].captures)).result)
    assert len(text.splitlines()) <= MOST_LINES
    assert text.startswith("# VPN capture: ")
    assert tags(text) <= ALLOWED


def test_the_largest_one_fits() -> None:
    good = stored("sa-limit-8")
    fix = [Fix(f"v{n}", f"Title {n}", ["step"] * 9) for n in range(30)]
    many = replace(
        good,
        inputs=good.inputs * 50,
        findings=[replace(one, fix=fix, cannot_show=["no"] * 30) for one in good.findings * 30],
        sources=list(good.sources) * 100,
        capture=replace(good.capture, limits=[f"limit {n}" for n in range(100)]),
        problems=[Problem("scan", "odd", "x", 1, 1, "x")] * 1000,
    )
    text = markdown(many, Wanted(Clock.of("Asia/Kathmandu"), "v3"))
    assert len(text.splitlines()) <= MOST_LINES
    assert "more" in text


def test_rows_of_a_table_have_as_many_cells() -> None:
    for text in TEXTS:
        for block in re.findall(r"(?:^\|.*\n)+", markdown(poisoned(text)), re.M):
            assert len({line.count("|") for line in block.splitlines()}) == 1, block


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_hostile_text_is_inert(text: str) -> None:
    made = markdown(poisoned(text))
    assert len(made.splitlines()) <= MOST_LINES
    assert tags(made) <= ALLOWED
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u200b]", made)
    outside = re.sub(r"`[^`]*`", "", made)
    assert not re.search(r"://|www\.|@|<|\[|\$|:tada:|~~|\?\?", outside)


@given(st.text())
def test_any_word_is_inert(text: str) -> None:
    for made in (code(text), prose(text)):
        assert "\n" not in made
        assert tags(f"- {made}\n") <= {"ul", "li", "code"}
        outside = re.sub(r"`[^`]*`", "", made)
        assert not re.search(r"[<\[`|@$]|://", outside)


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("IKE_SA_INIT from 10.0.0.1:500, unanswered", "IKE_SA_INIT from 10.0.0.1:500, unanswered"),
        ("System > Settings", "System > Settings"),
        ("at 12:01:40.8 UTC", "at 12:01:40.8 UTC"),
        ("see <b> and [x] now.", "see `<b>` and `[x]` now."),
        ("- item", "`-` item"),
        ("1. item", "`1.` item"),
        ("a|b", r"`a\x7cb`"),
        ("it's `x`", r"it's `\x60x\x60`"),
        ("", ""),
    ],
)
def test_prose(text: str, made: str) -> None:
    assert prose(text) == made


def test_local_times_have_a_column() -> None:
    text = markdown(stored("sa-limit-8"), Wanted(Clock.of("Europe/Berlin")))
    assert "Europe/Berlin" in text and "13:01:55.871652 CET" in text and "12:01:55.871652 UTC" in text
