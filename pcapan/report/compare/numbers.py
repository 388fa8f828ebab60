"""The numbers of two captures side by side: of everything together, and of every source.

Knows sources, series and answer times of a result document. Must not know findings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pcapan.model import Result
from pcapan.report.clock import span_ns

#: Columns of the sources that are set side by side.
SIDE_BY_SIDE = ("attempts", "answered", "unanswered", "sas_concurrent_max", "clients_at_once")


@dataclass(frozen=True, slots=True)
class Total:
    """A number of the whole capture, before and after; None where it cannot be seen."""

    name: str
    before: int | float | None
    after: int | float | None


def sum_of(result: Result, key: str) -> int:
    """A column of the sources, added up."""
    return sum(int(row[key]) for row in result.sources)


def totals(before: Result, after: Result) -> list[Total]:
    """Numbers of the whole captures."""

    def number(name: str, key: str) -> Total:
        return Total(name, _seen(before, key), _seen(after, key))

    return [
        Total("Capture length, seconds", _seconds(before), _seconds(after)),
        number("Attempts", "attempts"),
        number("Answered", "answered"),
        number("Unanswered", "unanswered"),
        Total("Sources", len(before.sources), len(after.sources)),
        Total("Most SAs at once of one source", _worst(before), _worst(after)),
        Total("Most SAs at once of all", most_live(before), most_live(after)),
        Total("Median answer time, ms", _answer(before, "50"), _answer(after, "50")),
        Total("95 % of answers within, ms", _answer(before, "95"), _answer(after, "95")),
    ]


def _seen(result: Result, key: str) -> int | None:
    """A sum over the sources; answers are seen only where both directions are."""
    if key != "attempts" and result.capture.direction != "both":
        return None
    return sum_of(result, key)


def _worst(result: Result) -> int:
    return max((int(row["sas_concurrent_max"]) for row in result.sources), default=0)


def _answer(result: Result, percentile: str) -> float | None:
    for row in result.answer_times:
        if row["address"] is None and percentile in row["percentiles_ns"]:
            return round(int(row["percentiles_ns"][percentile]) / 1_000_000, 3)
    return None


def length_ns(result: Result) -> int | None:
    """From the first to the last frame of all inputs; None where there are no times."""
    firsts = [entry["first"] for entry in result.inputs if entry["first"]]
    lasts = [entry["last"] for entry in result.inputs if entry["last"]]
    return span_ns(min(firsts), max(lasts)) if firsts and lasts else None


def _seconds(result: Result) -> float | None:
    length = length_ns(result)
    return None if length is None else round(length / 1_000_000_000, 1)


def source_rows(before: Result, after: Result) -> list[dict[str, Any]]:
    """Rows {address, before, after}, the worst first; a side without the source is None."""
    sides = [{row["address"]: row for row in result.sources} for result in (before, after)]
    rows = [
        {
            "address": address,
            "before": _picked(sides[0].get(address), before),
            "after": _picked(sides[1].get(address), after),
        }
        for address in dict.fromkeys([*sides[0], *sides[1]])
    ]
    rows.sort(key=lambda row: tuple(-_trouble(row[side]) for side in ("before", "after")))
    return rows


def _picked(row: dict[str, Any] | None, result: Result) -> dict[str, Any] | None:
    if row is None:
        return None
    both = result.capture.direction == "both"
    return {key: row[key] if both or key not in ("answered", "unanswered") else None for key in SIDE_BY_SIDE}


def _trouble(side: dict[str, Any] | None) -> int:
    if side is None:
        return 0
    unanswered, attempts, sas = side["unanswered"] or 0, side["attempts"], side["sas_concurrent_max"]
    return int(1_000_000 * unanswered + 1_000 * attempts + sas)


def most_live(result: Result) -> int:
    """The most SAs at once, of all sources together.

    Of all, because the change may have given every client its own address back: had it not, all of
    these SAs would have counted for one source.
    """
    live = (int(row["live_sas"]) for row in result.series if row["address"] is None)
    return max([_worst(result), *live])
