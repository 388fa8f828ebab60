"""The text report: complete, plain where it must be, and deaf to strangers' text."""

from __future__ import annotations

import io
import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from pcapan.model import (
    CaptureSummary,
    Counts,
    Evidence,
    Finding,
    Fix,
    Problem,
    Reference,
    Result,
    Severity,
    Verdict,
)
from pcapan.report.safe import clean
from pcapan.report.terminal import Detail, print_result
from pcapan.report.words import verdict_line

HOSTILE = (
    "\x1b[2J\x1b]0;owned\x07",
    "[bold red]markup[/bold red] [link=http://example.test]x[/link]",
    "\u202egnp.exe",
    "\x9b31mcsi",
    "line\nbreak\rreturn\ttab\x00nul",
    "\u2028separator\u200bzero",
    "\udce9surrogate",
    ":smile: :warning:",
)


class Terminal(io.StringIO):
    """A text stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def finding(
    id_: str = "full-nat",
    verdict: Verdict = Verdict.CONFIRMED,
    severity: Severity = Severity.HIGH,
    text: str = "text",
    **other: object,
) -> Finding:
    made = Finding(
        id=id_,
        rule_version="1.0.0",
        title=f"Title {text}",
        verdict=verdict,
        severity=severity,
        addresses=["10.10.10.1"] if verdict.reported else [],
        summary=f"Summary {text}",
        numbers={
            "clients_at_once": 12,
            "duration_ns": 58_551_189_000,
            "share_of_clients": 0.857,
            "nothing": 0,
        },
        evidence=[
            Evidence(
                "a/capture.pcap", n, "2026-11-23T12:01:55.871652000Z", f"what {text}", f"frame.number == {n}"
            )
            for n in range(1, 8)
        ]
        if verdict.reported
        else [],
        why=f"First reason {text}\n\nSecond reason\n\nThird reason",
        fix=[
            Fix(vendor, f"Fix for {vendor}", [f"step {text}"]) for vendor in ("f5", "citrix", "kemp", "all")
        ],
        cannot_show=[f"Not shown {text}"],
        references=[Reference("A document", "https://example.test/doc")],
    )
    return replace(made, **other)


def result(*findings: Finding, text: str = "text", ike: int = 5, packets: int = 7) -> Result:
    return Result(
        tool={"name": "pcapan", "version": "0"},
        run={
            "options": {"server": [text]},
            "rules_hash": "ab" * 32,
            "started": "2026-11-23T13:00:00.000000000Z",
        },
        inputs=[
            {
                "path": f"a/{text}capture.pcap",
                "format": "pcap",
                "packets": packets,
                "first": "2026-11-23T12:01:55.871652000Z",
                "last": "2026-11-23T12:02:55.000000000Z",
                "damaged": True,
                "bytes": 1,
                "sha256": "cd" * 32,
            }
        ],
        capture=CaptureSummary(
            ["10.10.10.20"], "both", Counts(packets, ike, 0, 0, 1, {"odd": 1}, 3), [f"limit {text}"]
        ),
        findings=list(findings),
        sources=[{"address": "10.10.10.1", "address_class": "private", "attempts": 3, "answered": 1}],
        series=[],
        problems=[Problem("ingest", "odd-thing", f"a/{text}capture.pcap", 3, 2, f"example {text}")],
    )


def render(
    document: Result, *, width: int = 80, detail: Detail = Detail.NORMAL, terminal: bool = False
) -> str:
    stream = Terminal() if terminal else io.StringIO()
    print_result(document, stream, width=width, detail=detail)
    return stream.getvalue()


FULL = result(
    finding(),
    finding("health-probes", severity=Severity.INFO),
    finding("capture-truncated", severity=Severity.LOW),
    finding("server-silent", Verdict.INCONCLUSIVE),
    finding("shared-source", Verdict.NOT_OBSERVED),
    finding("legacy-ikev1", Verdict.NOT_APPLICABLE),
)


def test_the_verdict_comes_first() -> None:
    first, second = render(FULL, width=120).splitlines()[:2]
    assert first == "Verdict: CONFIRMED - Summary text"
    assert second == "Also: capture-truncated confirmed (10.10.10.1)."


def test_what_is_harmless_is_told_in_a_line() -> None:
    assert "  - health-probes confirmed for 10.10.10.1: Summary text" in render(FULL).splitlines()
    assert "rule health-probes" not in render(FULL)
    assert "rule health-probes" in render(FULL, detail=Detail.ALL)


def test_many_addresses_are_counted_and_listed_on_demand() -> None:
    addresses = [f"198.51.100.{n}" for n in range(1, 31)]
    document = result(finding(addresses=addresses))
    assert "198.51.100.12 and 18 more" in " ".join(render(document).split())
    assert "198.51.100.30" in render(document, detail=Detail.ALL)


def test_everything_that_belongs_to_a_finding_is_there() -> None:
    text = render(FULL, width=120)
    for part in (
        "1. Title text",
        "confirmed, severity high, rule full-nat 1.0.0",
        "For: 10.10.10.1",
        "Clients at once: 12; Duration: 58.6 s; Share of clients: 86%",
        "Evidence (3 more with -v or in the JSON):",
        "capture.pcap frame 1, 2026-11-23 12:01:55.871652 UTC",
        "filter: frame.number == 1",
        "First reason",
        "Fix for f5",
        "Fix for citrix",
        "Fix for all",
        "More with -v, for kemp",
        "Not shown",
        "server-silent: First reason",
        "Checked and not observed: shared-source.",
        "Does not apply here: legacy-ikev1.",
        "7 packets: 5 IKE, 0 ESP, 0 keepalive, 1 other, 1 not decoded (odd 1), and 3 copies of them",
        "VPN server: 10.10.10.20; direction: both",
        "Limit: limit text",
        "cut or damaged",
    ):
        assert part in text, part
    assert "Third reason" not in text and "Provenance" not in text


def test_verbose_holds_everything() -> None:
    text = render(FULL, detail=Detail.ALL)
    for part in (
        "frame.number == 7",
        "Third reason",
        "Fix for kemp",
        "https://example.test/doc",
        "cd" * 32,
        "ab" * 32,
    ):
        assert part in text, part
    assert "odd-thing, 2 x" in text


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (result(finding("a", Verdict.NOT_OBSERVED)), "NO PROBLEM OBSERVED"),
        (result(finding("a", severity=Severity.INFO)), "NO PROBLEM OBSERVED"),
        (result(finding("capture-loss", severity=Severity.LOW)), "NO PROBLEM OBSERVED"),
        (result(finding("a", Verdict.SUSPECTED)), "SUSPECTED"),
        (result(finding("a", Verdict.INCONCLUSIVE)), "INCONCLUSIVE - No problem was observed, but"),
        (result(finding("a", Verdict.INCONCLUSIVE), ike=0), "INCONCLUSIVE - There is no IKE"),
        (result(finding("a", Verdict.INCONCLUSIVE), ike=0, packets=0), "INCONCLUSIVE - There are no packets"),
        (result(finding("capture-loss", Verdict.INCONCLUSIVE)), "NO PROBLEM OBSERVED"),
    ],
)
def test_headlines(document: Result, expected: str) -> None:
    line = render(document, detail=Detail.LINE)
    assert line.startswith(f"Verdict: {expected}")
    assert line == clean(verdict_line(document)) + "\n"


def test_quiet_is_one_line_however_long() -> None:
    document = result(finding(text="word " * 100))
    assert len(render(document, width=60, detail=Detail.LINE).splitlines()) == 1


@pytest.mark.parametrize("detail", list(Detail))
@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("terminal", [False, True])
def test_strangers_text_is_only_text(
    monkeypatch: pytest.MonkeyPatch, hostile: str, detail: Detail, terminal: bool
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    document = result(
        finding(text=hostile, addresses=[hostile], rule_version=hostile, numbers={hostile: hostile}),
        text=hostile,
    )
    text = render(document, detail=detail, terminal=terminal)
    if terminal:
        # The colours are ours; nothing else may remain.
        text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    bad = {
        char for char in text if char != "\n" and unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    }
    assert not bad
    joined = re.sub(r"\s+", "", text)
    assert re.sub(r"\s+", "", clean(hostile)) in joined


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=80), st.integers(20, 200))
def test_any_text_at_any_width(text: str, width: int) -> None:
    shown = render(result(finding(text=text, addresses=[text]), text=text), width=width, detail=Detail.ALL)
    assert not {c for c in shown if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")}


def test_narrow_terminals_lose_nothing() -> None:
    address = "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff"
    filter_ = "isakmp.ispi == fd:a6:e3:d4:7b:e0:25:6a && udp.srcport == 57015 && ip.addr == 198.51.100.210"
    row = Evidence("a/capture.pcap", 123456789, "2026-11-23T12:01:55.871652123Z", "w" * 150, filter_)
    document = result(finding(addresses=[address] * 3, evidence=[row]))
    text = render(document, width=30)
    assert filter_ in text and "123456789" in text
    assert text.count(address) >= 2
    assert re.sub(r"\s", "", text).count("w" * 150) == 1
    assert "…" not in text


@pytest.mark.parametrize(("asked", "widest"), [(30, 60), (80, 80), (300, 120)])
def test_lines_are_wrapped_between_60_and_120(asked: int, widest: int) -> None:
    document = result(finding(text="some words that go on " * 20, evidence=[]))
    lines = render(document, width=asked).splitlines()
    assert widest - 25 < max(map(len, lines)) <= widest
    assert not [line for line in lines if line != line.rstrip()]


def test_commands_stay_in_one_piece() -> None:
    place = "HKLM:\\SYSTEM\\CurrentControlSet\\Services\\IKEEXT\\Parameters"
    command = f"New-ItemProperty -Path '{place}' -Name Ike -PropertyType DWORD -Value 50000 -Force"
    step = f"In an elevated PowerShell: {command}"
    then = "Then: Restart-Service IKEEXT -Force -PassThru. This can disconnect tunnels."
    text = render(result(finding(fix=[Fix("windows", "Raise it", [step, then])])), width=60)
    lines = [line.strip() for line in text.splitlines()]
    assert command in lines
    assert "Restart-Service IKEEXT -Force -PassThru" in lines
    assert "This can disconnect tunnels." in lines


def test_colours_only_on_a_terminal_that_wants_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[" in render(FULL, terminal=True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b" not in render(FULL)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in render(FULL, terminal=True)
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b" not in render(FULL, terminal=True)
    stream = Terminal()
    print_result(FULL, stream, color=False)
    assert "\x1b" not in stream.getvalue()


def test_the_words_are_the_same_with_and_without_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert re.sub(r"\x1b\[[0-9;]*m", "", render(FULL, terminal=True)) == render(FULL)


def test_evidence_shows_every_kind() -> None:
    rows = [
        Evidence("a/capture.pcap", n, "2026-11-23T12:00:00.000000000Z", "request again", "x")
        for n in range(20)
    ]
    rows.append(
        Evidence("a/capture.pcap", 99, "2026-11-23T12:00:00.000000000Z", "another source answered", "x")
    )
    text = render(result(finding(evidence=rows)))
    assert "frame 99" in text and text.count(" frame ") == 4
