"""A comparison as one HTML page of the same kind as a report.

Knows the page and how much of each list it may hold. Must not know how it was judged.
"""

from __future__ import annotations

from typing import Any

from pcapan.report.clock import Clock
from pcapan.report.compare import told
from pcapan.report.compare.judge import Comparison, Outcome, State
from pcapan.report.pages import check_libraries, render_page

_CHANGES, _SOURCES, _NUMBERS = 60, 100, 12

#: The pill that stands for each: its words decide colour and sign.
_TONES = {
    Outcome.WORKED: "good",
    Outcome.NO_TROUBLE: "good",
    Outcome.IN_PART: "warn",
    Outcome.NEW_TROUBLE: "bad",
    Outcome.FAILED: "bad",
    Outcome.CANNOT_TELL: "open",
    State.GONE: "good",
    State.STILL: "bad",
    State.NEW: "bad",
    State.CANNOT_TELL: "open",
}
_SIGNS = {"good": "✓", "warn": "◆", "bad": "■", "open": "?"}


def html(comparison: Comparison, clock: Clock) -> str:
    """The page; raises UsageError where its libraries are missing."""
    check_libraries()
    changes: list[dict[str, Any]] = [
        {
            "change": one,
            "tone": _TONES[one.state] if one.trouble else "calm",
            "sign": _SIGNS[_TONES[one.state]] if one.trouble else "–",
            "state": told.state_word(one),
            "step": told.step(one),
            "addresses": told.addresses(one),
            "numbers": told.numbers(one)[:_NUMBERS],
        }
        for one in comparison.changes[:_CHANGES]
    ]
    sources = [
        {"address": row["address"], "cells": told.source_texts(row)} for row in comparison.sources[:_SOURCES]
    ]
    tone = _TONES[comparison.outcome]
    return render_page(
        "compare.html.j2",
        {},
        comparison=comparison,
        outcome=told.OUTCOME_WORDS[comparison.outcome],
        tone=tone,
        sign=_SIGNS[tone],
        headlines=told.headlines(comparison),
        changes=changes,
        changes_left=len(comparison.changes) - len(changes),
        totals=[told.total_texts(total) for total in comparison.totals],
        heads=told.SOURCE_HEADS,
        sources=sources,
        sources_left=len(comparison.sources) - len(sources),
        sides=[
            ("Before", told.side_text(comparison.before, clock), comparison.before.inputs[:20]),
            ("After", told.side_text(comparison.after, clock), comparison.after.inputs[:20]),
        ],
    )
