"""A result that is hostile wherever a stranger's text can be: in a capture, or in a JSON handed over."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from pcapan.model import Result
from tests.report.goldens import stored
from tests.report.test_terminal import HOSTILE

TEXTS = (
    *HOSTILE,
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "</style></title><h1>owned</h1>",
    "</desc></svg><iframe src=//example.test>",
    "javascript:alert(1)",
    "{{ 7*7 }}{% raw %}${7*7}",
    "&lt;b&gt; &#60;script&#62; &colon;",
    "[x](javascript:alert(1)) ![x](http://example.test/x.png) <http://example.test>",
    "http://example.test/ www.example.test someone@example.test @team #12",
    "| a | b |\n|---|---|\n# heading\n- list\n> quote\n```\ncode\n---",
    "`code` ``two`` **bold** __under__ ~~gone~~ $x^2$ :tada: h1. {panel} [~accountid:1] ??cite??",
    '=HYPERLINK("http://example.test")',
    "\\frac{1}{2} $\\sum_{i}$ \\input{x}",
    "\ufffe\uffff\u0000",
    "x" * 20_000,
)


def poisoned(text: str) -> Result:
    """A result of a sample with `text` wherever text may be anything."""
    good = stored("sa-limit-8")
    finding = good.findings[0]
    return replace(
        good,
        tool={"name": text, "version": text},
        run={**good.run, "options": {"server": [text], text: text}, "started": text, "rules_hash": text},
        inputs=[
            {**entry, "path": text, "format": text, "sha256": text, "first": text} for entry in good.inputs
        ],
        capture=replace(good.capture, server=[text, "10.10.10.20"], limits=[text], direction="both"),
        findings=[
            replace(
                one,
                id=text if number > 3 else one.id,
                rule_version=text,
                title=text,
                summary=text,
                why=f"{text}\n\n{text}",
                addresses=[text, text],
                numbers={**one.numbers, text[:50]: text},
                evidence=[
                    replace(e, file=text, time=text, what=text, display_filter=text) for e in finding.evidence
                ],
                fix=[replace(f, vendor=text, title=text, steps=[text], source=text) for f in finding.fix],
                cannot_show=[text],
                references=[replace(r, title=text, url=text) for r in finding.references],
            )
            for number, one in enumerate(good.findings)
        ],
        sources=[{**row, "address": text, "address_class": text} for row in good.sources],
        series=[{**row, "address": text if row["address"] else None} for row in good.series],
        answer_times=[{**row, "address": text} for row in good.answer_times],
        ladders=[_ladder(row, text) for row in good.ladders],
        problems=[replace(p, code=text, file=text, example=text) for p in good.problems],
    )


def _ladder(row: dict[str, Any], text: str) -> dict[str, Any]:
    steps = [{**step, "what": text, "file": text} for step in row["steps"]]
    return {**row, "client": text, "server": text, "spi_i": text, "outcome": text, "steps": steps}
