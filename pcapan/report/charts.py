"""Charts of a result as static SVG, drawn by matplotlib.

Knows the numbers of the result document and how to draw them; a chart without data is None. Must not
know the page. The same document gives the same bytes: no dates, no random ids, no user's settings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pcapan.model import Result
from pcapan.report.clock import instant_ns
from pcapan.report.plotting import HATCH, Chart, figure, label, svg_of, whole_numbers
from pcapan.report.story import ranked_sources
from pcapan.report.svg import STAND_INS, adapt
from pcapan.report.words import spoken_duration

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SECOND = 1_000_000_000
_MOST_BINS = 500
_MOST_BARS = 15
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)
#: Whether both directions were captured -> what an attempt without an answer is called.
_UNANSWERED = {True: "unanswered in this capture", False: "answer cannot be seen"}


@dataclass(frozen=True, slots=True)
class _Bins:
    """A row of bins of equal width."""

    address: str | None
    edges: list[float]
    """Seconds since the first bin began; one more than bins."""
    began: int
    rows: list[dict[str, Any]]


def timeline_chart(result: Result) -> Chart | None:
    """Attempts answered and unanswered, live SAs of the worst source, its limit, gaps of the capture."""
    everybody, worst = _bins(result, worst=False), _bins(result, worst=True)
    if everybody is None:
        return None
    limit, limit_words = _limit(result, worst.address if worst else None)
    gaps = _gaps(result, everybody)
    seen = result.capture.direction == "both"
    with figure(3.9 if worst else 2.2) as drawn:
        shape = {"height_ratios": [1.15, 1]} if worst else {}
        axes = drawn.subplots(2 if worst else 1, 1, sharex=True, squeeze=False, gridspec_kw=shape)[:, 0]
        _attempts_panel(axes[0], everybody, gaps, seen=seen)
        if worst:
            _live_panel(axes[1], worst, limit, limit_words, gaps)
        _time_axis(axes[-1], everybody)
        text = svg_of(drawn)
    attempts = sum(row["attempts"] for row in everybody.rows)
    unanswered = sum(row["unanswered"] for row in everybody.rows)
    said = [
        f"{attempts} attempts over {spoken_duration(int(everybody.edges[-1]) * _SECOND)}, of which "
        f"{unanswered} {'stayed unanswered in this capture' if seen else 'show no answer'}"
    ]
    if worst:
        most = max(row["live_sas"] for row in worst.rows)
        said.append(f"{worst.address} held up to {most} live SAs at once")
    if limit_words:
        said.append(limit_words)
    if gaps:
        said.append(f"Times without any packet are shaded ({len(gaps)})")
    title = "Attempts and live SAs over time"
    description = ". ".join(said) + "."
    return Chart(title, description, adapt(text, "timeline", title, description))


def _attempts_panel(axis: Axes, bins: _Bins, gaps: Sequence[tuple[float, float]], *, seen: bool) -> None:
    answered = [row["answered"] for row in bins.rows]
    total = [row["attempts"] for row in bins.rows]
    axis.stairs(answered, bins.edges, fill=True, color=STAND_INS["answered"], label="answered")
    left = [n for n, row in enumerate(bins.rows) if row["unanswered"]]
    axis.bar(
        [bins.edges[n] for n in left], [bins.rows[n]["unanswered"] for n in left],
        bottom=[answered[n] for n in left], width=bins.edges[1] - bins.edges[0], align="edge",
        facecolor="none", edgecolor=STAND_INS["unanswered"], hatch=HATCH, linewidth=0.8,
        label=_UNANSWERED[seen] if left else None,
    )  # fmt: skip
    _shade(axis, gaps)
    axis.set_ylim(0, max([*total, 1]) * 1.05)
    axis.set_ylabel(f"attempts per {spoken_duration(int(bins.rows[0]['seconds']) * _SECOND)}")
    axis.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False, borderaxespad=0.2)
    whole_numbers(axis.yaxis)


def _live_panel(
    axis: Axes, bins: _Bins, limit: int | None, words: str, gaps: Sequence[tuple[float, float]]
) -> None:
    live = [row["live_sas"] for row in bins.rows]
    axis.stairs(live, bins.edges, color=STAND_INS["live"], linewidth=1.8, baseline=None)
    _shade(axis, gaps)
    top = max([*live, limit or 0, 1])
    axis.set_ylim(0, top * 1.3)
    if limit is not None:
        axis.axhline(limit, color=STAND_INS["limit"], linestyle=(0, (5, 4)), linewidth=1.4, zorder=4)
        axis.text(
            0.995, (limit + top * 0.05) / (top * 1.3), words, ha="right", va="bottom",
            transform=axis.transAxes, color=STAND_INS["limit"],
        )  # fmt: skip
    axis.set_ylabel("live SAs")
    axis.set_title(f"Live SAs of {label(bins.address or '')}", loc="left")
    whole_numbers(axis.yaxis)


def source_chart(result: Result) -> Chart | None:
    """Attempts of the sources with most trouble."""
    rows = [row for row in ranked_sources(result) if row["attempts"]][:_MOST_BARS]
    if len(rows) < 2:
        return None
    names = [label(row["address"]) for row in rows]
    answered = [row["answered"] for row in rows]
    unanswered = [row["unanswered"] for row in rows]
    seen = result.capture.direction == "both"
    places = list(range(len(rows)))
    with figure(0.9 + 0.26 * len(rows), 0.25 + 0.075 * max(map(len, names))) as drawn:
        axis = drawn.subplots()
        axis.barh(places, answered, color=STAND_INS["answered"], height=0.62, label="answered")
        left = [place for place in places if unanswered[place]]
        axis.barh(
            left, [unanswered[n] for n in left], left=[answered[n] for n in left], facecolor="none",
            edgecolor=STAND_INS["unanswered"], hatch=HATCH, height=0.62, linewidth=0.8,
            label=_UNANSWERED[seen] if left else None,
        )  # fmt: skip
        most = max(a + b for a, b in zip(answered, unanswered, strict=True))
        for place, (a, b) in enumerate(zip(answered, unanswered, strict=True)):
            axis.text(a + b + most * 0.01, place, f"{a} + {b}", va="center", color=STAND_INS["muted"])
        axis.set_yticks(places, names)
        axis.invert_yaxis()
        axis.set_xlim(0, most * 1.12)
        axis.set_xlabel("attempts")
        axis.grid(visible=False, axis="y")
        axis.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, borderaxespad=0.2)
        whole_numbers(axis.xaxis)
        text = svg_of(drawn)
    title = f"The {len(rows)} sources with most {'unanswered ' if seen and any(unanswered) else ''}attempts"
    description = "; ".join(
        f"{name}: {a} answered, {b} {'unanswered' if seen else 'whose answer cannot be seen'}"
        for name, a, b in zip(names, answered, unanswered, strict=True)
    )
    return Chart(title, description + ".", adapt(text, "sources", title, description + "."))


def answer_time_chart(result: Result) -> Chart | None:
    """How long answers took: everybody, and the worst source beside it."""
    rows = [row for row in result.answer_times if len(row["percentiles_ns"]) > 1 and row["answers"] > 1][:2]
    if not rows:
        return None
    shares = sorted(int(key) for key in rows[0]["percentiles_ns"] if key.isascii() and key.isdigit())[:12]
    rows = [row for row in rows if all(str(share) in row["percentiles_ns"] for share in shares)]
    names = [{0: "fastest", 50: "half", 100: "slowest"}.get(share, f"{share} %") for share in shares]
    styles = [("live", "-", "o"), ("unanswered", "--", "s")]
    said = []
    from matplotlib.ticker import LogLocator

    with figure(2.4, 0.75) as drawn:
        axis = drawn.subplots()
        for row, (colour, line, marker) in zip(rows, styles, strict=False):
            times = [max(row["percentiles_ns"][str(share)], 1) / 1e6 for share in shares]
            who = "all sources" if row["address"] is None else label(row["address"])
            axis.plot(
                range(len(shares)), times, color=STAND_INS[colour], linestyle=line, marker=marker,
                markersize=4, linewidth=1.6, label=f"{who} ({row['answers']} answers)",
            )  # fmt: skip
            told = ", ".join(f"{n} {t:.3g} ms" for n, t in zip(names, times, strict=True))
            said.append(f"{who}: {told}")
        axis.set_yscale("log")
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=8))
        axis.yaxis.set_major_formatter(lambda value, _: f"{value:g} ms")
        axis.yaxis.set_minor_formatter(lambda _value, _: "")
        axis.set_xticks(range(len(shares)), names)
        axis.set_xlabel("share of answers that took at most this long")
        axis.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, borderaxespad=0.2)
        text = svg_of(drawn)
    title = "How long the server took to answer IKE_SA_INIT"
    description = ". ".join(said) + "."
    return Chart(title, description, adapt(text, "times", title, description))


def _bins(result: Result, *, worst: bool) -> _Bins | None:
    rows = [row for row in result.series if (row["address"] is not None) == worst][:_MOST_BINS]
    began = instant_ns(rows[0]["start"]) if rows else None
    if began is None or rows[0]["seconds"] < 1:
        return None
    width = float(rows[0]["seconds"])
    return _Bins(rows[0]["address"], [width * n for n in range(len(rows) + 1)], began, rows)


def _limit(result: Result, address: str | None) -> tuple[int | None, str]:
    """The limit of SAs per source, as given or as the onset of the silence shows it."""
    for finding in result.findings:
        if finding.id != "sa-limit-exhaustion" or not finding.verdict.reported:
            continue
        if address not in finding.addresses:
            continue
        for key, words in (("limit_given", "limit as configured"), ("sas_at_onset", "estimated limit")):
            value = finding.numbers.get(key)
            if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1_000_000:
                return value, f"{words}: {value}"
    return None, ""


def _gaps(result: Result, bins: _Bins) -> list[tuple[float, float]]:
    """Seconds from which no file of the incident has any frame."""
    spans = sorted(span for entry in result.inputs for span in _spans(entry))
    gaps, until = [], spans[0][1] if spans else 0
    for first, last in spans:
        if first - until > _SECOND:
            gaps.append(((until - bins.began) / _SECOND, (first - bins.began) / _SECOND))
        until = max(until, last)
    return gaps[:_MOST_BINS]


def _spans(entry: dict[str, Any]) -> list[tuple[int, int]]:
    """From when to when a file has frames: two spans where a long pause parts it."""
    pause = entry.get("pause") or {}
    texts = (entry["first"], pause.get("from"), pause.get("to"), entry["last"])
    first, begin, end, last = (instant_ns(text or "") for text in texts)
    if first is None or last is None:
        return []
    return [(first, last)] if begin is None or end is None else [(first, begin), (end, last)]


def _shade(axis: Axes, gaps: Sequence[tuple[float, float]]) -> None:
    for number, (begin, end) in enumerate(gaps):
        axis.axvspan(
            begin, end, facecolor=STAND_INS["gap"], alpha=0.35, edgecolor="none",
            label="no packets at all" if number == 0 else None,
        )  # fmt: skip


def _time_axis(axis: Axes, bins: _Bins) -> None:
    span = bins.edges[-1]
    step = next((step for step in _STEPS if span / step <= 7), 86400 * max(1, round(span / 86400 / 6)))
    began = bins.began // _SECOND
    first = -(-began // step) * step
    ticks = range(first - began, int(span) + 1, step)
    pattern = "%H:%M:%S" if step < 60 else "%H:%M" if span < 86400 else "%m-%d %H:%M"
    axis.set_xticks(list(ticks), [_moment(began + tick, pattern) for tick in ticks])
    axis.set_xlim(0, span)
    axis.set_xlabel(f"UTC, {_moment(began, '%Y-%m-%d')}")


def _moment(seconds: int, pattern: str) -> str:
    from datetime import UTC, datetime, timedelta

    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).strftime(pattern)
