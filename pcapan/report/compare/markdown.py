"""A comparison as Markdown for a ticket: at most 60 lines.

Knows how many lines each part may have. Must not know how it was judged. Everything from the results
passes `mdtext`, because it is strangers' text.
"""

from __future__ import annotations

from pcapan.report.clock import Clock
from pcapan.report.compare import told
from pcapan.report.compare.judge import Comparison
from pcapan.report.markdown import MOST_LINES
from pcapan.report.mdtext import code, head, prose, row

_CHANGES, _SOURCES, _NUMBERS = 12, 8, 4


def markdown(comparison: Comparison, clock: Clock) -> str:
    """The comparison, ending in a line end."""
    parts = [
        _verdict(comparison, clock),
        _changes(comparison),
        _totals(comparison),
        _sources(comparison),
        _caveats(comparison),
    ]
    lines = [line for part in parts if part for line in [*part, ""]][:-1]
    assert len(lines) <= MOST_LINES, "a comparison grew beyond its length"
    return "\n".join(lines) + "\n"


def _verdict(comparison: Comparison, clock: Clock) -> list[str]:
    return [
        f"# VPN change: {told.OUTCOME_WORDS[comparison.outcome].upper()}",
        "",
        f"**{prose(comparison.sentence)}**",
        "",
        *(
            f"- {side}: {verdict.upper()} - {prose(sentence)}"
            for side, verdict, sentence in told.headlines(comparison)
        ),
        *(
            f"- Capture {name}: {prose(told.side_text(result, clock))}"
            for name, result in (("before", comparison.before), ("after", comparison.after))
        ),
    ]


def _changes(comparison: Comparison) -> list[str]:
    rows = []
    for one in comparison.changes[:_CHANGES]:
        rows.append(
            row(
                code(one.id, 60),
                told.state_word(one),
                told.verdict_word(one.before),
                told.verdict_word(one.after),
                prose(one.reason, 300),
                prose(told.numbers_text(one, _NUMBERS), 200),
            )
        )
    left = len(comparison.changes) - len(rows)
    if not rows:
        return ["No finding is reported on either side."]
    more = [row(f"{left} more in the JSON", *[" "] * 5)] if left > 0 else []
    return [*head("Finding", "State", "Before", "After", "Why", "Numbers"), *rows, *more]


def _totals(comparison: Comparison) -> list[str]:
    rows = [row(*told.total_texts(total)) for total in comparison.totals]
    return [*head("Both captures", "Before", "After"), *rows]


def _sources(comparison: Comparison) -> list[str]:
    rows = [
        row(code(one["address"], 60), *(f"{old} / {new}" for old, new in told.source_texts(one)))
        for one in comparison.sources[:_SOURCES]
    ]
    left = len(comparison.sources) - len(rows)
    if not rows:
        return []
    more = [row(f"{left} more in the JSON", *[" "] * 5)] if left > 0 else []
    return [*head("Source (before / after)", *told.SOURCE_HEADS), *rows, *more]


def _caveats(comparison: Comparison) -> list[str]:
    if not comparison.caveats:
        return []
    return ["## Keep in mind", *(f"- {prose(text)}" for text in comparison.caveats)]
