"""The words of a comparison, the same in every format.

Knows the comparison and how it is spoken. Must not know any output format.
"""

from __future__ import annotations

from typing import Any

from pcapan.model import Result, Verdict
from pcapan.report import words
from pcapan.report.clock import Clock
from pcapan.report.compare.judge import Change, Comparison, Outcome, State
from pcapan.report.compare.numbers import SIDE_BY_SIDE, Total
from pcapan.report.story import report_title, span_text

OUTCOME_WORDS = {
    Outcome.WORKED: "worked",
    Outcome.IN_PART: "worked in part",
    Outcome.FAILED: "did not work",
    Outcome.CANNOT_TELL: "cannot be told",
    Outcome.NEW_TROUBLE: "brought new trouble",
    Outcome.NO_TROUBLE: "no trouble on either side",
}
_STATE_WORDS = {
    State.STILL: "still there",
    State.NEW: "new",
    State.CANNOT_TELL: "cannot tell",
    State.GONE: "gone",
}
#: What is no trouble is neither cured nor new: it is just seen.
_SEEN_WORDS = {
    State.STILL: "seen in both",
    State.NEW: "seen now",
    State.CANNOT_TELL: "cannot tell",
    State.GONE: "no longer seen",
}
#: Headings of `SIDE_BY_SIDE`.
SOURCE_HEADS = ("Attempts", "Answered", "Unanswered", "SAs at once", "Clients at once")


def state_word(change: Change) -> str:
    """What became of a finding."""
    return (_STATE_WORDS if change.trouble else _SEEN_WORDS)[change.state]


def verdict_word(verdict: Verdict | None) -> str:
    """A verdict of one side."""
    return "not asked" if verdict is None else words.VERDICT_WORDS[verdict]


def step(change: Change) -> str:
    """``confirmed before, not observed after``."""
    return f"{verdict_word(change.before)} before, {verdict_word(change.after)} after"


def addresses(change: Change) -> str:
    """For whom it is told; empty where it concerns no address."""
    old, new = (words.listed(side, most=4) for side in (change.addresses_before, change.addresses_after))
    if old and new and old != new:
        return f"{old} before, {new} after"
    return new or old


def numbers(change: Change) -> list[tuple[str, str, str]]:
    """(name, before, after) of what says something on one side at least."""
    found = []
    for key in dict.fromkeys([*change.numbers_before, *change.numbers_after]):
        sides = [side.get(key) for side in (change.numbers_before, change.numbers_after)]
        if all(value in (None, 0, "", []) for value in sides) or any(isinstance(v, bool) for v in sides):
            continue
        old, new = ("-" if value is None else words.number_text(key, value) for value in sides)
        found.append((words.number_name(key), old, new))
    return found


def numbers_text(change: Change, most: int | None = None) -> str:
    """The numbers in one line, of the side that has them or of both."""
    found = numbers(change)[:most]
    for side, other in ((1, 2), (2, 1)):
        if found and all(row[other] == "-" for row in found):
            name = "before" if side == 1 else "now"
            return f"{name} " + "; ".join(f"{row[0]}: {row[side]}" for row in found)
    return "; ".join(f"{name}: {old} before, {new} now" for name, old, new in found)


def source_text(row: dict[str, Any]) -> str:
    """A source in one line."""
    cells = list(zip(SOURCE_HEADS, source_texts(row), strict=True))
    if row["after"] is None:
        return ", ".join(f"{_lower(name)} {old}" for name, (old, _) in cells) + "; not there after"
    if row["before"] is None:
        return ", ".join(f"{_lower(name)} {new}" for name, (_, new) in cells) + "; not there before"
    return ", ".join(f"{_lower(name)} {old} -> {new}" for name, (old, new) in cells)


def total_texts(total: Total) -> tuple[str, str, str]:
    """(name, before, after)."""
    return total.name, _number(total.before), _number(total.after)


def source_texts(row: dict[str, Any]) -> list[tuple[str, str]]:
    """(before, after) for each of `SOURCE_HEADS`."""
    sides = (row["before"], row["after"])
    texts = []
    for key in SIDE_BY_SIDE:
        old, new = ("-" if side is None else _number(side[key]) for side in sides)
        texts.append((old, new))
    return texts


def _lower(name: str) -> str:
    return name if name.startswith("SA") else name.lower()


def _number(value: Any) -> str:
    if value is None:
        return "unknown"
    return f"{value:g}" if isinstance(value, float) else str(value)


def side_text(result: Result, clock: Clock) -> str:
    """Which capture a side is."""
    return f"{report_title(result)}, {span_text(result, clock)}"


def headlines(comparison: Comparison) -> list[tuple[str, str, str]]:
    """(side, verdict, sentence) of both results."""
    return [
        (name, *words.headline(result))
        for name, result in (("Before", comparison.before), ("After", comparison.after))
    ]
